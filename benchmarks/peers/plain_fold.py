"""The yardstick: windows by hand with aiokafka and msgspec. State in dicts, and nowhere else: a restart loses it.

    python plain_fold.py SHAPE BROKERS SOURCE SINK DIRECTORY EVENTS     SHAPE: tumbling or rolling

Like the peers it reads calls in order of time within each partition, decodes one record at a time, and writes each
window of each queue once, when the events of its partition have passed its end.
"""

import asyncio
import sys
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

STEP_MS: Final = 10_000
STEPS: Final = {"tumbling": 1, "rolling": 30}
POLL_RECORDS: Final = 20_000
BATCH_BYTES: Final = 512 * 1024

Totals = list[int]
"""Offered, answered, abandoned, wait of the answered in ms."""


class Call(msgspec.Struct, gc=False):
    """What the windows need of an event."""

    type: str
    time: int
    queue: str = ""
    wait_ms: int = 0


class Result(msgspec.Struct, gc=False):
    """A window of a queue, as every peer writes it."""

    queue: str
    end: int
    offered: int
    answered: int
    abandoned: int
    wait_ms: int


class Partition:
    """The open pane and the closed ones of the queues of one partition."""

    def __init__(self, panes: int) -> None:
        self._pane = 0
        self._open: defaultdict[str, Totals] = defaultdict(_zeros)
        self._sums: defaultdict[str, Totals] = defaultdict(_zeros)
        self._closed: deque[dict[str, Totals]] = deque()
        self._panes = panes

    def fold(self, calls: Iterable[Call]) -> Iterator[Result]:
        """Count events in order of time; yields the windows that they close."""
        totals = self._open
        until = (self._pane + 1) * STEP_MS
        for call in calls:
            if call.time >= until:
                if self._pane:
                    yield from self._close(call.time // STEP_MS)
                totals = self._open
                self._pane = call.time // STEP_MS
                until = (self._pane + 1) * STEP_MS
            kind = call.type
            if kind == "queue.entered":
                totals[call.queue][0] += 1
            elif kind == "agent.connected":
                total = totals[call.queue]
                total[1] += 1
                total[3] += call.wait_ms
            elif kind == "queue.abandoned":
                totals[call.queue][2] += 1

    def _close(self, before: int) -> Iterator[Result]:
        for pane in range(self._pane, before):
            for queue, totals in self._open.items():
                self._sums[queue] = [a + b for a, b in zip(self._sums[queue], totals, strict=True)]
            for queue, totals in self._sums.items():
                yield Result(queue, (pane + 1) * STEP_MS, *totals)
            self._closed.append(self._open)
            self._open = defaultdict(_zeros)
            if len(self._closed) == self._panes:
                self._forget(self._closed.popleft())

    def _forget(self, leaving: dict[str, Totals]) -> None:
        for queue, totals in leaving.items():
            left = [a - b for a, b in zip(self._sums[queue], totals, strict=True)]
            if any(left):
                self._sums[queue] = left
            else:
                del self._sums[queue]


def _zeros() -> Totals:
    return [0, 0, 0, 0]


async def main(shape: str, brokers: str, source: str, sink: str) -> None:
    consumer = AIOKafkaConsumer(source, bootstrap_servers=brokers, group_id=sink, auto_offset_reset="earliest")
    producer = AIOKafkaProducer(bootstrap_servers=brokers, max_batch_size=BATCH_BYTES)
    decode = msgspec.json.Decoder(Call).decode
    partitions: defaultdict[TopicPartition, Partition] = defaultdict(lambda: Partition(STEPS[shape]))
    async with consumer, producer:
        started = False
        while True:
            fetched = await consumer.getmany(timeout_ms=1_000, max_records=POLL_RECORDS)
            if fetched and not started:
                started = True
                print("first", flush=True)
            for place, records in fetched.items():
                calls = [decode(record.value) for record in records]
                await send(producer, sink, partitions[place].fold(calls))


async def send(producer: AIOKafkaProducer, sink: str, results: Iterable[Result]) -> None:
    """Write results in batches."""
    encode = msgspec.json.Encoder().encode
    batch = producer.create_batch()
    for result in results:
        value = encode(result)
        if batch.append(key=None, value=value, timestamp=None) is None:
            await producer.send_batch(batch, sink, partition=0)
            batch = producer.create_batch()
            batch.append(key=None, value=value, timestamp=None)
    if batch.record_count():
        await producer.send_batch(batch, sink, partition=0)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
