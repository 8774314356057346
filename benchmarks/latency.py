"""From an event's append time in Kafka to its number in Redis, and to the pixel on the board, under a steady load.

    python -m benchmarks.latency [--rate 2000] [--seconds 60] [--no-board]

Real processes: Kafka, Redis, a worker, the wallboard with Chromium. Calls arrive live, keyed by queue, so that the
n-th entry of a queue in the log is the n-th that its counter shows: whoever sees a counter go from 5 to 8 has just
learned of entries 6, 7 and 8. `each` takes every event by itself, `oldest` only the oldest of each change, which is
how long the slowest number of a flush took. Writes results/latency.json.
"""

import argparse
import asyncio
import contextlib
import shutil
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Self

import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks import calls
from benchmarks.board import Board, board
from benchmarks.broker import BATCH_BYTES, Broker
from benchmarks.centre import time_of
from benchmarks.day import Day
from benchmarks.processes import end_in_order
from benchmarks.results import save
from benchmarks.running import running
from benchmarks.sighting import Appended, Sighting
from streams.config.model import Config
from streams.facts.wire import Dimension
from streams.sinks.redis_keys import Keys
from tests import servers

QUEUES: Final = 20
WARM_UP_S: Final = 20.0
"""Left out: the worker joins, everything is written for the first time."""
SEND_EVERY_S: Final = 0.005
WINDOW: Final = "60m"
ENTERED: Final = b'"queue.entered"'
ANSWERED: Final = b'"agent.connected"'
BIN_MS: Final = 25


class Watcher(Sighting):
    """Listens to Redis as a board does, and notes what each message brings, in a thread of its own."""

    def __init__(self, url: str, prefix: str) -> None:
        super().__init__()
        self._client = redis.Redis.from_url(url, decode_responses=True)
        self._keys = Keys(prefix)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        self._client.close()

    def _run(self) -> None:
        queues = [f"queue-{number}" for number in range(QUEUES)]
        with self._client.pubsub() as changes:
            changes.subscribe(self._keys.changes)
            while not self._stopped.is_set():
                if not changes.get_message(ignore_subscribe_messages=True, timeout=0.5):
                    continue
                at = time.time() * 1e3
                while changes.get_message(ignore_subscribe_messages=True):
                    pass  # of the same call
                self._note(queues, at)

    def _note(self, queues: Sequence[str], at: float) -> None:
        with self._client.pipeline(transaction=False) as asked:
            for queue in queues:
                asked.hget(self._keys.view(Dimension(calls.CHANNEL, queue)), f"offered:{WINDOW}")
            for queue, count in zip(queues, asked.execute(), strict=True):
                if count is not None:
                    self.seen.append((queue, int(count), at))


# --- load ---


async def send_live(address: str, topic: str, day: Day) -> None:
    """Send every event of a day when its time has come."""
    producer = AIOKafkaProducer(bootstrap_servers=address, max_batch_size=BATCH_BYTES, linger_ms=0)
    async with producer:
        await asyncio.gather(
            *(
                _send_partition(producer, topic, partition, [(time_of(record.value), record) for record in records])
                for (_, partition), records in day.partitions.items()
            )
        )


async def _send_partition(producer: AIOKafkaProducer, topic: str, partition: int, timed: Sequence[Any]) -> None:
    at = 0
    while at < len(timed):
        batch = producer.create_batch()
        now_ms = time.time() * 1e3
        while at < len(timed) and timed[at][0] <= now_ms:
            _, record = timed[at]
            batch.append(key=record.key, value=record.value, timestamp=None)
            at += 1
        if batch.record_count():
            await producer.send_batch(batch, topic, partition=partition)
        await asyncio.sleep(SEND_EVERY_S)


async def append_times(address: str, topic: str) -> tuple[Appended, Appended]:
    """When the broker wrote each entry, and each answer, by queue."""
    entered: defaultdict[str, list[int]] = defaultdict(list)
    answered: defaultdict[str, list[int]] = defaultdict(list)
    consumer = AIOKafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest", enable_auto_commit=False)
    async with consumer:
        places = [TopicPartition(topic, partition) for partition in range(calls.PARTITIONS)]
        consumer.assign(places)
        left = sum((await consumer.end_offsets(places)).values())
        while left > 0:
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                left -= len(records)
                for record in records:
                    kind = entered if ENTERED in record.value else answered if ANSWERED in record.value else None
                    if kind is not None:
                        kind[record.key.decode()].append(record.timestamp)
    return entered, answered


# --- report ---


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank; the values need no order. 0 of none."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else 0.0


def figures(values: Sequence[float]) -> dict[str, Any]:
    """Percentiles in ms, and a histogram: bin's lower edge → count."""
    bins: defaultdict[int, int] = defaultdict(int)
    for value in values:
        bins[int(value // BIN_MS) * BIN_MS] += 1
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    ranked = {name: round(percentile(values, share), 1) for name, share in shares.items()}
    return {"count": len(values), **ranked, "bins": dict(sorted(bins.items()))}


def main(rate: int, seconds: int, *, with_board: bool) -> None:
    with (
        servers.kafka() as address,
        servers.redis() as url,
        tempfile.TemporaryDirectory(prefix="latency-") as directory,
    ):
        broker = Broker(address, url, Path(directory))
        config = broker.config("latency", {calls.TOPIC: [calls.CHANNEL]})
        broker.create_topics(config, calls.PARTITIONS)
        start_ms = round(time.time() * 1e3 + 10_000)
        day = calls.simulate(rate * seconds, QUEUES, rate, start_ms)
        with contextlib.ExitStack() as stack:
            worker = stack.enter_context(running(config, broker.directory))
            watcher = stack.enter_context(Watcher(url, config.redis.prefix))
            pixels = stack.enter_context(_maybe_board(config, broker.directory, with_board=with_board))
            before = worker.cost()
            asyncio.run(send_live(address, calls.TOPIC, day))
            time.sleep(3)
            used = worker.cost().since(before)
            pixels.stop()
        entered, answered = asyncio.run(append_times(address, calls.TOPIC))
    since_ms = start_ms + WARM_UP_S * 1e3
    taken = {"redis": {of: figures(values) for of, values in watcher.latencies(entered, since_ms).items()}}
    if with_board:
        taken["board"] = {of: figures(values) for of, values in pixels.latencies(answered, since_ms).items()}
    for where, ways in taken.items():
        for of, ranked in ways.items():
            print(f"{where:6} {of:7}", {name: value for name, value in ranked.items() if name != "bins"}, flush=True)
    load = {"rate": rate, "seconds": seconds, "queues": QUEUES, "worker_cpu_share": round(used.cpu_s / used.at_s, 3)}
    save("latency", {**load, "bin_ms": BIN_MS, **taken})


@contextlib.contextmanager
def _maybe_board(config: Config, directory: Path, *, with_board: bool) -> Iterator["Board"]:
    if not with_board:
        yield Board(None)
        return
    with board(config, directory, calls.CHANNEL, WINDOW) as shown:
        yield shown


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=2_000, help="events a second (default 2000)")
    parser.add_argument("--seconds", type=int, default=60, help="how long (default 60)")
    parser.add_argument("--no-board", action="store_true", help="Redis only: no Chromium needed")
    options = parser.parse_args()
    end_in_order()
    wanted = not options.no_board and shutil.which("chromium") is not None
    main(options.rate, options.seconds, with_board=wanted)
