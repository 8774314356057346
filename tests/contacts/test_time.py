"""What time makes happen: eviction, callbacks, wrap-up, the longest conversation, publication, departure."""

import json

import pytest

from streams.books import META_KEY
from streams.contacts.settings import FoldSettings, Thresholds
from tests.contacts.timeline import Log, events

H4 = 4 * 3_600
DAY = 86_400


class TestGhosts:
    """A visit that waits longer than its channel's maximum age (voice 4 h, others 24 h) is evicted."""

    @pytest.mark.parametrize(("watermark", "counts"), [(H4 - 1, {"offered": 1}), (H4, {"offered": 1, "evicted": 1})])
    def test_when_the_watermark_passes_its_age(self, watermark, counts):
        assert Log().tell(f"0 enters q1 · {watermark} beats pbx").counts() == counts

    def test_booked_in_the_pane_of_that_age_however_late_it_is_seen(self):
        log = Log().tell(f"0 enters q1 · {H4 + 1_000} beats pbx")

        assert log.when("evicted", "q1") == [H4]
        assert [log.waiting("q1", at) for at in (H4 - 1, H4)] == [1, 0]

    def test_whoever_looks_then_sees_it_wait_no_more(self):
        log = Log().tell(f"0 enters q1 · {H4} beats pbx")

        assert [log.waiting("q1", at) for at in (H4 - 1, H4)] == [1, 0]

    def test_once_over_a_restart(self):
        log = Log().tell(f"0 enters q1 · {H4} beats pbx").restart().tell(f"{H4 + 61} beats pbx")

        assert log.counts() == {"offered": 1, "evicted": 1}
        assert log.told("outcome", "left_at") == [("evicted", H4)]

    def test_a_chat_has_a_day(self):
        log = Log().tell(f"0 enters q1 channel=chat · {DAY - 1} beats pbx")
        before = log.counts(channel="chat")
        log.tell(f"{DAY} beats pbx")

        assert (before, log.counts(channel="chat")) == ({"offered": 1}, {"offered": 1, "evicted": 1})

    def test_an_event_within_lateness_brings_it_back(self):
        log = Log().tell(f"0 enters q1 · {H4 + 10} beats pbx · {H4 - 1} abandons q1")

        assert log.counts() == {"offered": 1, "abandoned": 1, "wait_abandoned_ms": (H4 - 1) * 1_000}
        assert log.state() == "menu"

    def test_an_event_that_keeps_it_waiting_does_not_save_it(self):
        log = Log().tell(f"0 enters q1 · {H4 + 10} beats pbx · {H4 - 1} misses q1 ann")

        assert log.counts() == {"offered": 1, "evicted": 1, "offers_missed": 1}

    @pytest.mark.parametrize("before", ["", f"{H4} beats pbx · "], ids=["told at once", "seen before"])
    def test_it_has_gone_before_what_happens_in_that_instant(self, before):
        log = Log().tell(f"0 enters q1 · {before}{H4} abandons q1")

        assert log.counts() == {"offered": 1, "evicted": 1}

    @pytest.mark.parametrize("word", ["abandons q1", "leaves q1 key"])
    def test_its_end_told_after_eviction_is_a_repetition(self, word):
        log = Log().tell(f"0 enters q1 · {H4 + 10} {word}")

        assert log.counts() == {"offered": 1, "evicted": 1}
        assert log.outcomes == {"applied": 1, "duplicate": 1}

    def test_answered_after_eviction_the_talk_counts_and_the_answer_does_not(self):
        log = Log().tell(f"0 enters q1 · {H4 + 10} answered q1 ann · {H4 + 70} ends agent")

        assert log.counts() == {"offered": 1, "evicted": 1, "handled": 1, "talk_ms": 60_000}

    def test_the_source_may_know_the_wait_of_an_answer_after_eviction(self):
        """Its end is booked: the answer does not count all the same."""
        log = Log().tell(f"0 enters q1 · {H4 + 1} beats pbx · {H4 + 2} answered q1 ann wait_ms=3000")

        assert log.counts() == {"offered": 1, "evicted": 1}

    def test_is_published_as_evicted(self):
        log = Log().tell(f"0 enters q1 · {H4 + 61} beats pbx")

        assert log.told("outcome", "entered_at", "left_at", "wait_ms") == [("evicted", 0, H4, H4 * 1_000)]


class TestCallbacks:
    """A callback waits from its due time; its agreed delay counts only where the queue says so."""

    def test_it_is_offered_when_it_is_due(self):
        log = Log().tell("0 enters q1 callback=true due=99")

        assert (log.when("offered", "q1"), log.when("callbacks", "q1")) == ([95], [0])
        assert [log.waiting("q1", at) for at in (50, 99, 120)] == [0, 1, 1]

    @pytest.mark.parametrize(("counted", "wait_ms"), [(False, 21_000), (True, 120_000)])
    def test_connects_example(self, counted, wait_ms):
        settings = FoldSettings(queues={"q1": Thresholds(count_callback_delay=counted)})
        log = Log(settings).tell("0 enters q1 callback=true due=99 · 120 answered q1 ann")

        assert log.counts()["wait_answered_ms"] == wait_ms

    def test_answered_before_it_was_due_it_was_offered_then(self):
        log = Log().tell("0 enters q1 callback=true due=99 · 50 answered q1 ann")

        assert (log.when("offered", "q1"), log.when("answered", "q1")) == ([50], [50])
        assert log.counts()["offered"] == 1
        assert log.counts().get("wait_answered_ms", 0) == 0
        assert log.book.stats.negative_waits == 0

    def test_given_up_before_it_was_due_it_was_offered_then(self):
        log = Log().tell("0 enters q1 callback=true due=99 · 50 leaves q1 withdrawn")

        assert (log.when("offered", "q1"), log.when("flowed_out", "q1")) == ([50], [50])

    def test_abandoned_before_it_was_due_it_was_offered_then(self):
        log = Log().tell("0 enters q1 callback=true due=99 · 50 abandons q1")

        assert (log.when("offered", "q1"), log.when("abandoned", "q1")) == ([50], [50])

    def test_a_negative_wait_of_the_source_is_counted(self):
        log = Log().tell("0 enters q1 callback=true due=99 · 120 answered q1 ann wait_ms=-5")

        assert log.book.stats.negative_waits == 1

    def test_a_due_time_in_the_past_is_no_delay(self):
        log = Log().tell("50 enters q1 callback=true due=10 · 60 answered q1 ann")

        assert (log.when("offered", "q1"), log.counts()["wait_answered_ms"]) == ([50], 10_000)

    def test_without_a_due_time_it_waits_at_once(self):
        log = Log().tell("0 enters q1 callback=true")

        assert (log.when("offered", "q1"), log.waiting("q1", 1)) == ([0], 1)

    def test_a_due_time_alone_makes_no_callback(self):
        log = Log().tell("0 enters q1 due=99")

        assert (log.when("offered", "q1"), log.when("callbacks", "q1")) == ([0], [])

    def test_its_age_counts_from_the_due_time(self):
        log = Log().tell(f"0 enters q1 callback=true due=99 · {H4 + 98} beats pbx")
        before = log.counts().get("evicted", 0)
        log.tell(f"{H4 + 99} beats pbx")

        assert (before, log.counts()["evicted"]) == (0, 1)


class TestSkewedClocks:
    """An answer or an abandon some moments before its entry, by clocks that differ: the entry is adopted."""

    @pytest.mark.parametrize("line", ["10 answered q1 ann · 12 enters q1", "12 enters q1 · 10 answered q1 ann"])
    def test_an_answer_before_its_entry_waited_nothing(self, line):
        log = Log().tell(line)

        assert log.counts() == {"offered": 1, "answered": 1, "answered_in_target": 1}
        assert log.book.stats.negative_waits == 1
        assert log.state() == "talking"

    def test_every_negative_wait_is_counted(self):
        log = Log().tell("10 answered q1 ann · 12 enters q1 · 10 answered q1 bob contact=c2 · 12 enters q1 contact=c2")

        assert log.book.stats.negative_waits == 2

    def test_the_source_knows_how_long_it_waited(self):
        log = Log().tell("10 answered q1 ann wait_ms=4000 · 12 enters q1")

        assert log.counts() == {"offered": 1, "answered": 1, "answered_in_target": 1, "wait_answered_ms": 4_000}

    def test_an_abandon_before_its_entry(self):
        log = Log().tell("10 abandons q1 · 12 enters q1")

        assert log.counts() == {"offered": 1, "abandoned": 1, "abandoned_in_target": 1, "short_abandoned": 1}
        assert log.waiting("q1", 13) == 0

    def test_the_wait_that_the_source_knows_is_no_negative_one(self):
        log = Log().tell("10 answered q1 ann wait_ms=4000 · 12 enters q1 · 20 ends agent · 100 beats pbx")

        assert log.book.stats.negative_waits == 0
        assert log.told("entered_at", "left_at", "wait_ms") == [(12, 10, 4_000)]

    def test_an_abandon_before_its_entry_is_published_as_such(self):
        log = Log().tell("10 abandons q1 · 12 enters q1 · 100 beats pbx")

        assert log.told("outcome", "entered_at", "left_at", "wait_ms") == [("abandoned", 12, 10, 0)]
        assert log.book.stats.negative_waits == 1

    def test_a_way_out_before_its_entry(self):
        log = Log().tell("10 leaves q1 key · 12 enters q1")

        assert log.counts() == {"offered": 1, "flowed_out": 1}
        assert log.book.stats.negative_waits == 1

    def test_a_callback_that_is_adopted_is_one(self):
        assert Log().tell("10 answered q1 ann · 12 enters q1 callback=true").when("callbacks", "q1") == [10]

    def test_an_entry_is_adopted_once(self):
        log = Log().tell("10 answered q1 ann · 12 enters q1 · 14 enters q1")

        assert (log.counts()["offered"], log.state()) == (2, "waiting")

    def test_the_entry_of_another_queue_is_not_adopted(self):
        log = Log().tell("10 answered q1 ann wait_ms=4000 · 12 enters q2")

        assert log.counts("q2") == {"offered": 1}
        assert log.state() == "waiting"

    def test_an_entry_just_within_lateness_is_adopted(self):
        log = Log().tell("10 answered q1 ann wait_ms=4000 · 70 enters q1")

        assert (log.state(), log.counts()["offered"]) == ("talking", 1)

    def test_an_entry_after_the_conversation_is_a_new_visit(self):
        log = Log().tell("10 answered q1 ann wait_ms=4000 · 15 transferred blind · 20 enters q1")

        assert (log.state(), log.waiting("q1", 21)) == ("waiting", 1)

    def test_an_entry_beyond_lateness_is_a_new_visit(self):
        log = Log().tell("10 answered q1 ann wait_ms=4000 · 71 enters q1")

        assert (log.state(), log.counts()["handled"]) == ("waiting", 1)

    def test_a_negative_wait_of_the_source_is_none_and_counted(self):
        log = Log().tell("0 enters q1 · 10 answered q1 ann wait_ms=-5")

        assert log.counts() == {"offered": 1, "answered": 1, "answered_in_target": 1}
        assert log.book.stats.negative_waits == 1


class TestWrapUp:
    """After-contact work belongs to the conversation of that agent, and is booked when it ends."""

    TWO = "0 enters q1 · 10 answered q1 ann · 40 transferred blind · 41 enters q2 · 50 answered q2 bob · 60 ends agent"

    def test_each_agents_own(self):
        log = Log().tell(f"{self.TWO} · 61 wraps ann · 61 wraps bob · 71 wrapped ann · 91 wrapped bob")

        assert (log.counts("q1")["acw_ms"], log.counts("q2")["acw_ms"]) == (10_000, 30_000)
        assert (log.when("acw_ms", "q1"), log.when("acw_ms", "q2")) == ([70], [90])

    def test_of_an_agent_nobody_knows_it_is_the_latest(self):
        log = Log().tell(f"{self.TWO} · 61 wraps eve · 71 wrapped eve")

        assert log.counts("q2")["acw_ms"] == 10_000

    def test_the_source_knows_how_long_it_was(self):
        log = Log().tell(f"{self.TWO} · 61 wraps bob · 91 wrapped bob acw_ms=12000")

        assert log.counts("q2")["acw_ms"] == 12_000

    def test_without_a_beginning_it_counts_from_the_end_of_the_talk(self):
        log = Log().tell(f"{self.TWO} · 75 wrapped bob")

        assert log.counts("q2")["acw_ms"] == 15_000

    def test_it_may_begin_before_the_contact_has_ended(self):
        log = Log().tell(f"{self.TWO} · 70 wrapped ann")

        assert log.counts("q1")["acw_ms"] == 30_000

    def test_twice_is_once(self):
        log = Log().tell("0 enters q1 · 10 answered q1 ann · 40 ends agent · 50 wrapped ann · 51 wrapped ann")

        assert log.counts()["acw_ms"] == 10_000
        assert log.outcomes["duplicate"] == 1

    def test_one_agent_has_one_for_each_conversation_the_latest_first(self):
        log = Log().tell(
            "0 enters q1 · 10 answered q1 ann · 40 transferred blind · 41 enters q2 · 50 answered q2 ann"
            " · 60 ends agent · 70 wrapped ann · 90 wrapped ann"
        )

        assert (log.counts("q1")["acw_ms"], log.counts("q2")["acw_ms"]) == (50_000, 10_000)

    def test_it_belongs_to_no_visit_that_nobody_answered(self):
        log = Log().tell(
            "0 enters q1 · 10 answered q1 ann · 40 transferred blind · 41 enters q2 · 50 abandons q2 · 60 wrapped eve"
        )

        assert "acw_ms" not in log.counts("q2")
        assert log.counts("q1")["acw_ms"] == 20_000

    def test_told_late_it_belongs_to_no_conversation_that_began_after_it(self):
        log = Log().tell("0 enters q1 · 100 answered q1 ann · 200 beats pbx · 50 wrapped ann acw_ms=5000")

        assert "acw_ms" not in log.counts()

    def test_at_the_instant_of_the_answer_it_belongs_to_it(self):
        log = Log().tell("0 enters q1 · 10 answered q1 ann · 10 wrapped ann acw_ms=5000")

        assert log.counts()["acw_ms"] == 5_000

    def test_longer_than_the_maximum_it_belongs_to_nobody(self):
        log = Log().tell("0 enters q1 · 10 answered q1 ann · 40 ends agent · 641 wrapped ann")

        assert "acw_ms" not in log.counts()

    def test_just_within_the_maximum_it_counts(self):
        log = Log().tell("0 enters q1 · 10 answered q1 ann · 40 ends agent · 640 wrapped ann")

        assert log.counts()["acw_ms"] == 600_000


class TestTheLongestConversation:
    """An answered visit whose end never comes stays answered, and is published without a talk time."""

    LINE = f"0 enters q1 · 10 answered q1 ann · {DAY + 10 + 61} beats pbx"

    def test_stays_answered(self):
        assert Log().tell(self.LINE).counts() == {
            "offered": 1, "answered": 1, "answered_in_target": 1, "wait_answered_ms": 10_000,
        }  # fmt: skip

    def test_is_published_without_a_talk_time(self):
        log = Log().tell(self.LINE)

        assert log.told("outcome", "wait_ms", "talk_ms", "hold_ms") == [("answered", 10_000, None, None)]

    def test_a_shorter_maximum(self):
        settings = FoldSettings(conversation_max_ms=100_000)
        log = Log(settings).tell("0 enters q1 · 10 answered q1 ann · 172 beats pbx")

        assert log.told("outcome", "talk_ms") == [("answered", None)]


class TestPublication:
    """A visit is published once, final, when the watermark has passed its end by lateness."""

    CALL = "0 enters q1 · 10 answered q1 ann · 20 held · 25 resumed · 40 ends agent"

    @pytest.mark.parametrize(
        ("line", "end"),
        [
            pytest.param(CALL, 40, id="answered: the end of the conversation"),
            pytest.param("0 enters q1 · 30 abandons q1", 30, id="abandoned: the end of the waiting"),
            pytest.param("0 enters q1 · 30 leaves q1 key", 30, id="flowed out"),
            pytest.param("30 refused q1 full", 30, id="rejected"),
        ],
    )
    def test_when_lateness_has_passed(self, line, end):
        log = Log().tell(f"{line} · {end + 60} beats pbx")
        before = len(log.visits)
        log.tell(f"{end + 61} beats pbx")

        assert (before, len(log.visits)) == (0, 1)

    @pytest.mark.parametrize(("seen", "visits"), [("69.999", 0), ("70", 1)], ids=["not before", "as soon as it is"])
    def test_to_the_millisecond(self, seen, visits):
        log = Log().tell(f"9.999 refused q1 full · {seen} beats pbx")

        assert len(log.visits) == visits

    def test_once(self):
        log = Log().tell(f"{self.CALL} · 101 beats pbx · 150 beats pbx · 90 says system · 5000 beats pbx")

        assert len(log.visits) == 1

    def test_once_over_a_restart(self):
        log = Log().tell(f"{self.CALL} · 80 beats pbx").restart().tell("101 beats pbx").restart().tell("102 beats pbx")

        assert len(log.visits) == 1

    def test_in_order(self):
        """The second was over at once, but the first talks on."""
        log = Log().tell("0 enters q1 · 5 refused q2 full · 10 answered q1 ann · 100 beats pbx")
        before = log.visits
        log.tell("120 ends agent · 181 beats pbx")

        assert before == []
        assert log.told("visit", "queue", "outcome") == [(1, "q1", "answered"), (2, "q2", "rejected")]

    def test_what_stands_in_it(self):
        log = Log().tell(f"{self.CALL} · 101 beats pbx")
        [visit] = log.visits
        second = {name: visit.pop(name) for name in ("entered_at", "left_at", "booked_at")}

        assert visit == {
            "contact": "c1", "visit": 1, "channel": "voice", "queue": "q1", "outcome": "answered", "reason": None,
            "wait_ms": 10_000, "talk_ms": 25_000, "hold_ms": 5_000, "agent": "ann",
        }  # fmt: skip
        assert log.told(*second) == [(0, 10, 10)]
        [output] = [output for output in log.outputs if output.topic == "visits"]
        assert output.key == b"c1"

    def test_a_late_outcome_says_both_when_it_was_and_where_it_is_booked(self):
        log = Log().tell("0 enters q1 · 200 beats pbx · 10 abandons q1 · 261 beats pbx")

        assert log.told("left_at", "booked_at", "wait_ms") == [(10, 200, 10_000)]

    def test_reasons(self):
        log = Log().tell("0 enters q1 · 5 leaves q1 voicemail · 6 refused q2 lunch · 100 beats pbx")

        assert log.told("outcome", "reason") == [("flowed_out", "voicemail"), ("rejected", "lunch")]

    def test_a_reason_is_one_word(self):
        log = Log()
        log.append(json.dumps({**events("6 refused q2 full")[0], "id": "x", "reason": "too full"}).encode())
        log.tell("100 beats pbx")

        assert log.told("reason") == [("too_full",)]

    def test_a_queue_that_refused_it_was_entered_and_left_at_once(self):
        log = Log().tell("0 started · 6 refused q2 full · 100 beats pbx")

        assert log.told("outcome", "entered_at", "left_at", "booked_at", "wait_ms") == [("rejected", 6, 6, 6, 0)]

    def test_an_abandon(self):
        log = Log().tell("0 enters q1 · 10 abandons q1 · 100 beats pbx")

        assert log.told("outcome", "left_at", "booked_at", "wait_ms") == [("abandoned", 10, 10, 10_000)]

    def test_the_source_knows_the_wait_of_a_way_out(self):
        log = Log().tell("0 enters q1 · 10 leaves q1 key wait_ms=3000 · 100 beats pbx")

        assert log.told("outcome", "left_at", "wait_ms") == [("flowed_out", 10, 3_000)]

    @pytest.mark.parametrize(
        ("step", "outcome"),
        [("answered q1 ann", "answered"), ("abandons q1", "abandoned"), ("leaves q1 key", "flowed_out")],
    )
    @pytest.mark.parametrize(
        ("waited", "entered_at", "wait_ms", "negative"),
        [("", None, None, 0), ("wait_ms=4000", 6, 4_000, 0), ("wait_ms=0", 10, 0, 0), ("wait_ms=-5", 10, 0, 1)],
        ids=["not known", "4 s", "none", "negative"],
    )
    def test_an_orphan(self, step, outcome, waited, entered_at, wait_ms, negative):
        """It entered as long ago as the source says."""
        log = Log().tell(f"10 {step} {waited} · 20 ends agent · 100 beats pbx")

        assert log.told("outcome", "entered_at", "left_at", "booked_at", "wait_ms") == [
            (outcome, entered_at, 10, 10, wait_ms)
        ]
        assert log.told("agent") == [("ann" if outcome == "answered" else None,)]
        assert (log.book.stats.orphans, log.book.stats.negative_waits) == (1, negative)

    def test_an_orphan_abandon_of_which_the_wait_is_not_known(self):
        log = Log().tell("10 abandons q1 · 80 beats pbx")

        assert log.told("outcome", "entered_at", "wait_ms") == [("abandoned", None, None)]


class TestDeparture:
    """A contact is kept as long as an event can belong to it, and no longer."""

    @pytest.mark.parametrize(
        ("line", "kept_until"),
        [
            #    its last event (or the longest wrap-up after it), then twice lateness
            pytest.param("0 enters q1 · 5 abandons q1 · 6 ends customer", 6 + 60 + 61, id="nobody talked"),
            pytest.param("0 enters q1 · 5 answered q1 ann · 40 ends agent", 40 + 600 + 61, id="wrap-up to come"),
            pytest.param(
                "0 enters q1 · 5 answered q1 ann · 40 ends agent · 50 wrapped ann", 50 + 60 + 61, id="wrapped up"
            ),
            pytest.param("0 enters q1 · 5 abandons q1", 5 + H4 + 61, id="left the queue, not ended"),
            pytest.param("0 held", 0 + H4 + 61, id="an orphan"),
            pytest.param("6.999 ends customer", 7 + 60 + 60, id="to the millisecond"),
        ],
    )
    def test_when_its_time_is_over(self, line, kept_until):
        log = Log().tell(f"{line} · {kept_until - 1} beats pbx")
        before = log.state()
        log.tell(f"{kept_until} beats pbx")

        assert before is not None
        assert log.state() is None
        assert log.changelog.keys() == {META_KEY}

    def test_over_a_restart(self):
        log = Log().tell("0 enters q1 · 5 abandons q1 · 6 ends customer").restart().tell("1000 beats pbx")

        assert log.changelog.keys() == {META_KEY}

    def test_of_one_that_was_over_before_the_flush_the_changelog_never_hears(self):
        log = Log().hear("0 enters q1 · 5 abandons q1 · 6 ends customer · 1000 beats pbx")

        assert log.flush().rows == {}
        assert len(log.visits) == 1

    def test_while_a_visit_is_open_it_stays(self):
        log = Log().tell(f"0 enters q1 · {H4 - 1} beats pbx")

        assert log.state() == "waiting"

    @pytest.mark.parametrize("second", [100, 1_000], ids=["before it has gone", "after it has gone"])
    def test_a_later_event_begins_it_anew(self, second):
        log = Log().tell(f"0 started · 0 enters q1 · 5 abandons q1 · 6 ends customer · {second} enters q1")

        assert (log.state(), log.counts()["offered"]) == ("waiting", 2)
        log.tell(f"{second + 5} abandons q1 · {second + 67} beats pbx")
        assert log.told("visit", "entered_at") == [(1, 0), (1, second)]

    def test_within_its_time_it_goes_on(self):
        log = Log().tell("0 started · 0 enters q1 · 5 abandons q1 · 6 ends customer · 50 enters q1 · 55 abandons q1")
        log.tell("120 beats pbx")

        assert log.told("visit", "entered_at") == [(1, 0), (2, 50)]

    def test_an_id_of_its_former_life_is_not_a_repetition(self):
        log = Log().tell("0 enters q1 id=a · 5 abandons q1 · 6 ends customer · 999 beats pbx · 1000 enters q1 id=a")

        assert log.counts()["offered"] == 2

    def test_the_rows_it_leaves_behind_are_closed(self):
        log = Log().tell("0 enters q1 · 5 abandons q1 · 6 ends customer · 1000 beats pbx")

        assert log.waiting("q1", 7) == 0


def test_the_end_of_a_queue_leaves_an_ended_contact_ended():
    log = Log().tell("0 enters q1 · 10 answered q1 ann · 40 ends agent · 50 leaves q1 timeout")

    assert log.state() == "ended"
