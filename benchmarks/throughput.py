"""Events per CPU-second: the worker on Kafka, with transactions, beside a plain fold of the same topics.

    python -m benchmarks.throughput [--events 300000] [--rounds 3] [--json]

Needs Java and the jars of Apache Kafka (`make kafka`); Redis is written to where `redis-server` is on the PATH. What is
measured and what is not: `README.md` here.
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from benchmarks.day import PARTITIONS, TOPICS, Day, Place, simulate
from benchmarks.plain import ABANDONED, ANSWERED, OFFERED, WAIT_MS, WITHIN_S, Measured
from benchmarks.running import Cost, RunningWorker, running
from streams.cli.options import kafka_options
from streams.cli.topics import plan
from streams.config.model import Config, KafkaConfig, MetricsConfig, RedisConfig
from streams.sources.kafka import administration
from tests import servers

BATCH_BYTES: Final = 512 * 1024
STARTED_WITHIN_S: Final = 90.0
POLL_S: Final = 0.02
TARGET: Final = 0.35

Offsets = dict[TopicPartition, int]


class Round(NamedTuple):
    """Each side once, one after the other."""

    one: Measured
    """The plain fold that decodes record by record."""
    many: Measured
    """The plain fold that decodes batch by batch."""
    worker: Measured

    @property
    def ratio(self) -> float:
        """The worker's events per CPU-second, over the plain fold's that decodes record by record, as the worker."""
        return rate(self.worker) / rate(self.one)

    @property
    def ratio_many(self) -> float:
        """The same over the plain fold that decodes whole batches."""
        return rate(self.worker) / rate(self.many)


def rate(measured: Measured) -> float:
    """Events per CPU-second."""
    return measured.records / measured.cpu_s


# --- topics and records ---


class Broker:
    """A Kafka of our own, with the day in the source topics."""

    def __init__(self, address: str, redis_url: str | None, directory: Path) -> None:
        self.address = address
        self.directory = directory
        self._redis_url = redis_url

    def config(self, app: str) -> Config:
        """An app of its own on this broker: fresh internal topics, its own keys in Redis."""
        redis = RedisConfig(url=self._redis_url or f"redis://127.0.0.1:{servers.free_port()}/0", prefix=app)
        kafka = KafkaConfig(brokers=self.address, app=app)
        return Config(topics=TOPICS, kafka=kafka, redis=redis, metrics=MetricsConfig(port=servers.free_port()))

    def create_topics(self, config: Config) -> None:
        with administration(kafka_options(config.kafka)) as topics:
            topics.ensure(plan(config, dict.fromkeys(config.topics, PARTITIONS), 1))

    async def produce(self, day: Day) -> None:
        """Write the day; LogAppendTime stamps it now."""
        producer = AIOKafkaProducer(bootstrap_servers=self.address, max_batch_size=BATCH_BYTES)
        await producer.start()
        try:
            for place, records in day.partitions.items():
                await _produce(producer, place, records)
        finally:
            await producer.stop()


async def _produce(producer: AIOKafkaProducer, place: Place, records: Sequence[tuple[bytes | None, bytes]]) -> None:
    topic, partition = place
    batch = producer.create_batch()
    for key, value in records:
        if batch.append(key=key, value=value, timestamp=None) is None:
            await (await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)
    await (await producer.send_batch(batch, topic, partition=partition))


# --- the plain fold ---


async def run_plain(way: str, broker: Broker, topics: Sequence[str]) -> Measured:
    """In a process of its own, which measures itself."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.plain", way, broker.address, *topics, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the plain fold ended with {process.returncode}")
    return msgspec.json.decode(out, type=Measured)


# --- the worker ---


class Watch:
    """Follows a worker by what it commits: asks the broker only, so that it costs the worker nothing."""

    def __init__(self, config: Config, reader: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        self._group = f"{config.kafka.topic_prefix}{config.kafka.app}"
        self._reader = reader
        self._admin = admin
        kafka = config.kafka
        self._sources = [TopicPartition(kafka.topic(topic), p) for topic in config.topics for p in range(PARTITIONS)]
        self._facts = [TopicPartition(kafka.facts_topic, p) for p in range(kafka.facts_partitions)]
        self._states = [
            TopicPartition(kafka.state_topic(topic), p) for topic in config.topics for p in range(PARTITIONS)
        ]

    async def claimed(self) -> bool:
        """Whether the first source partition has an owner: a claim is the first record of a changelog."""
        return any((await self._reader.end_offsets(self._states)).values())

    async def folded(self) -> bool:
        """Whether stage 1 has committed every record of the sources."""
        return self._beyond(await self._committed(), await self._reader.end_offsets(self._sources))

    async def facts(self) -> Offsets:
        """Where the facts end now."""
        return dict(await self._reader.end_offsets(self._facts))

    async def viewed(self, facts: Offsets) -> bool:
        """Whether stage 2 has committed them."""
        return self._beyond(await self._committed(), facts)

    async def _committed(self) -> Mapping[TopicPartition, int]:
        committed = await self._admin.list_consumer_group_offsets(self._group)
        return {place: found.offset for place, found in committed.items()}

    @staticmethod
    def _beyond(committed: Mapping[TopicPartition, int], ends: Offsets) -> bool:
        return all(committed.get(place, 0) >= end for place, end in ends.items())


@contextlib.asynccontextmanager
async def watching(config: Config) -> AsyncIterator[Watch]:
    address = config.kafka.brokers
    reader = AIOKafkaConsumer(bootstrap_servers=address, enable_auto_commit=False)
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await reader.start()
    await admin.start()
    try:
        yield Watch(config, reader, admin)
    finally:
        await admin.close()
        await reader.stop()


async def run_worker(broker: Broker, app: str, records: int) -> Measured:
    """From the first claim of a partition to the commit of the last fact."""
    config = broker.config(app)
    broker.create_topics(config)
    async with watching(config) as watch:
        with running(config, broker.directory) as worker:
            cost = await _follow(watch, worker)
            return Measured(records, cost.cpu_s, cost.at_s, _totals(worker.counters()))


async def _follow(watch: Watch, worker: RunningWorker) -> Cost:
    await _until(watch.claimed, worker, STARTED_WITHIN_S)
    start = worker.cost()
    await _until(watch.folded, worker, WITHIN_S)
    facts = await watch.facts()
    await _until(lambda: watch.viewed(facts), worker, WITHIN_S)
    return worker.cost().since(start)


async def _until(reached: Callable[[], Awaitable[bool]], worker: RunningWorker, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not await reached():
        worker.cost()  # raises when it has ended
        if time.monotonic() > deadline:
            raise TimeoutError(f"the worker took longer than {within_s:.0f} s")
        await asyncio.sleep(POLL_S)


def _totals(counters: Mapping[str, Mapping[str, float]]) -> dict[str, list[int]]:
    """The worker's counters as the plain fold has them."""
    totals: dict[str, list[int]] = {}
    for which, name, unit in (
        (OFFERED, "offered", 1),
        (ANSWERED, "answered", 1),
        (ABANDONED, "abandoned", 1),
        (WAIT_MS, "wait_answered_seconds", 1000),
    ):
        for queue, value in counters.get(f"contact_{name}_total", {}).items():
            totals.setdefault(queue, [0, 0, 0, 0])[which] = round(value * unit)
    return {queue: total for queue, total in totals.items() if any(total)}


# --- rounds ---


async def compare(broker: Broker, day: Day, rounds: int) -> AsyncIterator[Round]:
    """Each side in turn. Raises AssertionError when they have not counted the same."""
    topics = sorted({topic for topic, _ in day.partitions})
    broker.create_topics(broker.config("round-0"))
    await broker.produce(day)
    for number in range(rounds):
        one = await run_plain("one", broker, topics)
        worker = await run_worker(broker, f"round-{number}", day.records)
        many = await run_plain("list", broker, topics)
        check(day, one, many, worker)
        yield Round(one, many, worker)


def check(day: Day, *sides: Measured) -> None:
    """All sides have folded every record, and say the same of every queue."""
    for side in sides:
        assert side.records == day.records, f"{side.records} records folded, {day.records} were produced"
        assert side.totals == sides[0].totals, f"{side.totals} are not {sides[0].totals}"
    assert sum(total[OFFERED] for total in sides[0].totals.values()), "nothing was offered"


# --- report ---


def lines_for_people(rounds: Sequence[Round]) -> Iterator[str]:
    yield "round  plain/CPU-s  plain, batches/CPU-s  worker/CPU-s  worker, wall s  ratio  ratio, batches"
    for number, each in enumerate(rounds, 1):
        yield (
            f"{number:5}  {rate(each.one):11,.0f}  {rate(each.many):20,.0f}  {rate(each.worker):12,.0f}"
            f"  {each.worker.wall_s:14.1f}  {each.ratio:5.2f}  {each.ratio_many:14.2f}"
        )
    for name, ratios in (("ratio", [r.ratio for r in rounds]), ("ratio, batches", [r.ratio_many for r in rounds])):
        yield f"{name}: median {statistics.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}"
    yield f"target: {TARGET}"


def as_json(number: int, each: Round) -> str:
    sides = {"plain": each.one, "plain_list": each.many, "worker": each.worker}
    costs = {name: {"cpu_s": side.cpu_s, "wall_s": side.wall_s} for name, side in sides.items()}
    ratios = {"ratio": each.ratio, "ratio_list": each.ratio_many}
    return json.dumps({"round": number, "records": each.worker.records, **costs, **ratios})


async def main(events: int, rounds: int, *, json_lines: bool) -> None:
    day = simulate(events)
    redis = servers.redis() if shutil.which("redis-server") else contextlib.nullcontext()
    with servers.kafka() as address, redis as url, tempfile.TemporaryDirectory() as directory:
        broker = Broker(address, url, Path(directory))
        done: list[Round] = []
        async for each in compare(broker, day, rounds):
            done.append(each)
            if json_lines:
                print(as_json(len(done), each), flush=True)
    if not json_lines:
        print(f"{day.records} records, Redis {'written to' if url else 'absent'}")
        print("\n".join(lines_for_people(done)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=300_000, help="events to simulate (default 300000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each side runs (default 3)")
    parser.add_argument("--json", action="store_true", help="one JSON object per round, instead of a table")
    options = parser.parse_args()
    asyncio.run(main(options.events, options.rounds, json_lines=options.json))
