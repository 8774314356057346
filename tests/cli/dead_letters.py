"""A source topic and its dead letters on a real Kafka, written by the book that a worker folds with."""

import json
from collections.abc import Iterable
from typing import NamedTuple

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from streams.books import MemoryRecord, Output, Reading
from streams.contacts.book import ContactBook
from streams.contacts.settings import FoldSettings
from streams.sources.routing import partition_of

PARTITIONS = 2


class Found(NamedTuple):
    """A record as it stands in Kafka."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: dict[str, bytes]


class DeadLetterBox:
    """Topics `{prefix}calls` and `{prefix}deadletters`."""

    def __init__(self, brokers: str, prefix: str) -> None:
        self.brokers = brokers
        self.prefix = prefix

    def send(self, records: Iterable[tuple]) -> None:
        """Into the source topic: (key, value), to the partition of the key, or (partition, key, value)."""
        producer = KafkaProducer(bootstrap_servers=self.brokers, acks="all")
        try:
            for *partition, key, value in records:
                (chosen,) = partition or (partition_of(key, PARTITIONS),)
                producer.send(f"{self.prefix}calls", value, key, partition=chosen)
            producer.flush()
        finally:
            producer.close()

    def fold(self) -> None:
        """What a worker does that sees all this for the first time: the dead letters of all partitions."""
        letters: list[Output] = []
        records = self.records("calls")
        for partition in range(PARTITIONS):
            book = ContactBook("calls", partition, FoldSettings(), source=f"{self.prefix}calls")
            book.fold([MemoryRecord(r.offset, None, r.key, r.value) for r in records if r.partition == partition])
            letters += [o for o in book.drain(Reading(caught_up=True, lag=0)).outputs if o.topic == "deadletters"]
        producer = KafkaProducer(bootstrap_servers=self.brokers, acks="all")
        try:
            for letter in letters:
                producer.send(f"{self.prefix}deadletters", letter.value, letter.key, list(letter.headers))
            producer.flush()
        finally:
            producer.close()

    def records(self, topic: str) -> list[Found]:
        """All committed records of a topic."""
        consumer = KafkaConsumer(
            bootstrap_servers=self.brokers, auto_offset_reset="earliest", isolation_level="read_committed"
        )
        try:
            name = f"{self.prefix}{topic}"
            parts = [TopicPartition(name, number) for number in sorted(consumer.partitions_for_topic(name))]
            consumer.assign(parts)
            consumer.seek_to_beginning(*parts)
            ends = consumer.end_offsets(parts)
            found = []
            while any(consumer.position(part) < ends[part] for part in parts):
                for records in consumer.poll(timeout_ms=500).values():
                    found += [Found(r.partition, r.offset, r.key, r.value, dict(r.headers)) for r in records]
            return sorted(found, key=lambda record: record[:2])
        finally:
            consumer.close()

    def place(self, value: bytes) -> str:
        """Name of the letter of the record with this value."""
        (found,) = [r for r in self.records("calls") if r.value == value and "replayed-from" not in r.headers]
        return f"{self.prefix}calls:{found.partition}:{found.offset}"


def entered(contact: str, at: int, **fields: object) -> bytes:
    """A call that enters the queue `billing`; a field that is None is left out."""
    event = {
        "v": 1, "id": f"{contact} in", "type": "queue.entered", "time": at, "channel": "voice", "contact": contact,
        "queue": "billing", **fields,
    }  # fmt: skip
    return json.dumps({name: value for name, value in event.items() if value is not None}).encode()
