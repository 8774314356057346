"""What messages and bots make of a chat: first response, replies, containment, on clocks of every start."""

import pytest

from streams.contacts.settings import FoldSettings, Thresholds
from streams.facts.primitives import HISTOGRAM, H
from streams.facts.wire import Row, RowKind
from tests.contacts.timeline import T0, Log

TALK = "0 started · 0 enters q1 · 2 answered q1 ann"


def responses(log: Log, queue: str = "q1") -> dict[str, int]:
    """What is booked of first responses and replies."""
    return {name: n for name, n in log.counts(queue).items() if name.startswith(("first_response", "repl"))}


def counted(log: Log, histogram: int) -> int:
    """How many durations stand in the histogram of q1."""
    return sum(n for key, n in log.bins("q1").items() if key // HISTOGRAM == histogram)


def lasts(row: Row, at: int) -> bool:
    return row.begin <= at and (row.end is None or at < row.end)


class TestFirstResponse:
    """The first public message of a human, from when the contact came into human care."""

    def test_is_one_duration(self):
        log = Log().tell(f"{TALK} · 5 says agent")

        assert responses(log) == {"first_responses": 1, "first_response_ms": 5_000, "first_responses_in_target": 1}
        assert counted(log, H.FIRST_RESPONSE) == 1

    def test_at_once_took_no_time(self):
        log = Log().tell("0 started · 0 says agent")

        assert responses(log, "-") == {"first_responses": 1, "first_responses_in_target": 1}

    @pytest.mark.parametrize(("second", "in_target"), [("10", 1), ("10.001", 0)])
    def test_is_measured_by_the_target_of_its_queue(self, second, in_target):
        settings = FoldSettings(queues={"q1": Thresholds(first_response_target_ms=10_000)})
        log = Log(settings).tell(f"{TALK} · {second} says agent")

        assert log.counts("q1").get("first_responses_in_target", 0) == in_target

    @pytest.mark.parametrize("message", ["says customer", "says bot", "says system", "says agent public=false"])
    def test_is_nothing_but_a_humans_public_message(self, message):
        assert responses(Log().tell(f"{TALK} · 5 {message}")) == {}

    def test_counts_from_the_hand_off_by_a_bot(self):
        log = Log().tell("0 started bot=true · 30 handed_off · 31 enters q1 · 40 says agent")

        assert log.counts("q1")["first_response_ms"] == 10_000

    def test_counts_from_the_hand_off_of_a_contact_whose_start_was_not_seen(self):
        log = Log().tell("0 handed_off · 5 enters q1 · 10 says agent")

        assert log.counts("q1")["first_response_ms"] == 10_000

    def test_is_none_of_what_an_agent_says_while_the_bot_talks(self):
        assert responses(Log().tell("0 started bot=true · 10 says agent"), "-") == {}

    def test_counts_from_the_first_queue_of_a_contact_whose_start_was_not_seen(self):
        log = Log().tell("0 enters q1 · 5 leaves q1 key · 6 enters q2 · 20 says agent")

        assert log.counts("q2")["first_response_ms"] == 20_000

    def test_counts_from_the_entry_of_an_answer_seen_before_it(self):
        log = Log().tell("0 answered q1 ann · 1 enters q1 · 5 says agent")

        assert log.counts("q1")["first_response_ms"] == 4_000

    def test_counts_from_the_hand_off_though_the_start_is_told_after_it(self):
        assert Log().tell("0 handed_off · 5 started · 10 says agent").counts("-")["first_response_ms"] == 10_000

    def test_is_owed_anew_by_a_contact_that_starts_again(self):
        log = Log().tell(f"{TALK} · 5 says agent · 10 ends agent · 20 started · 25 enters q1 · 30 says agent")

        assert (log.counts("q1")["first_responses"], log.counts("q1")["first_response_ms"]) == (2, 15_000)

    def test_is_none_where_it_starts_again_with_a_bot(self):
        log = Log().tell(f"{TALK} · 5 says agent · 10 ends agent · 20 started bot=true · 30 says agent")

        assert responses(log, "-") == {}

    def test_is_owed_no_more_once_the_contact_has_ended(self):
        assert responses(Log().tell(f"{TALK} · 5 ends agent · 6 says agent"), "-") == {}


class TestPending:
    """A first response is owed while the contact is in a queue's care and the human clock runs."""

    @pytest.mark.parametrize(
        ("line", "owed"),
        [
            #                                                                     at 1  3  6  12 s
            pytest.param(TALK, [1, 1, 1, 1], id="until it comes"),
            pytest.param(f"{TALK} · 5 says agent", [1, 1, 0, 0], id="not after it"),
            pytest.param(f"{TALK} · 5 says customer", [1, 1, 1, 1], id="a customer answers nobody"),
            pytest.param(f"{TALK} · 5 ends agent", [1, 1, 0, 0], id="not after the end"),
            pytest.param("0 started · 0 enters q1 · 5 leaves q1 key", [1, 1, 0, 0], id="not in no queue"),
            pytest.param("0 started bot=true · 2 enters q1 · 10 handed_off", [0, 0, 0, 1], id="not while a bot talks"),
            pytest.param(f"{TALK} · 5 says agent · 10 handed_off", [1, 1, 0, 1], id="again after a hand-off"),
        ],
    )
    def test_is_owed(self, line, owed):
        rows = [row for row in Log().tell(line).rows["voice", "q1"].values() if row.kind == RowKind.FIRST_RESPONSE]

        assert [sum(lasts(row, T0 + 1_000 * at) for row in rows) for at in (1, 3, 6, 12)] == owed


@pytest.mark.parametrize("line", ["0 started · 30 enters q1", "0 says customer · 10 says bot · 30 enters q1"])
def test_the_contacts_clock_starts_with_the_first_that_is_seen_of_it(line):
    [row] = [row for row in Log().tell(line).rows["voice", "q1"].values() if row.kind == RowKind.WAITING]

    assert row.contact_since == T0


class TestReply:
    """From the customer's message that begins a wait to the next public message of a human."""

    def test_is_one_duration(self):
        log = Log().tell(f"{TALK} · 5 says agent · 10 says customer · 40 says agent")

        assert (log.counts("q1")["replies"], log.counts("q1")["reply_ms"]) == (1, 30_000)
        assert counted(log, H.REPLY) == 1

    def test_at_once_took_no_time(self):
        log = Log().tell(f"{TALK} · 5 says agent · 10 says customer id=a · 10 says agent id=b")

        assert (log.counts("q1")["replies"], log.counts("q1").get("reply_ms", 0)) == (1, 0)

    def test_counts_from_the_first_of_several_messages(self):
        log = Log().tell(f"{TALK} · 5 says agent · 10 says customer · 20 says customer · 40 says agent")

        assert log.counts("q1")["reply_ms"] == 30_000

    def test_is_none_to_a_message_before_the_first_response(self):
        assert "replies" not in Log().tell(f"{TALK} · 3 says customer · 5 says agent · 9 says agent").counts("q1")

    def test_each_wait_has_one(self):
        log = Log().tell(f"{TALK} · 5 says agent · 10 says customer · 11 says agent · 12 says agent")

        assert (log.counts("q1")["replies"], log.counts("q1")["reply_ms"]) == (1, 1_000)

    @pytest.mark.parametrize("message", ["bot", "system", "agent public=false"])
    def test_is_nothing_but_a_humans_public_message(self, message):
        assert "replies" not in Log().tell(f"{TALK} · 5 says agent · 10 says customer · 40 says {message}").counts("q1")

    def test_a_hand_off_begins_with_a_first_response_again(self):
        log = Log().tell(
            f"{TALK} · 5 says agent · 8 says customer · 10 handed_off · 12 says agent · 20 says customer"
            " · 30 says agent"
        )

        assert responses(log) == {
            "first_responses": 2, "first_response_ms": 7_000, "first_responses_in_target": 2,
            "replies": 1, "reply_ms": 10_000,
        }  # fmt: skip


class TestContainment:
    """Resolved by a bot, no human asked for."""

    @pytest.mark.parametrize(
        ("line", "contained"),
        [
            pytest.param("0 started bot=true · 20 resolved", 1, id="by the bot alone"),
            pytest.param("20 resolved", 1, id="though its start was not seen"),
            pytest.param("0 started bot=true · 10 handed_off · 20 resolved", 0, id="handed off"),
            pytest.param("0 started · 5 enters q1 · 20 resolved", 0, id="in a queue"),
            pytest.param("0 started · 5 enters q1 · 10 leaves q1 key · 20 resolved", 0, id="was in a queue"),
            pytest.param("0 answered q1 ann · 20 resolved", 0, id="answered, its entry not seen"),
            pytest.param("0 refused q1 full · 20 resolved", 1, id="a queue that refused it was none"),
        ],
    )
    def test_is(self, line, contained):
        assert Log().tell(line).counts().get("bot_contained", 0) == contained

    def test_twice_is_once(self):
        log = Log().tell("0 started bot=true · 20 resolved · 21 resolved")

        assert log.counts("-") == {"contacts": 1, "bot_contained": 1}
        assert log.outcomes == {"applied": 2, "duplicate": 1}

    def test_counts_in_the_queue_that_the_bot_names(self):
        assert Log().tell("0 started bot=true · 20 resolved queue=q1").counts("q1") == {"bot_contained": 1}
