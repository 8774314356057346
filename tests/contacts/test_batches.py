"""How the log is cut into batches does not show: a contact's events are applied together, by what each of them met."""

import json
from collections import Counter

import pytest

from streams.books import MemoryRecord
from streams.contacts.book import ContactBook
from streams.contacts.settings import FoldSettings
from streams.facts.wire import RowKind
from tests.contacts.timeline import T0, Log, events

CALLS = " · ".join(
    f"{start} started contact=c{n} · {start} enters q{n % 2} contact=c{n}"
    f" · {start + 9} answered q{n % 2} ann contact=c{n}"
    f" · {start + 40} transferred blind contact=c{n} · {start + 41} enters q2 contact=c{n}"
    f" · {start + 60 + n % 3} abandons q2 contact=c{n}"
    for n, start in enumerate(range(0, 400, 20))
)
"""Twenty calls that overlap, each of two visits: many become final in the same second."""
GHOST = "0 enters q9 contact=ghost"
WAITS = FoldSettings(max_age_ms={"voice": 100_000}, wrapup_max_ms=1_000)
"""Who waits for 100 s is a ghost, and is gone 60 s later: all of it within the line."""


def battered() -> list[MemoryRecord]:
    """The calls in the order of their times: some said twice, some too late, some out of order."""
    line = sorted(events(f"{GHOST} · {CALLS} · 600 beats pbx"), key=lambda event: event["time"])
    for number, event in enumerate(line):
        event["id"] = f"e{number:03}"
    said = []
    for number, event in enumerate(line):
        said += [] if number % 7 == 3 else [event]
        said += [line[number - 30]] if number % 7 == 5 and number > 30 else []
        said += [line[number - 2]] if number % 5 == 4 else []
    said[50], said[53], said[57] = said[53], said[57], said[50]
    return [MemoryRecord(offset, None, b"k", json.dumps(event).encode()) for offset, event in enumerate(said)]


def flushed_every(size: int) -> tuple[ContactBook, Log]:
    """The book after the log, flushed after every `size` records, and what came out."""
    log, records = Log(WAITS), battered()
    for begin in range(0, len(records), size):
        log.book.fold(records[begin : begin + size])
        log.flush()
    return log.book, log


@pytest.mark.parametrize("size", [2, 7, 50, 1_000])
class TestAnyCut:
    def test_gives_the_same_state(self, size):
        assert flushed_every(size)[0].snapshot() == flushed_every(1)[0].snapshot()

    def test_gives_the_same_numbers_and_rows(self, size):
        _, log = flushed_every(size)
        _, one = flushed_every(1)

        assert {key: log.counts(key) for key in ("*", "q0", "q1", "q2", "q9")} == {
            key: one.counts(key) for key in ("*", "q0", "q1", "q2", "q9")
        }
        assert log.rows == one.rows

    def test_publishes_the_same_visits_in_the_same_order(self, size):
        _, log = flushed_every(size)

        assert log.visits == flushed_every(1)[1].visits
        assert len(log.visits) > 30

    def test_makes_the_same_of_each_record(self, size):
        book, log = flushed_every(size)
        other, one = flushed_every(1)

        assert book.stats.outcomes == other.stats.outcomes
        assert {"applied", "late", "duplicate"} <= set(log.outcomes)
        assert log.dead == one.dead


def test_visits_are_published_in_the_order_in_which_they_became_final():
    _, log = flushed_every(1_000)
    ends = Counter(visit["contact"] for visit in log.visits)
    final = [visit["left_at"] for visit in log.visits if visit["outcome"] == "abandoned"]

    assert final == sorted(final)
    assert set(ends.values()) == {1, 2}


def test_what_became_of_records_is_known_before_the_flush():
    book = ContactBook("calls", 0, FoldSettings())
    stats = book.stats
    event = {"v": 1, "id": "1", "type": "queue.entered", "time": T0, "channel": "voice", "contact": "c", "queue": "q"}
    book.fold([MemoryRecord(offset, None, None, json.dumps(event).encode()) for offset in range(2)])

    assert book.stats.by_outcome() == {"applied": 1, "duplicate": 1}
    assert book.stats is stats


def test_rows_of_visits_forgotten_within_a_flush_are_handed_out():
    """A chat with more visits than are kept, in one batch: each was waiting once, and stage 2 must know when."""
    line = " · ".join(f"{at} enters q1 · {at + 10} leaves q1 key" for at in range(0, 6_000, 100))
    apart, together = Log().tell(line), folded_together(line)

    assert together.rows == apart.rows
    assert sum(row.kind == RowKind.WAITING for row in together.rows["voice", "q1"].values()) == 60


def folded_together(line: str, settings: FoldSettings | None = None) -> Log:
    """The line in one batch, then flushed."""
    log = Log(settings).hear(line)
    log.flush()
    return log


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(
            "0 started · 0 enters q1 · 10 answered q1 ann · 30 ends agent · 2000 beats pbx · 2001 enters q2 id=e0001"
            " · 2011 abandons q2 · 4000 beats pbx · 4001 enters q1",
            id="a name and an id that are used again",
        ),
        pytest.param(
            "6.999 ends customer id=a · 68 beats pbx · 30 says system id=a · 127 beats pbx · 127 enters q1",
            id="a name that is used again in the second in which its contact is over",
        ),
        pytest.param(
            "0 enters q1 · 5 misses q1 ann · 110 beats pbx · 99 abandons q1", id="an event before what time has done"
        ),
        pytest.param(
            "0 enters q1 · 5 misses q1 ann · 20 ends customer · 10 answered q1 ann · 15 held",
            id="events before others",
        ),
    ],
)  # fmt: skip
def test_what_happens_to_one_contact_in_one_batch_is_what_would_have_happened_in_many(line):
    apart, together = Log(WAITS).tell(line), folded_together(line, WAITS)

    assert {key: together.counts(key) for key in ("q1", "q2", "-", "*")} == {
        key: apart.counts(key) for key in ("q1", "q2", "-", "*")
    }
    assert (together.visits, together.rows, together.outcomes) == (apart.visits, apart.rows, apart.outcomes)
    assert together.book.snapshot() == apart.book.snapshot()


def test_of_a_contact_whose_name_is_used_again_in_one_batch_nothing_is_left_over():
    """What it has booked stays, its visit is published, its rows are handed out."""
    line = "0 enters q1 · 10 abandons q1 · 11 ends customer · 1000 beats pbx · 1001 enters q2 id=e0001"
    log = folded_together(line, WAITS).restart().tell("1009 answered q2 bob")

    assert (log.counts("q1"), log.counts("q2")["answered"]) == (
        {"offered": 1, "abandoned": 1, "abandoned_in_target": 1, "wait_abandoned_ms": 10_000}, 1,
    )  # fmt: skip
    assert [(visit["queue"], visit["visit"]) for visit in log.visits] == [("q1", 1)]
    assert [log.waiting("q1", at) for at in (5, 10)] == [1, 0]
    assert [log.waiting("q2", at) for at in (1_005, 1_009)] == [1, 0]
