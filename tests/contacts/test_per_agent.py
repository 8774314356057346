"""Numbers of each agent, where they are asked for: what was handled, and what customers said of it."""

import json
from typing import Any

import pytest

from streams.books import MemoryRecord, Reading
from streams.contacts.book import ContactBook
from streams.contacts.settings import FoldSettings
from streams.metrics.settings import Channels, Variants
from streams.metrics.view import Sources, Viewer
from streams.pipeline import Pipeline
from streams.windows.book import ViewBook
from streams.windows.settings import WindowSettings

T = 1_790_000_100_000


def call(number: int, agent: str, *, talk_s: int, **end: Any) -> list[dict[str, Any]]:
    """A call answered after 10 s, 20 s of wrap-up, and a survey that names the agent."""
    begin, over = T + 1_000 * number, T + 1_000 * (number + 10 + talk_s)
    steps = [
        {"type": "queue.entered", "time": begin, "queue": "billing", "segment": "gold"},
        {"type": "agent.connected", "time": begin + 10_000, "queue": "billing", "agent": agent},
        {"type": "contact.ended", "time": over, "by": "agent", **end},
        {"type": "wrapup.ended", "time": over + 20_000, "agent": agent},
        {"type": "survey.answered", "time": over + 30_000, "kind": "csat", "score": 4 + number % 2, "agent": agent},
    ]
    named = {"v": 1, "channel": "voice", "contact": f"c{number}"}
    return [{**named, "id": f"c{number}#{n}", **step} for n, step in enumerate(steps)]


DAY = [
    *call(0, "ann", talk_s=60, resolved=True),
    *call(1, "ann", talk_s=120, resolved=False),
    *call(2, "ann", talk_s=90),
    *call(3, "bob\x1f", talk_s=30, resolved=True),
]


def records() -> list[MemoryRecord]:
    lines = [json.dumps(event).encode() for event in sorted(DAY, key=lambda event: event["time"])]
    return [MemoryRecord(offset, T + 600_000, None, line) for offset, line in enumerate(lines)]


def shown(fold: FoldSettings) -> dict[str, dict[str, Any]]:
    """Queue → what the window `all` shows of voice."""
    made = Pipeline(fold, WindowSettings(whole_log=True), Variants())
    made.feed([(("calls", 0), record) for record in records()])
    return {view.queue: dict(view.windows["all"]) for view in made.views(T + 600_000)}


def test_nothing_is_kept_of_single_agents_unless_asked_for():
    assert set(shown(FoldSettings())) == {"billing", "-", "*"}


def test_what_an_agent_has_handled():
    ann = shown(FoldSettings(per_agent=True))["*ann"]

    assert (ann["handled"], ann["aht"], ann["talk_avg"], ann["acw_avg"]) == (3, 110.0, 90.0, 20.0)
    assert (ann["resolved"], ann["resolution_known"], ann["resolution"]) == (1, 2, 0.5)


def test_what_customers_said_of_an_agent():
    ann = shown(FoldSettings(per_agent=True))["*ann"]

    assert (ann["csat_answers"], ann["csat"], ann["csat_mean"]) == (3, 1.0, pytest.approx(13 / 3, abs=0.0005))


def test_an_agent_has_no_numbers_of_queues():
    assert "offered" not in shown(FoldSettings(per_agent=True))["*ann"]


def test_a_name_with_control_characters_is_shown_without_them():
    assert shown(FoldSettings(per_agent=True))["*bob\ufffd"]["handled"] == 1


@pytest.mark.parametrize("segments", [(), ("gold",)], ids=["no segments", "a segment"])
def test_queues_channel_and_segment_are_what_they_are_without(segments: tuple[str, ...]):
    plain, more = (shown(FoldSettings(per_agent=on, segments=segments)) for on in (False, True))

    assert {queue: more[queue] for queue in plain} == plain
    assert set(more) == {*plain, "*ann", "*bob\ufffd"}


def folded() -> ViewBook:
    """What a worker's sinks look at."""
    book, facts = ContactBook("calls", 0, FoldSettings(per_agent=True)), ViewBook(0, WindowSettings())
    book.fold(records())
    outputs = [out for out in book.drain(Reading(caught_up=True, lag=0)).outputs if out.topic == "facts"]
    facts.fold([MemoryRecord(offset, T + 600_000, out.key, out.value) for offset, out in enumerate(outputs)])
    return facts


@pytest.mark.parametrize(("most", "agents"), [(1, {"*ann"}), (2, {"*ann", "*bob\ufffd"})])
def test_sinks_are_shown_no_more_agents_than_configured(most: int, agents: set[str]):
    viewer = Viewer(Variants(), Channels(most_agents=most))
    views = viewer.views(folded(), T + 600_000, Sources({"calls": 1}, {"calls": ("voice",)}))

    assert {view.queue for view in views} == {"billing", "*", *agents}
