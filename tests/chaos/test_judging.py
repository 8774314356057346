"""What the verdicts of a run rest on: a centre that leaves certain instants, and a judge that sees what it should."""

import json
from array import array

import pytest

from streams.books import MemoryRecord
from streams.config import Config
from tests.chaos.centres import AHEAD_MS, BUSY_MS, LONGEST_DELAY_MS, PANE_MS, TOPICS, Simulated
from tests.chaos.judge import _differences, _tokens_that_went_back, _visits
from tests.chaos.replayed import SLACK_MS, Replayed
from tests.chaos.sabotage import OCCASIONS, SABOTAGE
from tests.chaos.sabotaged import FAULT_FOR
from tests.chaos.samples import Sample

START = 1_790_000_000_000
SECONDS = 60


@pytest.fixture(scope="module")
def sent():
    return list(Simulated(7, 200, START).until(START + SECONDS * 1_000))


@pytest.fixture
def replayed(sent):
    """Each event appended 20 ms after it was sent, to the one partition of its topic."""
    log = {topic: {0: []} for topic in TOPICS.values()}
    for event in sent:
        records = log[event.topic][0]
        records.append(MemoryRecord(len(records), event.send_at + 20, event.key, event.value))
    return Replayed(Config(topics={topic: [channel] for channel, topic in TOPICS.items()}, lateness="10s"), log)


def sample(as_of, values=(), token=1, whole=True):
    return Sample(("voice", "*"), as_of + 300, as_of + 400, as_of, "live", token, dict(values), whole)


def test_equal_seeds_send_the_same(sent):
    again = list(Simulated(7, 200, START).until(START + SECONDS * 1_000))

    assert again == sent
    assert list(Simulated(8, 200, START).until(START + 5_000)) != sent


def test_events_come_ahead_of_their_time_and_none_happens_in_the_last_second_of_a_pane(sent):
    events = [(event.send_at, json.loads(event.value)) for event in sent if event.key is not None]
    times = [event["time"] for _, event in events]

    assert len(events) > 150 * SECONDS
    assert all(at % PANE_MS < BUSY_MS for at in times)
    assert all(AHEAD_MS - LONGEST_DELAY_MS <= event["time"] - send_at <= AHEAD_MS for send_at, event in events)
    assert AHEAD_MS - LONGEST_DELAY_MS > SLACK_MS


def test_every_value_is_certain_in_the_last_second_of_a_pane_and_those_of_now_before(replayed):
    busy = replayed.shown(sample(START + 30_000 + 2_000))
    quiet = replayed.shown(sample(START + 30_000 + BUSY_MS + 300))

    assert busy["waiting"] is not None
    assert "offered:5m" not in busy
    assert int(quiet["offered:5m"]) > 0


def test_what_happens_before_as_of_and_was_appended_about_then_leaves_it_uncertain(replayed):
    """As when a broker was away: what had been sent before comes at once, and each partition may have it or not."""
    as_of = START + 30_000

    assert replayed._certain_until(as_of, answered_at=as_of + 100) > as_of

    replayed._appended = array("q", (max(at, as_of - 100) for at in replayed._appended))

    assert replayed._certain_until(as_of, answered_at=as_of + 100) <= as_of
    assert replayed.shown(sample(as_of)) == {}


def test_a_value_that_is_wrong_missing_or_too_much_is_a_difference():
    shown = sample(START, {"waiting": "3", "asa:5m": "1.0"})

    assert list(_differences(shown, {"waiting": "3", "asa:5m": "1.0"})) == []
    assert len(list(_differences(shown, {"waiting": "4", "asa:5m": None, "offered:5m": "1"}))) == 3


def test_a_token_that_goes_back_is_found():
    assert _tokens_that_went_back([sample(START, token=token) for token in (1, 1, 3)]) == []
    assert len(_tokens_that_went_back([sample(START, token=token) for token in (1, 3, 2, 3)])) == 1


def test_a_visit_that_is_lost_or_doubled_is_found(replayed):
    replayed.finish()
    visits = [MemoryRecord(offset, at, *visit) for offset, (at, visit) in enumerate(replayed.visits)]

    assert len(visits) > 100
    assert _visits(replayed, {0: visits}) == (len(visits), [], [])

    found = _visits(replayed, {0: visits[1:], 1: visits[-1:]})

    assert [visit for _, visit in found.lost] == [(visits[0].key, visits[0].value)]
    assert [visit for _, visit in found.doubled] == [(visits[-1].key, visits[-1].value)]


def test_each_sabotage_has_something_that_brings_it_to_light():
    assert FAULT_FOR.keys() == SABOTAGE.keys() | OCCASIONS.keys()
