"""Business events, groups, segments and the agents' recommendation, as a worker shows them in Redis and Prometheus."""

import json
import time

import pytest
import yaml

from tests.end_to_end.centre import Centre, Worker

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

SETTINGS = {
    "topics": {"calls": ["voice"], "agents": [], "business": []},
    "groups": {"sales": ["new", "old"]},
    "segments": ["gold"],
    "windows": ["30m", "7d"],
    "business": {"margin": 0.5},
    "queues": {"new": {"cost_per_hour": 3_600}},
}


@pytest.fixture(scope="module")
def shop(make_centre) -> Centre:
    made = make_centre()
    made.config.write_text(yaml.safe_dump(yaml.safe_load(made.config.read_text()) | SETTINGS), encoding="utf-8")
    made.create_topics()
    return made


@pytest.fixture(scope="module")
def worker(shop) -> Worker:
    (made,) = shop.ready_workers(1)
    assert shop.produce(json.dumps(event).encode() for event in told()).returncode == 0
    shop.wait(lambda: made.outcomes().get("applied", 0) == len(told()), 60, "all is folded")
    return made


def told() -> list[dict]:
    """Ten calls of ten minutes in the queue `new`, one in `old`, two agents, two customers."""
    now = time.time_ns() // 1_000_000 - 60_000
    events = []
    for n in range(11):
        queue = "old" if n == 10 else "new"
        call = {"channel": "voice", "contact": f"c{n}"} | ({"segment": "gold"} if n < 3 else {})
        events += [
            {"type": "queue.entered", "queue": queue, **call},
            {"type": "agent.connected", "queue": queue, "agent": "ann", **call},
            {"type": "contact.ended", "by": "customer", "talk_ms": 600_000, **call},
        ]
    events += [
        {"type": "agent.state", "agent": name, "state": "available", "queues": ["new"]} for name in ("ann", "bob")
    ]
    events += [
        {"type": "customers.counted", "source": "crm", "count": 100},
        {"type": "order.placed", "customer": "cem", "amount": 1_000, "segment": "gold"},
        {"type": "order.placed", "customer": "cem", "amount": 2_000, "queue": "new"},
        {"type": "order.placed", "customer": "dee", "amount": 3_000},
        {"type": "customer.lost", "customer": "eve"},
    ]
    return [{"v": 1, "id": f"e{n}", "time": now + n, **event} for n, event in enumerate(events)]


def shown(shop: Centre, line: str, *fields: str) -> dict[str, float]:
    """Fields of a line that is live; empty while it is not there."""
    found = shop.redis.hgetall(f"{shop.name}:view:{line}")
    return {field: float(found[field]) for field in fields if field in found} if found.get("state") == "live" else {}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("voice:@sales", {"offered:30m": 11, "aht:30m": 600}, id="a group"),
        pytest.param("voice:#gold", {"offered:30m": 3, "answered:30m": 3}, id="a segment"),
        pytest.param("voice:*", {"offered:30m": 11, "cost_per_contact:30m": 600}, id="the channel counts none twice"),
        pytest.param(
            "voice:new",
            {"arrivals_per_hour:30m": 20, "staffing_needed:30m": 6, "staffed:30m": 2, "staffing_gap:30m": 4},
            id="a recommendation, with what it is made of",
        ),
        pytest.param(
            "business:*",
            {"orders:7d": 3, "revenue:7d": 6_000, "customers_ordering:7d": 2, "repeat_orders:7d": 1,
             "churn_rate:7d": 0.01, "lifetime_value:7d": 150_000},
            id="business",
        ),
        pytest.param("business:#gold", {"orders:7d": 1, "revenue:7d": 1_000}, id="business of a segment"),
        pytest.param("business:@sales", {"orders:7d": 1, "revenue:7d": 2_000}, id="business of a group"),
    ],
)  # fmt: skip
def test_redis_holds(shop, worker, line, expected):
    shop.wait(
        lambda: shown(shop, line, *expected) == expected,
        30,
        f"{line}: {shop.redis.hgetall(f'{shop.name}:view:{line}')}",
    )


def test_prometheus_has_roll_ups_as_gauges_and_not_as_counters(shop, worker):
    def found(name: str) -> dict[str, float]:
        samples = [
            sample for sample in worker.scrape() if sample.name == name and sample.labels["channel"] == "business"
        ]
        return {sample.labels["queue"]: sample.value for sample in samples if sample.labels.get("window") != "30m"}

    gauges = {"*": 6_000, "-": 4_000, "new": 2_000, "@sales": 2_000, "#gold": 1_000}
    shop.wait(lambda: found("contact_window_revenue_minor_units") == gauges, 30, "the gauges are there")

    assert found("contact_revenue_minor_units_total") == {"-": 4_000, "new": 2_000}
