"""One horizon: `lateness` (60 s) behind the partition's watermark, record by record, never by the wall clock."""

import json

import msgspec
import pytest

from streams.contacts.settings import FoldSettings
from streams.facts.primitives import P, flowed_out
from tests.contacts.timeline import T0, Log


def late(line: str, counts: dict[str, int], state: str, **marks: object):
    return pytest.param(line, counts, state, **marks)


WAITS = {"offered": 1}
TALKS = {"offered": 1, "answered": 1, "answered_in_target": 1, "wait_answered_ms": 10_000}


@pytest.mark.parametrize(
    ("line", "counts", "state"),
    [
        #     0 … happens … 200: the watermark · what arrives now, though it happened before 140
        late("0 enters q1 · 200 beats pbx · 10 answered q1 ann", TALKS, "talking", id="an answer counts"),
        late(
            "0 enters q1 · 10 answered q1 ann · 200 beats pbx · 50 ends agent",
            {**TALKS, "handled": 1, "talk_ms": 40_000}, "ended", id="an end counts, with its own times",
        ),
        late(
            "0 enters q1 · 200 beats pbx · 4 abandons q1",
            {**WAITS, "abandoned": 1, "abandoned_in_target": 1, "short_abandoned": 1, "wait_abandoned_ms": 4_000},
            "menu", id="an abandon counts, with its own wait",
        ),
        late("0 enters q1 · 200 beats pbx · 4 leaves q1 key", {**WAITS, "flowed_out": 1}, "menu", id="a way out too"),
        late("0 started · 200 beats pbx · 100 enters q1", {"contacts": 1}, "menu", id="an entry does not"),
        late("0 enters q1 · 200 beats pbx · 100 enters q2", WAITS, "waiting", id="nor does it end one"),
        late("0 enters q1 · 200 beats pbx · 50 misses q1 ann", WAITS, "waiting", id="a missed offer proves nothing"),
        late("0 enters q1 · 200 beats pbx · 50 says agent", WAITS, "waiting", id="nor does a message"),
        late(
            "0 enters q1 · 10 answered q1 ann · 200 beats pbx · 5 abandons q1",
            TALKS, "talking", id="an abandon does not undo a newer answer",
        ),
        late(
            "0 enters q1 · 10 answered q1 ann · 20 transferred blind · 21 enters q2 · 200 beats pbx"
            " · 20 transferred blind",
            {**TALKS, "offered": 2, "transfers": 1, "handled": 1, "talk_ms": 10_000},
            "waiting", id="an old transfer told again does not touch the visit since",
        ),
        late(
            "0 enters q1 · 10 leaves q1 key · 11 enters q1 · 200 beats pbx · 9 answered q1 ann",
            {"offered": 2, "flowed_out": 1}, "waiting", id="an answer before this visit is not its answer",
        ),
        late("0 started · 200 beats pbx · 30 ends customer", {"contacts": 1}, "ended", id="an end in no queue"),
        late(
            "0 started · 200 beats pbx · 30 answered q1 ann wait_ms=3000",
            {"contacts": 1}, "menu", id="an answer in no queue proves nothing",
        ),
        late(
            "0 enters q1 · 200 beats pbx · 0 abandons q1",
            {**WAITS, "abandoned": 1, "abandoned_in_target": 1, "short_abandoned": 1},
            "menu", id="an abandon at the instant of the entry counts",
        ),
        late(
            "0 enters q1 · 10 answered q1 ann · 200 beats pbx · 5 transferred blind",
            TALKS, "talking", id="a transfer before the answer was none of this conversation",
        ),
        late(
            "0 enters q1 · 10 answered q1 ann · 40 ends agent · 200 beats pbx · 60 wrapped ann",
            {**TALKS, "handled": 1, "talk_ms": 30_000, "acw_ms": 20_000}, "ended", id="a wrap-up counts",
        ),
    ],
)  # fmt: skip
def test_a_late_event_proves_outcomes_and_undoes_nothing(line, counts, state):
    log = Log().tell(line)

    assert (log.counts(), log.state()) == (counts, state)
    assert log.outcomes["late"] == 1


def test_a_late_outcome_is_booked_where_the_watermark_is():
    log = Log().tell("0 enters q1 · 200 beats pbx · 10 answered q1 ann")

    assert (log.when("offered", "q1"), log.when("answered", "q1")) == ([0], [200])


def test_the_row_of_a_late_outcome_ends_where_it_is_booked():
    """What was shown as waiting has been shown; the laws hold at every instant."""
    log = Log().tell("0 enters q1 · 200 beats pbx · 10 answered q1 ann")

    assert [log.waiting("q1", at) for at in (5, 100, 199, 200)] == [1, 1, 1, 0]


@pytest.mark.parametrize(
    ("watermark", "outcome"), [("80", "applied"), ("80.001", "late")], ids=["just within", "1 ms beyond"]
)
def test_the_horizon_is_exact(watermark, outcome):
    log = Log().tell(f"0 enters q1 · {watermark} enters q1 contact=c2 · 20 answered q1 ann")

    assert log.book.stats.outcomes["agent.connected", outcome] == 1


@pytest.mark.parametrize(("watermark", "known"), [("80", True), ("80.001", False)], ids=["just within", "1 ms beyond"])
def test_of_a_contact_not_known_it_is_too_late(watermark, known):
    log = Log().tell(f"{watermark} enters q1 contact=c2 · 20 enters q1")

    assert (log.state("c1") == "waiting") == known
    assert log.outcomes == ({"applied": 2} if known else {"applied": 1, "too_late": 1})
    assert len(log.dead) == (not known)


def test_what_comes_too_late_is_a_dead_letter_with_its_own_bytes():
    log = Log().tell("200 beats pbx")
    value = json.dumps({
        "v": 1, "id": "x", "type": "queue.entered", "time": T0, "channel": "voice", "contact": "c1", "queue": "q1",
    }).encode()  # fmt: skip
    log.append(value, None, b"the key")
    log.flush()
    [letter] = log.dead
    headers = dict(letter.headers)

    assert (letter.key, letter.value) == (b"the key", value)
    assert (headers["reason"], headers["path"]) == (b"too_late", b"$.time")
    assert msgspec.json.decode(headers["source"]) == {"topic": "calls", "partition": 0, "offset": 1}
    assert log.counts() == {}


def test_a_backfill_of_last_year_is_not_late():
    year = 365 * 86_400
    log = Log().tell(f"-{year} enters q1 · -{year - 10} answered q1 ann · -{year - 40} ends agent")

    assert log.outcomes == {"applied": 3}


def test_a_heartbeat_moves_the_watermark():
    log = Log().tell("0 enters q1 · 100 beats pbx")

    assert log.progress.watermark == T0 + 100_000
    assert log.outcomes == {"applied": 2}


def test_events_of_other_life_cycles_move_the_watermark():
    log = Log()
    state = {"v": 1, "id": "1", "type": "agent.state", "time": T0, "agent": "a", "state": "break"}
    log.append(json.dumps(state).encode())
    log.flush()

    assert (log.progress.watermark, log.outcomes) == (T0, {"applied": 1})


def test_rejected_records_do_not_move_the_watermark():
    log = Log().tell("0 enters q1 · 4102444800000 enters q1")

    assert (log.progress.watermark, log.outcomes) == (T0, {"applied": 1, "rejected": 1})


class TestAClockAhead:
    """Event times more than 5 s ahead of the append time are set back to it."""

    def test_an_hour_ahead_is_set_back(self):
        log = Log().tell("3600 enters q1 appended=0")

        assert log.when("offered", "q1") == [0]
        assert (log.progress.watermark, log.book.stats.clamped) == (T0, 1)

    @pytest.mark.parametrize(("second", "clamped"), [("5", 0), ("5.001", 1)], ids=["5 s", "1 ms more"])
    def test_the_limit_is_exact(self, second, clamped):
        log = Log().tell(f"{second} enters q1 appended=0")

        assert (log.book.stats.clamped, log.outcomes) == (clamped, {"applied": 1})

    def test_in_a_file_nothing_is_set_back(self):
        log = Log().tell("0 enters q1 · 3600 enters q1 contact=c2")

        assert (log.progress.watermark, log.book.stats.clamped) == (T0 + 3_600_000, 0)

    def test_one_bad_clock_makes_nobody_late(self):
        log = Log().tell("3600 enters q1 contact=c2 appended=0 · 1 enters q1 appended=1 · 9 answered q1 ann appended=9")

        assert log.outcomes == {"applied": 3}

    def test_a_heartbeat_ahead_is_set_back_too(self):
        log = Log().tell("3600 beats pbx appended=0")

        assert log.progress.watermark == T0

    def test_the_delay_of_each_source_is_known(self):
        log = Log().tell("0 enters q1 source=pbx appended=2 · 7 enters q2 source=crm appended=3")

        assert log.book.stats.source_delay_ms == {"pbx": 2_000, "crm": -4_000}


def test_flow_outs_and_rejections_by_reason():
    log = Log().tell("0 enters q1 · 5 leaves q1 voicemail · 6 refused q2 no_agents · 7 refused q2 lunch")

    assert log.primitive(flowed_out("voicemail"), "q1") == 1
    assert [log.primitive(P.REJECTED_BY_REASON + n, "q2") for n in range(4)] == [0, 0, 1, 1]


def test_a_late_repetition_of_a_wrap_up_changes_nothing():
    log = Log().tell("0 enters q1 · 10 answered q1 ann · 20 transferred blind · 21 enters q1 · 30 answered q1 ann")
    log.tell("40 ends agent · 50 wrapped ann id=w · 200 beats pbx · 50 wrapped ann id=w")

    assert log.counts()["acw_ms"] == 10_000


def test_every_late_event_is_counted():
    log = Log().tell("0 enters q1 · 200 beats pbx · 10 misses q1 ann · 20 misses q1 bob")

    assert log.outcomes == {"applied": 2, "late": 2}


def test_a_late_event_told_twice_is_a_repetition():
    log = Log().tell("0 enters q1 · 200 beats pbx · 10 answered q1 ann id=a · 10 answered q1 ann id=a")

    assert log.outcomes == {"applied": 2, "late": 1, "duplicate": 1}
    assert log.counts() == TALKS


def test_a_late_event_lets_go_of_those_that_nothing_can_precede_any_more():
    says = " · ".join(f"{n} says system" for n in range(1, 24))
    log = Log().tell(f"0 enters q1 · {says} · 100 beats pbx")
    [history] = log.book._contacts.values()
    before = len(history.contact.entries)
    log.tell("10 answered q1 ann")

    assert (before, len(history.contact.entries)) == (24, 1)
    assert (log.counts(), log.state()) == (TALKS, "talking")


@pytest.mark.parametrize(("seen", "visits"), [("260.999", 0), ("261", 1)], ids=["not before", "as soon as it is"])
def test_the_visit_that_a_late_event_ends_is_published_when_it_is_final(seen, visits):
    """It is booked at 200.999, and final when nothing of then can come any more."""
    log = Log().tell(f"0 enters q1 · 200.999 beats pbx · 4 abandons q1 · {seen} beats pbx")

    assert len(log.visits) == visits


def test_time_goes_on_for_the_conversation_that_a_late_answer_began():
    log = Log(FoldSettings(conversation_max_ms=30_000)).tell("0 enters q1 · 200 beats pbx · 10 answered q1 ann")
    before = log.state()
    log.tell("245 beats pbx")

    assert (before, log.state()) == ("talking", "menu")


@pytest.mark.parametrize("then", ["", " · 150 says system"], ids=["in order", "after one that belongs before them"])
def test_of_late_events_the_first_to_come_counts(then):
    log = Log().tell(f"0 enters q1 · 200 beats pbx · 50 ends customer · 10 answered q1 ann{then}")

    assert log.counts() == {"offered": 1, "abandoned": 1, "wait_abandoned_ms": 50_000}


def test_what_was_on_time_in_the_instant_where_a_late_event_is_booked_goes_first():
    log = Log().tell("0 enters q1 · 200 beats pbx · 10 abandons q1 · 200 answered q1 ann")

    assert log.counts() == {"offered": 1, "answered": 1, "wait_answered_ms": 200_000}
