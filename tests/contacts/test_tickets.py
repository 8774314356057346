"""The life of a ticket, told as time lines."""

import json
from collections import Counter

import pytest

from streams.calendars.settings import CalendarSettings
from streams.contacts.settings import TargetRule
from streams.contacts.tickets.state import STATES
from streams.contacts.tickets.steps import TABLE
from streams.facts.primitives import HISTOGRAM, H
from tests.contacts.desk import HOUR, Desk, events
from tests.contacts.timeline import Log


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
            "09:00 created · 10:00 agent=ann · 11:00 agent=ann", {"created": 1, "backlog": 1}, id="to the same again",
        ),
        pytest.param(
            "09:00 created · 10:00 agent=ann · 11:00 status=open · 12:00 agent=bob",
            {"created": 1, "backlog": 1, "reassigned": 1}, id="handed on",
        ),
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
    assert Desk().tell(story).counted("12:00") == expected


@pytest.mark.parametrize("said", ["status=open", "queue=other", "priority=high", "agent=ann"])
def test_an_update_that_says_nothing_new_is_a_duplicate(said):
    desk = Desk().tell(f"09:00 created · 10:00 {said}")
    assert desk.outcomes == {"applied": 2}

    desk.tell(f"11:00 {said} id=again")

    assert desk.outcomes == {"applied": 2, "duplicate": 1}


def test_each_number_belongs_to_the_queue_of_the_moment():
    desk = Desk().tell("09:00 created queue=a · 10:00 queue=b · 11:00 status=solved · 12:00 status=open queue=c")

    assert desk.counted("13:00", "a") == {"created": 1, "reassigned": 1}
    assert desk.counted("13:00", "b") == {"solved": 1, "reassigned": 1}
    assert desk.counted("13:00", "c") == {"reopened": 1, "backlog": 1}


def test_an_escalation_counts_where_it_was_and_moves_the_ticket():
    rules = (TargetRule("resolution", HOUR, queues=("vip",)), TargetRule("resolution", 8 * HOUR))
    desk = Desk(*rules).tell("09:00 created · 09:10 escalated queue=vip")

    assert desk.counted("09:30", "q") == {"created": 1, "escalated": 1}
    assert desk.counted("09:30", "vip") == {"backlog": 1}
    assert desk.at("09:10", "vip")["sla_next_due"] == 50 * 60


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

    def test_a_reply_in_the_same_instant_takes_no_time(self):
        desk = Desk().tell("09:00 created · 09:30 agent · 10:00 customer · 10:00 agent")

        assert (desk.at("11:00")["replies"], desk.at("11:00")["reply_avg"]) == (1, 0)

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


@pytest.mark.parametrize("end", ["deleted", "merged"])
def test_a_ticket_that_is_over_in_the_instant_of_its_creation_was_never_in_the_backlog(end):
    desk = Desk().tell("09:00 created")
    before = desk.at("09:00")["backlog"]
    desk.feed([{**events(f"09:00 {end}")[0], "id": "end"}])

    assert (before, desk.counted("10:00")) == (1, {"created": 1, end: 1})


def test_what_a_segments_tickets_come_to_is_shown_beside_the_queues():
    desk = Desk(TargetRule("resolution", HOUR), segments=("gold",)).tell("08:50 created", "t2")
    desk.tell("09:00 created segment=gold · 10:30 agent")

    gold = desk.at("10:40", "#gold")

    assert (gold["created"], gold["backlog"], gold["first_responses"], gold["sla_ended"]) == (1, 1, 1, 1)
    assert desk.at("10:40")["created"] == 2
