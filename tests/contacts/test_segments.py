"""Segments of contacts: what a contact books counts under the segment that it names first, from then on."""

import pytest

from streams.contacts.settings import FoldSettings
from streams.facts.wire import RowKind
from tests.contacts.timeline import T0, Log

SHOWN = FoldSettings(segments=("gold", "silver"), max_age_ms={"voice": 50_000})
ANSWERED = {"offered": 1, "answered": 1, "answered_in_target": 1, "wait_answered_ms": 10_000}


def shown(line: str) -> dict[str, dict[str, int]]:
    """Segment → what is counted under it, of those under which something is."""
    log = Log(SHOWN).tell(line)
    return {queue: log.counts(queue) for _, queue in list(log.panes) if queue.startswith("#") and log.counts(queue)}


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        pytest.param("0 enters q1 segment=gold · 10 answered q1 ann", {"#gold": ANSWERED}, id="all of it"),
        pytest.param(
            "0 enters q1 · 10 answered q1 ann · 20 says system segment=gold · 40 ends agent",
            {"#gold": {"handled": 1, "talk_ms": 30_000}}, id="what was booked before it was known does not count",
        ),
        pytest.param("0 enters q1 · 10 answered q1 ann", {}, id="without a segment nowhere"),
        pytest.param("0 enters q1 segment=trial · 10 answered q1 ann", {}, id="nor under one that is not shown"),
        pytest.param(
            "0 enters q1 segment=trial · 10 answered q1 ann · 20 held segment=gold · 40 ends agent",
            {"#gold": {"handled": 1, "talk_ms": 10_000, "hold_ms": 20_000}}, id="one that is not shown names none",
        ),
        pytest.param(
            "0 enters q1 segment=gold · 10 answered q1 ann segment=silver", {"#gold": ANSWERED}, id="the first counts",
        ),
        pytest.param(
            "10 answered q1 ann segment=silver · 0 enters q1 segment=gold", {"#gold": ANSWERED}, id="the first in time",
        ),
        pytest.param(
            "0 enters q1 segment=gold · 60 beats pbx", {"#gold": {"offered": 1, "evicted": 1}},
            id="what time brings about",
        ),
        pytest.param(
            "0 enters q1 · 5 says customer segment=gold · 60 beats pbx", {"#gold": {"evicted": 1}},
            id="by time alone, when it is known",
        ),
    ],
)  # fmt: skip
def test_what_counts_under_a_segment(line, counts):
    assert shown(line) == counts


def test_a_correction_corrects_the_segment_too():
    log = Log(SHOWN).tell("0 enters q1 segment=gold · 30 abandons q1 · 10 answered q1 ann")

    assert log.counts("#gold") == log.counts("q1") == ANSWERED


def test_the_channel_counts_a_contact_of_a_segment_once():
    assert Log(SHOWN).tell("0 enters q1 segment=gold · 10 answered q1 ann").counts() == ANSWERED


@pytest.mark.parametrize("messages", [0, 40], ids=["its events are kept", "they are folded into its base"])
def test_a_restart_knows_the_segment(messages):
    line = "0 enters q1 segment=gold · 10 answered q1 ann" + "".join(f" · {11 + n} says agent" for n in range(messages))
    log = Log(SHOWN).tell(line).tell("100 beats pbx").restart().tell("100 ends agent")

    assert log.counts("#gold") == log.counts("q1")
    assert log.counts("#gold")["talk_ms"] == 90_000


def rows(line: str) -> list[tuple[str, float, float | None, float]]:
    """(queue, begin, end, since when who waits has waited) of who is or was waiting, in seconds."""
    log = Log(SHOWN).tell(line)
    second = {None: None} | {T0 + ms: ms / 1_000 for ms in range(0, 60_001, 500)}
    return sorted(
        (queue, second[row.begin], second[row.end], second[row.since])
        for (_, queue), of_queue in log.rows.items()
        for row in of_queue.values()
        if queue != "*" and row.kind == RowKind.WAITING
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(
            "0 enters q1 segment=gold · 10 leaves q1 key", [("#gold", 0, 10, 0), ("q1", 0, 10, 0)], id="known at once"
        ),
        pytest.param(
            "0 enters q1 · 5 says customer segment=gold", [("#gold", 5, None, 0), ("q1", 0, None, 0)],
            id="known while it waits",
        ),
        pytest.param(
            "0 enters q1 · 5 says customer segment=gold · 10 leaves q1 key", [("#gold", 5, 10, 0), ("q1", 0, 10, 0)],
            id="and when it is over",
        ),
        pytest.param("0 enters q1 · 5 leaves q1 key segment=gold", [("q1", 0, 5, 0)], id="known as it ends"),
        pytest.param("0 enters q1 segment=trial", [("q1", 0, None, 0)], id="of a segment that is not shown"),
    ],
)  # fmt: skip
def test_a_segment_counts_who_waits_from_when_it_is_known(line, expected):
    assert rows(line) == expected
