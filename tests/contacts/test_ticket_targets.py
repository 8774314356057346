"""Service-level targets of tickets: which rule holds, when they are due, and what becomes of them."""

import json

import pytest

from streams.calendars.settings import CalendarSettings
from streams.contacts.settings import ZAMMAD, FoldSettings, TargetRule, Thresholds
from streams.facts.wire import RowKind
from tests.contacts.desk import HOUR, MINUTE, Desk, clock, events
from tests.contacts.timeline import Log

OFFICE = CalendarSettings("UTC", (((9 * HOUR, 17 * HOUR),),) * 5 + ((), ()))


def test_one_that_is_kept():
    desk = Desk(TargetRule("first_reply", 30 * MINUTE)).tell("09:00 created · 09:30 agent")

    assert desk.at("10:00")["sla_compliance_first_reply"] == 1.0
    assert desk.at("10:00")["sla_ended_first_reply_normal"] == 1


def test_the_first_reply_to_an_agents_own_ticket_is_due_after_the_customers_message():
    desk = Desk(TargetRule("first_reply", HOUR)).tell("09:00 created by_agent=true · 10:00 customer")

    assert desk.at("09:30")["sla_next_due"] is None
    assert desk.at("10:10")["sla_next_due"] == 50 * 60


def test_a_breach_is_one_when_its_due_time_has_passed_though_no_event_arrives():
    desk = Desk(TargetRule("first_reply", 30 * MINUTE)).tell("09:00 created")

    assert desk.at("09:30")["sla_ended"] == 0
    assert desk.at("09:30:00.001")["sla_ended"] == 1
    assert desk.at("09:30:00.001")["sla_breached_open"] == 1
    assert desk.at("10:00")["sla_compliance"] == 0.0


def test_the_fold_books_it_when_the_watermark_passes_and_the_view_counts_it_no_more():
    desk = Desk(TargetRule("first_reply", 30 * MINUTE)).tell("09:00 created")

    desk.beat("09:45")

    assert desk.at("10:00")["sla_ended"] == 1
    assert desk.at("10:00")["sla_breached_open"] == 1


def test_the_reply_after_it_changes_nothing_but_ends_it():
    desk = Desk(TargetRule("first_reply", 30 * MINUTE)).tell("09:00 created · 10:00 agent")

    values = desk.at("11:00")

    assert (values["sla_ended"], values["sla_met"], values["sla_breached_open"]) == (1, 0, 0)


def test_a_reply_in_time_that_arrives_after_the_breach_takes_it_back():
    desk = Desk(TargetRule("first_reply", 30 * MINUTE)).tell("09:00 created").beat("09:30:30")
    assert desk.at("09:30:30")["sla_compliance"] == 0.0

    desk.tell("09:29:50 agent id=delayed")

    assert desk.at("09:31")["sla_compliance"] == 1.0
    assert desk.at("09:31")["sla_ended"] == 1


def test_each_wait_for_a_reply_is_an_instance():
    desk = Desk(TargetRule("next_reply", 30 * MINUTE)).tell(
        "09:00 created · 09:30 agent · 10:00 customer · 10:20 agent · 11:00 customer · 11:40 agent"
    )

    assert desk.at("12:00")["sla_compliance_next_reply"] == 0.5


def test_a_reopened_ticket_has_its_targets_anew():
    desk = Desk(TargetRule("resolution", HOUR)).tell(
        "09:00 created · 09:50 status=solved · 12:00 status=open · 13:30 status=solved"
    )

    assert desk.at("14:00")["sla_compliance_resolution"] == 0.5


def test_the_priority_that_counts_is_the_one_when_it_was_applied():
    rules = (TargetRule("resolution", HOUR, priority="high"), TargetRule("resolution", 4 * HOUR))
    desk = Desk(*rules).tell("09:00 created · 09:30 priority=high")
    assert desk.at("09:10")["sla_next_due"] == (4 * 60 - 10) * 60
    assert desk.at("09:40")["sla_next_due"] == 20 * 60

    desk.tell("11:00 status=solved id=solve")

    assert desk.at("11:30")["sla_ended_resolution_high"] == 1
    assert desk.at("11:30")["sla_ended_resolution_normal"] == 0


def test_a_target_exceeded_as_it_is_applied_is_breached_there_and_then():
    rules = (TargetRule("resolution", HOUR, priority="high"), TargetRule("resolution", 8 * HOUR))
    desk = Desk(*rules).tell("09:00 created · 12:00 priority=high")

    assert desk.at("11:59")["sla_ended"] == 0
    assert desk.at("12:00")["sla_ended_resolution_high"] == 1


def test_a_breach_stays_whatever_the_priority_becomes():
    rules = (TargetRule("resolution", HOUR), TargetRule("resolution", 8 * HOUR, priority="low"))
    desk = Desk(*rules).tell("09:00 created · 10:30 priority=low · 11:00 status=solved")

    assert desk.at("12:00")["sla_compliance"] == 0.0
    assert desk.at("12:00")["sla_ended_resolution_normal"] == 1


def test_rules_are_versioned_by_date():
    story = "09:00 created · 10:30 status=solved"
    rules = (TargetRule("resolution", HOUR), TargetRule("resolution", 2 * HOUR, from_ms=1_370_304_000_000))

    assert Desk(*rules, day="2013-06-03").tell(story).at("12:00")["sla_compliance"] == 0.0
    assert Desk(*rules, day="2013-06-04").tell(story).at("12:00")["sla_compliance"] == 1.0


@pytest.mark.parametrize(("story", "target_s"), [("09:00 created", 7_200), ("09:00 created priority=Normal", 7_200)])
def test_a_ticket_without_a_priority_is_a_normal_one(story, target_s):
    rules = (TargetRule("resolution", HOUR), TargetRule("resolution", 2 * HOUR, priority="normal"))

    assert Desk(*rules).tell(story).at("09:00")["sla_next_due"] == target_s


def test_one_that_names_the_queue_goes_before_one_that_names_the_priority():
    rules = (
        TargetRule("resolution", HOUR),
        TargetRule("resolution", 2 * HOUR, priority="high"),
        TargetRule("resolution", 3 * HOUR, queues=("vip",)),
    )
    desk = Desk(*rules).tell("09:00 created queue=vip priority=high").tell("09:00 created priority=high", "t2")

    assert desk.at("09:00", "vip")["sla_next_due"] == 3 * 3_600
    assert desk.at("09:00", "q")["sla_next_due"] == 2 * 3_600


def test_it_moves_with_the_ticket():
    desk = Desk(TargetRule("resolution", HOUR)).tell("09:00 created queue=a · 09:30 queue=b")

    assert desk.at("10:30", "a")["sla_ended"] == 0
    assert desk.at("10:30", "b")["sla_breached_open"] == 1


def test_a_merged_ticket_owes_nothing():
    desk = Desk(TargetRule("resolution", HOUR)).tell("09:00 created · 09:30 merged")

    assert desk.at("11:00")["sla_ended"] == 0
    assert desk.at("11:00")["sla_next_due"] is None


def test_due_soon_and_next_due():
    desk = Desk(TargetRule("resolution", HOUR), sla_due_soon_ms=10 * MINUTE).tell("09:00 created")
    desk.tell("09:20 created", "t2")

    assert [desk.at(at)["sla_due_soon"] for at in ("09:49", "09:50", "10:00", "10:01", "10:15")] == [0, 1, 1, 0, 1]
    assert [desk.at(at)["sla_next_due"] for at in ("09:30", "10:00", "10:10", "10:21")] == [
        1_800, 0, 600, None,
    ]  # fmt: skip


def test_pending_pauses_as_configured():
    story = "09:00 created · 09:10 status=pending · 12:00 status=open"
    zendesk = Desk(TargetRule("first_reply", HOUR)).tell(story)
    zammad = Desk(TargetRule("first_reply", HOUR), ticket_pauses=ZAMMAD).tell(story)

    assert zendesk.at("12:00")["sla_breached_open"] == 1
    assert zammad.at("12:00")["sla_next_due"] == 50 * 60


def test_what_is_due_next_is_told_of_each_queue_but_not_of_their_sums():
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


def test_a_solve_withdraws_the_wait_for_a_reply_without_an_outcome():
    desk = Desk(TargetRule("next_reply", 2 * HOUR)).tell(
        "09:00 created · 09:30 agent · 10:00 customer · 11:00 status=solved · 12:00 status=open"
    )

    assert desk.at("16:00")["sla_ended"] == 0
    assert desk.at("16:00")["sla_breached_open"] == 0


def test_the_wait_that_a_solve_withdrew_begins_anew_with_the_next_message():
    desk = Desk(TargetRule("next_reply", 2 * HOUR)).tell(
        "09:00 created · 09:30 agent · 10:00 customer · 11:00 status=solved · 11:10 status=open"
        " · 11:30 customer · 13:00 agent"
    )

    assert (desk.at("14:00")["sla_ended"], desk.at("14:00")["sla_met"]) == (1, 1)


def test_a_breach_is_shown_although_no_rule_holds_any_more():
    desk = Desk(TargetRule("resolution", HOUR, priority="high")).tell(
        "09:00 created priority=high · 11:00 priority=low"
    )

    assert desk.at("12:00")["sla_breached_open"] == 1
    assert desk.at("12:00")["sla_ended_resolution_high"] == 1


def test_time_used_is_business_time_where_the_target_is():
    desk = Desk(TargetRule("resolution", 2 * HOUR, business=True), calendar=OFFICE)

    desk.tell("fri 16:30 created · +mon 09:10 status=open")

    assert desk.at("+mon 09:30")["sla_next_due"] == 3_600


def test_opening_hours_are_nothing_to_a_target_around_the_clock():
    desk = Desk(TargetRule("resolution", 2 * HOUR), calendar=OFFICE).tell("fri 16:30 created")

    assert desk.at("fri 17:30")["sla_next_due"] == 3_600


def test_one_that_is_due_at_the_instant_at_which_it_is_applied_can_be_met_then():
    rules = (TargetRule("resolution", HOUR, priority="high"), TargetRule("resolution", 8 * HOUR))
    desk = Desk(*rules).tell("09:00 created · 10:00 priority=high status=solved")

    assert (desk.at("11:00")["sla_ended"], desk.at("11:00")["sla_met"]) == (1, 1)


def test_a_late_word_that_makes_it_due_in_the_past_is_a_breach_where_it_is_booked():
    rules = (TargetRule("resolution", HOUR, priority="high"), TargetRule("resolution", 8 * HOUR))
    desk = Desk(*rules).tell("09:00 created").beat("12:00").tell("09:10 priority=high id=late")

    assert desk.at("12:00")["sla_ended_resolution_high"] == 1
    assert desk.at("12:01")["sla_breached_open"] == 1


def test_a_rule_of_later_is_nothing_to_what_was_applied_before():
    rules = (TargetRule("resolution", 8 * HOUR), TargetRule("resolution", HOUR, from_ms=clock("10:00")))
    desk = Desk(*rules).tell("09:00 created · 10:10 agent=ann")

    assert desk.at("10:10")["sla_next_due"] == (8 * 60 - 70) * 60


def test_a_rule_holds_from_its_first_instant_on():
    desk = Desk(TargetRule("resolution", HOUR, from_ms=clock("09:00"))).tell("09:00 created")

    assert desk.at("09:00")["sla_next_due"] == 3_600


def test_two_that_are_due_one_after_the_other_end_each_at_its_own_time():
    desk = Desk(TargetRule("first_reply", HOUR), TargetRule("resolution", HOUR + 1)).tell("09:00 created")

    desk.tell("10:00:00.001 status=solved id=solve")

    assert desk.at("10:01")["sla_compliance_first_reply"] == 0.0
    assert desk.at("10:01")["sla_compliance_resolution"] == 1.0


def test_a_target_that_its_calendar_has_no_time_for_is_never_due():
    """There are no hours any more from 2200 on."""
    desk = Desk(TargetRule("resolution", 400 * 365 * 24 * HOUR, business=True), calendar=OFFICE).tell("09:00 created")

    assert desk.at("10:00")["sla_next_due"] is None
    assert desk.at("10:00")["sla_ended"] == 0


def test_a_calendar_that_is_configured_no_more_leaves_the_time_around_the_clock():
    """After so many messages the creation itself is no longer kept: its target was applied under the old settings."""
    rules = (TargetRule("resolution", 10 * HOUR, business=True),)
    office = FoldSettings(ticket_targets=rules, calendars={"office": OFFICE}, defaults=Thresholds(calendar="office"))
    log = tell(Log(office), " · ".join(["09:00 created", *(f"09:{minute} customer" for minute in range(10, 40))]))
    assert due(log) == [clock("tue 11:00")]

    tell(log.restart(FoldSettings(ticket_targets=rules)), "10:00 status=open id=opened")

    assert due(log) == [clock("19:00")]


def tell(log: Log, story: str) -> Log:
    for event in events(story):
        log.append(json.dumps(event).encode())
    return log


def due(log: Log) -> list[int | None]:
    """When the targets under way are due."""
    log.flush()
    return [row.due_at for row in log.rows["email", "q"].values() if row.kind == RowKind.TARGET and row.end is None]
