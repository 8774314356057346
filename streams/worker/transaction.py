"""One flush as one Kafka transaction: rows, outputs, meta record and input offset, all or nothing."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.producer.message_accumulator import BatchBuilder

from streams.books import EVERY_PARTITION, META_KEY, Output
from streams.events.model import EARLIEST_MS
from streams.sources.routing import murmur2
from streams.worker.clock import BrokerClock

LARGEST_RECORD: Final = 1_000_000
"""Bytes of key and value. Above, a broker with default settings refuses the record, and with it the transaction."""
BY_THE_BROKER: Final = 1
"""Kafka's type of a timestamp that is the append time."""
KNOWN_KEYS: Final = 50_000
"""Keys whose hash is remembered: facts have few, visits one each."""

Packed = tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]]]
"""Key, value and headers of a record."""

log = logging.getLogger(__name__)


class Partitioner:
    """Kafka's default: murmur2 of the key. Records without a key go where `fallback` says, the same each time."""

    def __init__(self) -> None:
        self._hashes: dict[bytes, int] = {}

    def partition(self, key: bytes | None, partitions: int, fallback: int) -> int:
        return (fallback if key is None else self._hash(key)) % partitions

    def _hash(self, key: bytes) -> int:
        known = self._hashes.get(key)
        if known is None:
            if len(self._hashes) >= KNOWN_KEYS:
                self._hashes.clear()
            known = self._hashes[key] = murmur2(key) & 0x7FFFFFFF
        return known


class Transaction:
    """Records on their way into one transaction, packed into large batches (½ µs a record; `send` takes 60)."""

    def __init__(self, producer: AIOKafkaProducer, clock: BrokerClock) -> None:
        """`clock` learns from the append times."""
        self._producer = producer
        self._clock = clock
        self._batches: dict[TopicPartition, list[BatchBuilder]] = defaultdict(list)

    def add(
        self, to: TopicPartition, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]] = ()
    ) -> None:
        """Append a record; see `extend`."""
        self.extend(to, [(key, value, headers)])

    def extend(self, to: TopicPartition, records: Iterable[Packed]) -> None:
        """Append records. One that no broker takes is left out, and said: it must not stop everything for ever."""
        batches, rest = self._batches[to], _sendable(to, records)
        left = _fill(batches[-1], rest) if batches else next(rest, None)
        while left is not None:
            batches.append(self._producer.create_batch())
            left = _fill(batches[-1], chain([left], rest))

    async def commit(self, offsets: Mapping[TopicPartition, int], group: str) -> dict[TopicPartition, int]:
        """Make everything visible, `offsets` of the group among it. Returns the first offset in each partition.

        Raises aiokafka's errors, ProducerFenced among them: then nothing is visible, and this producer is done with.
        """
        await self._producer.begin_transaction()
        sent = await asyncio.gather(*(self._send(to, batches) for to, batches in self._batches.items()))
        if offsets:
            await self._producer.send_offsets_to_transaction(dict(offsets), group)
        await self._producer.commit_transaction()
        return dict(zip(self._batches, sent, strict=True))

    async def _send(self, to: TopicPartition, batches: Sequence[BatchBuilder]) -> int:
        sent_at = time.monotonic()
        futures = [await self._producer.send_batch(batch, to.topic, partition=to.partition) for batch in batches]
        written = await asyncio.gather(*futures)
        # A mock broker answers any number for a time.
        if written[0].timestamp_type == BY_THE_BROKER and written[0].timestamp >= EARLIEST_MS:
            self._clock.learn(written[0].timestamp, sent_at, time.monotonic())
        return int(written[0].offset)


def _sendable(to: TopicPartition, records: Iterable[Packed]) -> Iterator[Packed]:
    for record in records:
        key, value, headers = record
        if len(key or b"") + len(value or b"") > LARGEST_RECORD:
            log.error("a record of %d bytes for %s is lost: too large for Kafka, key %r", len(value or b""), to, key)
        elif key is None and value is None:
            yield key, b"", headers  # Kafka has no record without either
        else:
            yield record


def _fill(batch: BatchBuilder, records: Iterator[Packed]) -> Packed | None:
    """Append records until one finds no room; it is returned. Past the builder's wrapper: that takes twice as long."""
    append, count = batch._builder.append, batch._relative_offset  # noqa: SLF001
    left = None
    for left in records:
        key, value, headers = left
        if append(count, None, key, value, list(headers)) is None:
            break
        count += 1
    else:
        left = None
    batch._relative_offset = count  # noqa: SLF001
    return left


class Addresses:
    """Where a keeper's records go."""

    def __init__(self, changelog: TopicPartition, outputs: Mapping[str, tuple[str, int]]) -> None:
        self.changelog = changelog
        self._outputs = outputs
        self._partitioner = Partitioner()

    def add_rows(self, transaction: Transaction, rows: Iterable[tuple[bytes, bytes | None]], meta: bytes) -> None:
        """The changed rows, then the meta record: last, so that it never speaks of rows that are not there."""
        transaction.extend(self.changelog, ((key, value, ()) for key, value in rows))
        transaction.add(self.changelog, META_KEY, meta)

    def add_outputs(self, transaction: Transaction, outputs: Sequence[Output]) -> None:
        records: dict[tuple[str, int], list[Packed]] = defaultdict(list)
        for output in outputs:
            topic, partitions = self._outputs[output.topic]
            for partition in self._targets(output, partitions):
                records[topic, partition].append((output.key, output.value, output.headers))
        for to, packed in records.items():
            transaction.extend(TopicPartition(*to), packed)

    def _targets(self, output: Output, partitions: int) -> Sequence[int]:
        if output.partition == EVERY_PARTITION:
            return range(partitions)
        if output.partition is not None:
            return (output.partition,)
        key = output.key if output.route is None else output.route
        return (self._partitioner.partition(key, partitions, self.changelog.partition),)
