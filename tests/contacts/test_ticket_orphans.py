"""Tickets of which the beginning was not seen, and what is told of a ticket too late."""

import json

import pytest

from streams.contacts.settings import TargetRule
from tests.contacts.desk import HOUR, Desk, clock, events
from tests.contacts.timeline import Log


def orphans(story: str) -> int:
    """How many events were of a ticket whose beginning was not seen."""
    log = Log()
    for event in events(story):
        log.append(json.dumps(event).encode())
    return log.book.stats.orphans


class TestOrphans:
    @pytest.mark.parametrize(
        ("story", "expected"),
        [
            pytest.param("09:00 created · 09:10 status=open", 0, id="its creation was seen"),
            pytest.param("09:00 status=open · 09:00 created", 0, id="of one instant the creation goes first"),
            pytest.param("09:00 status=open · 09:10 status=pending", 1, id="its first event is an update"),
            pytest.param("09:00 escalated · 09:10 escalated", 1, id="an escalation"),
            pytest.param("09:00 merged · 09:10 deleted", 1, id="a merger"),
            pytest.param("09:00 deleted · 09:10 merged", 1, id="a deletion"),
            pytest.param("09:00 customer · 09:10 agent", 1, id="a message"),
        ],
    )
    def test_the_first_event_is_one_of_an_orphan_and_no_other(self, story, expected):
        assert orphans(story) == expected

    @pytest.mark.parametrize(
        ("story", "expected"),
        [
            pytest.param("09:00 status=solved", {"solved": 1}, id="a solve"),
            pytest.param("09:00 agent=ann · 09:10 status=solved", {"solved": 1}, id="after an assignment"),
            pytest.param("09:00 customer · 09:10 status=solved", {"solved": 1}, id="after a message"),
            pytest.param("09:00 status=solved · 10:00 status=open", {"solved": 1, "reopened": 1, "backlog": 1},
                         id="a reopening"),
            pytest.param("09:00 escalated", {"escalated": 1}, id="an escalation"),
            pytest.param("09:00 escalated · 09:10 status=open", {"escalated": 1, "backlog": 1}, id="then its status"),
            pytest.param("09:00 status=open · 09:10 merged", {"merged": 1}, id="a merger of one in the backlog"),
            pytest.param("09:00 customer · 09:00:10 created", {"created": 1, "backlog": 1}, id="its creation at last"),
            pytest.param("09:00 merged · 09:00:10 created", {"created": 1}, id="that of one that is no more"),
        ],
    )  # fmt: skip
    def test_what_is_proved_is_counted(self, story, expected):
        assert Desk().tell(story).counted("11:00") == expected

    @pytest.mark.parametrize("story", ["09:00 status=closed", "09:00 merged", "09:00 deleted", "09:00 customer"])
    def test_what_proves_nothing_is_not(self, story):
        assert Desk().tell(story).pipeline.views(clock("10:00")) == []

    def test_what_an_update_proves_is_counted(self):
        desk = Desk().tell("09:00 queue=q status=open · 10:00 status=solved")

        assert desk.at("09:30", "q")["backlog"] == 1
        assert desk.counted("11:00", "q") == {"solved": 1}
        assert desk.at("11:00", "q")["resolution_full_avg"] is None

    def test_one_without_a_queue_is_under_a_dash(self):
        assert Desk().tell("09:00 status=open").counted("10:00", "-") == {"backlog": 1}

    def test_a_creation_that_comes_after_is_its_creation(self):
        desk = Desk().tell("09:00 status=open · 09:00:10 created · 10:00 status=solved")

        assert desk.counted("11:00", "q") == {"created": 1, "solved": 1}
        assert desk.at("11:00", "q")["resolution_full_avg"] == 3_590

    def test_a_creation_tells_only_what_nobody_had_told(self):
        desk = Desk().tell("09:00 queue=other priority=low · 09:00:10 created priority=high")
        desk.tell("09:00 status=open · 09:00:10 created priority=high status=solved", "t2")
        desk.tell("09:00 queue=other priority=low status=open · 09:00:10 created priority=high", "t3")

        assert desk.counted("10:00", "q") == {"created": 3, "backlog": 1}
        assert desk.at("10:00", "q")["backlog_high"] == 1
        assert desk.counted("10:00", "other") == {"backlog": 2}
        assert desk.at("10:00", "other")["backlog_low"] == 2

    def test_its_clocks_start_with_its_creation(self):
        desk = Desk(TargetRule("first_reply", HOUR), TargetRule("resolution", 2 * HOUR))
        desk.tell("09:00 status=open · 09:00:10 created · 09:30:10 agent")

        assert desk.at("09:00:10")["sla_next_due"] == 3_600
        assert desk.at("10:00:10")["sla_next_due"] == 3_600
        assert desk.at("10:00")["first_response_avg"] == 1_800

    def test_its_creation_may_bring_another_target(self):
        rules = (TargetRule("resolution", HOUR, priority="high"), TargetRule("resolution", 8 * HOUR))
        desk = Desk(*rules).tell("09:00 status=solved · 09:10 status=open · 09:10:20 created priority=high")

        assert desk.at("09:10:19")["sla_next_due"] == 8 * 3_600 - 19
        assert desk.at("09:10:20")["sla_next_due"] == 3_600 - 20

    def test_an_escalation_of_one_that_was_in_no_queue_counts_where_it_goes(self):
        rules = (TargetRule("resolution", HOUR, queues=("vip",)), TargetRule("resolution", 8 * HOUR))
        desk = Desk(*rules).tell("09:00 status=solved · 09:10 status=open · 09:20 escalated queue=vip")

        assert desk.counted("09:30", "vip") == {"escalated": 1, "backlog": 1}
        assert desk.counted("09:30", "-") == {"solved": 1, "reopened": 1}
        assert desk.at("09:20", "vip")["sla_next_due"] == 50 * 60

    def test_a_ticket_is_remembered_for_a_while_after_its_end(self):
        kept = Desk().tell("mon 09:00 created · mon 10:00 status=solved · sun 10:00 status=open")
        forgotten = Desk(tickets_kept_ms=24 * HOUR).tell(
            "mon 09:00 created · mon 10:00 status=solved · sun 10:00 status=open queue=q"
        )

        assert kept.counted("sun 11:00")["reopened"] == 1
        assert forgotten.counted("sun 11:00") == {"created": 1, "solved": 1, "backlog": 1}

    @pytest.mark.parametrize(("again", "reopened"), [("10:10", {"reopened": 1}), ("10:10:00.001", {})])
    def test_to_the_end_of_that_while(self, again, reopened):
        desk = Desk(tickets_kept_ms=HOUR).tell(f"09:00 created · 09:10 status=solved · {again} status=open queue=q")

        assert desk.counted("10:30") == {"created": 1, "solved": 1, "backlog": 1, **reopened}


class TestLate:
    """More than a minute behind the watermark."""

    def test_what_nothing_newer_has_said_still_holds(self):
        desk = Desk().tell("09:00 created").beat("10:00").tell("09:10 status=solved id=late")

        assert desk.counted("10:30") == {"created": 1, "solved": 1}
        assert desk.at("10:30")["resolution_full_avg"] == 600
        assert desk.outcomes["late"] == 1

    def test_a_message_says_nothing_of_the_status(self):
        desk = Desk().tell("09:00 created · 09:30 customer").beat("10:00").tell("09:10 status=solved id=late")

        assert desk.counted("10:30") == {"created": 1, "solved": 1}

    def test_it_never_undoes_what_a_newer_event_said(self):
        desk = Desk().tell("09:00 created · 09:30 status=open").beat("10:00").tell("09:10 status=solved id=late")

        assert desk.counted("10:30") == {"created": 1, "backlog": 1}

    def test_a_reply_that_was_waited_for_counts_with_its_own_time(self):
        desk = Desk().tell("09:00 created").beat("10:00").tell("09:10 agent id=late")

        assert desk.at("10:30")["first_response_avg"] == 600

    def test_an_unknown_ticket_is_not_begun_by_it(self):
        desk = Desk().beat("10:00").tell("09:00 created")

        assert desk.outcomes["too_late"] == 1

    def test_a_forgotten_one_is_not_begun_anew_by_it(self):
        desk = Desk(tickets_kept_ms=HOUR).tell("09:00 created · 09:10 status=solved").beat("10:10:30")

        desk.tell("09:20 status=open id=late")

        assert desk.counted("10:30") == {"created": 1, "solved": 1}

    def test_a_creation_that_late_creates_nothing(self):
        desk = Desk().tell("09:00 customer").beat("10:00").tell("09:10 created id=late · 10:10 status=solved")

        assert desk.counted("10:30", "-") == {"solved": 1}
        assert desk.outcomes["late"] == 1

    def test_what_was_said_at_the_same_time_does_not_contradict_it(self):
        desk = Desk().tell("09:00 created").beat("10:00").tell("09:00 status=solved id=late")

        assert desk.counted("10:30") == {"created": 1, "solved": 1}

    @pytest.mark.parametrize(
        ("late", "first_response_s"),
        [("09:00 agent id=late", 0), ("09:10 agent id=late", 600), ("09:10 customer id=late", None)],
    )
    def test_a_first_response_is_one_whatever_became_of_the_ticket_since(self, late, first_response_s):
        desk = Desk().tell("09:00 created · 09:30 status=open").beat("10:00").tell(late)

        assert desk.at("10:30")["first_response_avg"] == first_response_s

    @pytest.mark.parametrize(
        ("late", "reply_s"),
        [
            pytest.param("09:50 agent id=late", None, id="before the question"),
            pytest.param("10:00 agent id=late", 0, id="at once"),
            pytest.param("10:10 agent id=late", 600, id="after it"),
        ],
    )
    def test_a_reply_is_one_if_it_came_after_the_question(self, late, reply_s):
        desk = Desk().tell("09:00 created · 09:30 agent · 10:00 customer").beat("11:00").tell(late)

        assert desk.at("11:30")["reply_avg"] == reply_s

    def test_a_question_that_late_is_nobodys_wait(self):
        desk = Desk().tell("09:00 created · 09:30 agent").beat("10:00").tell("09:40 customer id=late")

        desk.tell("10:10 agent id=after")

        assert desk.at("10:30")["replies"] == 0

    def test_a_merged_one_is_answered_no_more(self):
        desk = Desk().tell("09:00 created · 09:30 merged").beat("10:00").tell("09:40 agent id=late")

        assert desk.at("10:30")["first_responses"] == 0
