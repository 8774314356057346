"""Simulated tickets live as the event contract says, and the pipeline counts them as they are."""

from collections import Counter
from itertools import pairwise

import pytest

from streams.books import MemoryRecord
from streams.contacts.settings import FoldSettings
from streams.errors import ConfigError
from streams.events.decode import EventDecoder, Rejected, Unknown
from streams.metrics.settings import Variants
from streams.pipeline import Pipeline
from streams.sources.simulator import SimulationSettings
from streams.windows.settings import WindowSettings
from tests.simulator.history import HOUR_MS, arrivals, by_contact, decoded, events

HALF_A_DAY = {"seed": 3, "rate_per_hour": 200, "duration_ms": 12 * HOUR_MS}


@pytest.fixture(scope="module")
def sent():
    return arrivals(**HALF_A_DAY, ticket_share=0.5)


@pytest.fixture(scope="module")
def tickets(sent):
    """Ticket → its events."""
    every = by_contact(decoded(sent))
    return {name: told for name, told in every.items() if told[0]["channel"] == "ticket"}


@pytest.fixture(scope="module")
def numbers(sent):
    """What the pipeline makes of them: of the whole channel, live and of the whole log."""
    pipeline = Pipeline(FoldSettings(), WindowSettings(whole_log=True), Variants())
    pipeline.feed([(("tickets", 0), MemoryRecord(n, None, b"", arrival.line)) for n, arrival in enumerate(sent)])
    view = next(v for v in pipeline.views(sent[-1].arrival_ms) if (v.channel, v.queue) == ("ticket", "*"))
    return {**view.windows["all"], **view.live}


def test_every_event_is_valid_and_named_once(sent):
    outcomes = EventDecoder(256 * 1024).decode(arrival.line for arrival in sent)

    assert [outcome for outcome in outcomes if isinstance(outcome, Rejected | Unknown)] == []
    assert max(Counter(event["id"] for event in decoded(sent)).values()) == 1


def test_a_ticket_begins_with_its_creation_and_never_repeats_a_status(tickets):
    for told in tickets.values():
        statuses = ["new", *(event["status"] for event in told if "status" in event)]

        assert [event["type"] for event in told].index("ticket.created") == 0
        assert all(earlier != later for earlier, later in pairwise(statuses))
        assert all(earlier["time"] < later["time"] for earlier, later in pairwise(told))


def test_every_kind_of_thing_happens_to_some(tickets):
    told = [event for events_of_one in tickets.values() for event in events_of_one]
    reopened = [
        name for name, events_of_one in tickets.items()
        if "solved" in (statuses := [e["status"] for e in events_of_one if "status" in e])
        and "open" in statuses[statuses.index("solved"):]
    ]  # fmt: skip

    assert {event["type"] for event in told} == {
        "ticket.created", "ticket.updated", "ticket.escalated", "ticket.merged", "ticket.deleted", "message.added",
    }  # fmt: skip
    assert {event["status"] for event in told if "status" in event} >= {"open", "pending", "on_hold", "solved"}
    assert {(e["author"], e.get("public")) for e in told if e["type"] == "message.added"} == {
        ("customer", None), ("agent", True), ("agent", False),
    }  # fmt: skip
    assert 0 < len(reopened) < len(tickets) / 4
    assert any(event.get("by_agent") for event in told)


def test_the_pipeline_counts_what_was_told(tickets, numbers):
    told = Counter(event["type"] for events_of_one in tickets.values() for event in events_of_one)

    assert numbers["created"] == len(tickets)
    assert numbers["escalated"] == told["ticket.escalated"]
    assert numbers["merged"] + numbers["deleted"] == told["ticket.merged"] + told["ticket.deleted"]


def test_what_came_in_and_did_not_go_out_is_in_the_backlog(numbers):
    out = numbers["solved"] + numbers["merged"] + numbers["deleted"]

    assert numbers["created"] + numbers["reopened"] - out == numbers["backlog"] > 0
    assert numbers["backlog"] == sum(numbers[f"backlog_{name}"] for name in ("urgent", "high", "normal", "low"))


def test_nothing_else_changes(sent):
    others = [event for event in decoded(sent) if event.get("channel") != "ticket" and event["type"] != "heartbeat"]

    assert others == [event for event in events(**HALF_A_DAY) if event["type"] != "heartbeat"]


def test_the_end_of_the_simulation_is_the_end_of_work(sent, tickets):
    end = sent[0].arrival_ms + HALF_A_DAY["duration_ms"]

    assert max(event["time"] for told in tickets.values() for event in told) < end


def test_a_share_above_all_is_refused():
    with pytest.raises(ConfigError, match="ticket share"):
        SimulationSettings(ticket_share=2)
