"""The life of a ticket, told as time lines."""

import json
from collections import Counter

import pytest

from streams.calendars.settings import CalendarSettings
from streams.contacts.settings import ZAMMAD, TargetRule
from streams.contacts.tickets.state import STATES
from streams.contacts.tickets.steps import TABLE
from streams.facts.primitives import HISTOGRAM, H
from tests.contacts.desk import HOUR, MINUTE, Desk, clock, events
from tests.contacts.timeline import Log

COUNTS = ("created", "solved", "reopened", "reassigned", "escalated", "merged", "deleted", "backlog")


def counted(desk: Desk, at: str, queue: str = "*") -> dict[str, object]:
    values = desk.at(at, queue)
    return {name: values[name] for name in COUNTS if values[name]}


def test_every_event_has_a_step_in_every_state():
    assert {len(steps) for steps in TABLE.values()} == {len(STATES)}


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        #             09:00     10:00     11:00     12:00
        pytest.param("09:00 created", {"created": 1, "backlog": 1}, id="new"),
        pytest.param("09:00 created · 10:00 status=solved", {"created": 1, "solved": 1}, id="solved"),
        pytest.param("09:00 created · 10:00 status=closed", {"created": 1, "solved": 1}, id="closed at once"),
        pytest.param(
            "09:00 created · 10:00 status=solved · 11:00 status=closed", {"created": 1, "solved": 1},
            id="a close after a solve is no second one",
        ),
        pytest.param(
            "09:00 created · 10:00 status=solved · 11:00 status=open",
            {"created": 1, "solved": 1, "reopened": 1, "backlog": 1}, id="reopened",
        ),
        pytest.param("09:00 created status=solved", {"created": 1, "solved": 1}, id="born solved"),
        pytest.param("09:00 created · 10:00 merged", {"created": 1, "merged": 1}, id="merged"),
        pytest.param("09:00 created · 10:00 deleted", {"created": 1, "deleted": 1}, id="deleted"),
        pytest.param(
            "09:00 created · 10:00 merged · 10:00 status=closed", {"created": 1, "merged": 1},
            id="what becomes of a merged one is nobody's solve",
        ),
        pytest.param(
            "09:00 created · 10:00 status=solved · 11:00 deleted", {"created": 1, "solved": 1},
            id="a solved one is in no backlog to leave",
        ),
        pytest.param("09:00 created · 10:00 agent=ann", {"created": 1, "backlog": 1}, id="assigned"),
        pytest.param(
            "09:00 created · 10:00 agent=ann · 11:00 agent=bob queue=other",
            {"created": 1, "backlog": 1, "reassigned": 1}, id="handed on, once per event",
        ),
        pytest.param(
            "09:00 created · 10:00 escalated · 11:00 escalated", {"created": 1, "backlog": 1, "escalated": 2},
            id="escalated twice",
        ),
        pytest.param(
            "09:00 created · 10:00 escalated level=2 · 11:00 escalated level=2",
            {"created": 1, "backlog": 1, "escalated": 1}, id="the same level again is a repetition",
        ),
    ],
)  # fmt: skip
def test_what_is_counted(story, expected):
    assert counted(Desk().tell(story), "12:00") == expected


def test_each_number_belongs_to_the_queue_of_the_moment():
    desk = Desk().tell("09:00 created queue=a · 10:00 queue=b · 11:00 status=solved · 12:00 status=open queue=c")

    assert counted(desk, "13:00", "a") == {"created": 1, "reassigned": 1}
    assert counted(desk, "13:00", "b") == {"solved": 1, "reassigned": 1}
    assert counted(desk, "13:00", "c") == {"reopened": 1, "backlog": 1}


def test_the_backlog_stands_where_the_ticket_is_and_as_urgent_as_it_is():
    desk = Desk().tell("09:00 created queue=a").tell("09:30 created queue=a priority=P1", "t2")
    desk.tell("09:40 created queue=a priority=Urgent · 10:00 queue=b priority=low", "t3")

    assert desk.at("09:50", "a")["backlog"] == 3
    assert {name: desk.at("11:00", "a")[f"backlog_{name}"] for name in ("urgent", "normal", "low", "other")} == {
        "urgent": 0, "normal": 1, "low": 0, "other": 1,
    }  # fmt: skip
    assert desk.at("11:00", "b")["backlog_low"] == 1
    assert desk.at("11:00", "a")["backlog_oldest"] == 2 * 3_600
    assert desk.at("11:00", "b")["backlog_oldest"] == 80 * 60


def test_the_backlog_by_age():
    desk = Desk().tell("mon 09:00 created").tell("tue 09:00 created", "t2")

    assert [desk.at("tue 09:00")[f"backlog_over_{days}d"] for days in (1, 3)] == [0, 0]
    assert [desk.at("tue 09:01")[f"backlog_over_{days}d"] for days in (1, 3)] == [1, 0]
    assert [desk.at("sat 09:00")[f"backlog_over_{days}d"] for days in (1, 3, 7)] == [2, 2, 0]


def test_a_solve_measures_and_a_second_one_again():
    desk = Desk().tell(
        "09:00 created · 10:00 status=open · 11:00 status=pending · 13:00 status=on_hold · 14:00 status=solved"
    )

    values = desk.at("14:30")

    assert values["resolution_first_avg"] == values["resolution_full_avg"] == 5 * 3_600
    assert values["requester_wait_avg"] == 3 * 3_600
    assert values["agent_work_avg"] == 2 * 3_600
    assert values["resolution_full_business_avg"] is None


def test_a_second_solve_is_one_more_record_of_the_whole_time_but_no_first_one():
    desk = Desk().tell("09:00 created · 10:00 status=solved · 12:00 status=open · 13:00 status=solved")

    values = desk.at("14:00")

    assert values["resolution_first_avg"] == 3_600
    assert values["resolution_full_avg"] == (1 + 4) / 2 * 3_600
    assert values["requester_wait_avg"] == (1 + 2) / 2 * 3_600
    assert (values["resolutions"], values["first_resolutions"]) == (2, 1)


def test_business_time_stands_beside_it_where_the_queue_has_a_calendar():
    hours = CalendarSettings("UTC", (((9 * HOUR, 17 * HOUR),),) * 5 + ((), ()))
    desk = Desk(calendar=hours).tell("fri 16:00 created · +mon 10:00 status=solved")

    values = desk.at("+mon 11:00")

    assert values["resolution_full_avg"] == (8 + 48 + 10) * 3_600
    assert values["resolution_full_business_avg"] == values["agent_work_business_avg"] == 2 * 3_600
    assert values["resolution_first_business_p50"] == pytest.approx(2 * 3_600, rel=0.011)


def test_a_second_solve_is_no_first_one_in_business_time_either():
    hours = CalendarSettings("UTC", (((9 * HOUR, 17 * HOUR),),) * 7)
    desk = Desk(calendar=hours).tell("09:00 created · 10:00 status=solved · 12:00 status=open · 13:00 status=solved")

    values = desk.at("14:00")

    assert desk.at("11:00")["resolution_first_business_avg"] == values["resolution_first_business_avg"] == 3_600
    assert values["resolution_full_business_avg"] == (1 + 4) / 2 * 3_600


def test_each_duration_of_a_solve_stands_in_its_histogram_once():
    log = Log()
    for event in events("09:00 created · 10:00 status=solved"):
        log.append(json.dumps(event).encode())
    log.flush()
    booked = sum(log.panes["email", "q"].values(), Counter())

    assert {key // HISTOGRAM: n for key, n in booked.items() if key >= HISTOGRAM} == {
        H.RESOLUTION_FIRST: 1, H.RESOLUTION_FULL: 1, H.REQUESTER_WAIT: 1, H.AGENT_WORK: 1,
    }  # fmt: skip


class TestResponses:
    def test_the_first_public_message_of_a_human(self):
        desk = Desk().tell("09:00 created · 09:10 bot · 09:20 agent public=false · 09:30 agent · 09:40 agent")

        assert desk.at("09:25")["first_response_pending"] == 1
        assert desk.at("09:25")["first_response_oldest"] == 25 * 60
        assert desk.at("10:00")["first_response_avg"] == 30 * 60
        assert desk.at("10:00")["first_response_pending"] == 0
        assert desk.at("10:00")["replies"] == 0

    def test_an_agents_own_ticket_starts_with_the_next_customer_message(self):
        desk = Desk().tell("09:00 created by_agent=true · 09:05 agent · 10:00 customer · 10:20 agent")

        assert desk.at("09:50")["first_response_pending"] == 0
        assert desk.at("10:10")["first_response_oldest"] == 10 * 60
        assert desk.at("11:00")["first_response_avg"] == 20 * 60

    def test_a_reply_is_measured_from_the_message_that_begins_the_wait(self):
        desk = Desk().tell("09:00 created · 09:30 agent · 10:00 customer · 10:30 customer · 11:00 agent")

        assert desk.at("12:00")["reply_avg"] == 3_600

    def test_a_solve_ends_the_wait_for_a_reply(self):
        desk = Desk().tell(
            "09:00 created · 09:30 agent · 10:00 customer · 11:00 status=solved · 12:00 status=open · 13:00 agent"
        )

        assert desk.at("14:00")["replies"] == 0

    def test_a_solved_ticket_is_in_nobodys_care_but_a_reopened_one_is_again(self):
        desk = Desk().tell("09:00 created · 10:00 status=solved · 12:00 status=open")

        assert desk.at("11:00")["first_response_pending"] == 0
        assert desk.at("13:00")["first_response_oldest"] == 4 * 3_600

    def test_messages_of_other_channels_belong_to_conversations(self):
        told = events("09:00 created · 09:30 agent", channel="chat")

        assert Desk().feed(told).at("10:00", channel="chat").get("first_responses") == 0


class TestOrphans:
    def test_what_an_update_proves_is_counted(self):
        desk = Desk().tell("09:00 queue=q status=open · 10:00 status=solved")

        assert desk.at("09:30", "q")["backlog"] == 1
        assert counted(desk, "11:00", "q") == {"solved": 1}
        assert desk.at("11:00", "q")["resolution_full_avg"] is None

    def test_a_close_alone_proves_no_solve(self):
        assert Desk().tell("09:00 queue=q status=closed").pipeline.views(clock("10:00")) == []

    def test_one_without_a_queue_is_under_a_dash(self):
        assert counted(Desk().tell("09:00 status=open"), "10:00", "-") == {"backlog": 1}

    def test_a_creation_that_comes_after_is_its_creation(self):
        desk = Desk().tell("09:00 status=open · 09:00:10 created · 10:00 status=solved")

        assert counted(desk, "11:00", "q") == {"created": 1, "solved": 1}
        assert desk.at("11:00", "q")["resolution_full_avg"] == 3_590

    def test_a_ticket_is_remembered_for_a_while_after_its_end(self):
        kept = Desk().tell("mon 09:00 created · mon 10:00 status=solved · sun 10:00 status=open")
        forgotten = Desk(tickets_kept_ms=24 * HOUR).tell(
            "mon 09:00 created · mon 10:00 status=solved · sun 10:00 status=open queue=q"
        )

        assert counted(kept, "sun 11:00")["reopened"] == 1
        assert counted(forgotten, "sun 11:00") == {"created": 1, "solved": 1, "backlog": 1}


class TestLate:
    """More than a minute behind the watermark."""

    def test_what_nothing_newer_has_said_still_holds(self):
        desk = Desk().tell("09:00 created").beat("10:00").tell("09:10 status=solved id=late")

        assert counted(desk, "10:30") == {"created": 1, "solved": 1}
        assert desk.at("10:30")["resolution_full_avg"] == 600
        assert desk.outcomes["late"] == 1

    def test_it_never_undoes_what_a_newer_event_said(self):
        desk = Desk().tell("09:00 created · 09:30 status=open").beat("10:00").tell("09:10 status=solved id=late")

        assert counted(desk, "10:30") == {"created": 1, "backlog": 1}

    def test_a_reply_that_was_waited_for_counts_with_its_own_time(self):
        desk = Desk().tell("09:00 created").beat("10:00").tell("09:10 agent id=late")

        assert desk.at("10:30")["first_response_avg"] == 600

    def test_an_unknown_ticket_is_not_begun_by_it(self):
        desk = Desk().beat("10:00").tell("09:00 created")

        assert desk.outcomes["too_late"] == 1


class TestTargets:
    def test_one_that_is_kept(self):
        desk = Desk(TargetRule("first_reply", 30 * MINUTE)).tell("09:00 created · 09:30 agent")

        assert desk.at("10:00")["sla_compliance_first_reply"] == 1.0
        assert desk.at("10:00")["sla_ended_first_reply_normal"] == 1

    def test_a_breach_is_one_when_its_due_time_has_passed_though_no_event_arrives(self):
        desk = Desk(TargetRule("first_reply", 30 * MINUTE)).tell("09:00 created")

        assert desk.at("09:30")["sla_ended"] == 0
        assert desk.at("09:30:00.001")["sla_ended"] == 1
        assert desk.at("09:30:00.001")["sla_breached_open"] == 1
        assert desk.at("10:00")["sla_compliance"] == 0.0

    def test_the_fold_books_it_when_the_watermark_passes_and_the_view_counts_it_no_more(self):
        desk = Desk(TargetRule("first_reply", 30 * MINUTE)).tell("09:00 created")

        desk.beat("09:45")

        assert desk.at("10:00")["sla_ended"] == 1
        assert desk.at("10:00")["sla_breached_open"] == 1

    def test_the_reply_after_it_changes_nothing_but_ends_it(self):
        desk = Desk(TargetRule("first_reply", 30 * MINUTE)).tell("09:00 created · 10:00 agent")

        values = desk.at("11:00")

        assert (values["sla_ended"], values["sla_met"], values["sla_breached_open"]) == (1, 0, 0)

    def test_a_reply_in_time_that_arrives_after_the_breach_takes_it_back(self):
        desk = Desk(TargetRule("first_reply", 30 * MINUTE)).tell("09:00 created").beat("09:30:30")
        assert desk.at("09:30:30")["sla_compliance"] == 0.0

        desk.tell("09:29:50 agent id=delayed")

        assert desk.at("09:31")["sla_compliance"] == 1.0
        assert desk.at("09:31")["sla_ended"] == 1

    def test_each_wait_for_a_reply_is_an_instance(self):
        desk = Desk(TargetRule("next_reply", 30 * MINUTE)).tell(
            "09:00 created · 09:30 agent · 10:00 customer · 10:20 agent · 11:00 customer · 11:40 agent"
        )

        assert desk.at("12:00")["sla_compliance_next_reply"] == 0.5

    def test_a_reopened_ticket_has_its_targets_anew(self):
        desk = Desk(TargetRule("resolution", HOUR)).tell(
            "09:00 created · 09:50 status=solved · 12:00 status=open · 13:30 status=solved"
        )

        assert desk.at("14:00")["sla_compliance_resolution"] == 0.5

    def test_the_priority_that_counts_is_the_one_when_it_was_applied(self):
        rules = (TargetRule("resolution", HOUR, priority="high"), TargetRule("resolution", 4 * HOUR))
        desk = Desk(*rules).tell("09:00 created · 09:30 priority=high")
        assert desk.at("09:10")["sla_next_due"] == (4 * 60 - 10) * 60
        assert desk.at("09:40")["sla_next_due"] == 20 * 60

        desk.tell("11:00 status=solved id=solve")

        assert desk.at("11:30")["sla_ended_resolution_high"] == 1
        assert desk.at("11:30")["sla_ended_resolution_normal"] == 0

    def test_a_target_exceeded_as_it_is_applied_is_breached_there_and_then(self):
        rules = (TargetRule("resolution", HOUR, priority="high"), TargetRule("resolution", 8 * HOUR))
        desk = Desk(*rules).tell("09:00 created · 12:00 priority=high")

        assert desk.at("11:59")["sla_ended"] == 0
        assert desk.at("12:00")["sla_ended_resolution_high"] == 1

    def test_a_breach_stays_whatever_the_priority_becomes(self):
        rules = (TargetRule("resolution", HOUR), TargetRule("resolution", 8 * HOUR, priority="low"))
        desk = Desk(*rules).tell("09:00 created · 10:30 priority=low · 11:00 status=solved")

        assert desk.at("12:00")["sla_compliance"] == 0.0
        assert desk.at("12:00")["sla_ended_resolution_normal"] == 1

    def test_rules_are_versioned_by_date(self):
        story = "09:00 created · 10:30 status=solved"
        rules = (TargetRule("resolution", HOUR), TargetRule("resolution", 2 * HOUR, from_ms=1_370_304_000_000))

        assert Desk(*rules, day="2013-06-03").tell(story).at("12:00")["sla_compliance"] == 0.0
        assert Desk(*rules, day="2013-06-04").tell(story).at("12:00")["sla_compliance"] == 1.0

    @pytest.mark.parametrize(
        ("story", "target_s"), [("09:00 created", 7_200), ("09:00 created priority=Normal", 7_200)]
    )
    def test_a_ticket_without_a_priority_is_a_normal_one(self, story, target_s):
        rules = (TargetRule("resolution", HOUR), TargetRule("resolution", 2 * HOUR, priority="normal"))

        assert Desk(*rules).tell(story).at("09:00")["sla_next_due"] == target_s

    def test_one_that_names_the_queue_goes_before_one_that_names_the_priority(self):
        rules = (
            TargetRule("resolution", HOUR),
            TargetRule("resolution", 2 * HOUR, priority="high"),
            TargetRule("resolution", 3 * HOUR, queues=("vip",)),
        )
        desk = Desk(*rules).tell("09:00 created queue=vip priority=high").tell("09:00 created priority=high", "t2")

        assert desk.at("09:00", "vip")["sla_next_due"] == 3 * 3_600
        assert desk.at("09:00", "q")["sla_next_due"] == 2 * 3_600

    def test_it_moves_with_the_ticket(self):
        desk = Desk(TargetRule("resolution", HOUR)).tell("09:00 created queue=a · 09:30 queue=b")

        assert desk.at("10:30", "a")["sla_ended"] == 0
        assert desk.at("10:30", "b")["sla_breached_open"] == 1

    def test_a_merged_ticket_owes_nothing(self):
        desk = Desk(TargetRule("resolution", HOUR)).tell("09:00 created · 09:30 merged")

        assert desk.at("11:00")["sla_ended"] == 0
        assert desk.at("11:00")["sla_next_due"] is None

    def test_due_soon_and_next_due(self):
        desk = Desk(TargetRule("resolution", HOUR), sla_due_soon_ms=10 * MINUTE).tell("09:00 created")
        desk.tell("09:20 created", "t2")

        assert [desk.at(at)["sla_due_soon"] for at in ("09:49", "09:50", "10:00", "10:01", "10:15")] == [0, 1, 1, 0, 1]
        assert [desk.at(at)["sla_next_due"] for at in ("09:30", "10:00", "10:10", "10:21")] == [
            1_800, 0, 600, None,
        ]  # fmt: skip

    def test_pending_pauses_as_configured(self):
        story = "09:00 created · 09:10 status=pending · 12:00 status=open"
        zendesk = Desk(TargetRule("first_reply", HOUR)).tell(story)
        zammad = Desk(TargetRule("first_reply", HOUR), ticket_pauses=ZAMMAD).tell(story)

        assert zendesk.at("12:00")["sla_breached_open"] == 1
        assert zammad.at("12:00")["sla_next_due"] == 50 * 60

    def test_what_is_due_next_is_told_of_each_queue_but_not_of_their_sums(self):
        desk = Desk(TargetRule("resolution", HOUR), TargetRule("first_reply", 10 * MINUTE)).tell("09:00 created")
        desk.tell("09:10 created", "t2").tell("09:15 created · 09:16 status=solved", "t3")

        due = {view.queue: view.due for view in desk.pipeline.views(clock("09:18"))}

        assert due == {
            "*": (),
            "q": (
                (clock("09:20"), "t2", "first_reply"),
                (clock("10:00"), "t1", "resolution"),
                (clock("10:10"), "t2", "resolution"),
            ),
        }

    def test_a_solve_withdraws_the_wait_for_a_reply_without_an_outcome(self):
        desk = Desk(TargetRule("next_reply", 2 * HOUR)).tell(
            "09:00 created · 09:30 agent · 10:00 customer · 11:00 status=solved · 12:00 status=open"
        )

        assert desk.at("16:00")["sla_ended"] == 0
        assert desk.at("16:00")["sla_breached_open"] == 0

    def test_the_wait_that_a_solve_withdrew_begins_anew_with_the_next_message(self):
        desk = Desk(TargetRule("next_reply", 2 * HOUR)).tell(
            "09:00 created · 09:30 agent · 10:00 customer · 11:00 status=solved · 11:10 status=open"
            " · 11:30 customer · 13:00 agent"
        )

        assert (desk.at("14:00")["sla_ended"], desk.at("14:00")["sla_met"]) == (1, 1)

    def test_a_breach_is_shown_although_no_rule_holds_any_more(self):
        desk = Desk(TargetRule("resolution", HOUR, priority="high")).tell(
            "09:00 created priority=high · 11:00 priority=low"
        )

        assert desk.at("12:00")["sla_breached_open"] == 1
        assert desk.at("12:00")["sla_ended_resolution_high"] == 1

    def test_time_used_is_business_time_where_the_target_is(self):
        hours = CalendarSettings("UTC", (((9 * HOUR, 17 * HOUR),),) * 5 + ((), ()))
        desk = Desk(TargetRule("resolution", 2 * HOUR, business=True), calendar=hours)

        desk.tell("fri 16:30 created · +mon 09:10 status=open")

        assert desk.at("+mon 09:30")["sla_next_due"] == 3_600

    def test_opening_hours_are_nothing_to_a_target_around_the_clock(self):
        hours = CalendarSettings("UTC", (((9 * HOUR, 17 * HOUR),),) * 5 + ((), ()))
        desk = Desk(TargetRule("resolution", 2 * HOUR), calendar=hours).tell("fri 16:30 created")

        assert desk.at("fri 17:30")["sla_next_due"] == 3_600

    def test_one_that_is_due_at_the_instant_at_which_it_is_applied_can_be_met_then(self):
        rules = (TargetRule("resolution", HOUR, priority="high"), TargetRule("resolution", 8 * HOUR))
        desk = Desk(*rules).tell("09:00 created · 10:00 priority=high status=solved")

        assert (desk.at("11:00")["sla_ended"], desk.at("11:00")["sla_met"]) == (1, 1)

    def test_a_late_word_that_makes_it_due_in_the_past_is_a_breach_where_it_is_booked(self):
        rules = (TargetRule("resolution", HOUR, priority="high"), TargetRule("resolution", 8 * HOUR))
        desk = Desk(*rules).tell("09:00 created").beat("12:00").tell("09:10 priority=high id=late")

        assert desk.at("12:00")["sla_ended_resolution_high"] == 1
        assert desk.at("12:01")["sla_breached_open"] == 1

    def test_a_rule_holds_from_its_first_instant_on(self):
        desk = Desk(TargetRule("resolution", HOUR, from_ms=clock("09:00"))).tell("09:00 created")

        assert desk.at("09:00")["sla_next_due"] == 3_600

    def test_two_that_are_due_one_after_the_other_end_each_at_its_own_time(self):
        desk = Desk(TargetRule("first_reply", HOUR), TargetRule("resolution", HOUR + 1)).tell("09:00 created")

        desk.tell("10:00:00.001 status=solved id=solve")

        assert desk.at("10:01")["sla_compliance_first_reply"] == 0.0
        assert desk.at("10:01")["sla_compliance_resolution"] == 1.0


def test_what_a_segments_tickets_come_to_is_shown_beside_the_queues():
    desk = Desk(TargetRule("resolution", HOUR), segments=("gold",)).tell("08:50 created", "t2")
    desk.tell("09:00 created segment=gold · 10:30 agent")

    gold = desk.at("10:40", "#gold")

    assert (gold["created"], gold["backlog"], gold["first_responses"], gold["sla_ended"]) == (1, 1, 1, 1)
    assert desk.at("10:40")["created"] == 2
