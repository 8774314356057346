"""Stage 2's book: one `facts` partition folded into the panes, slots and rows of its dimensions."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from streams.books import META_KEY, Flush, Reading, Record, read_meta
from streams.facts.levels import STEPS
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
from streams.windows.crowd import Crowd, as_other
from streams.windows.dimension import PANES_PER_SLOT, DimensionState, Lost, Stored
from streams.windows.settings import WindowSettings
from streams.windows.totals import add

FORMAT: Final = 2
"""Version of the stored state; another one is refused."""

OnDelta = Callable[[Dimension, Bag, int, int | None], None]
"""(dimension, bag, offset, append time): called for all that is folded, a bag for each slot of a record; never for what
is restored."""

_TEXT_SEPARATOR: Final = "\x1e"
_SEPARATOR: Final = b"\x1e"
_PROGRESS: Final = b"g"
"""Key of a progress row; those of dimensions begin with their part."""


class Meta(NamedTuple):
    """What stands in the meta record."""

    format: int
    offset: int
    expired: int
    expired_at: int
    first_pane: int
    first_slot: int
    crowded: int = 0


class SourceProgress(NamedTuple):
    """How far a source partition has come."""

    progress_at: int
    """Everything appended up to then is in this book's facts (epoch ms); it never falls."""
    watermark: int
    lag: int
    caught_up: bool


class ViewBook:
    """The fold of one facts partition. See `books.Book`; `metrics.view.views` reads it."""

    def __init__(
        self,
        partition: int,
        settings: WindowSettings,
        on_delta: OnDelta | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.partition = partition
        self.settings_changed = False
        """Never: windows are only sums of what was booked; other windows are other sums."""
        self.expired = 0
        """Counts dropped because their pane was gone."""
        self.crowded = 0
        """Facts that were kept under `~other`: more queues than are kept by name."""
        self.progress: dict[tuple[str, int], SourceProgress] = {}
        """(topic, partition) of each source that has reported."""
        self.dimensions: dict[Dimension, DimensionState] = {}
        self._crowd = Crowd(partition, settings, self.dimensions)
        self._settings = settings
        self._on_delta = on_delta
        self._on_progress = on_progress
        self._offset = 0
        self._pending = 0
        self._reported: set[tuple[str, int]] = set()
        """Sources that have reported since the last drain."""
        self._stored: set[bytes] = set()
        """Keys of the rows of dimensions that the changelog has."""
        self._expired_at = 0
        longest = max([*settings.rolling_ms().values(), 0])
        self._keep_panes = (longest + settings.lateness_ms) // PANE_MS + 2
        self._keep_slots = (settings.look_back_ms() + settings.lateness_ms) // SLOT_MS + 2
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
        assert record.key is not None
        assert record.value is not None
        if record.key == PROGRESS_KEY:
            self._fold_progress(decode_progress(record.value), record.timestamp)
            return
        dimension = parse_dimension(record.key)
        delta = decode_delta(record.value)
        state = self.dimensions.get(dimension)
        if state is None or (self._crowd.may_be_full(dimension) and state.is_over()):
            placed = self._crowd.place(dimension)
            if placed != dimension:
                self.crowded += 1
                dimension, delta = placed, as_other(delta, dimension)
            state = self._state(dimension)
        for slot, bag in self._add_panes(state, delta.panes).items():
            self._add_slot(state, slot, bag)
            if self._on_delta:
                self._on_delta(dimension, bag, record.offset, record.timestamp)
        over_before = self._first_pane * PANE_MS
        for key, row in delta.rows.items():
            state.put_row(key, row, over_before)

    def _add_panes(self, state: DimensionState, panes: Mapping[int, Bag]) -> Mapping[int, Bag]:
        """Add those that are kept. Returns the sum of all panes of each slot."""
        slots: dict[int, Bag] = {}
        first_pane, first_slot = self._first_pane, self._first_slot
        for pane, bag in panes.items():
            slot = pane // PANES_PER_SLOT
            known = slots.get(slot)
            if known is None:
                slots[slot] = bag.copy()
            else:
                add(known, bag)
            if pane >= first_pane:
                state.add_pane(pane, bag)
            if slot < first_slot:
                self.expired += sum(abs(n) for primitive, n in bag.items() if primitive not in STEPS)
        return slots

    def _add_slot(self, state: DimensionState, slot: int, bag: Bag) -> None:
        if self._settings.whole_log:
            state.add_whole(bag)
        if slot >= self._first_slot:
            state.add_slot(slot, bag)

    def _fold_progress(self, progress: Progress, appended_at: int | None) -> None:
        key = (progress.topic, progress.partition)
        before = self.progress.get(key)
        reached = progress.reached(appended_at)
        if before is not None:
            reached = max(reached, before.progress_at)
        self.progress[key] = SourceProgress(reached, progress.watermark, progress.lag, progress.caught_up)
        self._reported.add(key)
        if self._on_progress:
            self._on_progress(progress)
        self._expire_with_the_log()

    def _state(self, dimension: Dimension) -> DimensionState:
        state = self.dimensions.get(dimension)
        if state is None:
            zone = self._settings.zone(dimension.queue)
            state = self.dimensions[dimension] = DimensionState(self._settings, zone)
            self._crowd.came(dimension)
        return state

    # --- as_of ---

    def as_of(self, sources: Iterable[tuple[str, int]]) -> int | None:
        """The instant up to which all of the given (topic, partition count) are folded; None: one never reported."""
        reached = [self.progress.get((topic, partition)) for topic, count in sources for partition in range(count)]
        if not reached or None in reached:
            return None
        return min(source.progress_at for source in reached if source is not None)

    def heard_at(self, sources: Iterable[tuple[str, int]]) -> int | None:
        """Time of the newest event of the given (topic, partition count); None: none came."""
        progress = (self.progress.get((topic, partition)) for topic, count in sources for partition in range(count))
        return max((source.watermark for source in progress if source is not None), default=0) or None

    # --- drain and expiry ---

    def drain(self, reading: Reading) -> Flush:  # noqa: ARG002 - the keeper's contract; nothing follows from it here
        """Changed state rows; nothing is produced: this book's output is read from memory."""
        rows: dict[bytes, bytes | None] = {
            _SEPARATOR.join((_PROGRESS, encode(key))): encode(self.progress[key]) for key in self._reported
        }
        for dimension, state in list(self.dimensions.items()):
            if state.is_over():
                state.forget_lost()
                del self.dimensions[dimension]
                self._crowd.left(dimension)
            rows.update(self._changed_rows(dimension, state))
        self._reported, self._pending = set(), 0
        return Flush(rows, [], encode(self._meta()), self._offset)

    def _changed_rows(self, dimension: Dimension, state: DimensionState) -> Iterator[tuple[bytes, bytes | None]]:
        """Row key → value, None for what is gone or empty; what came and went since the last drain is left out."""
        parts, stored = state.parts, self._stored
        name = f"{_TEXT_SEPARATOR}{dimension_key(dimension).decode()}{_TEXT_SEPARATOR}"
        for part, key in state.take_changes():
            row_key = f"{part}{name}{key}".encode()
            value = parts[part].get(key)
            if value:
                stored.add(row_key)
                yield row_key, encode(value)
            elif row_key in stored:
                stored.remove(row_key)
                yield row_key, None

    def _meta(self) -> Meta:
        return Meta(
            FORMAT, self._offset, self.expired, self._expired_at, self._first_pane, self._first_slot, self.crowded
        )

    def _expire_with_the_log(self) -> None:
        """Expire when all sources that count have passed into a new pane: no view goes back before it.

        Here and not when draining, so that the state follows from the log and not from where its flushes fall.
        """
        wanted = self._settings.sources
        reached = [at.progress_at for (topic, _), at in self.progress.items() if wanted is None or topic in wanted]
        passed = min(reached, default=0) // PANE_MS * PANE_MS
        if passed > self._expired_at:
            self.expire(passed)

    def expire(self, as_of: int) -> None:
        """Drop what no window can show any more at `as_of` (epoch ms) or later."""
        self._expired_at = as_of
        first_pane = as_of // PANE_MS - self._keep_panes
        first_slot = as_of // SLOT_MS - self._keep_slots
        self._first_pane = max(self._first_pane, first_pane)
        self._first_slot = max(self._first_slot, first_slot)
        for state in self.dimensions.values():
            state.forget(self._first_pane, self._first_slot, as_of)

    # --- state ---

    def restore(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Build the state from changelog rows; see `books.Book.restore`."""
        places: dict[tuple[bytes, bytes], _Place] = {}
        for row_key, value in rows:
            if row_key == META_KEY:
                self._restore_meta(value)
                continue
            kind, rest = row_key.split(_SEPARATOR, 1)
            if kind == _PROGRESS:
                topic, partition = msgspec.msgpack.decode(rest, type=tuple[str, int])
                self.progress[topic, partition] = msgspec.msgpack.decode(value, type=SourceProgress)
                continue
            name, key = rest.split(_SEPARATOR, 1)
            place = places.get((kind, name))
            if place is None:  # few dimensions have millions of rows
                place = places[kind, name] = self._place(kind.decode(), name)
            part, number, decode = place
            part[int(key) if number else key.decode()] = decode(value)
            self._stored.add(row_key)
        for state in self.dimensions.values():
            state.sum_anew()

    def _place(self, part: str, name: bytes) -> "_Place":
        return self._state(parse_dimension(name)).parts[part], part in _NUMBERED, _DECODERS[part].decode

    def _restore_meta(self, value: bytes) -> None:
        meta = read_meta(value, Meta, FORMAT, f"facts[{self.partition}]")
        self._offset, self.expired, self._expired_at = meta.offset, meta.expired, meta.expired_at
        self._first_pane, self._first_slot, self.crowded = meta.first_pane, meta.first_slot, meta.crowded

    def snapshot(self) -> bytes:
        """The whole state, canonical. O(state). The last abandoned visits are left out: a courtesy, not a number."""
        dimensions = [
            (name, _filled(state.panes), _filled(state.slots), sorted(state.rows.items()), sorted(state.whole.items()))
            for name, state in sorted(self.dimensions.items())
            if not state.is_over()
        ]
        return encode([self._meta(), sorted(self.progress.items()), dimensions])


_Place = tuple[dict[Any, Any], bool, Callable[[bytes], Any]]
"""A part of a dimension's state, whether its keys are numbers, and how its values are decoded."""

_NUMBERED: Final = frozenset({Stored.PANE, Stored.SLOT})
_DECODERS: Final[Mapping[str, msgspec.msgpack.Decoder[Any]]] = {
    Stored.PANE: msgspec.msgpack.Decoder(Bag),
    Stored.SLOT: msgspec.msgpack.Decoder(Bag),
    Stored.ROW: msgspec.msgpack.Decoder(Row),
    Stored.LOST: msgspec.msgpack.Decoder(Lost),
}


def _filled(bags: Mapping[int, Bag]) -> list[tuple[int, list[tuple[int, int]]]]:
    """In order, without the bags that corrections have emptied."""
    return [(key, sorted(bag.items())) for key, bag in sorted(bags.items()) if bag]
