"""The fold of contacts takes every simulated event as what it is meant to be, in whatever order it arrives."""

from collections import Counter
from typing import Any, NamedTuple

import msgspec
import pytest

from streams.books import MemoryRecord, Reading
from streams.contacts.book import ContactBook
from streams.contacts.settings import FoldSettings
from streams.sources.simulator import Arrival
from tests.simulator.history import HOUR_MS, arrivals, by_contact, decoded, visits

BUSY = {"seed": 11, "staffing": 0.8, "duration_ms": 2 * HOUR_MS}
OUTCOMES = {"agent.connected": "answered", "queue.abandoned": "abandoned", "queue.left": "flowed_out"}


class Folded(NamedTuple):
    """What the contact book makes of a history."""

    visits: Counter[tuple[str, str, str]]
    """Final visits by channel, queue and outcome."""
    became: dict[str, int]
    """Records by what became of them."""


def fold(history: list[Arrival]) -> Folded:
    book = ContactBook("calls", 0, FoldSettings())
    book.fold([MemoryRecord(offset, None, None, arrival.line) for offset, arrival in enumerate(history)])
    outputs = book.drain(Reading(caught_up=True, lag=0)).outputs
    final: list[dict[str, Any]] = [msgspec.json.decode(out.value) for out in outputs if out.topic == "visits"]
    became = {what: count for what, count in book.stats.by_outcome().items() if count}
    return Folded(Counter((visit["channel"], visit["queue"], visit["outcome"]) for visit in final), became)


@pytest.fixture(scope="module")
def smooth():
    return arrivals(**BUSY)


def test_every_visit_ends_as_the_event_contract_reads_it(smooth):
    expected: Counter[tuple[str, str, str]] = Counter()
    for contact in by_contact(decoded(smooth)).values():
        expected.update((visit.channel, visit.queue, OUTCOMES[visit.outcome]) for visit in visits(contact))
        expected.update((e["channel"], e["queue"], "rejected") for e in contact if e["type"] == "queue.rejected")

    assert fold(smooth) == Folded(expected, {"applied": len(smooth)})


def test_disorder_duplicates_and_bad_records_change_no_visit(smooth):
    rough = arrivals(**BUSY, disorder_ms=30_000, duplicate_share=0.02, bad_share=0.02)
    good = {arrival.line for arrival in smooth}
    repeated = sum(times - 1 for line, times in Counter(arrival.line for arrival in rough).items() if line in good)
    bad = sum(arrival.line not in good for arrival in rough)

    folded = fold(rough)

    assert folded.visits == fold(smooth).visits
    assert folded.became["applied"] == len(smooth)
    assert folded.became["duplicate"] == repeated
    assert folded.became["rejected"] + folded.became["unknown"] == bad
    assert set(folded.became) == {"applied", "duplicate", "rejected", "unknown"}
