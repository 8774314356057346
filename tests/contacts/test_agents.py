"""Agents: which state counts, where, and what is kept. Times in seconds from `T`."""

import json
from typing import Any

import pytest

from streams.books import MemoryRecord, Reading
from streams.contacts.agents.state import OFFLINE_KEPT_MS
from streams.contacts.book import ContactBook
from streams.contacts.settings import FoldSettings
from streams.metrics.settings import Variants
from streams.metrics.view import QueueView
from streams.pipeline import Pipeline
from streams.windows.settings import WindowSettings

T = 1_790_000_100_000
"""Begins an interval."""
DAY_S = 86_400

CAUGHT_UP = Reading(caught_up=True, lag=0)


def said(at: float, state: str, queues: list[str] | None = None, agent: str = "ann", name: str = "") -> dict[str, Any]:
    event = {"v": 1, "id": name or f"{agent}{at}{state}", "type": "agent.state", "time": T + round(at * 1000)}
    return {**event, "agent": agent, "state": state, **({} if queues is None else {"queues": queues})}


def records(events: list[dict[str, Any]]) -> list[MemoryRecord]:
    return [MemoryRecord(offset, None, None, json.dumps(event).encode()) for offset, event in enumerate(events)]


def pipeline(events: list[dict[str, Any]], fold: FoldSettings | None = None) -> Pipeline:
    made = Pipeline(fold or FoldSettings(), WindowSettings(whole_log=True), Variants())
    made.feed([(("agents", 0), record) for record in records(events)])
    return made


def views(events: list[dict[str, Any]], at: float, fold: FoldSettings | None = None) -> dict[str, QueueView]:
    """Queue → what is shown of the agents."""
    return {view.queue: view for view in pipeline(events, fold).views(T + round(at * 1000))}


def states(view: QueueView) -> dict[str, int]:
    """State → agents in it, where there are any."""
    return {kpi.removeprefix("agents_"): n for kpi, n in view.live.items() if n and kpi != "agents_staffed"}


@pytest.mark.parametrize(
    ("tied", "holds"),
    [
        (("available", "offered"), "offered"),
        (("offered", "wrapup"), "wrapup"),
        (("wrapup", "on_contact"), "on_contact"),
        (("available", "on_contact"), "on_contact"),
        (("break", "available"), "break"),
        (("wrapup", "break"), "wrapup"),
        (("available", "offline"), "offline"),
        (("on_contact", "offline"), "offline"),
    ],
    ids="+".join,
)
def test_of_the_states_of_one_instant_the_strongest_holds_in_any_order(tied: tuple[str, str], holds: str):
    for first, second in (tied, tied[::-1]):
        events = [said(0, "available"), said(10, first, name="1"), said(10, second, name="2")]

        assert states(views(events, 11)["*"]) == {holds: 1}


def test_a_newer_state_holds_whatever_it_is():
    assert states(views([said(0, "on_contact"), said(10, "available")], 10)["*"]) == {"available": 1}


def test_a_state_counts_from_its_own_instant_on():
    events = [said(0, "available"), said(10, "break")]

    assert states(views(events, 9.999)["*"]) == {"available": 1}
    assert states(views(events, 10)["*"]) == {"break": 1}


def test_an_agent_counts_in_each_of_the_queues_and_once_in_all():
    shown = views([said(0, "available", ["billing", "sales", "billing"]), said(0, "wrapup", agent="bob")], 1)

    assert {queue: view.live["agents_staffed"] for queue, view in shown.items()} == {
        "billing": 1, "sales": 1, "-": 1, "*": 2,
    }  # fmt: skip


def test_an_agent_in_two_queues_of_a_group_counts_there_once():
    fold = FoldSettings(groups={"all-sales": ("sales", "presales")})
    shown = views([said(0, "available", ["sales", "presales"])], 1, fold)

    assert shown["@all-sales"].live["agents_available"] == 1


def test_moving_to_another_queue_moves_state_and_time():
    shown = views([said(0, "available", ["a"]), said(20, "available", ["b"])], 30)

    assert (states(shown["a"]), states(shown["b"])) == ({}, {"available": 1})
    assert [shown[queue].windows["all"]["agents_available_s"] for queue in "ab*"] == [20.0, 10.0, 30.0]


def test_who_is_on_a_break_is_staffed_and_who_is_offline_is_not():
    shown = views([said(0, "break"), said(0, "offline", agent="bob")], 1)["*"].live

    assert (shown["agents_staffed"], shown["agents_break"], shown["agents_offline"]) == (1, 1, 1)


def test_occupancy_is_busy_time_of_busy_and_available_time():
    #          0 available   60 offered   66 on contact        126 wrap-up      156 break
    day = [said(0, "available"), said(60, "offered"), said(66, "on_contact"), said(126, "wrapup"), said(156, "break")]
    window = views(day, 200)["*"].windows["all"]

    assert (window["agents_busy_s"], window["agents_available_s"]) == (90.0, 60.0)
    assert window["occupancy"] == 90 / 150


def test_occupancy_moves_with_the_clock_though_nothing_arrives():
    made = pipeline([said(0, "available"), said(60, "on_contact")])
    shown = [made.views(T + at * 1000)[0].windows["all"]["occupancy"] for at in (60, 120, 240)]

    assert shown == [0.0, 0.5, 0.75]


def test_nobody_busy_or_available_has_no_occupancy():
    window = views([said(0, "break")], 10)["*"].windows["all"]

    assert (window["occupancy"], window["agents_busy_s"]) == (None, 0.0)


def test_a_window_counts_only_what_lies_in_it():
    shown = views([said(0, "on_contact")], 902.5)["*"].windows

    assert shown["interval"]["agents_busy_s"] == 2.5
    assert shown["previous_interval"]["agents_busy_s"] == 900.0
    assert shown["1m"]["agents_busy_s"] == 57.5  # from the pane of 14:05 to now
    assert shown["today"]["agents_busy_s"] == 902.5


def test_the_same_state_again_is_a_duplicate():
    outcomes = pipeline([said(0, "available", ["q"]), said(10, "available", ["q"]), said(20, "available")]).outcomes

    assert outcomes == {"applied": 2, "duplicate": 1}


@pytest.mark.parametrize(
    ("late", "holds"),
    [
        (said(50, "break"), "break"),
        (said(10, "break", name="late"), "available"),
        (said(5, "break"), "available"),
    ],
    ids=["nothing newer was said", "something was said of that instant", "something newer was said"],
)
def test_a_late_state_holds_only_where_it_is_news(late: dict[str, Any], holds: str):
    events = [said(10, "available"), said(200, "offline", agent="bob"), late]
    made = pipeline(events)

    assert states({view.queue: view for view in made.views(T + 201_000)}["*"]) == {holds: 1, "offline": 1}
    assert made.outcomes["late"] == 1


def test_a_late_state_of_somebody_unknown_is_too_late():
    made = pipeline([said(200, "available", agent="bob"), said(5, "break")])

    assert made.outcomes == {"applied": 1, "too_late": 1}


def test_who_went_offline_a_week_ago_is_forgotten():
    kept_s = OFFLINE_KEPT_MS // 1000
    events = [said(0, "available"), said(10, "offline")]
    made = pipeline([*events, said(kept_s + 200, "available", agent="bob")])

    assert states(views(events, 10 + kept_s - 1)["*"]) == {"offline": 1}
    assert states(views(events, 10 + kept_s)["*"]) == {}
    assert states({view.queue: view for view in made.views(T + (kept_s + 201) * 1000)}["*"]) == {"available": 1}


def test_nothing_is_stored_of_who_is_forgotten():
    kept_s = OFFLINE_KEPT_MS // 1000
    book = ContactBook("agents", 0, FoldSettings())
    stored: dict[bytes, bytes] = {}
    for record in records([said(0, "offline"), said(kept_s + 300, "offline", agent="bob")]):
        book.fold([record])
        rows = book.drain(CAUGHT_UP).rows
        stored = {key: value for key, value in {**stored, **rows}.items() if value is not None}

    assert [key for key in stored if b"ann" in key] == []
    assert [key for key in stored if b"bob" in key] != []


def test_who_comes_back_after_a_week_counts_once():
    events = [said(0, "offline"), said(9 * DAY_S, "available"), said(9 * DAY_S + 60, "on_contact")]

    assert states(views(events, 9 * DAY_S + 90)["*"]) == {"on_contact": 1}


def test_a_long_day_leaves_little_behind():
    """What is stored of an agent grows with the last minute, not with the day; the time spent stays exact."""
    turns = [said(at, ("available", "on_contact")[at // 10 % 2], ["q"]) for at in range(0, 30_000, 10)]
    book = ContactBook("agents", 0, FoldSettings())
    sizes = []
    for record in records(turns):
        book.fold([record])
        rows = book.drain(CAUGHT_UP).rows
        sizes.append(max(len(value) for value in rows.values() if value))

    assert max(sizes[2_000:]) < 1.1 * max(sizes[:100])
    assert views(turns, 30_000)["q"].windows["all"]["agents_busy_s"] == 15_000.0


@pytest.mark.parametrize("name", ["*", "@sales", "#gold", "a\x1fb"])
def test_a_queue_must_not_be_named_like_a_roll_up(name: str):
    made = pipeline([said(0, "available", ["q", name])])

    assert made.rejections == {"invalid_value": 1}
