"""Stage 2's book: one `facts` partition folded into the panes, slots and rows of its dimensions."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from streams.books import META_KEY, Flush, Reading, Record
from streams.errors import StateError
from streams.facts.primitives import Bag
from streams.facts.wire import (
    PANE_MS,
    PROGRESS_KEY,
    Dimension,
    Progress,
    Row,
    decode_delta,
    decode_progress,
    dimension_key,
    encode,
    parse_dimension,
)
from streams.windows.clock import SLOT_MS
from streams.windows.dimension import PANES_PER_SLOT, DimensionState, Lost
from streams.windows.settings import WindowSettings

FORMAT: Final = 1
"""Version of the stored state; another one is refused."""

LONGEST_DAY_MS: Final = 25 * 3_600_000

OnDelta = Callable[[Dimension, Bag, int, int | None], None]
"""(dimension, bag, offset, append time): called for every bag folded, restored ones excepted."""

_SEPARATOR: Final = b"\x1e"
_PANE, _SLOT, _ROW, _LOST, _PROGRESS = b"p", b"s", b"r", b"l", b"g"


class Meta(msgspec.Struct, array_like=True):
    """What stands in the meta record."""

    format: int
    offset: int
    expired: int


class SourceProgress(msgspec.Struct, array_like=True, frozen=True):
    """How far a source partition has come."""

    progress_at: int
    """Everything appended up to then is in this book's facts (epoch ms); it never falls."""
    watermark: int
    lag: int
    caught_up: bool


class ViewBook:
    """The fold of one facts partition. See `books.Book`; `metrics.view.views` reads it."""

    def __init__(self, partition: int, settings: WindowSettings, on_delta: OnDelta | None = None) -> None:
        self.partition = partition
        self.expired = 0
        """Counts dropped because their pane was gone."""
        self.progress: dict[tuple[str, int], SourceProgress] = {}
        """(topic, partition) of each source that has reported."""
        self.dimensions: dict[Dimension, DimensionState] = {}
        self._settings = settings
        self._on_delta = on_delta
        self._offset = 0
        self._pending = 0
        self._dirty: dict[bytes, Callable[[], Any]] = {}
        longest = max([*settings.rolling_ms().values(), 0])
        self._keep_panes = (longest + settings.lateness_ms) // PANE_MS + 2
        self._keep_slots = (LONGEST_DAY_MS + 2 * settings.interval_ms + settings.lateness_ms) // SLOT_MS + 2
        self._first_pane = 0
        self._first_slot = 0

    @property
    def offset(self) -> int:
        return self._offset

    @property
    def pending(self) -> int:
        return self._pending

    # --- fold ---

    def fold(self, records: Sequence[Record]) -> None:
        """Apply facts in offset order; those below `offset` were folded before."""
        folded = 0
        for record in records:
            if record.offset >= self._offset:
                self._fold_one(record)
                self._offset = record.offset + 1
                folded += 1
        self._pending += folded

    def _fold_one(self, record: Record) -> None:
        assert record.key is not None and record.value is not None
        if record.key == PROGRESS_KEY:
            self._fold_progress(decode_progress(record.value), record.timestamp)
            return
        dimension = parse_dimension(record.key)
        delta = decode_delta(record.value)
        state = self._state(dimension)
        for pane, bag in delta.panes.items():
            self._add(dimension, state, pane, bag)
            if self._on_delta:
                self._on_delta(dimension, bag, record.offset, record.timestamp)
        for key, row in delta.rows.items():
            state.put_row(key, row)
            self._changed(dimension, _ROW, key)
            self._changed(dimension, _LOST, key)

    def _add(self, dimension: Dimension, state: DimensionState, pane: int, bag: Bag) -> None:
        if self._settings.whole_log:
            state.add_whole(bag)
        if pane >= self._first_pane:
            state.add_pane(pane, bag)
            self._changed(dimension, _PANE, pane)
        if pane // PANES_PER_SLOT >= self._first_slot:
            self._changed(dimension, _SLOT, state.add_slot(pane, bag))
        else:
            self.expired += sum(abs(n) for n in bag.values())

    def _fold_progress(self, progress: Progress, appended_at: int | None) -> None:
        key = (progress.topic, progress.partition)
        before = self.progress.get(key)
        reached = appended_at if progress.caught_up and appended_at is not None else progress.appended_at
        if before is not None:
            reached = max(reached, before.progress_at)
        self.progress[key] = SourceProgress(reached, progress.watermark, progress.lag, progress.caught_up)
        self._dirty[_PROGRESS + _SEPARATOR + encode(key)] = lambda: self.progress[key]

    def _state(self, dimension: Dimension) -> DimensionState:
        state = self.dimensions.get(dimension)
        if state is None:
            zone = self._settings.zone(dimension.queue)
            state = self.dimensions[dimension] = DimensionState(self._settings, zone)
        return state

    # --- as_of ---

    def as_of(self, sources: Iterable[tuple[str, int]]) -> int | None:
        """The instant up to which all of the given (topic, partition count) are folded; None: one never reported."""
        reached = [
            self.progress.get((topic, partition)) for topic, count in sources for partition in range(count)
        ]
        if not reached or None in reached:
            return None
        return min(source.progress_at for source in reached if source is not None)

    # --- drain and expiry ---

    def drain(self, reading: Reading) -> Flush:  # noqa: ARG002 - the keeper's contract; nothing follows from it here
        """Changed state rows; nothing is produced: this book's output is read from memory."""
        self.expire(min((source.progress_at for source in self.progress.values()), default=0))
        rows = {key: _encoded(current()) for key, current in self._dirty.items()}
        self._dirty, self._pending = {}, 0
        return Flush(rows, [], encode(Meta(FORMAT, self._offset, self.expired)), self._offset)

    def expire(self, as_of: int) -> None:
        """Drop what no window can show any more at `as_of` (epoch ms) or later."""
        first_pane = as_of // PANE_MS - self._keep_panes
        first_slot = as_of // SLOT_MS - self._keep_slots
        self._first_pane = max(self._first_pane, first_pane)
        self._first_slot = max(self._first_slot, first_slot)
        for dimension, state in self.dimensions.items():
            for kind, key in state.forget(self._first_pane, self._first_slot, as_of):
                self._changed(dimension, kind.encode(), key)

    # --- state ---

    def _changed(self, dimension: Dimension, kind: bytes, key: int | str) -> None:
        row_key = kind + _SEPARATOR + dimension_key(dimension) + _SEPARATOR + str(key).encode()
        if row_key not in self._dirty:
            store = _store(self.dimensions[dimension], kind)
            self._dirty[row_key] = lambda: store.get(key)

    def restore(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Build the state from changelog rows; see `books.Book.restore`."""
        for row_key, value in rows:
            if row_key == META_KEY:
                self._restore_meta(value)
                continue
            kind, rest = row_key.split(_SEPARATOR, 1)
            if kind == _PROGRESS:
                topic, partition = msgspec.msgpack.decode(rest, type=tuple[str, int])
                self.progress[topic, partition] = msgspec.msgpack.decode(value, type=SourceProgress)
            else:
                self._restore_row(kind, rest, value)
        for state in self.dimensions.values():
            state.settle()
        self.expire(min((source.progress_at for source in self.progress.values()), default=0))

    def _restore_row(self, kind: bytes, rest: bytes, value: bytes) -> None:
        name, key = rest.split(_SEPARATOR, 1)
        store = _store(self._state(parse_dimension(name)), kind)
        store[key.decode() if kind in (_ROW, _LOST) else int(key)] = msgspec.msgpack.decode(value, type=_TYPES[kind])

    def _restore_meta(self, value: bytes) -> None:
        try:
            meta = msgspec.msgpack.decode(value, type=Meta)
        except msgspec.DecodeError as error:
            raise _unreadable(self.partition, "an unreadable format") from error
        if meta.format != FORMAT:
            raise _unreadable(self.partition, f"format {meta.format}, this program reads {FORMAT}")
        self._offset, self.expired = meta.offset, meta.expired

    def snapshot(self) -> bytes:
        """The whole state, canonical. O(state). The last abandoned visits are left out: a courtesy, not a number."""
        self.expire(min((source.progress_at for source in self.progress.values()), default=0))
        dimensions = [
            [dimension, _filled(state.panes), _filled(state.slots), state.rows, state.whole]
            for dimension, state in sorted(self.dimensions.items())
        ]
        progress = sorted((key, source) for key, source in self.progress.items())
        state = [FORMAT, self._offset, self.expired, progress, dimensions]
        return msgspec.msgpack.Encoder(order="deterministic").encode(state)


_TYPES: Final[Mapping[bytes, Any]] = {_PANE: Bag, _SLOT: Bag, _ROW: Row, _LOST: Lost}


def _store(state: DimensionState, kind: bytes) -> dict[Any, Any]:
    return {_PANE: state.panes, _SLOT: state.slots, _ROW: state.rows, _LOST: state.lost}[kind]


def _filled(bags: Mapping[int, Bag]) -> dict[int, Bag]:
    """Without the bags that corrections have emptied."""
    return {key: bag for key, bag in bags.items() if bag}


def _encoded(value: object) -> bytes | None:
    """A row's value; None (a tombstone) for what is gone or empty."""
    return encode(value) if value else None


def _unreadable(partition: int, what: str) -> StateError:
    hint = "run the version that wrote it, or set a new `kafka.app` name: the log is folded anew into fresh topics"
    return StateError(f"the stored state of facts[{partition}] has {what}", hint=hint)
