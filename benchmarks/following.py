"""A worker that catches up, followed from its first claim of a partition to the commit of the last fact."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from benchmarks.broker import Broker
from benchmarks.plain import ABANDONED, ANSWERED, OFFERED, WAIT_MS
from benchmarks.processes import Cost, peak_mb
from benchmarks.running import RunningWorker, running
from streams.config.model import Config

STARTED_WITHIN_S: Final = 180.0
FOLDED_WITHIN_S: Final = 1_800.0
"""Of the clock on the wall: generous, since a machine that is busy with other things is no failure of the worker's."""
POLL_S: Final = 0.02

Offsets = dict[TopicPartition, int]


class Caught(NamedTuple):
    """What a worker took, and what it counted."""

    cost: Cost
    totals: Mapping[str, list[int]]
    """`channel/queue` → offered, answered, abandoned, wait of the answered in ms."""
    peak_mb: int


class Watch:
    """Follows a worker by what it commits: asks the broker only, so that it costs the worker nothing."""

    def __init__(self, config: Config, partitions: int, reader: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        """`partitions`: of each source topic."""
        kafka = config.kafka
        self._group = f"{kafka.topic_prefix}{kafka.app}"
        self._reader = reader
        self._admin = admin
        self._sources = [TopicPartition(kafka.topic(topic), p) for topic in config.topics for p in range(partitions)]
        self._facts = [TopicPartition(kafka.facts_topic, p) for p in range(kafka.facts_partitions)]
        self._states = [
            TopicPartition(kafka.state_topic(topic), p) for topic in config.topics for p in range(partitions)
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
async def watching(config: Config, partitions: int) -> AsyncIterator[Watch]:
    address = config.kafka.brokers
    reader = AIOKafkaConsumer(bootstrap_servers=address, enable_auto_commit=False)
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await reader.start()
    await admin.start()
    try:
        yield Watch(config, partitions, reader, admin)
    finally:
        await admin.close()
        await reader.stop()


async def catch_up(broker: Broker, config: Config, partitions: int) -> Caught:
    """Start a worker of a fresh app and follow it until it has folded all there is. Raises TimeoutError."""
    broker.create_topics(config, partitions)
    async with watching(config, partitions) as watch:
        with running(config, broker.directory) as worker:
            cost = await _follow(watch, worker)
            return Caught(cost, _totals(worker.counters()), peak_mb(worker.pid))


async def _follow(watch: Watch, worker: RunningWorker) -> Cost:
    await _until(watch.claimed, worker, STARTED_WITHIN_S)
    start = worker.cost()
    await _until(watch.folded, worker, FOLDED_WITHIN_S)
    facts = await watch.facts()
    await _until(lambda: watch.viewed(facts), worker, FOLDED_WITHIN_S)
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
