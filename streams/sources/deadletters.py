"""Dead letters: the records that counted for nothing, and why; and sending them again, each once.

A worker writes a letter for each record that it rejects, does not know, or that comes too late. A letter that was sent
again is answered by a *receipt* beside it, written in the transaction that sends: both are there, or neither is.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

import msgspec
from kafka import KafkaProducer
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import InvalidProducerEpochError, KafkaError, ProducerFencedError
from kafka.producer.future import FutureRecordMetadata

from streams.errors import ConfigError, ContactStreamsError
from streams.sources.kafka import Options, Reader, reaching

TOPIC: Final = "deadletters"
"""Logical name of their topic."""
REPLAYED: Final = "replayed"
"""Reason of a receipt."""
REPLAYED_FROM: Final = "replayed-from"
"""Header of a record that was sent again: the place of the one that it stands for."""

_TIMEOUT_MS: Final = 15_000
_TRANSACTION_MS: Final = 60_000
_LARGEST_BYTES: Final = 1 << 20


class Place(NamedTuple):
    """Where a record stands in Kafka. As text, `calls:3:120`, the name of its letter."""

    topic: str
    """Kafka name."""
    partition: int
    offset: int

    @property
    def text(self) -> str:
        """E.g. `calls:3:120`: no topic's name has a colon."""
        return f"{self.topic}:{self.partition}:{self.offset}"


class Letter(NamedTuple):
    """A record that counted for nothing."""

    place: Place
    """Of the record."""
    at: int
    """When the letter was written, epoch ms."""
    reason: str
    path: str
    message: str
    key: bytes | None
    value: bytes
    """As it came; cut where `size` is larger."""
    size: int
    """Bytes that the value had."""
    partition: int
    """Of the letter in its own topic."""

    @property
    def cut(self) -> bool:
        """Whether the letter holds only the beginning of the value."""
        return self.size > len(self.value)


class Wanted(NamedTuple):
    """Which letters. An empty collection asks for all."""

    places: Collection[Place] = ()
    topics: Collection[str] = ()
    """Kafka names of source topics."""
    reasons: Collection[str] = ()
    since_ms: int | None = None
    """Letters written from then on, epoch ms."""
    until_ms: int | None = None
    """Letters written before then, epoch ms."""

    def has(self, letter: Letter) -> bool:
        """Whether it is one of them."""
        return (
            (not self.places or letter.place in self.places)
            and (not self.topics or letter.place.topic in self.topics)
            and (not self.reasons or letter.reason in self.reasons)
            and (self.since_ms is None or letter.at >= self.since_ms)
            and (self.until_ms is None or letter.at < self.until_ms)
        )


class Again(NamedTuple):
    """A record to send in the place of a letter's."""

    letter: Letter
    topic: str
    """Kafka name."""
    partition: int
    key: bytes | None
    value: bytes


class _Source(msgspec.Struct):
    topic: str
    partition: int
    offset: int


_decode_source = msgspec.json.Decoder(_Source).decode
_encode = msgspec.json.Encoder().encode


def parse_place(text: str) -> Place:
    """Inverse of `Place.text`. Raises ConfigError."""
    topic, *numbers = text.rsplit(":", 2)
    if not topic or len(numbers) != 2 or not all(number.isdecimal() for number in numbers):
        raise ConfigError(f"{text!r} names no letter", hint="write topic:partition:offset, as `list` shows it")
    return Place(topic, *map(int, numbers))


class DeadLetters:
    """The topic of dead letters, as far as it goes when it is read."""

    def __init__(self, reader: Reader, topic: str) -> None:
        """`topic`: its Kafka name."""
        self._reader = reader
        self._topic = topic

    def receipts(self) -> dict[Place, int]:
        """Place of each record that was sent again → when (the last time), epoch ms. O(topic), memory O(receipts)."""
        return {place: record.timestamp for record in self._records(None) if (place := _receipt_of(record)) is not None}

    def letters(self, wanted: Wanted) -> Iterator[Letter]:
        """The letters wanted, those of each partition in their order. What is no letter is passed over."""
        for record in self._records(wanted.since_ms):
            letter = _letter_of(record)
            if letter is not None and wanted.has(letter):
                yield letter

    def _records(self, since_ms: int | None) -> Iterator[ConsumerRecord]:
        for records in self._reader.polled([self._topic], since_ms):
            yield from records


def place_of(headers: Iterable[tuple[str, bytes]], name: str) -> Place | None:
    """The place that a header names; None: there is no such header, or it names none."""
    value = dict(headers).get(name)
    if value is None:
        return None
    try:
        source = _decode_source(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return Place(source.topic, source.partition, source.offset)


def _receipt_of(record: ConsumerRecord) -> Place | None:
    if dict(record.headers).get("reason") != REPLAYED.encode():
        return None
    return place_of(record.headers, "source")


def _letter_of(record: ConsumerRecord) -> Letter | None:
    headers = {name: value.decode(errors="replace") for name, value in record.headers}
    place = place_of(record.headers, "source")
    if place is None or headers.get("reason", REPLAYED) == REPLAYED:
        return None
    value = record.value or b""
    size = headers.get("size", "")
    return Letter(
        place,
        record.timestamp,
        headers["reason"],
        headers.get("path", "$"),
        headers.get("message", ""),
        record.key,
        value,
        int(size) if size.isdecimal() else len(value),
        record.partition,
    )


@contextmanager
def resender(options: Options, app: str, topic: str) -> Iterator["Resender"]:
    """Connect for sending letters of `topic` (Kafka name) again. From here on no other of the same app can.

    Read the receipts after this: whoever sent before is either seen, or shut out. Raises ConnectionFailed.
    """
    with reaching(options):
        producer = KafkaProducer(
            **options,
            transactional_id=f"{app}-{TOPIC}-replay",
            transaction_timeout_ms=_TRANSACTION_MS,
            acks="all",
            max_request_size=_LARGEST_BYTES,
            max_block_ms=_TIMEOUT_MS,
            allow_auto_create_topics=False,
        )
        try:
            producer.init_transactions()
            yield Resender(producer, topic)
        finally:
            producer.close(timeout=_TIMEOUT_MS / 1000)


class Resender:
    """Sends records in the place of those that letters hold."""

    def __init__(self, producer: KafkaProducer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    def send(self, records: Sequence[Again]) -> None:
        """All of them with their receipts, or none. Raises ContactStreamsError when another has begun to send."""
        try:
            self._producer.begin_transaction()
            sent = [future for again in records for future in self._send(again)]
            self._producer.commit_transaction()
            for future in sent:
                future.get(timeout=_TIMEOUT_MS / 1000)
        except KafkaError as error:
            raise _not_sent(error) from error

    def _send(self, again: Again) -> Iterator[FutureRecordMetadata]:
        place = _encode(again.letter.place._asdict())
        headers = [(REPLAYED_FROM, place)]
        yield self._producer.send(again.topic, again.value, again.key, headers, partition=again.partition)
        receipt = [("reason", REPLAYED.encode()), ("source", place)]
        yield self._producer.send(self._topic, b"", again.letter.key, receipt, partition=again.letter.partition)


def _not_sent(error: KafkaError) -> ContactStreamsError:
    # What shut this producer out is, at the second call, but an argument of the error.
    if any(isinstance(each, ProducerFencedError | InvalidProducerEpochError) for each in (error, *error.args)):
        message = "another `deadletters replay` has begun: nothing more is sent from here"
        return ContactStreamsError(message, hint="wait for it, then look at `contact-streams deadletters list`")
    return ContactStreamsError(f"not sent: {error!r}", hint="try again: what was sent after all has a receipt")
