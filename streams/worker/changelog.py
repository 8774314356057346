"""A changelog partition: the rows of one book, its meta record, and who owns it.

Beside the book's rows it holds two records of the keeper: `META_KEY`, written last in each flush, and `CLAIM_KEY`, the
first thing that an owner writes. The claim's offset is the owner's fencing token, its append time the owner's start.
"""

from typing import Final, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from streams.books import META_KEY
from streams.errors import StateError

CLAIM_KEY: Final = b"\x00claim"
FORMAT: Final = 1
"""Version of `Meta` and of what lies around it. A book's own format is the book's."""


class Meta(msgspec.Struct, frozen=True, array_like=True):
    """Value of the meta record: what the keeper knows, around what the book wrote."""

    format: int
    partitions: int
    """Of the input topic, when it was written: another number means other keys in this partition."""
    offset: int
    """Next input offset."""
    book: bytes
    """The book's own meta record."""


class Restored(NamedTuple):
    """A changelog partition, read up to its owner's claim."""

    rows: list[tuple[bytes, bytes]]
    """For `Book.restore`: the live rows and, if there ever was a flush, the book's meta record."""
    meta: Meta | None
    """None: there never was a flush."""
    claimed_at: int
    """Append time of the claim, epoch ms."""


_decoder = msgspec.msgpack.Decoder(Meta)
encode_meta = msgspec.msgpack.Encoder().encode


async def restore(reader: AIOKafkaConsumer, changelog: TopicPartition, claim: int) -> Restored:
    """Read `changelog` from its beginning to the record at offset `claim`. O(records). `reader` is started.

    Raises StateError when another version wrote it.
    """
    reader.assign([changelog])
    rows: dict[bytes, bytes] = {}
    while True:
        fetched = await reader.getmany(changelog, timeout_ms=1_000)
        for record in fetched.get(changelog, ()):
            if record.offset == claim:
                return _restored(rows, record, changelog)
            _apply(rows, record)


def _apply(rows: dict[bytes, bytes], record: ConsumerRecord) -> None:
    if record.value is None:
        rows.pop(record.key, None)
    elif record.key != CLAIM_KEY:
        rows[record.key] = record.value


def _restored(rows: dict[bytes, bytes], claim: ConsumerRecord, changelog: TopicPartition) -> Restored:
    value = rows.pop(META_KEY, None)
    if value is None:
        return Restored(list(rows.items()), None, claim.timestamp)
    meta = _decode(value, changelog)
    return Restored([*rows.items(), (META_KEY, meta.book)], meta, claim.timestamp)


def _decode(value: bytes, changelog: TopicPartition) -> Meta:
    try:
        meta = _decoder.decode(value)
    except msgspec.DecodeError:
        meta = None
    if meta is None or meta.format != FORMAT:
        raise StateError(
            f"the state in {changelog.topic}, partition {changelog.partition}, was written by another version",
            hint="run that version, or set a new app name (kafka.app): it folds the log anew into topics of its own",
        )
    return meta


def check_partitions(meta: Meta | None, topic: str, partitions: int) -> None:
    """Raise StateError when the input topic has not as many partitions as when the state was written."""
    if meta is not None and meta.partitions != partitions:
        raise StateError(
            f"{topic} has {partitions} partitions, but the state was written when it had {meta.partitions}: "
            "a contact's events no longer meet in one partition",
            hint="go back to the old number, or drain the topic, make a new one and set a new app name (kafka.app)",
        )
