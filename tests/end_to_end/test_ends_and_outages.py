"""A worker among others: how it starts, says how it is, leaves; what it does when Redis goes away and comes back."""

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest
from redis.exceptions import RedisError

from tests.end_to_end.centre import Centre, Worker, centre
from tests.end_to_end.days import lines
from tests.end_to_end.shown import LIVE, BruteForce, Shown, all_live, in_redis, in_scrape, now_ms
from tests.servers import free_port

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

ENDS_WITHIN_S = 10


def arrivals(count: int, name: str) -> list[dict]:
    """Contacts that wait from now on, and go on waiting."""
    at = now_ms()
    return [
        {
            "v": 1,
            "id": f"{name} {number}",
            "type": "queue.entered",
            "time": at,
            "channel": "voice",
            "contact": f"{name} {number}",
            "queue": f"queue {number % 5}",
        }
        for number in range(count)
    ]


def waiting(bench: Centre) -> int | None:
    """Contacts that wait, by Redis; None where that is not live."""
    shown = in_redis(bench.hashes(), now_ms()).get("*")
    return int(shown.values[LIVE]["waiting"]) if shown is not None and shown.live else None


def test_probes_of_a_worker_that_starts_works_and_ends(bench):
    worker = bench.worker()
    bench.wait(lambda: worker.get("/livez")[0] == 200, 40, "it answers")
    first = worker.get("/readyz")
    bench.wait(worker.ready, 40, "it is ready")

    _, said = bench.first(lambda: worker.get("/readyz"), lambda answer: answer[0] == 200, 10, "it says so")
    partitions = json.loads(said)["partitions"]

    assert worker.get("/livez") == (200, "ok\n")
    assert first[0] in (200, 503)
    assert first[0] == 200 or json.loads(first[1])["problems"]
    assert len(partitions) == 20
    assert {partition["state"] for partition in partitions} <= {"live", "behind"}
    assert worker.get("/metrics")[0] == 200
    assert worker.get("/table")[0] == 404

    worker.signal(signal.SIGTERM)

    assert worker.wait(ENDS_WITHIN_S) == 0
    assert worker.get("/livez")[0] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_worker_that_is_told_to_stop_ends_cleanly(bench, number, record_property):
    """Exit 0 within 10 s in the middle of its work; the other one takes over at once, and nothing counts twice."""
    leaver, other = bench.ready_workers(2)
    events = arrivals(500, "early")
    bench.produce(lines(events))
    bench.wait(lambda: waiting(bench) == 500, 30, "500 wait")
    more = arrivals(2_000, "late")
    bench.produce(lines(more))
    began = time.monotonic()
    leaver.signal(number)

    assert leaver.wait(ENDS_WITHIN_S) == 0

    record_property("ended_after_s", round(time.monotonic() - began, 1))

    assert bench.members() == 1  # it has left: nobody waits for its session to time out

    brute_force = BruteForce([*events, *more])
    redis, scrape = shown_live(bench, other, brute_force.queues())
    record_property("taken_over_after_s", round(time.monotonic() - began, 1))

    assert redis["*"].values[LIVE]["waiting"] == 2_500
    assert brute_force.differences(redis) == []
    assert brute_force.differences(scrape) == []


def shown_live(bench: Centre, worker: Worker, queues: set[str]) -> tuple[dict[str, Shown], dict[str, Shown]]:
    """What Redis and the worker's scrape show of these queues and no others, once all that was sent is in it."""
    settled_at = bench.settled_at()
    redis = bench.first(
        lambda: in_redis(bench.hashes(), now_ms()),
        lambda shown: all_live(shown, queues, settled_at),
        60,
        "Redis has every queue",
    )
    scrape = bench.first(
        lambda: in_scrape(worker.scrape()),
        lambda shown: all_live(shown, queues, settled_at),
        60,
        "the scrape has every queue",
    )
    return redis, scrape


def scraped(worker: Worker) -> dict[str, float]:
    """Queue → contacts that wait, by this worker's scrape."""
    return {s.labels["queue"]: s.value for s in worker.scrape() if s.name == "contact_waiting"}


def test_a_worker_without_its_topics_says_what_to_do(brokers, redis_url, tmp_path):
    with contextlib.closing(Centre(brokers, redis_url, "nothing", tmp_path)) as bench:
        worker = bench.worker()

        assert worker.wait(30) == 2

    assert "error: Kafka has no topic nothing-calls" in worker.log.read_text()
    assert "hint: contact-streams topics create" in worker.log.read_text()


class Store:
    """A Redis of its own that can be stopped and started again, empty, on the same port."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store()
    try:
        yield made
    finally:
        made.stop()


def test_redis_goes_away_and_comes_back_empty(brokers, store, tmp_path):
    """Consumption goes on, the scrape stays right, and readiness says so; then everything is written again."""
    with centre(brokers, store.url, "outage", tmp_path) as bench:
        (worker,) = bench.ready_workers(1)
        bench.produce(lines(arrivals(100, "before")))
        bench.wait(lambda: waiting(bench) == 100, 30, "100 wait")
        store.stop()
        bench.produce(lines(arrivals(50, "during")))
        bench.wait(lambda: scraped(worker).get("*") == 150, 30, "consumption goes on")

        bench.wait(lambda: failures(worker) > 0, 10, "it counts what was not written")
        bench.wait(lambda: "Redis is away" in worker.get("/readyz")[1], 10, "readiness says so")

        assert worker.get("/livez")[0] == 200

        store.start()
        bench.wait(lambda: shown_again(bench) == 150, 40, "the values are back")
        bench.wait(worker.ready, 30, "it is ready")

        assert worker.ended() is None


def shown_again(bench: Centre) -> int | None:
    """As `waiting`; None too where Redis does not answer yet."""
    with contextlib.suppress(RedisError):
        return waiting(bench)
    return None


def failures(worker: Worker) -> float:
    return sum(s.value for s in worker.scrape() if s.name == "contact_streams_sink_failures_total")


def test_a_worker_starts_while_redis_is_away(brokers, store, tmp_path):
    with centre(brokers, store.url, "early", tmp_path) as bench:
        store.stop()
        bench.produce(lines(arrivals(20, "early")))
        worker = bench.worker()
        bench.wait(lambda: scraped(worker).get("*") == 20, 60, "it works without")
        store.start()
        bench.wait(lambda: shown_again(bench) == 20, 40, "the values are there")


ODD_QUEUES = ('say "hi"', "back\\slash", "Zürich: Hotline 1", "☎ sales", "{a}", "live", "5m", "-", "x" * 200)


def test_queues_of_any_name(bench):
    """What an operator may call a queue comes through Kafka, Redis and the scrape as it is."""
    (worker,) = bench.ready_workers(1)
    events = [{**event, "queue": name} for event, name in zip(arrivals(9, "odd"), ODD_QUEUES, strict=True)]
    bench.produce(lines(events))
    redis, scrape = shown_live(bench, worker, {*ODD_QUEUES, "*"})

    assert redis["*"].values[LIVE]["waiting"] == len(events)
    assert BruteForce(events).differences(redis) == []
    assert BruteForce(events).differences(scrape) == []
