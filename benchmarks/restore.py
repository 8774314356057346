"""How long a restore takes, against the size of the state: each stage by itself, then a worker until it is live.

    python -m benchmarks.restore [--tickets 10000 100000 1000000] [--no-worker]

Needs Java and the jars of Apache Kafka (`make kafka`). What is measured and what is not: `README.md` here.
"""

import argparse
import asyncio
import contextlib
import gc
import os
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.running import RunningWorker, running
from streams.books import META_KEY, Book, MemoryRecord, Reading
from streams.cli.options import kafka_options
from streams.config.model import Config, KafkaConfig, MetricsConfig, RedisConfig
from streams.contacts.book import ContactBook
from streams.sources.kafka import administration
from streams.sources.routing import murmur2
from streams.windows.book import ViewBook
from streams.worker import changelog
from streams.worker.cluster import Cluster
from streams.worker.compose import GC_THRESHOLD, worker_settings
from streams.worker.topics import plan
from tests import servers

FOLDED: Final = 10_000
"""Tickets that are folded; the others are copies of them under other names."""
PARTITIONS: Final = 8
QUEUES: Final = 20
CAUGHT_UP: Final = Reading(caught_up=True, lag=0)
BATCH_BYTES: Final = 512 * 1024
LIVE_WITHIN_S: Final = 180.0

Rows = dict[bytes, bytes]


class State(NamedTuple):
    """What the changelogs hold."""

    contacts: Sequence[Rows]
    """Of each partition of `tickets`."""
    views: Sequence[Rows]
    """Of each partition of `facts`."""


class Measured(NamedTuple):
    rows: int
    megabytes: float
    read_s: float
    """From Kafka, all partitions at once."""
    build_s: float
    """The books."""
    cpu_s: float


# --- the state ---


def folded(config: Config, at: int) -> tuple[Rows, Rows]:
    """Rows of both stages with `FOLDED` open tickets, without the meta records."""
    book, view = ContactBook("tickets", 0, config.fold_settings()), ViewBook(0, config.window_settings())
    events = [
        MemoryRecord(n, at, None, msgspec.json.encode(_created(n, at - 60_000 + n * 60_000 // FOLDED)))
        for n in range(FOLDED)
    ]
    book.fold(events)
    flush = book.drain(CAUGHT_UP)
    facts = [output for output in flush.outputs if output.topic == "facts"]
    view.fold([MemoryRecord(n, at, output.key, output.value) for n, output in enumerate(facts)])
    return _kept(flush.rows), _kept(view.drain(CAUGHT_UP).rows)


def _created(n: int, at: int) -> Mapping[str, object]:
    named = {"v": 1, "id": f"e-{n:07d}", "type": "ticket.created", "time": at, "channel": "email"}
    return {**named, "contact": f"t-{n:07d}", "queue": f"q{n % QUEUES}", "priority": "normal"}


def _kept(rows: Mapping[bytes, bytes | None]) -> Rows:
    return {key: value for key, value in rows.items() if value is not None}


def state_of(config: Config, tickets: int, at: int) -> State:
    """The changelogs of so many open tickets: a ticket that nobody has touched since looks like any other."""
    contacts, views = folded(config, at)
    facts = config.kafka.facts_partitions
    stage1: list[Rows] = [{} for _ in range(PARTITIONS)]
    stage2: list[Rows] = [{} for _ in range(facts)]
    for first in range(0, tickets, FOLDED):
        for key, value in contacts.items():
            number = int(key[-7:])
            stage1[number % PARTITIONS][_renamed(key, first)] = _renamed(value, first)
        for key, value in views.items():
            queue = key.split(b"\x1e")[1].split(b"\x1f")[1] if key[:1] != b"g" else b""
            stage2[(murmur2(queue) & 0x7FFFFFFF) % facts][_renamed(key, first)] = value
    return State(stage1, stage2)


def _renamed(text: bytes, by: int) -> bytes:
    """With the names of the ticket that is `by` further: as long as before, so that msgpack stays what it is."""
    at = text.find(b"t-0")
    if not by or at < 0:
        return text
    old, new = text[at + 2 : at + 9], b"%07d" % (int(text[at + 2 : at + 9]) + by)
    return text.replace(b"t-" + old, b"t-" + new).replace(b"e-" + old, b"e-" + new)


def books(config: Config) -> tuple[Callable[[int], Book], Callable[[int], Book]]:
    return (
        partial(ContactBook, "tickets", settings=config.fold_settings()),
        partial(ViewBook, settings=config.window_settings()),
    )


# --- Kafka ---


async def fill(brokers: str, topic: str, partitions: int, rows: Sequence[Rows], new: Callable[[int], Book]) -> None:
    """Write the rows, then the meta record, as flushes would have."""
    producer = AIOKafkaProducer(bootstrap_servers=brokers, max_batch_size=BATCH_BYTES)
    await producer.start()
    try:
        for number, of_partition in enumerate(rows):
            meta = changelog.Meta(changelog.FORMAT, partitions, 0, new(number).drain(CAUGHT_UP).meta)
            await _send(producer, topic, number, [*of_partition.items(), (META_KEY, changelog.encode_meta(meta))])
    finally:
        await producer.stop()


async def _send(producer: AIOKafkaProducer, topic: str, number: int, rows: Iterable[tuple[bytes, bytes]]) -> None:
    batch = producer.create_batch()
    for key, value in rows:
        if batch.append(key=key, value=value, timestamp=None) is None:
            await producer.send_batch(batch, topic, partition=number)
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)
    await (await producer.send_batch(batch, topic, partition=number))


async def claim(brokers: str, topic: str, number: int) -> int:
    """Offset of a claim record, as a new owner writes it."""
    producer = AIOKafkaProducer(bootstrap_servers=brokers)
    await producer.start()
    try:
        return int((await producer.send_and_wait(topic, b"{}", changelog.CLAIM_KEY, number)).offset)
    finally:
        await producer.stop()


# --- measuring ---


async def measure(cluster: Cluster, brokers: str, topic: str, rows: int, new: Callable[[int], Book]) -> Measured:
    """Restore all partitions of one stage in this process, as one worker that has all of them."""
    claims = [await claim(brokers, topic, number) for number in range(rows)]
    gc.collect()
    began, cpu = time.perf_counter(), time.process_time()
    restored = await asyncio.gather(*(_read(cluster, topic, n, offset) for n, offset in enumerate(claims)))
    read_at = time.perf_counter()
    kept = [await asyncio.to_thread(_built, new(n), each.rows) for n, each in enumerate(restored)]
    built_at = time.perf_counter()
    count = sum(len(each.rows) for each in restored)
    size = sum(len(key) + len(value) for each in restored for key, value in each.rows.items())
    del kept
    return Measured(count, size / 1e6, read_at - began, built_at - read_at, time.process_time() - cpu)


async def _read(cluster: Cluster, topic: str, number: int, offset: int) -> changelog.Restored:
    reader: AIOKafkaConsumer = cluster.reader()
    await reader.start()
    try:
        return await changelog.restore(reader, TopicPartition(topic, number), offset, lambda _: None)
    finally:
        await reader.stop()


def _built(book: Book, rows: Rows) -> Book:
    book.restore(rows.items())
    return book


def until_live(worker: RunningWorker, config: Config) -> tuple[float, float | None]:
    """Seconds from now until it is ready, and until every queue is live; None: not within `LIVE_WITHIN_S`."""
    began = time.monotonic()
    ready_s = _until(lambda: _status(config, "/readyz")[0] == 200, worker, began)
    live_s = _until(lambda: _all_live(_status(config, "/metrics")[1]), worker, began)
    return ready_s or LIVE_WITHIN_S, live_s


def _until(true: Callable[[], bool], worker: RunningWorker, began: float) -> float | None:
    while not true():
        worker.cost()  # raises when it has ended
        if time.monotonic() > began + LIVE_WITHIN_S:
            return None
        time.sleep(0.1)
    return time.monotonic() - began


def _all_live(text: str) -> bool:
    live = [line.endswith(" 1") for line in text.splitlines() if line.startswith("contact_streams_live{")]
    return bool(live) and all(live)


def _status(config: Config, path: str) -> tuple[int, str]:
    with contextlib.suppress(OSError):
        url = f"http://{config.metrics.host}:{config.metrics.port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, ""
    return 0, ""


# --- report ---


def config_of(brokers: str, url: str | None, tickets: int) -> Config:
    app = f"restore-{tickets}"
    return Config(
        topics={"tickets": ["email"]},
        kafka=KafkaConfig(brokers=brokers, app=app, topic_prefix=f"{app}-"),
        redis=RedisConfig(url=url or f"redis://127.0.0.1:{servers.free_port()}/0", prefix=app),
        metrics=MetricsConfig(port=servers.free_port()),
    )


def report(brokers: str, url: str | None, tickets: int, directory: Path | None) -> Iterator[str]:
    """A line for each stage, and one for a worker."""
    config = config_of(brokers, url, tickets)
    with administration(kafka_options(config.kafka)) as topics:
        topics.ensure(plan(config, {"tickets": PARTITIONS}, 1))
    state, sizes = state_of(config, tickets, time.time_ns() // 1_000_000), defaultdict(int)
    for name, rows, new in zip(("tickets", "facts"), state, books(config), strict=True):
        topic, sizes[name] = config.kafka.state_topic(name), len(rows)
        asyncio.run(fill(brokers, topic, len(rows), rows, new))
    del state
    for name, new in zip(("tickets", "facts"), books(config), strict=True):
        cluster = Cluster(worker_settings(config))
        found = asyncio.run(measure(cluster, brokers, config.kafka.state_topic(name), sizes[name], new))
        yield (
            f"{tickets:9,}  {'1, contacts' if name == 'tickets' else '2, views':12}  {found.rows:10,}"
            f"  {found.megabytes:7.1f}  {found.read_s:7.2f}  {found.build_s:8.2f}  {found.cpu_s:6.2f}"
        )
    if directory is not None:
        with running(config, directory) as worker:
            ready_s, live_s = until_live(worker, config)
        live = f"not within {LIVE_WITHIN_S:.0f}" if live_s is None else f"{live_s:.1f}"
        yield f"{tickets:9,}  worker: ready {ready_s:.1f} s after its start, live after {live} s"


def main(sizes: Sequence[int], *, with_worker: bool) -> None:
    gc.set_threshold(*GC_THRESHOLD)
    redis = servers.redis() if shutil.which("redis-server") else contextlib.nullcontext()
    with servers.kafka() as brokers, redis as url, tempfile.TemporaryDirectory() as directory:
        print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        print("  tickets  stage               rows       MB  read, s  build, s  CPU, s", flush=True)
        for tickets in sizes:
            for line in report(brokers, url, tickets, Path(directory) if with_worker else None):
                print(line, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tickets", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="open tickets")
    parser.add_argument("--no-worker", action="store_true", help="the stages alone")
    options = parser.parse_args()
    main(options.tickets, with_worker=not options.no_worker)
