"""The product as its users run it: a configuration file, commands in processes of their own, Kafka and Redis.

with centre(brokers, redis_url, "name", directory) as made:
    made.produce(lines); worker = made.worker(); made.visits(); made.hashes(); worker.scrape()
"""

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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
import redis
import yaml
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from prometheus_client.parser import text_string_to_metric_families

from streams.books import META_KEY
from streams.worker import changelog
from tests.cli.commands import Done, contact_streams
from tests.servers import free_port

REPOSITORY = Path(__file__).resolve().parents[2]
PARTITIONS = 8
SOURCES = ("calls", "chats")

META = msgspec.msgpack.Decoder(changelog.Meta)

Look = TypeVar("Look")


class Sample(NamedTuple):
    """A sample of a scrape."""

    name: str
    labels: Mapping[str, str]
    value: float


class Worker:
    """`contact-streams worker` in a process of its own."""

    def __init__(self, config: Path, log: Path, program: Sequence[str] = ("streams",)) -> None:
        """`program`: module, and what it takes before the command."""
        self.port = free_port()
        self.log = log
        settings = {name: value for name, value in os.environ.items() if not name.startswith("CONTACT_STREAMS_")}
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *program, "worker", "--config", str(config)],
                cwd=REPOSITORY,
                env={**settings, "CONTACT_STREAMS_METRICS__PORT": str(self.port)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ended(self) -> int | None:
        """Exit code; None while it runs."""
        return self._process.poll()

    def wait(self, within_s: float) -> int:
        return self._process.wait(within_s)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def get(self, path: str) -> tuple[int, str]:
        """Status and body; status 0 where nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()
        except OSError:
            return 0, ""

    def ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    def scrape(self) -> list[Sample]:
        """Nothing where nobody answers."""
        families = text_string_to_metric_families(self.get("/metrics")[1])
        return [Sample(found.name, found.labels, found.value) for family in families for found in family.samples]

    def owned(self, topic: str) -> int:
        """Partitions of the logical topic that this worker owns."""
        lags = [found.labels for found in self.scrape() if found.name == "contact_streams_lag_records"]
        return sum(labels["topic"] == topic for labels in lags)

    def outcomes(self) -> dict[str, int]:
        """What became of the records that this worker has read."""
        found: dict[str, int] = {}
        for sample in self.scrape():
            if sample.name == "contact_streams_events_total" and sample.value:
                outcome = sample.labels["outcome"]
                found[outcome] = found.get(outcome, 0) + int(sample.value)
        return found


class Centre:
    """An app with topics of its own on a broker, and a prefix of its own in Redis."""

    def __init__(self, brokers: str, redis_url: str, name: str, directory: Path) -> None:
        self.brokers = brokers
        self.redis_url = redis_url
        self.redis = redis.Redis.from_url(redis_url, decode_responses=True, socket_timeout=5)
        self.name = name
        self.workers: list[Worker] = []
        self.program: Sequence[str] = ("streams",)
        """Of the workers to come."""
        self._directory = directory
        self._files = 0
        self.config = directory / "contact-streams.yaml"
        self.config.write_text(
            yaml.safe_dump(
                {
                    "topics": {"calls": ["voice"], "chats": ["chat"]},
                    "kafka": {"brokers": brokers, "topic_prefix": f"{name}-", "app": name},
                    "redis": {"url": redis_url, "prefix": name},
                }
            ),
            encoding="utf-8",
        )

    def topic(self, logical: str) -> str:
        return f"{self.name}-{logical}"

    def command(self, *arguments: object) -> Done:
        return contact_streams(*arguments, "--config", self.config)

    def create_topics(self) -> None:
        done = self.command("topics", "create")
        assert done.returncode == 0, done.stderr

    def worker(self) -> Worker:
        log = self._directory / f"worker-{len(self.workers)}.log"
        self.workers.append(Worker(self.config, log, self.program))
        return self.workers[-1]

    def ready_workers(self, count: int) -> list[Worker]:
        """That many workers that share the partitions, all ready."""
        made = [self.worker() for _ in range(count)]
        self.wait_for_ready(*made)
        return made

    def wait_for_ready(self, *workers: Worker) -> None:
        self.wait(lambda: all(worker.ready() for worker in workers), 60, "the workers are ready")

    def by_share(self, topic: str) -> list[Worker]:
        """The workers that run, those with the most partitions of the logical topic first."""
        return sorted(self.running(), key=lambda worker: worker.owned(topic), reverse=True)

    def running(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.ended() is None]

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
        self.redis.close()

    # Records in

    def file(self, lines: Iterable[bytes]) -> Path:
        self._files += 1
        path = self._directory / f"{self._files}.jsonl"
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        return path

    def produce(self, lines: Iterable[bytes]) -> Done:
        return self.command("produce", self.file(lines))

    def send(self, topic: str, records: Iterable[tuple[int, bytes | None, bytes | None]]) -> None:
        """Records (partition, key, value) that `produce` would not send as they are."""

        async def run() -> None:
            producer = AIOKafkaProducer(bootstrap_servers=self.brokers, max_request_size=1 << 21)
            await producer.start()
            try:
                for partition, key, value in records:
                    await producer.send_and_wait(self.topic(topic), value, key, partition)
            finally:
                await producer.stop()

        asyncio.run(run())

    # What comes out

    def records(self, topic: str) -> list[ConsumerRecord]:
        """All committed records of a topic, by partition and offset."""
        return asyncio.run(_read_all(self.brokers, self.topic(topic)))

    def visits(self) -> list[dict]:
        return [json.loads(record.value) for record in self.records("visits")]

    def hashes(self) -> dict[str, dict[str, str]]:
        """Queue → what Redis holds of it."""
        prefix = f"{self.name}:view:voice:"
        keys = sorted(self.redis.scan_iter(f"{prefix}*", count=1_000))
        fields = [self.redis.hgetall(key) for key in keys]
        return {key.removeprefix(prefix): found for key, found in zip(keys, fields, strict=True) if found}

    def outcomes(self) -> dict[str, int]:
        """What became of the records, over all workers that run."""
        total: dict[str, int] = {}
        for worker in self.running():
            for outcome, count in worker.outcomes().items():
                total[outcome] = total.get(outcome, 0) + count
        return total

    def members(self) -> int:
        """Workers that the consumer group counts among its own."""

        async def run() -> int:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.brokers)
            await admin.start()
            try:
                (answer,) = await admin.describe_consumer_groups([self.topic(self.name)])
                (group,) = answer.groups
                return len(group[5])
            finally:
                await admin.close()

        return asyncio.run(run())

    # Waiting

    def settled_at(self, within_s: float = 60) -> int:
        """Wait until all that was sent is folded and its facts stand in Kafka; when that was so, epoch ms.

        What is shown as of any later instant knows all of it: each partition shows it in its own time.
        """
        asyncio.run(self._folded(within_s))
        return time.time_ns() // 1_000_000

    async def _folded(self, within_s: float) -> None:
        """Return when each source partition's last meta record, which a flush writes with its facts, is at its end."""
        reader = AIOKafkaConsumer(bootstrap_servers=self.brokers, isolation_level="read_committed")
        await reader.start()
        behind: dict[tuple[str, int], int] = {}
        try:
            for name in SOURCES:
                ends = await reader.end_offsets([TopicPartition(self.topic(name), n) for n in range(PARTITIONS)])
                behind |= {(self.topic(f"{self.name}-state-{name}"), tp.partition): end for tp, end in ends.items()}
            states = [TopicPartition(*place) for place in behind]
            reader.assign(states)
            await reader.seek_to_beginning(*states)
            behind = {place: end for place, end in behind.items() if end}
            async with asyncio.timeout(within_s):
                while behind:
                    for tp, records in (await reader.getmany(timeout_ms=100)).items():
                        metas = [record.value for record in records if record.key == META_KEY]
                        if metas and META.decode(metas[-1]).offset == behind.get(tp):
                            del behind[tp]
        except TimeoutError:
            raise AssertionError(f"not within {within_s} s: all is folded; but {behind}\n{self.logs()}") from None
        finally:
            await reader.stop()

    def back_or_ended(self, sleeper: Worker) -> None:
        """Wait until a worker that the group had dropped knows it: it has ended, or is one of all that run again."""
        self.wait(lambda: sleeper.ended() is not None or self.members() == len(self.running()), 60, "the sleeper knows")
        self.wait(lambda: all(worker.ready() for worker in self.running()), 60, "all that run are ready")

    def first(self, look: Callable[[], Look], enough: Callable[[Look], object], within_s: float, what: str) -> Look:
        """The first look that is enough. Assert of this one: at a second one a worker may have fallen behind."""
        looks: list[Look] = []

        def looked() -> object:
            looks[:] = [look()]
            return enough(looks[0])

        try:
            self.wait(looked, within_s, what)
        except AssertionError as failure:
            failure.add_note(f"the last look: {looks}")
            raise
        return looks[0]

    def wait(self, true: Callable[[], object], within_s: float, what: str) -> float:
        """Until it is true; returns how long that took, in seconds. Fails with the logs of the workers."""
        began = time.monotonic()
        while not true():
            if time.monotonic() > began + within_s:
                raise AssertionError(f"not within {within_s} s: {what}\n{self.logs()}")
            time.sleep(0.1)
        return time.monotonic() - began

    def logs(self) -> str:
        return "\n".join(f"--- {worker.log.name}\n{worker.log.read_text()[-6_000:]}" for worker in self.workers)


@contextlib.contextmanager
def centre(brokers: str, redis_url: str, name: str, directory: Path) -> Iterator[Centre]:
    """With its topics created; its workers are ended at the end."""
    made = Centre(brokers, redis_url, name, directory)
    try:
        made.create_topics()
        yield made
    finally:
        made.close()


async def _read_all(brokers: str, topic: str) -> list[ConsumerRecord]:
    reader = AIOKafkaConsumer(bootstrap_servers=brokers, isolation_level="read_committed")
    await reader.start()
    try:
        await reader._client._wait_on_metadata(topic)
        tps = [TopicPartition(topic, partition) for partition in sorted(reader.partitions_for_topic(topic))]
        reader.assign(tps)
        await reader.seek_to_beginning(*tps)
        ends = await reader.end_offsets(tps)
        found: list[ConsumerRecord] = []
        async with asyncio.timeout(30):
            while any([await reader.position(tp) < ends[tp] for tp in tps]):
                for records in (await reader.getmany(timeout_ms=200)).values():
                    found += records
        return sorted(found, key=lambda record: (record.partition, record.offset))
    finally:
        await reader.stop()
