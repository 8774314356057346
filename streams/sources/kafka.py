"""Plain Kafka, outside the worker: sending lines to topics, reading topics to their end, and creating topics.

Connection options are those of kafka-python (`bootstrap_servers`, `security_protocol`, …), made by the caller.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, Self

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import (
    BrokerResponseError,
    CoordinatorNotAvailableError,
    KafkaError,
    MessageSizeTooLargeError,
    TopicAlreadyExistsError,
)

from streams.books import MemoryRecord
from streams.errors import ConnectionFailed
from streams.security.kafka import refusal
from streams.sources.routing import Route, partition_of

Options = Mapping[str, Any]

AUTHORIZATION: Final = "AuthorizationFailed"
"""Part of the names of all errors by which a broker says that something is not allowed."""

_TIMEOUT_MS: Final = 15_000
_LINGER_MS: Final = 20
_BATCH_BYTES: Final = 256 * 1024
_LARGEST_BYTES: Final = 1 << 20
_POLL_MS: Final = 500
_POLLED_RECORDS: Final = 10_000


class TopicSpec(NamedTuple):
    """A topic as it should be."""

    name: str
    partitions: int
    replication: int
    required: Mapping[str, str]
    """Settings that must hold."""
    tuned: Mapping[str, str]
    """Settings given at creation that an operator may change."""


class Found(NamedTuple):
    """A topic that was there already, or was created, and what about it is wrong."""

    name: str
    partitions: int
    created: bool
    differences: tuple[str, ...]
    """E.g. `8 partitions, not 4`."""


@contextmanager
def administration(options: Options) -> Iterator["Administration"]:
    """Connect for creating and describing topics. Raises ConnectionFailed when no broker answers."""
    with reaching(options):
        client = KafkaAdminClient(**options, request_timeout_ms=_TIMEOUT_MS)
        try:
            yield Administration(client)
        finally:
            client.close()


class Administration:
    """Topics of a cluster."""

    def __init__(self, client: KafkaAdminClient) -> None:
        self._client = client

    def partitions(self) -> dict[str, int]:
        """Number of partitions of every topic there is."""
        return {topic["name"]: len(topic["partitions"]) for topic in self._client.describe_topics()}

    def ensure(self, wanted: Iterable[TopicSpec]) -> list[Found]:
        """Create the topics that are missing, and compare the others with what is wanted. Changes no topic."""
        there = self.partitions()
        found = []
        for topic in wanted:
            created = topic.name not in there and self._create(topic)
            differences = () if created else self._differences(topic, self.partitions())
            found.append(Found(topic.name, topic.partitions, created, differences))
        return found

    def compare(self, wanted: Iterable[TopicSpec]) -> list[Found]:
        """Each topic as it is; one that is not there has 0 partitions."""
        there = self.partitions()
        return [
            Found(topic.name, there.get(topic.name, 0), created=False, differences=self._differences(topic, there))
            for topic in wanted
        ]

    def members(self, group: str) -> int:
        """How many are in a consumer group; 0: there is no such group, or no group at all on a new cluster."""
        try:
            return len(self._client.describe_groups([group])[group]["members"])
        except CoordinatorNotAvailableError:
            return 0

    def lags(self, group: str) -> dict[tuple[str, int], int]:
        """(topic, partition) that the group has committed an offset of → records that it has not folded yet."""
        try:
            folded = self._client.list_group_offsets([group])[group]
        except CoordinatorNotAvailableError:
            return {}
        ends = self._client.list_partition_offsets(dict.fromkeys(folded, OffsetSpec.LATEST)) if folded else {}
        return {(part.topic, part.partition): ends[part].offset - at.offset for part, at in folded.items()}

    def _create(self, topic: TopicSpec) -> bool:
        """Whether it was created now (another may have been faster)."""
        options = {
            "num_partitions": topic.partitions,
            "replication_factor": topic.replication,
            "configs": {**topic.required, **topic.tuned},
        }
        try:
            self._client.create_topics({topic.name: options}, timeout_ms=_TIMEOUT_MS, wait_for_metadata=True)
        except TopicAlreadyExistsError:
            return False
        return True

    def _differences(self, topic: TopicSpec, there: Mapping[str, int]) -> tuple[str, ...]:
        partitions = there.get(topic.name, 0)
        if not partitions:
            return ("it is not there",)
        settings = self._settings(topic.name)
        wrong = [f"{partitions} partitions, not {topic.partitions}"] if partitions != topic.partitions else []
        wrong += [
            f"{name}={settings.get(name)}, not {value}"
            for name, value in topic.required.items()
            if settings.get(name) != value
        ]
        return tuple(wrong)

    def _settings(self, topic: str) -> dict[str, str | None]:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic)
        described = self._client.describe_configs([resource], config_filter="all")["topic"][topic]
        return {name: setting["value"] for name, setting in described.items()}


@contextmanager
def sender(options: Options, partitions: Mapping[str, int]) -> Iterator["Sender"]:
    """Connect for sending to topics (Kafka name → number of partitions); at the end everything has been sent.

    Raises ConnectionFailed when no broker answers, or when they stop answering.
    """
    with reaching(options):
        producer = KafkaProducer(
            **options,
            acks="all",
            enable_idempotence=True,
            linger_ms=_LINGER_MS,
            batch_size=_BATCH_BYTES,
            max_request_size=_LARGEST_BYTES,
            max_block_ms=_TIMEOUT_MS,
            allow_auto_create_topics=False,
        )
        try:
            sending = Sender(producer, partitions)
            yield sending
            sending.flush()
        finally:
            producer.close(timeout=_TIMEOUT_MS / 1000)


class Sender:
    """Sends lines in order; what fails is kept, nothing is lost silently."""

    def __init__(self, producer: KafkaProducer, partitions: Mapping[str, int]) -> None:
        self._producer = producer
        self._partitions = partitions
        self.sent: Counter[str] = Counter()
        """Records given to each topic (Kafka name); a heartbeat counts once per partition."""
        self.failures: list[Exception] = []
        """One for each record that no broker has taken."""
        self.homeless: Counter[str] = Counter()
        """Lines that were not sent, by the topic that does not exist."""

    def send(self, topic: str, route: Route, line: bytes) -> None:
        """Send a line to one topic (Kafka name): to the partition of its key, or to all of them."""
        count = self._partitions.get(topic)
        if count is None:
            self.homeless[topic] += 1
            return
        partitions = range(count) if route.broadcast else (partition_of(route.key, count),)
        for partition in partitions:
            self._send(topic, partition, route.key, line)

    def _send(self, topic: str, partition: int, key: bytes | None, line: bytes) -> None:
        self.sent[topic] += 1
        try:
            self._producer.send(topic, line, key, partition=partition).add_errback(self.failures.append)
        except MessageSizeTooLargeError as error:
            self.failures.append(error)

    def flush(self) -> Self:
        """Wait until every record has been taken, or has failed."""
        self._producer.flush()
        return self


@contextmanager
def reader(options: Options) -> Iterator["Reader"]:
    """Connect for reading: in no group, what is committed only. Raises ConnectionFailed when no broker answers."""
    with reaching(options):
        consumer = KafkaConsumer(
            **options,
            group_id=None,
            enable_auto_commit=False,
            isolation_level="read_committed",
            request_timeout_ms=_TIMEOUT_MS,
            max_poll_records=_POLLED_RECORDS,
        )
        try:
            yield Reader(consumer)
        finally:
            consumer.close()


class Reader:
    """Reads topics up to where they ended when it began."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer

    def topics(self) -> set[str]:
        """Every topic there is, by its Kafka name."""
        return set(self._consumer.topics())

    def partitions(self, topic: str) -> int:
        """How many a topic (Kafka name) has; 0: there is none."""
        return len(self._consumer.partitions_for_topic(topic) or ())

    def records(
        self, topics: Mapping[str, str], since_ms: int | None
    ) -> Iterator[list[tuple[tuple[str, int], MemoryRecord]]]:
        """((logical topic, partition), record), each partition in its order, from the first record appended at
        `since_ms` (epoch ms) or later; None: from the beginning. `topics`: Kafka name → logical name.
        """
        for polled in self.polled(topics, since_ms):
            yield [
                (
                    (topics[record.topic], record.partition),
                    MemoryRecord(record.offset, record.timestamp, record.key, record.value),
                )
                for record in polled
            ]

    def polled(self, topics: Iterable[str], since_ms: int | None = None) -> Iterator[list[ConsumerRecord]]:
        """The records of topics (Kafka names) as they come, headers and all; `since_ms` as in `records`."""
        parts = self._parts(topics)
        self._consumer.assign(parts)
        ends = self._consumer.end_offsets(parts)
        self._seek(parts, since_ms, ends)
        yield from self._up_to(ends)

    def tails(self, parts: Iterable[tuple[str, int]], count: int) -> Iterator[list[ConsumerRecord]]:
        """About the last `count` records of each (Kafka topic, partition), as they come."""
        assigned = [TopicPartition(*part) for part in parts]
        consumer = self._consumer
        consumer.assign(assigned)
        first, ends = consumer.beginning_offsets(assigned), consumer.end_offsets(assigned)
        for part in assigned:
            consumer.seek(part, max(first[part], ends[part] - count))
        yield from self._up_to(ends)

    def _parts(self, topics: Iterable[str]) -> list[TopicPartition]:
        return [TopicPartition(topic, n) for topic in topics for n in self._consumer.partitions_for_topic(topic) or ()]

    def _up_to(self, ends: Mapping[TopicPartition, int]) -> Iterator[list[ConsumerRecord]]:
        while any(self._consumer.position(part) < end for part, end in ends.items()):
            polled = self._consumer.poll(timeout_ms=_POLL_MS)
            yield [record for part, records in polled.items() for record in records if record.offset < ends[part]]

    def _seek(self, parts: list[TopicPartition], since_ms: int | None, ends: Mapping[TopicPartition, int]) -> None:
        if since_ms is None:
            self._consumer.seek_to_beginning(*parts)
            return
        found = self._consumer.offsets_for_times({part: max(0, since_ms) for part in parts})
        for part in parts:
            first = found.get(part)
            self._consumer.seek(part, ends[part] if first is None else first.offset)


@contextmanager
def reaching(options: Options) -> Iterator[None]:
    """Turn what kafka-python raises into an error with a hint."""
    try:
        yield
    except KafkaError as error:
        raise _explained(error, options) from error


def _explained(error: KafkaError, options: Options) -> ConnectionFailed:
    if AUTHORIZATION in _reason(error):
        user = options.get("sasl_plain_username")
        who = "this client" if user is None else f"user `{user}`"
        hint = "docs/security.md lists what each command must be allowed"
        return ConnectionFailed(f"Kafka does not allow {who} what is needed: {_reason(error)}", hint=hint)
    refused = None if isinstance(error, BrokerResponseError) else asyncio.run(refusal(options))
    if refused is None:
        hint = "do the brokers answer, those that they name (advertised.listeners) among them?"
        return ConnectionFailed(f"Kafka at {','.join(options['bootstrap_servers'])}: {_reason(error)}", hint=hint)
    return ConnectionFailed(f"Kafka cannot be reached: {refused.reason}", hint=refused.hint)


def _reason(error: KafkaError) -> str:
    text = str(error)
    return text if text.startswith(type(error).__name__) else f"{type(error).__name__}: {text}".rstrip(": ")
