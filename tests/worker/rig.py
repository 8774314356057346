"""A bench for worker processes: topics of their own on a real broker, records in, what becomes visible out."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.records_to_delete import RecordsToDelete
from confluent_kafka import Producer

from tests.servers import free_port

REPOSITORY = Path(__file__).resolve().parents[2]
KEYS = 50


class Process:
    """A worker of `toy`, in a process of its own."""

    def __init__(self, brokers: str, app: str, log: Path, **env: str) -> None:
        self.port = free_port()
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.worker.toy", brokers, app, str(self.port)],
                cwd=REPOSITORY,
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ended(self) -> int | None:
        """Exit code; None while it runs."""
        return self._process.poll()

    def wait(self, within_s: float) -> int:
        return self._process.wait(within_s)

    def get(self, path: str) -> tuple[int, str]:
        """Status and body; status 0 where nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()
        except OSError:
            return 0, ""

    def ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    def shown(self) -> dict[str, dict]:
        """Facts partition → what this worker shows of it."""
        return json.loads(self.get("/metrics")[1] or "{}")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class Rig:
    """An app on a broker: `calls` with four partitions, `facts` with two."""

    def __init__(self, brokers: str, app: str, directory: Path) -> None:
        self.brokers = brokers
        self.app = app
        self.sent = 0
        self.sent_sum = 0
        self._directory = directory
        self._workers: list[Process] = []

    def topic(self, name: str) -> str:
        return f"{self.app}.{name}"

    @property
    def facts(self) -> str:
        return self.topic(f"{self.app}-facts")

    def worker(self, **env: str) -> Process:
        log = self._directory / f"worker-{len(self._workers)}.log"
        worker = Process(self.brokers, self.app, log, **env)
        self._workers.append(worker)
        return worker

    def logs(self) -> str:
        return "\n".join(worker.log.read_text() for worker in self._workers)

    def end(self) -> None:
        for worker in self._workers:
            worker.kill()

    # Records in

    def create_topics(self) -> None:
        plain = {"message.timestamp.type": "LogAppendTime"}
        compacted = {**plain, "cleanup.policy": "compact"}
        partitions = {"calls": 4, f"{self.app}-facts": 2, "visits": 2, "deadletters": 1}
        states = {f"{self.app}-state-calls": 4, f"{self.app}-state-facts": 2}
        topics = [NewTopic(self.topic(name), n, 1, topic_configs=plain) for name, n in partitions.items()]
        topics += [NewTopic(self.topic(name), n, 1, topic_configs=compacted) for name, n in states.items()]

        async def create(admin: AIOKafkaAdminClient) -> None:
            await admin.create_topics(topics)

        self.admin(create)

    def admin(self, do) -> None:
        async def run() -> None:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.brokers)
            await admin.start()
            try:
                await do(admin)
            finally:
                await admin.close()

        asyncio.run(run())

    def add_partition(self, topic: str, count: int) -> None:
        """Have `count` partitions of a topic."""

        async def add(admin: AIOKafkaAdminClient) -> None:
            await admin.create_partitions({topic: NewPartitions(count)})

        self.admin(add)

    def append(self, topic: str, partition: int, key: bytes, value: bytes) -> None:
        """One record, as it is."""

        async def run() -> None:
            producer = AIOKafkaProducer(bootstrap_servers=self.brokers)
            await producer.start()
            try:
                await producer.send_and_wait(topic, value, key, partition)
            finally:
                await producer.stop()

        asyncio.run(run())

    def delete_all(self, topic: str, partition: int) -> None:
        """What a retention that is too short does."""
        self._delete_before(topic, partition, self._offsets(topic, partition)[1])

    def first_offset(self, topic: str, partition: int) -> int:
        return self._offsets(topic, partition)[0]

    def _delete_before(self, topic: str, partition: int, offset: int) -> None:
        async def delete(admin: AIOKafkaAdminClient) -> None:
            await admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(offset)})

        self.admin(delete)

    def _offsets(self, topic: str, partition: int) -> tuple[int, int]:
        async def run() -> tuple[int, int]:
            reader = AIOKafkaConsumer(bootstrap_servers=self.brokers)
            await reader.start()
            try:
                tp = TopicPartition(topic, partition)
                return (await reader.beginning_offsets([tp]))[tp], (await reader.end_offsets([tp]))[tp]
            finally:
                await reader.stop()

        return asyncio.run(run())

    def append_facts(self, partition: int, count: int) -> None:
        """Facts that no worker has folded yet."""

        async def run() -> None:
            producer = AIOKafkaProducer(bootstrap_servers=self.brokers)
            await producer.start()
            try:
                for _ in range(count):
                    await producer.send_and_wait(self.facts, b"[1, 1]", b"key", partition)
            finally:
                await producer.stop()

        asyncio.run(run())

    def touch_topics(self) -> None:
        """Create the topics of a mock cluster: being asked for is enough."""
        client = Producer({"bootstrap.servers": self.brokers, "allow.auto.create.topics": True, "log_level": 0})
        for name in ("calls", f"{self.app}-facts", "visits", "deadletters"):
            client.list_topics(self.topic(name), timeout=10)
        for name in ("calls", "facts"):
            client.list_topics(self.topic(f"{self.app}-state-{name}"), timeout=10)

    def send(self, count: int) -> None:
        """`count` more records, spread over `KEYS` keys."""

        async def run() -> None:
            producer = AIOKafkaProducer(bootstrap_servers=self.brokers, linger_ms=5)
            await producer.start()
            try:
                batches = {}
                for number in range(self.sent, self.sent + count):
                    await self._append(producer, batches, number)
                for partition, batch in batches.items():
                    await producer.send_batch(batch, self.topic("calls"), partition=partition)
                await producer.flush()
            finally:
                await producer.stop()

        asyncio.run(run())
        self.sent_sum += sum(range(self.sent, self.sent + count))
        self.sent += count

    async def _append(self, producer, batches, number: int) -> None:
        partition, key, value = number % 4, b"key %d" % (number % KEYS), b"%d" % number
        batch = batches.setdefault(partition, producer.create_batch())
        if batch.append(timestamp=None, key=key, value=value) is None:
            await producer.send_batch(batch, self.topic("calls"), partition=partition)
            batches[partition] = producer.create_batch()
            batches[partition].append(timestamp=None, key=key, value=value)

    # What becomes visible

    def visits(self) -> Counter[bytes]:
        """Each value in `visits` (partition:offset of an input record) and how often it is there, committed."""

        async def run() -> Counter[bytes]:
            reader = AIOKafkaConsumer(bootstrap_servers=self.brokers, isolation_level="read_committed")
            await reader.start()
            try:
                return await _read_all(reader, self.topic("visits"))
            finally:
                await reader.stop()

        return asyncio.run(run())

    def committed(self) -> dict[int, int]:
        """Partition of `calls` → offset that the group has committed."""
        found: dict[int, int] = {}

        async def ask(admin: AIOKafkaAdminClient) -> None:
            offsets = await admin.list_consumer_group_offsets(self.topic(self.app))
            found.update({tp.partition: at.offset for tp, at in offsets.items() if tp.topic == self.topic("calls")})

        self.admin(ask)
        return found

    def totals(self, *workers: Process) -> tuple[int, int]:
        """Count and sum over all keys, as the workers show them now."""
        rows = [row for worker in workers for part in worker.shown().values() for row in part["sums"].values()]
        return sum(count for count, _ in rows), sum(amount for _, amount in rows)

    def wait_for_totals(self, *workers: Process, within_s: float = 60) -> None:
        """Until the workers show what was sent. Fails with what they show and their logs."""
        expected = self.sent, self.sent_sum
        wait_until(lambda: self.totals(*workers) == expected, within_s, lambda: self._story(expected, workers))

    def wait_for_totals_of_the_living(self, *workers: Process) -> None:
        """As `wait_for_totals`, of the workers that are still there by then."""
        expected = self.sent, self.sent_sum

        def reached() -> bool:
            living = [worker for worker in workers if worker.ended() is None]
            return all(worker.ready() for worker in living) and self.totals(*living) == expected

        wait_until(reached, 60, lambda: self._story(expected, workers))

    def wait_for_ready(self, *workers: Process) -> None:
        wait_until(lambda: all(worker.ready() for worker in workers), 40, self.logs)

    def _story(self, expected: tuple[int, int], workers: tuple[Process, ...]) -> str:
        return f"expected {expected}, shown {self.totals(*workers)}\n{self.logs()}"

    def each_once(self) -> bool:
        """Whether every record sent left exactly one visit."""
        visits = self.visits()
        return len(visits) == self.sent == visits.total()


async def _read_all(reader: AIOKafkaConsumer, topic: str) -> Counter[bytes]:
    tps = [TopicPartition(topic, partition) for partition in await _partitions(reader, topic)]
    reader.assign(tps)
    await reader.seek_to_beginning()
    ends = await reader.end_offsets(tps)
    seen: Counter[bytes] = Counter()
    while any([await reader.position(tp) < ends[tp] for tp in tps]):
        for records in (await reader.getmany(timeout_ms=200)).values():
            seen.update(record.value for record in records)
    return seen


async def _partitions(reader: AIOKafkaConsumer, topic: str) -> set[int]:
    await reader._client._wait_on_metadata(topic)
    return reader.partitions_for_topic(topic)


def wait_until(true: Callable[[], bool], within_s: float, story: Callable[[], str]) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s:\n{story()}")
        time.sleep(0.1)


@contextlib.contextmanager
def rig(brokers: str, app: str, directory: Path) -> Iterator[Rig]:
    bench = Rig(brokers, app, directory)
    try:
        yield bench
    finally:
        bench.end()


@contextlib.contextmanager
def open_transaction(bench: Rig, topic: str, *, partition: int) -> Iterator[None]:
    """Of a producer that is there, and does not end it."""
    loop = asyncio.new_event_loop()

    async def begin() -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=bench.brokers, transactional_id=f"{bench.app} stranger", transaction_timeout_ms=120_000
        )
        await producer.start()
        await producer.begin_transaction()
        await producer.send_and_wait(bench.topic(topic), b"[0, 0]", b"stranger", partition)
        return producer

    async def end(producer: AIOKafkaProducer) -> None:
        await producer.abort_transaction()
        await producer.stop()

    producer = loop.run_until_complete(begin())
    try:
        yield
    finally:
        loop.run_until_complete(end(producer))
        loop.close()
