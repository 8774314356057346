"""Stage 1's book: what it stores, what it hands on, and what a restart or other settings do."""

import json

import msgspec
import pytest
from msgspec.structs import replace

from streams.books import EVERY_PARTITION, META_KEY, MemoryRecord
from streams.contacts.book import LARGEST_VALUE, ContactBook
from streams.contacts.settings import FoldSettings, Thresholds
from streams.errors import StateError
from streams.facts.primitives import H, P
from streams.facts.wire import PROGRESS_KEY, Dimension, RowKind, decode_delta, dimension_key
from tests.contacts.timeline import CAUGHT_UP, T0, Log, events

KEY = "v\x1fvoice\x1fc1"
Q1 = dimension_key(Dimension("voice", "q1"))


def record(offset, **fields):
    event = {"v": 1, "id": f"e{offset}", "time": T0 + offset, "channel": "voice", "contact": f"c{offset}", **fields}
    return MemoryRecord(offset, None, None, json.dumps(event).encode())


@pytest.fixture(scope="module")
def long_chat():
    """A chat of 500 messages, and its largest row in the changelog."""
    log = Log().tell("0 started · 0 enters q1 · 10 answered q1 ann")
    largest = 0
    for n in range(500):
        log.tell(f"{20 + 30 * n} says {'customer' if n % 2 else 'agent'}")
        largest = max(largest, *(len(value) for key, value in log.changelog.items() if key != META_KEY))
    return log, largest


class TestALongChat:
    """A contact stays small however long it lives."""

    def test_stays_small_in_the_changelog(self, long_chat):
        _, largest = long_chat

        assert largest < 5_000

    def test_keeps_few_events_in_memory(self, long_chat):
        log, _ = long_chat
        [history] = log.book._contacts.values()

        assert len(history.contact.entries) <= 25

    def test_loses_no_value(self, long_chat):
        """An agent's message, then 249 times: 30 s after it the customer's, 30 s after that the agent's."""
        log, _ = long_chat

        assert log.counts("q1") == {
            "offered": 1, "answered": 1, "answered_in_target": 1, "wait_answered_ms": 10_000,
            "first_responses": 1, "first_response_ms": 20_000, "first_responses_in_target": 1,
            "replies": 249, "reply_ms": 249 * 30_000,
        }  # fmt: skip

    def test_restored_it_is_the_same(self, long_chat):
        log, _ = long_chat
        before = log.book.snapshot()

        assert log.restart().book.snapshot() == before

    def test_published_visits_are_forgotten_while_it_goes_on(self):
        log = Log()
        for n in range(60):
            at = 100 * n
            log.tell(f"{at} enters q1 · {at + 10} answered q1 ann · {at + 40} transferred blind")
            log.tell(f"{at + 50} wrapped ann")
        [history] = log.book._contacts.values()

        assert len(history.cycle.visits) < 12
        assert [visit["visit"] for visit in log.visits] == list(range(1, len(log.visits) + 1))
        assert len(log.visits) >= 58


class TestDeadLetters:
    @pytest.mark.parametrize(
        ("size", "cut"), [(LARGEST_VALUE, False), (LARGEST_VALUE + 1, True)], ids=["512 KB", "one byte more"]
    )
    def test_large_ones_are_cut_and_say_so(self, size, cut):
        log = Log()
        log.append(b"x" * size)
        [letter] = [output for output in log.flush().outputs if output.topic == "deadletters"]
        headers = dict(letter.headers)

        assert letter.value == b"x" * LARGEST_VALUE
        assert (headers.get("truncated"), headers.get("size")) == ((b"true", b"512001") if cut else (None, None))
        assert headers["reason"] == b"oversized"

    @pytest.mark.parametrize(
        ("value", "reason", "path"),
        [
            pytest.param(b"{", b"not_json", b"$", id="not JSON"),
            pytest.param(None, b"empty", b"$", id="a null value"),
            pytest.param(b'{"type":"agent.danced"}', b"unknown", b"$.type", id="an unknown type"),
            pytest.param(b'{"type":"heartbeat","v":1,"id":"x"}', b"missing_field", b"$.time", id="a field missing"),
        ],
    )
    def test_say_why_and_where(self, value, reason, path):
        log = Log().tell("0 enters q1")
        log.append(value, None, b"key")
        log.flush()
        [letter] = log.dead
        headers = dict(letter.headers)

        assert (headers["reason"], headers["path"]) == (reason, path)
        assert (letter.key, letter.value) == (b"key", value or b"")
        assert msgspec.json.decode(headers["source"]) == {"topic": "calls", "partition": 0, "offset": 1}
        assert "truncated" not in headers

    def test_the_next_record_goes_on(self):
        log = Log()
        log.append(b"{")
        log.tell("0 enters q1")

        assert log.outcomes == {"rejected": 1, "applied": 1}
        assert log.book.stats.rejected == {"not_json": 1}


class TestFacts:
    def test_a_large_delta_is_split_and_adds_up(self):
        book = ContactBook("calls", 0, FoldSettings())
        contacts = 3_000
        book.fold([
            record(n, type="queue.entered", contact=f"{n:0>200}", queue="q1") for n in range(contacts)
        ])  # fmt: skip
        facts = [output for output in book.drain(CAUGHT_UP).outputs if output.key == Q1]
        deltas = [decode_delta(fact.value) for fact in facts]

        assert len(facts) > 1
        assert max(len(fact.value) for fact in facts) <= LARGEST_VALUE
        assert sum(bag.get(P.OFFERED, 0) for delta in deltas for bag in delta.panes.values()) == contacts
        assert sum(row.kind == RowKind.WAITING for delta in deltas for row in delta.rows.values()) == contacts

    def test_the_whole_channel_is_the_sum_of_its_queues(self):
        log = Log().tell(
            "0 started · 0 enters q1 · 5 leaves q1 key · 6 enters q2 · 30 answered q2 ann · 31 enters q3 contact=c2"
        )
        keys = {*log.counts("q1"), *log.counts("q2"), *log.counts("q3"), *log.counts("-")}

        assert log.counts() == {
            key: sum(log.counts(queue).get(key, 0) for queue in ("q1", "q2", "q3", "-")) for key in log.counts()
        }
        assert keys == log.counts().keys()
        rows = log.rows
        assert rows["voice", "*"] == {**rows["voice", "q1"], **rows["voice", "q2"], **rows["voice", "q3"]}

    def test_progress_goes_to_every_partition_with_each_flush(self):
        log = Log().tell("7 enters q1 appended=9")
        [progress] = [output for output in log.outputs if output.key == PROGRESS_KEY]

        assert progress.partition == EVERY_PARTITION
        assert msgspec.structs.asdict(log.progress) == {
            "topic": "calls", "partition": 0, "offset": 1, "watermark": T0 + 7_000, "lag": 0,
            "appended_at": T0 + 9_000, "caught_up": True, "proved_at": None,
        }  # fmt: skip

    def test_nothing_new_is_nothing_but_progress(self):
        log = Log().tell("0 enters q1")

        assert [output.key for output in log.flush().outputs] == [PROGRESS_KEY]
        assert log.flush().rows == {}

    def test_a_contact_to_which_nothing_happens_is_not_stored_again(self):
        log = Log().tell("0 enters q1").hear("70 beats pbx")

        assert log.flush().rows == {}

    def test_of_a_queue_in_which_nothing_has_changed_nothing_is_told(self):
        log = Log().tell("0 enters q1 · 5 leaves q1 key").hear("6 enters q2")
        changed = [dimension_key(Dimension("voice", queue)) for queue in ("q2", "*")]

        assert [output.key for output in log.flush().outputs] == [*changed, PROGRESS_KEY]

    def test_pending_counts_the_records_since_the_last_flush(self):
        book = ContactBook("calls", 0, FoldSettings())
        book.fold([record(n, type="queue.entered", queue="q1") for n in range(3)])
        before = book.pending
        book.drain(CAUGHT_UP)

        assert (before, book.pending, book.offset) == (3, 0, 3)

    def test_records_below_the_offset_were_folded_before(self):
        book = ContactBook("calls", 0, FoldSettings())
        log = [record(n, type="queue.entered", queue="q1") for n in range(4)]
        book.fold(log[:3])
        book.fold(log[1:])

        assert (book.offset, book.stats.by_outcome()) == (4, {"applied": 4})


class TestSettings:
    DEFAULT = FoldSettings()

    @pytest.mark.parametrize(
        "settings",
        [
            pytest.param({"lateness_ms": 61_000}, id="lateness"),
            pytest.param({"wrapup_max_ms": 1}, id="wrap-up"),
            pytest.param({"conversation_max_ms": 1}, id="conversation"),
            pytest.param({"max_age_ms": {"voice": 1}}, id="age of a channel"),
            pytest.param({"default_max_age_ms": 1}, id="age"),
            pytest.param({"max_record_bytes": 1}, id="bytes of a record"),
            pytest.param({"clock_ahead_ms": 1}, id="clock ahead"),
            pytest.param({"defaults": Thresholds(target_ms=1)}, id="target"),
            pytest.param({"defaults": Thresholds(target_inclusive=False)}, id="target exclusive"),
            pytest.param({"queues": {"q1": Thresholds()}}, id="a queue"),
            pytest.param({"exact_edges_ms": (1,)}, id="exact edges"),
        ],
    )
    def test_any_other_setting_has_another_digest(self, settings):
        assert FoldSettings(**settings).digest() != self.DEFAULT.digest()

    def test_equal_settings_have_equal_digests_in_any_order(self):
        one = FoldSettings(queues={"a": Thresholds(), "b": Thresholds(target_ms=1)})
        other = FoldSettings(queues={"b": Thresholds(target_ms=1), "a": Thresholds()})

        assert one.digest() == other.digest()
        assert len(one.digest()) == 16

    def test_every_threshold_is_an_exact_edge(self):
        settings = FoldSettings(exact_edges_ms=(7,), queues={"q": Thresholds(target_ms=33, short_abandon_ms=3)})

        assert {7, 33, 3, 20_000, 5_000, 60_000} == set(settings.edges())

    @pytest.mark.parametrize(
        ("inclusive", "wait_ms", "within"),
        [(True, 20_000, True), (True, 20_001, False), (False, 20_000, False), (False, 19_999, True)],
    )
    def test_the_comparison_is_on_whole_milliseconds(self, inclusive, wait_ms, within):
        assert Thresholds(target_inclusive=inclusive).in_target(wait_ms) == within


class TestRestore:
    LINE = "0 started · 0 enters q1 · 25 answered q1 ann · 26 enters q2 contact=c2 · 30 abandons q2 contact=c2"

    def test_gives_the_same_state(self):
        log = Log().tell(self.LINE)
        before = log.book.snapshot()
        log.restart()

        assert log.book.snapshot() == before
        assert (log.book.offset, log.book.watermark, log.book.settings_changed) == (5, T0 + 30_000, False)

    def test_of_nothing_is_a_new_book(self):
        assert Log().restart().book.snapshot() == Log().book.snapshot()

    def test_another_format_is_refused_with_a_hint(self):
        log = Log().tell(self.LINE)
        meta = msgspec.msgpack.decode(log.changelog[META_KEY])
        log.changelog[META_KEY] = msgspec.msgpack.encode([99, *meta[1:]])

        with pytest.raises(StateError, match=r"calls\[0\] has format 99") as caught:
            log.restart()

        assert "kafka.app" in caught.value.hint

    def test_an_unreadable_format_is_refused_with_a_hint(self):
        log = Log().tell(self.LINE)
        log.changelog[META_KEY] = b"\xc1"

        with pytest.raises(StateError, match="an unreadable format") as caught:
            log.restart()

        assert caught.value.hint

    def test_other_settings_are_noticed(self):
        log = Log().tell(self.LINE).restart(FoldSettings(defaults=Thresholds(target_ms=30_000)))

        assert log.book.settings_changed


class TestOtherSettingsAfterARestart:
    """What was booked is taken back as it was booked; what is booked now goes by the settings valid now."""

    STRICT = FoldSettings(defaults=Thresholds(target_ms=20_000, short_abandon_ms=5_000))
    MILD = FoldSettings(defaults=Thresholds(target_ms=30_000, short_abandon_ms=26_000))
    ANSWERED = "0 enters q1 · 25 answered q1 ann"
    ABANDONED = "0 enters q1 · 25 abandons q1"

    @pytest.mark.parametrize(
        ("first", "then", "in_target"), [(STRICT, MILD, 1), (MILD, STRICT, 0)], ids=["milder", "stricter"]
    )
    def test_an_event_in_between_books_the_answer_anew(self, first, then, in_target):
        log = Log(first).tell(self.ANSWERED).restart(then).tell("15 misses q1 bob")

        assert log.counts().get("answered_in_target", 0) == in_target
        assert (log.counts()["answered"], log.counts()["wait_answered_ms"]) == (1, 25_000)

    def test_an_event_in_between_books_the_abandon_anew(self):
        log = Log(self.STRICT).tell(self.ABANDONED).restart(self.MILD).tell("15 misses q1 bob")

        assert log.counts() == {
            "offered": 1, "abandoned": 1, "abandoned_in_target": 1, "short_abandoned": 1, "wait_abandoned_ms": 25_000,
            "offers_missed": 1,
        }  # fmt: skip

    def test_nothing_is_left_in_the_old_bins(self):
        """25 s falls into another bin once 25 s is an edge."""
        with_edge = replace(self.STRICT, exact_edges_ms=(25_000,))
        log = Log(self.STRICT).tell(self.ANSWERED)
        before = log.bins()
        log.restart(with_edge).tell("15 misses q1 bob")

        assert log.bins() == {(1 << 40) * H.WAIT_ANSWERED + 25_000: 1}
        assert before != log.bins()

    def test_without_an_event_in_between_it_stays_as_it_was_booked(self):
        log = Log(self.STRICT).tell(self.ANSWERED).restart(self.MILD).tell("60 ends agent")

        assert "answered_in_target" not in log.counts()

    def test_a_shorter_maximum_age_evicts_who_waits_too_long_by_it(self):
        log = Log().tell("0 enters q1 · 100 beats pbx").restart(FoldSettings(max_age_ms={"voice": 50_000}))
        log.tell("101 beats pbx")

        assert log.counts() == {"offered": 1, "evicted": 1}


def test_the_time_lines_give_what_the_contract_calls_events():
    kinds = [event["type"] for event in events(TestRestore.LINE)]

    assert kinds == ["contact.started", "queue.entered", "agent.connected", "queue.entered", "queue.abandoned"]


class TestSleep:
    """A contact of which nothing comes for two minutes is kept as bytes, as after a restart."""

    TALK = "0 started · 0 enters q1 · 25 answered q1 ann"

    def test_begins_two_minutes_after_it_was_stored(self):
        log = Log().tell(f"{self.TALK} · 144 beats pbx")
        awake = list(log.book._contacts)
        log.tell("145 beats pbx")

        assert (awake, list(log.book._contacts), list(log.book._asleep)) == ([KEY], [], [KEY])

    def test_is_put_off_by_each_event(self):
        log = Log().tell(f"{self.TALK} · 100 held · 145 beats pbx · 219 beats pbx")
        awake = list(log.book._contacts)
        log.tell("220 beats pbx")

        assert (awake, list(log.book._contacts)) == ([KEY], [])

    def test_is_ended_by_an_event(self):
        log = Log().tell(f"{self.TALK} · 200 beats pbx · 300 ends agent")

        assert (list(log.book._contacts), log.state()) == ([KEY], "ended")
        assert log.counts() == Log().tell(f"{self.TALK} · 300 ends agent").counts()

    def test_is_ended_by_its_time(self):
        """Its wrap-up may come for ten minutes: then its visit is final, and it is forgotten."""
        log = Log().tell(f"{self.TALK} · 30 ends agent · 95 beats pbx · 215 beats pbx")
        asleep = list(log.book._asleep)
        log.tell("1000 beats pbx")

        assert (asleep, list(log.book._asleep), len(log.visits)) == ([KEY], [], 1)
        assert log.changelog.keys() == {META_KEY}

    def test_comes_back_to_whom_somebody_has_only_looked_for(self):
        log = Log().tell(f"{self.TALK} · 200 beats pbx")
        log.state()
        awake = list(log.book._contacts)
        log.tell("319 beats pbx")
        still = list(log.book._contacts)
        log.tell("320 beats pbx")

        assert (awake, still, list(log.book._contacts)) == ([KEY], [KEY], [])

    def test_changes_nothing_of_what_is_kept(self):
        log = Log().tell(f"{self.TALK} · 200 beats pbx")
        before = Log().tell(self.TALK).hear("200 beats pbx")

        assert log.book.snapshot() == before.book.snapshot()

    def test_forgets_no_event(self):
        """A wrap-up told again much later is a repetition, not the wrap-up of another conversation."""
        line = f"{self.TALK} · 30 enters q1 · 40 answered q1 bob · 50 ends agent · 51 wrapped ann id=w"
        log = Log().tell(f"{line} · 300 beats pbx · 51 wrapped ann id=w")
        awake = Log().hear(f"{line} · 300 beats pbx · 51 wrapped ann id=w")
        awake.flush()

        assert log.outcomes == awake.outcomes
        assert log.outcomes["duplicate"] == 1
        assert log.counts() == awake.counts()

    def test_whoever_looks_behind_the_numbers_keeps_all_awake(self):
        book = ContactBook("calls", 0, FoldSettings(), observer=lambda *_: None)
        log = Log()
        log.book = book
        log.tell(f"{self.TALK} · 200 beats pbx")

        assert list(book._contacts) == [KEY]
