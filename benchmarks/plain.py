"""The yardstick: the fold that one would write by hand for these topics, with aiokafka and msgspec and nothing else.

It keeps four counters per queue, 5 s panes of them, and the wait from entry to answer. It has no state on disk, no
transactions, no duplicates, no corrections, no windows and nobody to show anything to.

    python -m benchmarks.plain one|list BROKERS TOPIC…      prints one line of JSON, see `Measured`
"""

import asyncio
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.day import PARTITIONS
from streams.events.model import AgentConnected, AnyEvent, ContactEnded, QueueAbandoned, QueueEntered, QueueLeft
from streams.facts.wire import PANE_MS

OFFERED, ANSWERED, ABANDONED, WAIT_MS = range(4)

POLL_RECORDS: Final = 20_000
WITHIN_S: Final = 300.0
"""A run that takes longer has failed."""

Decode = Callable[[Sequence[bytes]], Iterable[Any]]


class Measured(msgspec.Struct, frozen=True):
    """What a run gave, and what it took from the first fetch to the last record (imports, connecting left out)."""

    records: int
    cpu_s: float
    """User and system, all threads."""
    wall_s: float
    totals: dict[str, list[int]]
    """`channel/queue` → offered, answered, abandoned, wait of the answered in ms."""


class PlainFold:
    """Counters, panes and waits of events in order."""

    def __init__(self) -> None:
        self.panes: defaultdict[tuple[str, str, int], list[int]] = defaultdict(_zeros)
        """(channel, queue, pane) → what `totals` has, of that pane."""
        self.totals: defaultdict[tuple[str, str], list[int]] = defaultdict(_zeros)
        self._waiting: dict[str, tuple[str, str, int]] = {}
        """Contact → channel, queue and time of its entry."""

    def fold(self, events: Iterable[Any]) -> None:
        waiting = self._waiting
        for event in events:
            kind = type(event)
            if kind is QueueEntered:
                entry = waiting[event.contact] = (event.channel, event.queue, event.time)
                self._count(entry, event, OFFERED)
            elif kind is AgentConnected:
                entry = waiting.pop(event.contact)
                wait_ms = event.wait_ms if event.wait_ms is not None else event.time - entry[2]
                self._count(entry, event, ANSWERED)
                self._count(entry, event, WAIT_MS, wait_ms)
            elif kind is QueueAbandoned:
                self._count(waiting.pop(event.contact), event, ABANDONED)
            elif kind is QueueLeft:
                waiting.pop(event.contact, None)
            elif kind is ContactEnded and event.contact in waiting:
                entry = waiting.pop(event.contact)
                if event.by == "customer":
                    self._count(entry, event, ABANDONED)

    def _count(self, entry: tuple[str, str, int], event: Any, which: int, n: int = 1) -> None:
        channel, queue, _ = entry
        self.totals[channel, queue][which] += n
        self.panes[channel, queue, event.time // PANE_MS][which] += n


def _zeros() -> list[int]:
    return [0, 0, 0, 0]


def decode_one(values: Sequence[bytes]) -> Iterable[Any]:
    """One call a record."""
    return map(_DECODE_ONE, values)


def decode_list(values: Sequence[bytes]) -> Iterable[Any]:
    """One call a batch: one bad record would reject all of it."""
    events: list[Any] = _DECODE_LIST(b"[" + b",".join(values) + b"]")
    return events


_DECODE_ONE: Final = msgspec.json.Decoder(AnyEvent).decode
_DECODE_LIST: Final = msgspec.json.Decoder(list[AnyEvent]).decode
WAYS: Final[dict[str, Decode]] = {"one": decode_one, "list": decode_list}


async def measure(decode: Decode, brokers: str, topics: Sequence[str]) -> Measured:
    """Fold the topics from beginning to end. Raises TimeoutError."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=brokers,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        places = [TopicPartition(topic, p) for topic in topics for p in range(PARTITIONS)]
        consumer.assign(places)
        left = sum((await consumer.end_offsets(places)).values())
        async with asyncio.timeout(WITHIN_S):
            return await _fold(consumer, decode, left)
    finally:
        await consumer.stop()


async def _fold(consumer: AIOKafkaConsumer, decode: Decode, records: int) -> Measured:
    fold, left = PlainFold(), records
    cpu, wall = time.process_time(), time.monotonic()
    while left > 0:
        fetched = await consumer.getmany(timeout_ms=1_000, max_records=POLL_RECORDS)
        for batch in fetched.values():
            fold.fold(decode([record.value for record in batch]))
            left -= len(batch)
    totals = {f"{channel}/{queue}": total for (channel, queue), total in fold.totals.items()}
    return Measured(records, time.process_time() - cpu, time.monotonic() - wall, totals)


if __name__ == "__main__":
    way, addresses, *names = sys.argv[1:]
    print(msgspec.json.encode(asyncio.run(measure(WAYS[way], addresses, names))).decode())
