"""The worked values of the KPI catalogue for calls and chats, each by the pipeline and by the oracle."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.properties.histories import Sent
from tests.properties.wiring import Centre
from tests.reference.rules import QueueRules, Rules
from tests.reference.visits import Reference

Number = int | float | None

T0 = 1_767_261_600_000
"""2026-01-01 10:00 UTC."""
S = 1_000
MINUTE = 60 * S


class Model(Protocol):
    """What gives numbers: the pipeline, or the oracle."""

    def feed(self, events: list[dict[str, Any]]) -> None: ...
    def values(self, queue: str, window: str, now: int) -> Mapping[str, Number]: ...


class ByPipeline:
    def __init__(self, rules: Rules) -> None:
        self.centre = Centre(rules)

    def feed(self, events: list[dict[str, Any]]) -> None:
        self.centre.feed([Sent(event, event["time"], "voice") for event in events])

    def values(self, queue: str, window: str, now: int) -> Mapping[str, Number]:
        return self.centre.values("voice", now)[queue, window]


class ByOracle:
    def __init__(self, rules: Rules) -> None:
        self.reference = Reference(rules, "voice")

    def feed(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            self.reference.send(event)

    def values(self, queue: str, window: str, now: int) -> Mapping[str, Number]:
        return self.reference.live(queue, now) if window == "live" else self.reference.window(queue, window, now)


@pytest.fixture(params=[ByPipeline, ByOracle], ids=["pipeline", "oracle"])
def model(request):
    """Builds a model with the rules of the case."""
    return lambda rules=None: request.param(rules or Rules(partitions=2))


def call(contact: str, *steps: tuple[int, str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Events of one contact: (ms after `T0`, type, fields)."""
    base = {"v": 1, "channel": "voice", "contact": contact}
    return [
        {**base, "id": f"{contact}#{i}", "type": kind, "time": T0 + at, **fields}
        for i, (at, kind, fields) in enumerate(steps)
    ]


def answered(contact: str, wait_ms: int, queue: str = "q", at: int = 0) -> list[dict[str, Any]]:
    return call(
        contact,
        (at, "queue.entered", {"queue": queue}),
        (at + wait_ms, "agent.connected", {"queue": queue, "agent": "ann"}),
    )


def abandoned(contact: str, wait_ms: int, queue: str = "q", at: int = 0) -> list[dict[str, Any]]:
    return call(contact, (at, "queue.entered", {"queue": queue}), (at + wait_ms, "queue.abandoned", {"queue": queue}))


def crowd(make: Any, name: str, n: int, wait_ms: int) -> list[dict[str, Any]]:
    return [event for i in range(n) for event in make(f"{name}{i}", wait_ms)]


def in_time(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(events, key=lambda event: event["time"])


def test_the_classic_example(model):
    """N=1000, A=60, N_T=860, A_T=20, A_S=10, T=20 s."""
    centre = model()
    centre.feed(
        in_time(
            crowd(answered, "soon", 860, 20 * S) + crowd(answered, "late", 140, 20 * S + 1)
            + crowd(abandoned, "short", 10, 5 * S) + crowd(abandoned, "left", 10, 20 * S)
            + crowd(abandoned, "gone", 40, 21 * S)
        )
    )  # fmt: skip
    expected = {
        "answered": 1000, "abandoned": 60, "answered_in_target": 860, "abandoned_in_target": 20, "short_abandoned": 10,
        "service_level_answered_only": 860 / 1000, "service_level_strict": 860 / 1060,
        "service_level_abandons_met": 880 / 1060, "service_level_ignore_in_target": 860 / 1040,
        "service_level_short_met": 870 / 1060, "service_level_ignore_short": 860 / 1050,
        "service_level": 860 / 1050,
    }  # fmt: skip

    values = centre.values("q", "5m", T0 + MINUTE)

    assert {kpi: values[kpi] for kpi in expected} == pytest.approx(expected)


def test_ciscos_example(model):
    """70 answered in T, 10 abandoned in T, 20 answered late; abandons_met is Asterisk's ServiceLevelPerf2."""
    centre = model()
    centre.feed(
        in_time(
            crowd(answered, "soon", 70, 10 * S)
            + crowd(answered, "late", 20, 30 * S)
            + crowd(abandoned, "left", 10, 10 * S)
        )
    )
    expected = {
        "service_level_ignore_in_target": 70 / 90, "service_level_strict": 0.70, "service_level_abandons_met": 0.80,
    }  # fmt: skip

    values = centre.values("q", "5m", T0 + MINUTE)

    assert {kpi: values[kpi] for kpi in expected} == pytest.approx(expected)


def test_visits_of_a_real_trace(model):
    """queue1 left empty, queue2 answered, blind transfer, queue1 left empty, queue2 answered, end: four visits."""
    centre = model()
    centre.feed(
        call(
            "c",
            (0, "contact.started", {}),
            (0, "queue.entered", {"queue": "queue1"}),
            (1 * S, "queue.left", {"queue": "queue1", "reason": "empty"}),
            (1 * S, "queue.entered", {"queue": "queue2"}),
            (9 * S, "agent.connected", {"queue": "queue2", "agent": "ann"}),
            (30 * S, "contact.transferred", {"queue": "queue2", "kind": "blind", "to_queue": "queue1"}),
            (30 * S, "queue.entered", {"queue": "queue1"}),
            (31 * S, "queue.left", {"queue": "queue1", "reason": "empty"}),
            (31 * S, "queue.entered", {"queue": "queue2"}),
            (35 * S, "agent.connected", {"queue": "queue2", "agent": "bob"}),
            (55 * S, "contact.ended", {"by": "customer"}),
        )
    )
    expected = {
        ("*", "offered"): 4, ("*", "answered"): 2, ("*", "flowed_out"): 2, ("*", "flowed_out_empty"): 2,
        ("*", "abandoned"): 0, ("*", "contacts"): 1, ("*", "transfers"): 1, ("*", "handled"): 2,
        ("*", "talk_avg"): 20.5, ("*", "asa"): 6.0, ("queue1", "offered"): 2, ("queue2", "offered"): 2,
        ("queue1", "flowed_out"): 2, ("queue2", "answered"): 2, ("-", "contacts"): 1,
    }  # fmt: skip

    values = {(queue, kpi): centre.values(queue, "5m", T0 + MINUTE)[kpi] for queue, kpi in expected}

    assert values == pytest.approx(expected)


@pytest.mark.parametrize(("delay_counted", "wait_s"), [(False, 21), (True, 120)])
def test_connects_callback(model, delay_counted, wait_s):
    """Initial delay 99 s, then 21 s until answered."""
    centre = model(Rules(defaults=QueueRules(count_callback_delay=delay_counted), partitions=2))
    centre.feed(
        call(
            "c",
            (0, "queue.entered", {"queue": "q", "callback": True, "due": T0 + 99 * S}),
            (120 * S, "agent.connected", {"queue": "q", "agent": "ann"}),
        )
    )

    values = centre.values("q", "5m", T0 + 2 * MINUTE)

    assert (values["asa"], values["callbacks"], values["offered"]) == (wait_s, 1, 1)


def test_a_callback_is_offered_when_it_is_due(model):
    #        10:00:00          10:01:39
    #        entered ─ ─ ─ ─ ─ due ────── waiting
    centre = model()
    centre.feed(call("c", (0, "queue.entered", {"queue": "q", "callback": True, "due": T0 + 99 * S})))

    before = (centre.values("q", "5m", T0 + 90 * S)["offered"], centre.values("q", "live", T0 + 90 * S)["waiting"])
    after = (centre.values("q", "5m", T0 + 100 * S)["offered"], centre.values("q", "live", T0 + 100 * S)["waiting"])

    assert (before, after) == ((0, 0), (1, 1))


def test_attribution(model):
    """Entered 09:59:50, answered 10:00:10: offered in the interval of 09:45, answered in that of 10:00."""
    centre = model()
    centre.feed(answered("c", 20 * S, at=-10 * S))
    now = T0 + 30 * S

    counted = {
        window: (centre.values("q", window, now)["offered"], centre.values("q", window, now)["answered"])
        for window in ("previous_interval", "interval", "today")
    }

    assert counted == {"previous_interval": (1, 0), "interval": (0, 1), "today": (1, 1)}


def test_nothing_offered_is_not_zero(model):
    centre = model()
    centre.feed(abandoned("c", 3 * S))

    values = centre.values("q", "5m", T0 + MINUTE)

    assert (values["answered"], values["asa"], values["service_level"]) == (0, None, None)


GOLDEN_IDS = {
    "offered": "offered", "answered": "answered", "abandoned": "abandoned", "short_abandoned": "short_abandoned",
    "asa": "asa", "awt": "wait_avg", "ata": "abandon_time_avg",
    "abandon_A1": "abandon_rate_strict", "abandon_A3": "abandon_rate_ignore_short",
    "p50": "wait_p50", "p80": "wait_p80", "p90": "wait_p90", "p95": "wait_p95", "p99": "wait_p99",
}  # fmt: skip
"""Name in the golden file → KPI. (Its `talk_mean` is of a column that the events do not carry.)"""


def test_the_oracle_gives_a_banks_real_day(shared_data: Path):
    """The pipeline's own test of this day is the replay's; here the oracle is judged."""
    golden = json.loads((shared_data / "bank_one_day.golden.json").read_text())
    oracle = Reference(Rules(), "voice")
    with gzip.open(shared_data / "bank_one_day.events.jsonl.gz", "rt") as lines:
        for line in lines:
            oracle.send(json.loads(line))
    queues = [queue for queue in golden if queue not in ("live", "-")]
    now = max(event["at"] for contact in oracle.contacts() for event in contact.events)

    values = {queue: oracle.window(queue, "all", now) for queue in queues}
    actual = {(queue, name): values[queue][kpi] for queue in queues for name, kpi in GOLDEN_IDS.items()}

    assert actual == pytest.approx({(queue, name): golden[queue][name] for queue in queues for name in GOLDEN_IDS})
