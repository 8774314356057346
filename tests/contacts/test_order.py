"""Answers by time, not by luck: the order of arrival, ties in one instant, and repetitions."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contacts.timeline import Log, events


def in_order(*steps: str) -> str:
    return " · ".join(steps)


def numbered(*steps: str) -> list[str]:
    """Steps with the ids that the source gave them, in its order."""
    return [f"{step} id=s{n:02}" for n, step in enumerate(steps)]


ANSWERED = numbered(
    "0 started", "0.5 enters q1", "9 rings q1 ann", "12 answered q1 ann", "20 held", "25 resumed", "40 ends agent"
)  # fmt: skip
TRACE = numbered(
    "0 started", "0 enters q1", "0 leaves q1 empty", "0 enters q2", "0 answered q2 ann", "0 transferred blind",
    "0 enters q1", "0 leaves q1 empty", "0 enters q2", "0 answered q2 bob", "0 ends customer",
)  # fmt: skip
"""A real call's log of one second, as Asterisk writes it."""
OVER_TWO_QUEUES = numbered(
    "0 enters q1", "8 enters q2", "20 abandons q2", "30 enters q1", "31 answered q1 ann", "50 transferred attended",
    "50 enters q2", "55 ends system", "58 wrapped ann",
)  # fmt: skip


@pytest.mark.parametrize("line", [ANSWERED, TRACE, OVER_TWO_QUEUES], ids=["a call", "one second", "two queues"])
@settings(max_examples=20, deadline=None, derandomize=True)
@given(data=st.data())
def test_no_order_of_arrival_shows(line, data):
    shuffled = data.draw(st.permutations(line))

    assert Log().tell(in_order(*shuffled)).book.snapshot()[9:] == Log().tell(in_order(*line)).book.snapshot()[9:]


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.permutations(TRACE))
def test_a_whole_call_in_one_instant(line):
    log = Log().tell(in_order(*line))

    assert log.counts() == {
        "offered": 4, "answered": 2, "answered_in_target": 2, "handled": 2, "transfers": 1, "contacts": 1,
        "flowed_out": 2,
    }  # fmt: skip
    assert log.state() == "ended"
    log.tell("100 beats pbx")
    assert log.told("visit", "queue", "outcome", "agent") == [
        (1, "q1", "flowed_out", None), (2, "q2", "answered", "ann"),
        (3, "q1", "flowed_out", None), (4, "q2", "answered", "bob"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        #  the arrival is the order written; the number is the second
        pytest.param(
            "12 answered q1 ann · 0 enters q1",
            {"offered": 1, "answered": 1, "answered_in_target": 1, "wait_answered_ms": 12_000},
            id="answered before entered",
        ),
        pytest.param(
            "0 enters q1 · 30 ends customer · 12 answered q1 ann",
            {"offered": 1, "answered": 1, "answered_in_target": 1, "wait_answered_ms": 12_000, "handled": 1,
             "talk_ms": 18_000},
            id="what looked like an abandon was a call",
        ),
        pytest.param(
            "0 enters q1 · 12 answered q1 ann · 40 ends agent · 25 resumed · 20 held",
            {"offered": 1, "answered": 1, "answered_in_target": 1, "wait_answered_ms": 12_000, "handled": 1,
             "talk_ms": 23_000, "hold_ms": 5_000},
            id="hold told afterwards, and backwards",
        ),
        pytest.param(
            "0 enters q1 · 20 enters q2 · 10 leaves q1 timeout",
            {"offered": 2, "flowed_out": 1},
            id="how it left the first queue, told afterwards",
        ),
        pytest.param(
            "0 enters q1 · 30 abandons q1 · 10 leaves q1 key · 11 enters q2 · 25 answered q2 ann",
            {"offered": 2, "answered": 1, "answered_in_target": 1, "wait_answered_ms": 14_000, "flowed_out": 1},
            id="an abandon that has become a repetition",
        ),
    ],
)  # fmt: skip
def test_an_event_that_belongs_before_others_corrects_them(line, counts):
    assert Log().tell(line).counts() == counts


@pytest.mark.parametrize(
    "line", ["10 leaves q2 key id=a · 10 leaves q1 key id=b", "10 leaves q1 key id=b · 10 leaves q2 key id=a"]
)
def test_of_one_kind_in_one_instant_the_one_of_its_own_queue_goes_first(line):
    assert Log().tell(f"0 enters q1 · {line}").counts() == {"offered": 1, "flowed_out": 2}


def test_a_correction_is_booked_where_the_first_booking_was():
    log = Log().tell("0 enters q1 · 32 abandons q1 · 12 answered q1 ann")

    assert (log.when("abandoned", "q1"), log.when("answered", "q1")) == ([], [10])


def test_a_visit_found_to_be_of_another_queue_leaves_the_first_one():
    #   0: enters q2, told late    8: enters q1       → 8 s in q2, then in q1
    log = Log().tell("8 enters q1 · 0 enters q2")

    assert [(log.waiting(queue, 4), log.waiting(queue, 9)) for queue in ("q1", "q2", "*")] == [(0, 1), (1, 0), (1, 1)]


@pytest.mark.parametrize(
    "again",
    [
        pytest.param("12 answered q1 ann id=a", id="the same event"),
        pytest.param("13 answered q1 bob id=a", id="the same id, whatever else it says"),
        pytest.param("12 answered q1 ann id=b", id="the same transition under another id"),
        pytest.param("14 answered q1 bob id=b", id="an answer after the answer"),
    ],
)
def test_a_repetition_changes_nothing_and_is_counted(again):
    once = Log().tell("0 enters q1 · 12 answered q1 ann id=a")
    twice = Log().tell(f"0 enters q1 · 12 answered q1 ann id=a · {again}")

    assert twice.counts() == once.counts()
    assert twice.outcomes == {"applied": 2, "duplicate": 1}


def test_every_repetition_is_counted():
    log = Log().tell("0 enters q1 · 12 answered q1 ann · 12 answered q1 ann · 13 answered q1 ann")

    assert log.outcomes == {"applied": 2, "duplicate": 2}


def test_a_repetition_of_the_entry_opens_no_second_visit():
    log = Log().tell("0 enters q1 id=a · 12 answered q1 ann · 40 ends agent · 0 enters q1 id=a")

    assert log.counts()["offered"] == 1
    assert log.state() == "ended"


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        pytest.param("0 enters q1 · 5 leaves q1 key · 6 leaves q1 key", {"flowed_out": 1}, id="a way out"),
        pytest.param("0 enters q1 · 5 abandons q1 · 6 abandons q1 wait_ms=5000", {"abandoned": 1}, id="an abandon"),
        pytest.param(
            "0 enters q1 · 5 leaves q1 key · 6 abandons q1 wait_ms=6000", {"flowed_out": 1, "abandoned": 1},
            id="an abandon is no repetition of a way out",
        ),
        pytest.param(
            "0 enters q1 · 5 abandons q1 · 6 leaves q1 key", {"flowed_out": 1, "abandoned": 1},
            id="nor a way out of an abandon",
        ),
        pytest.param(
            "0 enters q1 · 5 leaves q1 key · 6 leaves q2 key", {"flowed_out": 2}, id="nor one of another queue"
        ),
    ],
)  # fmt: skip
def test_the_end_of_a_waiting_told_twice_is_one(line, counts):
    told = Log().tell(line).counts()

    assert {name: told[name] for name in ("flowed_out", "abandoned") if name in told} == counts


def test_ids_are_known_after_a_restart():
    log = Log().tell("0 enters q1 id=a · 12 leaves q1 key").restart().tell("0 enters q1 id=a")

    assert log.counts() == {"offered": 1, "flowed_out": 1}
    assert log.outcomes == {"duplicate": 1}


def test_what_only_its_id_tells_from_another_is_known_after_a_restart():
    log = Log().tell("0 enters q1 · 5 misses q1 ann id=a").restart().tell("5 misses q1 ann id=a")

    assert log.counts() == {"offered": 1, "offers_missed": 1}
    assert log.outcomes == {"duplicate": 1}


def test_the_last_ids_are_known_when_those_before_are_forgotten():
    missed = [f"{10 * n} misses q1 ann id=m{n:02}" for n in range(1, 25)]
    log = Log().tell(in_order("0 enters q1", *missed))
    [history] = log.book._contacts.values()
    kept = len(history.contact.entries)
    log.tell(in_order(*missed[-kept:]))

    assert 0 < kept < 10
    assert log.counts()["offers_missed"] == 24
    assert log.outcomes == {"applied": 25, "duplicate": kept}


def test_ids_of_two_contacts_do_not_meet():
    log = Log().tell("0 enters q1 id=a contact=c1 · 0 enters q1 id=a contact=c2")

    assert log.counts()["offered"] == 2


def test_contacts_of_two_channels_do_not_meet():
    log = Log().tell("0 enters q1 contact=seven channel=voice · 0 enters q1 contact=seven channel=chat")

    assert (log.counts(), log.counts(channel="chat")) == ({"offered": 1}, {"offered": 1})


def test_the_lines_of_these_tests_say_what_they_mean():
    [event] = events("12.5 answered q1 ann wait_ms=3000")

    assert (event["type"], event["queue"], event["agent"], event["wait_ms"]) == ("agent.connected", "q1", "ann", 3000)


class TestALongCall:
    """Held and resumed again and again: of its first events nothing is left but the state that they led to."""

    LINE = "0 enters q1 · 10 answered q1 ann · " + " · ".join(
        f"{20 + 10 * n} held id=h{n:02} · {25 + 10 * n} resumed id=r{n:02}" for n in range(20)
    )

    @pytest.mark.parametrize(
        "more",
        [
            pytest.param("", id="in order"),
            pytest.param("212 says system", id="an event that belongs before the last ones"),
        ],
    )
    @pytest.mark.parametrize("restarts", [False, True], ids=["in memory", "restored"])
    def test_corrects_what_is_left_and_counts_nothing_twice(self, more, restarts):
        log = Log().tell(self.LINE)
        [history] = log.book._contacts.values()
        kept = len(history.contact.entries)
        log = log.restart() if restarts else log
        log = log.tell(more) if more else log
        counts = log.tell("220 ends agent").counts()

        assert kept < 25
        assert (counts["handled"], counts["talk_ms"], counts["hold_ms"]) == (1, 110_000, 100_000)
