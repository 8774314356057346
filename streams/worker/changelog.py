"""A changelog partition: the rows of one book, its meta record, and who owns it.

Beside the book's rows it holds two records of the keeper: `META_KEY`, written last in each flush, and `CLAIM_KEY`, the
first thing that an owner writes. The claim's offset is the owner's fencing token, its append time the owner's start.
A row that one record cannot hold goes on in further ones (`LargeRows`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from streams.books import META_KEY
from streams.errors import StateError
from streams.worker.unwrapped import unwrap

CLAIM_KEY: Final = b"\x00claim"
MORE_KEY: Final = b"\x00more"
"""Before a number and a row's key: where the row goes on."""
PART_BYTES: Final = 900_000
"""So much of a row's value stands in one record: with its key below what a broker with default settings takes."""
_NUMBER_BYTES: Final = 4
FORMAT: Final = 2
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


class LargeRows:
    """Which rows one record could not hold: the records after the first must go when the row shrinks."""

    def __init__(self) -> None:
        self._parts: dict[bytes, int] = {}
        """Key of a row → of how many records it consists, if that is more than one."""

    def split(self, rows: Mapping[bytes, bytes | None]) -> Iterator[tuple[bytes, bytes | None]]:
        """The records that make the changelog say these rows (None: the row is gone)."""
        for key, value in rows.items():
            if (value is None or len(value) <= PART_BYTES) and key not in self._parts:
                yield key, value
            else:
                yield from self._split(key, value)

    def _split(self, key: bytes, value: bytes | None) -> Iterator[tuple[bytes, bytes | None]]:
        parts = [] if value is None else [value[at : at + PART_BYTES] for at in range(0, len(value) or 1, PART_BYTES)]
        before = self._parts.pop(key, 1)
        if len(parts) > 1:
            self._parts[key] = len(parts)
        for number in range(max(before, len(parts))):
            yield _part_key(key, number), parts[number] if number < len(parts) else None

    def join(self, records: dict[bytes, bytes]) -> None:
        """Make whole rows of the records that a changelog holds, and remember which were split."""
        parts: dict[bytes, list[tuple[bytes, bytes]]] = {}
        for part_key in [key for key in records if key.startswith(MORE_KEY)]:
            number, key = part_key[len(MORE_KEY) :][:_NUMBER_BYTES], part_key[len(MORE_KEY) + _NUMBER_BYTES :]
            parts.setdefault(key, []).append((number, records.pop(part_key)))
        for key, more in parts.items():
            records[key] = b"".join([records[key], *(value for _, value in sorted(more))])
            self._parts[key] = len(more) + 1


def _part_key(key: bytes, number: int) -> bytes:
    return MORE_KEY + number.to_bytes(_NUMBER_BYTES) + key if number else key


class Restored(NamedTuple):
    """A changelog partition, read up to its owner's claim."""

    rows: dict[bytes, bytes]
    """For `Book.restore`: the live rows and, if there ever was a flush, the book's meta record as the last of them."""
    large: LargeRows
    """What is known of those among them that one record could not hold."""
    meta: Meta | None
    """None: there never was a flush."""
    claimed_at: int
    """Append time of the claim, epoch ms."""


_decoder = msgspec.msgpack.Decoder(Meta)
encode_meta = msgspec.msgpack.Encoder().encode


async def restore(
    reader: AIOKafkaConsumer, changelog: TopicPartition, claim: int, progressed: Callable[[int], None]
) -> Restored:
    """Read `changelog` from its beginning to the record at offset `claim`. O(records). `reader` is started.

    `progressed` is told how many records each answer has brought. Raises StateError when another version wrote it.
    """
    unwrap(reader)
    reader.assign([changelog])
    rows: dict[bytes, bytes] = {}
    while True:
        records = (await reader.getmany(changelog, timeout_ms=1_000)).get(changelog, ())
        if records and records[-1].offset >= claim:
            (own,) = (record for record in records if record.offset == claim)
            _apply(rows, [record for record in records if record.offset < claim])
            return _restored(rows, own.timestamp, changelog)
        _apply(rows, records)
        if records:
            progressed(len(records))


def _apply(rows: dict[bytes, bytes], records: Sequence[ConsumerRecord]) -> None:
    for record in records:
        key, value = record.key, record.value
        if value is not None:
            rows[key] = value
        else:
            rows.pop(key, None)


def _restored(rows: dict[bytes, bytes], claimed_at: int, changelog: TopicPartition) -> Restored:
    rows.pop(CLAIM_KEY, None)
    value = rows.pop(META_KEY, None)
    large = LargeRows()
    large.join(rows)
    if value is None:
        return Restored(rows, large, None, claimed_at)
    meta = _decode(value, changelog)
    rows[META_KEY] = meta.book
    return Restored(rows, large, meta, claimed_at)


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
