"""A small run of the campaign; `make fuzz` goes on for longer."""

import os

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings

from streams.books import MemoryRecord
from streams.contacts.book import ContactBook
from streams.contacts.settings import FoldSettings
from tests.fuzz.records import NOW, Record, logs, written
from tests.fuzz.survival import survives
from tests.properties.keeping import Keeper

MOST = int(os.environ.get("FUZZ_EXAMPLES", "100"))
"""Logs to try."""

GOOD = {"v": 1, "id": "1", "time": NOW, "channel": "voice", "contact": "c"}


@settings(
    max_examples=MOST,
    deadline=None,
    derandomize=MOST <= 100,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)
@given(logs)
@example([(written({**GOOD, "type": "queue.entered", "queue": "q1", "priority": 10**30}), None)])
@example([(written({**GOOD, "type": "ticket.escalated", "level": -(2**63) - 1}), None)])
@example([(written({**GOOD, "type": "customers.counted", "count": 2**64}), None)])
def test_whatever_arrives_is_counted_stored_and_shown(log: list[Record]):
    survives(log)


LARGEST = {
    "amount": {"type": "order.placed", "customer": "a", "amount": 10**13},
    "wait_ms": {"type": "queue.abandoned", "queue": "q", "wait_ms": 2**42},
}


@pytest.mark.parametrize("field", LARGEST)
def test_the_largest_numbers_of_a_whole_interval_can_be_stored(field):
    """Sums of a 15-minute slot stay within 64 bits for as many events as a partition can take in that time."""
    values = [
        written({**GOOD, **LARGEST[field], "id": str(n), "contact": str(n), "time": NOW + n}) for n in range(3_000)
    ]
    log = [MemoryRecord(offset, None, b"", value) for offset, value in enumerate(values)]
    keeper = Keeper(lambda: ContactBook("calls", 0, FoldSettings()), log)
    keeper.finish()

    assert keeper.book.stats.by_outcome() == {"applied": 3_000}
