"""A book: the pure fold of one input partition. What it reads, and what it hands to its keeper.

Both stages are books: `contacts.book.ContactBook` folds a source partition into facts, `windows.book.ViewBook`
folds a `facts` partition into windows. A keeper (`worker.keeper`, or `pipeline` in memory) restores a book, feeds it
batches and makes each `Flush` visible in one transaction. A book knows no clock, no I/O and no settings but those it
was built with.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from streams.errors import StateError

EVERY_PARTITION = -1
"""`Output.partition` of a record that every partition of its topic must get (progress)."""

META_KEY = b"\x00meta"
"""Changelog key of the meta record: sorts before, and never collides with, any row's key."""


class Record(Protocol):
    """One log record as a book reads it: aiokafka's `ConsumerRecord` is one, so is `MemoryRecord`."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int | None:
        """Append time, epoch ms. None: the log has none (a file), nothing is clamped."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


class MemoryRecord(NamedTuple):
    """A record that never was in Kafka: of a file, or of a test."""

    offset: int
    timestamp: int | None
    key: bytes | None
    value: bytes | None


class Output(NamedTuple):
    """One record to produce.

    `topic` is the logical name ("facts", "visits", "deadletters"); the keeper adds prefix and app. `partition` None
    means by the hash of `route`, or of the key where that is None, `EVERY_PARTITION` one copy for each.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None
    route: bytes | None = None


class Flush(NamedTuple):
    """All that one transaction makes visible."""

    rows: dict[bytes, bytes | None]
    """Changed state rows for the changelog; None deletes (tombstone)."""
    outputs: list[Output]
    meta: bytes
    """Value of the changelog record `META_KEY`, written last."""
    offset: int
    """Next input offset: goes into the meta record and, for lag tools, into the group's offsets."""


class Reading(NamedTuple):
    """What the keeper knows about the input and the book does not: handed to `drain`."""

    caught_up: bool
    """A fetch answered that nothing stable lies beyond what was folded (faust.md, "Batch transport", 5)."""
    lag: int
    """Records between the last stable offset and what was folded; 0 when caught up."""
    proved_at: int | None = None
    """When it was seen that it has caught up, by the broker's clock (epoch ms); None: this moment."""


class Book(Protocol):
    """The contract between a keeper and its book.

    Invariant: after `restore(rows written by any prefix of flushes)` and folding the rest of the log, `snapshot()` is
    the bytes that an uninterrupted run gives.
    """

    @property
    def offset(self) -> int:
        """The next input offset expected: records below it are ignored by `fold`. 0 for a new book."""

    @property
    def settings_changed(self) -> bool:
        """Whether the restored state was folded under other settings: what was booked under them stays so."""

    def fold(self, records: Sequence[Record]) -> None:
        """Fold records in offset order. Bad data is counted and dead-lettered, never raised."""

    def drain(self, reading: Reading) -> Flush:
        """Take what has changed since the last drain; the book is clean afterwards."""

    def restore(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Build the state from the live changelog rows (`META_KEY` among them, tombstones already applied).

        Raises errors.StateError when format version or partition count differ from this program's.
        """

    def snapshot(self) -> bytes:
        """The whole state, canonical: equal states give equal bytes. O(state): for tests and digests."""

    @property
    def pending(self) -> int:
        """Records folded since the last drain: the keeper flushes early when it grows."""


class Formatted(Protocol):
    """A meta record: begins with the version of the state's format."""

    @property
    def format(self) -> int: ...


M = TypeVar("M", bound=Formatted)


def read_meta(value: bytes, kind: type[M], version: int, where: str) -> M:
    """Decode a meta record; raises StateError when another version of the program wrote the state of `where`."""
    try:
        meta = msgspec.msgpack.decode(value, type=kind)
    except msgspec.DecodeError as error:
        raise _unreadable(where, "an unreadable format") from error
    if meta.format != version:
        raise _unreadable(where, f"format {meta.format}, this program reads {version}")
    return meta


def _unreadable(where: str, what: str) -> StateError:
    hint = "run the version that wrote it, or set a new `kafka.app` name: the log is folded anew into fresh topics"
    return StateError(f"the stored state of {where} has {what}", hint=hint)
