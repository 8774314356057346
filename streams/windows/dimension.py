"""What is kept of one dimension (a queue, a whole channel): panes, slots, rows, and the totals over them."""

from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from streams.facts.primitives import Bag, P
from streams.facts.wire import PANE_MS, Row, RowKind, contact_of
from streams.windows.clock import SLOT_MS, slots
from streams.windows.settings import WindowSettings
from streams.windows.totals import RunningTotal, add

PANES_PER_SLOT: Final = SLOT_MS // PANE_MS
LOST_KEPT: Final = 20
"""So many of the last abandoned visits are remembered."""


class Lost(NamedTuple):
    """A visit that was abandoned."""

    left_at: int
    contact: str
    wait_ms: int


class Stored:
    """The parts of a dimension's state that are stored apart: letters, for they are hashed for every fact."""

    PANE: Final = "p"
    SLOT: Final = "s"
    ROW: Final = "r"
    LOST: Final = "l"


Change = tuple[str, int | str]
"""A part and the key within it."""


class WindowTotal(NamedTuple):
    """A window's sums at an instant; equal versions of one window mean equal bags."""

    bag: Bag
    version: int | None
    """None: not to be relied on (something counted for this instant alone)."""


class Live(NamedTuple):
    """The rows open at an instant: what `metrics` counts."""

    as_of: int
    rows: tuple[Row, ...]

    def count(self, kind: int, *, over_target: bool = False) -> int:
        """Open rows of a kind; with `over_target` only those whose clock has passed their target."""
        as_of = self.as_of
        return sum(
            1 for row in self.rows if row.kind == kind and (not over_target or as_of - row.since > row.target_ms)
        )

    def earliest(self, kind: int, *, of_contact: bool = False) -> int | None:
        """The earliest clock (epoch ms) of the open rows of a kind; None when there is none."""
        clocks = (row.contact_since if of_contact else row.since for row in self.rows if row.kind == kind)
        return min(clocks, default=None)


class DimensionState:
    """Panes, slots and rows of one dimension. All changes come through `apply`, `forget` and `advance`."""

    def __init__(self, settings: WindowSettings, zone: ZoneInfo) -> None:
        self.panes: dict[int, Bag] = {}
        self.slots: dict[int, Bag] = {}
        self.rows: dict[str, Row] = {}
        self.lost: dict[str, Lost] = {}
        """Row id → one of the last abandoned visits."""
        self.whole: Bag = {}
        self.changed: set[Change] = set()
        """What has changed since the owner last asked (`take_changes`)."""
        self._settings = settings
        self._zone = zone
        self._rolling = {name: (ms // PANE_MS, RunningTotal(self.panes)) for name, ms in settings.rolling_ms().items()}
        self._local = {name: RunningTotal(self.slots) for name in settings.local_windows()}
        self._pane: int | None = None
        self._ahead: set[int] = set()
        """Panes that as_of has not reached: not counted yet."""
        self._whole_version = 0

    # --- facts in ---

    def add_pane(self, pane: int, bag: Bag) -> None:
        """Add a bag to a pane that is kept."""
        add(self.panes.setdefault(pane, {}), bag)
        self.changed.add((Stored.PANE, pane))
        for _, total in self._rolling.values():
            if total.low <= pane <= total.high:
                total.add(pane, bag)
        if self._pane is None or pane > self._pane:
            self._ahead.add(pane)

    def add_slot(self, slot: int, bag: Bag) -> None:
        """Add a bag to a slot that is kept."""
        add(self.slots.setdefault(slot, {}), bag)
        self.changed.add((Stored.SLOT, slot))
        for total in self._local.values():
            total.add(slot, bag)

    def add_whole(self, bag: Bag) -> None:
        """Add a bag to the window `all`."""
        add(self.whole, bag)
        self._whole_version += 1

    def put_row(self, key: str, row: Row | None) -> None:
        """Set or take back a row."""
        self.changed.add((Stored.ROW, key))
        if row is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = row
        if row is not None and row.lost_wait_ms is not None and row.end is not None:
            self._remember_lost(key, Lost(row.end, contact_of(key), row.lost_wait_ms))
        elif key in self.lost:
            del self.lost[key]
            self.changed.add((Stored.LOST, key))

    def _remember_lost(self, key: str, lost: Lost) -> None:
        self.lost[key] = lost
        self.changed.add((Stored.LOST, key))
        if len(self.lost) > LOST_KEPT:
            oldest, _ = min(self.lost.items(), key=itemgetter(1, 0))
            del self.lost[oldest]
            self.changed.add((Stored.LOST, oldest))

    def forget(self, first_pane: int, first_slot: int, as_of: int) -> None:
        """Drop panes and slots before the given ones, and rows that ended by `as_of`. O(state)."""
        rolling = [total for _, total in self._rolling.values()]
        for pane in [pane for pane in self.panes if pane < first_pane]:
            _forget(self.panes, pane, rolling)
            self._ahead.discard(pane)
            self.changed.add((Stored.PANE, pane))
        for slot in [slot for slot in self.slots if slot < first_slot]:
            _forget(self.slots, slot, self._local.values())
            self.changed.add((Stored.SLOT, slot))
        for key in [key for key, row in self.rows.items() if row.end is not None and row.end <= as_of]:
            del self.rows[key]
            self.changed.add((Stored.ROW, key))

    def is_over(self) -> bool:
        """Whether nothing is left that a window or a live value could show."""
        return not (self.rows or self.whole or any(self.panes.values()) or any(self.slots.values()))

    def forget_lost(self) -> None:
        """Drop the last abandoned visits too: the queue is gone."""
        self.changed.update((Stored.LOST, key) for key in self.lost)
        self.lost.clear()

    @property
    def parts(self) -> Mapping[str, dict[Any, Any]]:
        """The stored parts by their letters."""
        return {Stored.PANE: self.panes, Stored.SLOT: self.slots, Stored.ROW: self.rows, Stored.LOST: self.lost}

    def take_changes(self) -> set[Change]:
        """What has changed since the last call."""
        changed, self.changed = self.changed, set()
        return changed

    def settle(self) -> None:
        """Sum anew after panes and slots were set from outside (a restore)."""
        for _, total in self._rolling.values():
            total.move(0, -1)
        for total in self._local.values():
            total.move(0, -1)
        self._pane = None

    # --- totals out ---

    def totals(self, as_of: int) -> dict[str, WindowTotal]:
        """Every window's sums at as_of (epoch ms): panes up to its own, ghosts counted as evicted."""
        self._advance(as_of)
        ghosts = self._ghosts(as_of)
        totals = {name: self._total(total, 1, ghosts) for name, (_, total) in self._rolling.items()}
        totals.update((name, self._total(total, PANES_PER_SLOT, ghosts)) for name, total in self._local.items())
        if self._settings.whole_log:
            totals["all"] = self._corrected(self.whole, self._whole_version, self._ahead, ghosts)
        return totals

    def live(self, as_of: int) -> Live:
        """The rows open at as_of. O(rows)."""
        return Live(as_of, tuple(row for row in self.rows.values() if _open(row, as_of)))

    def _advance(self, as_of: int) -> None:
        pane = as_of // PANE_MS
        if self._pane is None or pane < self._pane:
            self._ahead = {p for p in self.panes if p > pane}
        elif self._ahead:
            self._ahead = {p for p in self._ahead if p > pane}
        self._pane = pane
        for panes, total in self._rolling.values():
            total.move(pane - panes + 1, pane)
        for name, total in self._local.items():
            total.move(*slots(name, as_of, self._zone, self._settings.interval_ms))

    def _total(self, total: RunningTotal, panes: int, ghosts: list[int]) -> WindowTotal:
        """A running total, less what lies ahead of as_of (slots reach beyond it), plus ghosts."""
        ahead = [pane for pane in self._ahead if total.covers(pane // panes)] if panes > 1 else ()
        return self._corrected(
            total.bag, total.version, ahead, [pane for pane in ghosts if total.covers(pane // panes)]
        )

    def _corrected(self, bag: Bag, version: int, ahead: Iterable[int], ghosts: list[int]) -> WindowTotal:
        ahead = [pane for pane in ahead if pane in self.panes]
        if not ahead and not ghosts:
            return WindowTotal(bag, version)
        corrected = dict(bag)
        for pane in ahead:
            add(corrected, self.panes[pane], -1)
        if ghosts:
            add(corrected, {P.EVICTED: len(ghosts)})
        return WindowTotal(corrected, None)

    def _ghosts(self, as_of: int) -> list[int]:
        """Panes of the evictions that as_of has reached and the fold has not."""
        return [
            row.evict_at // PANE_MS
            for row in self.rows.values()
            if row.kind == RowKind.WAITING and row.end is None and row.evict_at is not None and row.evict_at <= as_of
        ]


def _forget(panes: dict[int, Bag], pane: int, totals: Iterable[RunningTotal]) -> None:
    """Take a pane out of its totals too: they may not have been moved past it yet."""
    bag = panes.pop(pane)
    for total in totals:
        total.add(pane, {primitive: -n for primitive, n in bag.items()})


def _open(row: Row, as_of: int) -> bool:
    if row.begin > as_of:
        return False
    if row.end is not None:
        return as_of < row.end
    return row.evict_at is None or as_of < row.evict_at
