"""Customers across their contacts, through Kafka: exact though a worker is killed, and nobody is named anywhere.

Three weeks of contacts are sent at once, told by the oracle of `tests.reference.customers`. None starts within ten
minutes of where seven days end now, so what is shown is the same at any instant of the test.
"""

import contextlib
import random
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from aiokafka.admin import AIOKafkaAdminClient

from streams.contacts.customers import CustomerKey
from tests.end_to_end.centre import Centre
from tests.end_to_end.days import lines
from tests.end_to_end.shown import STALE_MS, now_ms
from tests.reference.customers import DAY_MS, CustomersReference

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

SECRET = "what nobody outside this test knows"
WINDOW = "30d"
KPIS = ("contacts_seen", "repeat_contacts", "repeat_contact_rate", "fcr_judged", "fcr_met", "fcr")
MINUTE_MS = 60_000
QUEUES = ("billing", "support", "sales")
CONTACTS = 1_500
CUSTOMERS = 400
NAME = "Mustermann"
"""Part of every customer's name, and of nothing else."""

Shown = Mapping[str, Mapping[str, float]]
"""Queue → KPI → value over the window; what cannot be computed has no entry."""


def three_weeks(until: int) -> list[dict[str, Any]]:
    """Calls of customers of whom some call often, in time. Of each, one of two events says whose it is, or both do."""
    dice = random.Random(7)
    events: list[dict[str, Any]] = []
    for number in range(CONTACTS):
        at = until - dice.randrange(5 * MINUTE_MS, 21 * DAY_MS)
        if abs(at + 7 * DAY_MS - until) < 10 * MINUTE_MS:
            continue
        customer = f"{NAME} {int(CUSTOMERS * dice.random() ** 2)}"
        named = dice.choice(((customer, None), (None, customer), (customer, customer), (None, None)))
        events += call(f"call {number}", at, dice.choice(QUEUES), *named)
    return sorted(events, key=lambda event: event["time"])


def call(contact: str, at: int, queue: str, first: str | None, then: str | None) -> list[dict[str, Any]]:
    steps = [
        {"type": "contact.started", "customer": first},
        {"type": "queue.entered", "queue": queue, "customer": then},
        {"type": "agent.connected", "queue": queue, "agent": "ann"},
        {"type": "contact.ended", "by": "customer"},
    ]
    base = {"v": 1, "channel": "voice", "contact": contact}
    return [
        {**base, "id": f"{contact}/{number}", "time": at + number * 20_000, **_said(step)}
        for number, step in enumerate(steps)
    ]


def _said(step: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in step.items() if value is not None}


@pytest.fixture(scope="module")
def events() -> list[dict[str, Any]]:
    return three_weeks(now_ms())


@pytest.fixture(scope="module")
def expected(events) -> Shown:
    """What the oracle says. The sources are idle, so what has ended is judged."""
    reference = CustomersReference()
    for event in events:
        reference.send(event)
    now = reference.clock = now_ms()
    found = {queue: reference.window("voice", queue, WINDOW, now, 15 * MINUTE_MS) for queue in (*QUEUES, "*")}
    return {queue: {kpi: value for kpi, value in kpis.items() if value is not None} for queue, kpis in found.items()}


@pytest.fixture(scope="module")
def bench(brokers, redis_url, tmp_path_factory) -> Iterator[Centre]:
    """A centre that follows customers."""
    made = Centre(brokers, redis_url, "customers", tmp_path_factory.mktemp("customers"))
    config = yaml.safe_load(made.config.read_text(encoding="utf-8"))
    config["customers"] = {"enabled": True, "secret": SECRET}
    config["windows"] = ["60m", WINDOW]
    made.config.write_text(yaml.safe_dump(config), encoding="utf-8")
    with contextlib.closing(made):
        made.create_topics()
        yield made


def shown(bench: Centre, since_ms: int) -> Shown:
    """What Redis shows of a later instant, and a reader may take as live."""
    read_at = now_ms()
    live = {
        queue: found
        for queue, found in bench.hashes().items()
        if found["state"] == "live" and max(since_ms, read_at - STALE_MS) < int(found["as_of_ms"])
    }
    return {
        queue: {kpi: float(found[f"{kpi}:{WINDOW}"]) for kpi in KPIS if f"{kpi}:{WINDOW}" in found}
        for queue, found in live.items()
    }


def is_there(expected: Shown, found: Shown) -> bool:
    """Whether each queue's numbers of customers are shown: these are absent alone while they are not live."""
    return all(KPIS[0] in found.get(queue, {}) for queue in expected)


def agrees(expected: Shown, found: Shown) -> bool:
    return all(found.get(queue) == pytest.approx(kpis, rel=1e-12) for queue, kpis in expected.items())


def test_each_contact_counts_once_though_a_worker_is_killed(bench, events, expected):
    bench.ready_workers(2)
    third = len(events) // 3
    bench.produce(lines(events[:third]))
    bench.produce(lines(events[third : 2 * third]))
    bench.by_share("customers")[0].kill()
    bench.produce(lines(events[2 * third :]))
    bench.worker()
    bench.wait_for_ready(*bench.running())
    settled_at = bench.settled_at()
    bench.first(lambda: shown(bench, settled_at), lambda found: agrees(expected, found), 90, f"it shows {expected}")
    later = now_ms()
    again = bench.first(lambda: shown(bench, later), lambda found: is_there(expected, found), 60, "it is shown again")

    assert agrees(expected, again)
    assert expected["*"]["repeat_contacts"] > 100
    assert expected["*"]["fcr_met"] > 100


def test_prometheus_shows_the_same(bench, expected):
    def scraped() -> dict[str, float]:
        samples = [sample for worker in bench.running() for sample in worker.scrape()]
        return {
            sample.labels["queue"]: sample.value
            for sample in samples
            if sample.name == "contact_window_fcr_ratio" and sample.labels["window"] == WINDOW
        }

    fcr = {queue: kpis["fcr"] for queue, kpis in expected.items()}

    bench.first(scraped, lambda found: found == pytest.approx(fcr), 30, f"a scrape shows {fcr}")


def test_a_replay_shows_the_same(bench, events, expected):
    beat = {"v": 1, "id": "beat", "type": "heartbeat", "time": now_ms(), "source": "pbx"}
    done = bench.command("replay", bench.file(lines([*events, beat])), "--json")
    views = [yaml.safe_load(line) for line in done.stdout.splitlines() if f'"window":"{WINDOW}"' in line]
    found = {
        view["queue"]: {kpi: view["kpis"][kpi] for kpi in KPIS if view["kpis"][kpi] is not None}
        for view in views
        if view["channel"] == "voice"
    }

    assert agrees(expected, found)


# --- nobody is named ---


async def _topics(brokers: str) -> list[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers)
    await admin.start()
    try:
        return await admin.list_topics()
    finally:
        await admin.close()


def test_no_customer_is_named_in_any_topic_but_the_sources(bench, events):
    import asyncio

    names = [
        name.removeprefix(f"{bench.name}-")
        for name in asyncio.run(_topics(bench.brokers))
        if name.startswith(f"{bench.name}-")
    ]
    found = {name: b"".join(_bytes_of(bench.records(name))) for name in names}

    assert NAME.encode() in found["calls"]
    assert {name for name, content in found.items() if NAME.encode() in content} == {"calls"}

    customer = next(event["customer"] for event in reversed(events) if "customer" in event)

    assert CustomerKey(SECRET).hide(customer).encode() in found[f"{bench.name}-state-customers"]


def _bytes_of(records) -> Iterator[bytes]:
    for record in records:
        yield from (part for part in (record.key, record.value) if part)
        yield from (value for _, value in record.headers)


def test_no_customer_is_named_or_hashed_in_redis(bench, events):
    hashes = {CustomerKey(SECRET).hide(event["customer"]) for event in events if "customer" in event}
    keys = list(bench.redis.scan_iter(f"{bench.name}:*", count=1_000))
    content = "\n".join([*keys, *(_content(bench.redis, key) for key in keys)])

    assert "billing" in content
    assert NAME not in content
    assert not any(hashed in content for hashed in hashes)


def _content(redis, key: str) -> str:
    read = {
        "hash": redis.hgetall,
        "string": redis.get,
        "list": lambda name: redis.lrange(name, 0, -1),
        "zset": lambda name: redis.zrange(name, 0, -1),
        "none": lambda name: "",
    }
    return str(read[redis.type(key)](key))


def test_no_customer_is_named_or_hashed_in_a_scrape_or_a_log(bench, events):
    hashes = {CustomerKey(SECRET).hide(event["customer"]) for event in events if "customer" in event}
    content = "\n".join(
        [
            *(worker.get("/metrics")[1] for worker in bench.running()),
            *(worker.log.read_text() for worker in bench.workers),
        ]
    )

    assert "contact_window_fcr_ratio" in content
    assert NAME not in content
    assert SECRET not in content
    assert not any(hashed in content for hashed in hashes)
