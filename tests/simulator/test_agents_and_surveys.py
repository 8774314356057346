"""What simulated agents say they do fits what contacts say of them; customers who were served answer surveys."""

from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from streams.errors import ConfigError
from streams.events.decode import EventDecoder, Rejected, Unknown
from streams.sources.simulator import SimulationSettings
from tests.simulator.history import arrivals, by_contact, decoded, events

BUSY = {"seed": 3, "staffing": 0.8}
STATES = {"available", "offered", "on_contact", "wrapup", "break"}
DESK_MS = 1
"""A state is told so long after it has changed."""


@pytest.fixture(scope="module")
def sent():
    return arrivals(**BUSY, agents=True, survey_share=0.2)


@pytest.fixture(scope="module")
def hour(sent):
    return decoded(sent)


@pytest.fixture(scope="module")
def states(hour):
    """Agent → (time, state) of each change."""
    found = defaultdict(list)
    for event in hour:
        if event["type"] == "agent.state":
            found[event["agent"]].append((event["time"], event["state"]))
    return found


def state_at(states, agent: str, at: int) -> str:
    return next((state for time, state in reversed(states[agent]) if time <= at), "offline")


def test_every_event_is_valid_and_named_once(sent, hour):
    outcomes = EventDecoder(256 * 1024).decode(arrival.line for arrival in sent)

    assert [outcome for outcome in outcomes if isinstance(outcome, Rejected | Unknown)] == []
    assert max(Counter(event["id"] for event in hour).values()) == 1


def without_ids(some):
    """A survey takes the next number of its contact; heartbeats go on for as long as anything comes."""
    more = {"agent.state", "survey.answered", "heartbeat"}
    return [{**event, "id": ""} for event in some if event["type"] not in more]


def test_nothing_else_changes(hour):
    assert without_ids(hour) == without_ids(events(**BUSY))


def test_an_agent_says_only_what_is_new(states):
    for changes in states.values():
        assert all(former != state and before < at for (before, former), (at, state) in pairwise(changes))
        assert changes[0][1] == "available"
    assert {state for changes in states.values() for _, state in changes} == STATES


def test_who_answers_a_contact_is_on_it(hour, states):
    answers = [event for event in hour if event["type"] == "agent.connected"]

    assert len(answers) > 100
    assert {state_at(states, event["agent"], event["time"] + DESK_MS) for event in answers} == {"on_contact"}


def test_a_call_that_ends_leaves_its_agent_in_wrapup(hour, states):
    agents = {event["contact"]: event["agent"] for event in hour if event["type"] == "agent.connected"}
    ends = [event for event in hour if event["type"] == "contact.ended" and event["contact"].startswith("call")]
    after = Counter(
        state_at(states, agents[end["contact"]], end["time"] + DESK_MS)
        for end in ends
        if end["by"] != "system" and end.get("resolved") is not None
    )

    assert set(after) == {"wrapup"}


def test_agents_who_go_off_duty_are_offline_when_they_have_finished():
    day = decoded(arrivals(seed=1, duration_ms=24 * 3_600_000, shape="daily", agents=True))
    last = {event["agent"]: event["state"] for event in day if event["type"] == "agent.state"}

    assert {"offline", "available"} == set(last.values())


def test_a_share_of_those_who_were_served_answers_after_the_end(hour):
    served = [history for history in by_contact(hour).values() if any("agent" in event for event in history)]
    answers = [event for event in hour if event["type"] == "survey.answered"]

    assert len(answers) == pytest.approx(0.2 * len(served), rel=0.25)
    assert {event["kind"] for event in answers} == {"csat", "nps", "ces"}
    for history in served:
        kinds = [event["type"] for event in history]
        if "survey.answered" in kinds:
            assert kinds.index("survey.answered") > kinds.index("contact.ended")


def test_a_share_above_all_is_refused():
    with pytest.raises(ConfigError):
        SimulationSettings(survey_share=1.1)
