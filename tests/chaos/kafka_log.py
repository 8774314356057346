"""Reads topics back from Kafka: what was sent, what came out, what the workers have stored."""

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from confluent_kafka import Consumer, KafkaError, TopicPartition

from streams.books import META_KEY, MemoryRecord
from streams.worker.changelog import CLAIM_KEY, Meta


class Stored(NamedTuple):
    """The state of one book, as its next owner would find it."""

    rows: list[tuple[bytes, bytes]]
    offset: int
    """Next input offset."""


class KafkaLog:
    """All committed records of topics."""

    def __init__(self, brokers: str) -> None:
        self._brokers = brokers

    def read(self, topic: str) -> dict[int, list[MemoryRecord]]:
        """Partition → its records in their order. O(records) of memory."""
        consumer = Consumer(
            {
                "bootstrap.servers": self._brokers,
                "group.id": "chaos-reader",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "log_level": 0,
            }
        )
        try:
            return self._read(consumer, topic)
        finally:
            consumer.close()

    def _read(self, consumer: Consumer, topic: str) -> dict[int, list[MemoryRecord]]:
        partitions = list(consumer.list_topics(topic, timeout=30).topics[topic].partitions)
        starts = [(n, consumer.get_watermark_offsets(TopicPartition(topic, n), timeout=30)[0]) for n in partitions]
        consumer.assign([TopicPartition(topic, n, first) for n, first in starts])
        found: dict[int, list[MemoryRecord]] = {n: [] for n in partitions}
        left = set(partitions)
        while left:
            messages = consumer.consume(10_000, timeout=30)
            if not messages:
                raise AssertionError(f"Kafka gives no more of {topic}, partitions {sorted(left)}")
            for message in messages:
                error = message.error()
                if error is None:
                    record = MemoryRecord(message.offset(), message.timestamp()[1], message.key(), message.value())
                    found[message.partition()].append(record)
                elif error.code() == KafkaError._PARTITION_EOF:
                    left.discard(message.partition())
                else:
                    raise AssertionError(f"{topic}: {error}")
        return found

    def states(self, topic: str) -> Mapping[int, Stored]:
        """Partition of the input → state, from the changelog `topic`."""
        rows: dict[int, dict[bytes, bytes]] = defaultdict(dict)
        for partition, records in self.read(topic).items():
            for record in records:
                assert record.key is not None
                if record.value is None:
                    rows[partition].pop(record.key, None)
                elif record.key != CLAIM_KEY:
                    rows[partition][record.key] = record.value
        return {partition: _stored(of) for partition, of in rows.items()}


def _stored(rows: dict[bytes, bytes]) -> Stored:
    value = rows.pop(META_KEY, None)
    if value is None:
        return Stored([], 0)
    meta = msgspec.msgpack.decode(value, type=Meta)
    return Stored([*rows.items(), (META_KEY, meta.book)], meta.offset)
