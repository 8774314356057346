"""What is kept of one dimension (a queue, a whole channel): panes, slots, rows, and the totals over them."""

from collections.abc import Iterable, Iterator, Mapping
from heapq import nsmallest
from operator import itemgetter
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from streams.facts.primitives import TARGETS, Bag, P
from streams.facts.wire import PANE_MS, Row, RowKind, contact_of
from streams.windows.clock import SLOT_MS, first_day, slots, start_of_day, weeks_before
from streams.windows.settings import WindowSettings
from streams.windows.totals import Cells, RunningTotal, add

PANES_PER_SLOT: Final = SLOT_MS // PANE_MS
LOST_KEPT: Final = 20
"""So many of the last abandoned visits are remembered."""
DUE_SHOWN: Final = 20
"""So many of the targets that are due next are shown."""


class Lost(NamedTuple):
    """A visit that was abandoned."""

    left_at: int
    contact: str
    wait_ms: int


class Due(NamedTuple):
    """A target of a ticket that is due."""

    due_at: int
    contact: str
    target: str


class Stored:
    """The parts of a dimension's state that are stored apart: letters, for they are hashed for every fact."""

    PANE: Final = "p"
    SLOT: Final = "s"
    ROW: Final = "r"
    LOST: Final = "l"


Change = tuple[str, int | str]
"""A part and the key within it."""

Ghost = tuple[int, int]
"""What an open row has come to by itself: (pane, primitive)."""


class WindowTotal(NamedTuple):
    """A window's sums at an instant; equal versions of one window mean equal bags."""

    bag: Bag
    version: int | None
    """None: not to be relied on (something counted for this instant alone)."""
    begin: int = 0
    """Its first instant, epoch ms; 0: that of the log."""
    end: int | None = None
    """The first instant after it; None: it reaches up to the instant asked for."""


class Live:
    """The rows open at an instant: what `metrics` counts."""

    __slots__ = ("_by_kind", "as_of")

    def __init__(self, as_of: int, rows: Iterable[Row]) -> None:
        """`as_of`: epoch ms. O(rows); what is asked later looks at rows of its kind alone."""
        self.as_of = as_of
        self._by_kind: dict[int, list[Row]] = {}
        for row in rows:
            self._by_kind.setdefault(row.kind, []).append(row)

    def _of(self, kind: int) -> list[Row]:
        return self._by_kind.get(kind, [])

    def count(
        self, kind: int, *, over_target: bool = False, group: int | None = None, older_than_ms: int | None = None
    ) -> int:
        """Open rows of a kind (and group); with `over_target` only those whose clock has passed their target, with
        `older_than_ms` that duration.
        """
        as_of = self.as_of
        rows = self._of(kind)
        if group is not None:
            rows = [row for row in rows if row.group == group]
        if older_than_ms is not None:
            rows = [row for row in rows if as_of - row.since > older_than_ms]
        return sum(1 for row in rows if as_of - row.since > row.target_ms) if over_target else len(rows)

    def overdue(self, kind: int) -> int:
        """Open rows of a kind whose due time has passed."""
        return sum(1 for due_at, _ in self._due(kind) if due_at < self.as_of)

    def due_soon(self, kind: int) -> int:
        """Open rows of a kind that are due soon, by the measure of each."""
        return sum(1 for due_at, row in self._due(kind) if 0 <= due_at - self.as_of <= row.target_ms)

    def until_next_due(self, kind: int) -> int | None:
        """Ms to the earliest due time of the open rows of a kind that has not passed; None where there is none."""
        left = (due_at - self.as_of for due_at, _ in self._due(kind))
        return min((left_ms for left_ms in left if left_ms >= 0), default=None)

    def _due(self, kind: int) -> Iterator[tuple[int, Row]]:
        return ((row.due_at, row) for row in self._of(kind) if row.due_at is not None)

    def size(self, kind: int) -> int | None:
        """What the open rows of a kind count (`group`); None where there is none."""
        sizes = [row.group for row in self._of(kind)]
        return sum(sizes) if sizes else None

    def earliest(self, kind: int, *, of_contact: bool = False) -> int | None:
        """The earliest clock (epoch ms) of the open rows of a kind; None when there is none."""
        clocks = (row.contact_since if of_contact else row.since for row in self._of(kind))
        return min(clocks, default=None)


class DimensionState:
    """Panes, slots and rows of one dimension. All changes come through `apply`, `forget` and `advance`."""

    def __init__(self, settings: WindowSettings, zone: ZoneInfo) -> None:
        self.rows: dict[str, Row] = {}
        self.lost: dict[str, Lost] = {}
        """Row id → one of the last abandoned visits."""
        self.whole: Bag = {}
        self._settings = settings
        self._zone = zone
        self._lengths = {name: ms // PANE_MS for name, ms in settings.rolling_ms().items()}
        self._panes = Cells(self._lengths)
        self._slots = Cells(settings.local_windows())
        self._changed_rows: set[str] = set()
        self._changed_lost: set[str] = set()
        self._pane: int | None = None
        self._ahead: set[int] = set()
        """Panes that as_of has not reached: not counted yet."""
        self._whole_version = 0

    # --- facts in ---

    def add_pane(self, pane: int, bag: Bag) -> None:
        """Add a bag to a pane that is kept. The bag is handed over: nobody may change it afterwards."""
        self._panes.add(pane, bag)

    def add_slot(self, slot: int, bag: Bag) -> None:
        """Add a bag to a slot that is kept."""
        self._slots.add(slot, bag.copy())

    def add_whole(self, bag: Bag) -> None:
        """Add a bag to the window `all`."""
        add(self.whole, bag)
        self._whole_version += 1

    def put_row(self, key: str, row: Row | None, over_before: int = 0) -> None:
        """Set or take back a row. One that ended before `over_before` (epoch ms) is not kept."""
        if row is not None and (row.end is None or row.end >= over_before):
            self.rows[key] = row
            self._changed_rows.add(key)
        elif self.rows.pop(key, None) is not None:
            self._changed_rows.add(key)
        if row is not None and row.lost_wait_ms is not None and row.end is not None:
            self._remember_lost(key, Lost(row.end, contact_of(key), row.lost_wait_ms))
        elif key in self.lost:
            del self.lost[key]
            self._changed_lost.add(key)

    def _remember_lost(self, key: str, lost: Lost) -> None:
        self.lost[key] = lost
        self._changed_lost.add(key)
        if len(self.lost) > LOST_KEPT:
            oldest, _ = min(self.lost.items(), key=itemgetter(1, 0))
            del self.lost[oldest]
            self._changed_lost.add(oldest)

    def forget(self, first_pane: int, first_slot: int, as_of: int) -> None:
        """Drop panes and slots before the given ones, and rows that ended by `as_of`. O(state)."""
        self._settle()
        self._ahead.difference_update(self._panes.forget(first_pane))
        self._slots.forget(first_slot)
        over = [key for key, row in self.rows.items() if row.end is not None and row.end <= as_of]
        for key in over:
            del self.rows[key]
        self._changed_rows.update(over)

    def is_over(self) -> bool:
        """Whether nothing is left that a window or a live value could show."""
        return not (self.rows or self.whole or any(self.panes.values()) or any(self.slots.values()))

    def forget_lost(self) -> None:
        """Drop the last abandoned visits too: the queue is gone."""
        self._changed_lost.update(self.lost)
        self.lost.clear()

    @property
    def panes(self) -> dict[int, Bag]:
        """Pane → what happened in it."""
        self._settle()
        return self._panes.bags

    @property
    def slots(self) -> dict[int, Bag]:
        """15-minute slot of UTC → what happened in it."""
        self._settle()
        return self._slots.bags

    @property
    def parts(self) -> Mapping[str, dict[Any, Any]]:
        """The stored parts by their letters."""
        return {Stored.PANE: self.panes, Stored.SLOT: self.slots, Stored.ROW: self.rows, Stored.LOST: self.lost}

    def take_changes(self) -> set[Change]:
        """What has changed since the last call."""
        self._settle()
        changed: Mapping[str, set[Any]] = {
            Stored.PANE: self._panes.changed,
            Stored.SLOT: self._slots.changed,
            Stored.ROW: self._changed_rows,
            Stored.LOST: self._changed_lost,
        }
        changes: set[Change] = {(part, key) for part, keys in changed.items() for key in keys}
        for keys in changed.values():
            keys.clear()
        return changes

    def sum_anew(self) -> None:
        """Panes and slots were set from outside (a restore)."""
        self._panes.sum_anew()
        self._slots.sum_anew()
        self._pane = None

    def _settle(self) -> None:
        came = self._panes.settle()
        if self._pane is not None:
            at = self._pane
            self._ahead.update(pane for pane in came if pane > at)
        self._slots.settle()

    # --- totals out ---

    def totals(self, as_of: int) -> dict[str, WindowTotal]:
        """Every window's sums at as_of (epoch ms): panes up to its own, and what its rows have come to."""
        self._settle()
        self._advance(as_of)
        ghosts, slot = self._ghosts(as_of), as_of // SLOT_MS
        totals = {
            name: self._total(total, 1, ghosts)._replace(begin=total.low * PANE_MS)
            for name, total in self._panes.totals.items()
        }
        for name, total in self._slots.totals.items():
            end = (total.high + 1) * SLOT_MS if total.high < slot else None
            totals[name] = self._total(total, PANES_PER_SLOT, ghosts)._replace(begin=total.low * SLOT_MS, end=end)
        if self._settings.whole_log:
            totals["all"] = self._corrected(self.whole, self._whole_version, self._ahead, ghosts)
        return totals

    def total_since(self, begin: int, as_of: int) -> Bag:
        """The sums from an instant (a slot's first, kept) up to the pane of as_of. O(slots between), O(panes ahead)."""
        pane, slots_ = as_of // PANE_MS, self.slots
        total: Bag = {}
        for slot in range(begin // SLOT_MS, as_of // SLOT_MS + 1):
            add(total, slots_.get(slot, {}))
        for ahead in self._ahead:
            if pane < ahead < (as_of // SLOT_MS + 1) * PANES_PER_SLOT:
                add(total, self.panes[ahead], -1)
        return total

    def first_day(self, window: str, as_of: int) -> int | None:
        """Ordinal of the first day of a window of whole local days, of the whole log 0; None: it is none."""
        return 0 if window == "all" else first_day(window, as_of, self._zone)

    def length_ms(self, window: str) -> int | None:
        """How long a window is; None: it grows."""
        panes = self._lengths.get(window)
        if panes is not None:
            return panes * PANE_MS
        return self._settings.interval_ms if window == "previous_interval" else None

    def weeks_before(self, window: str, as_of: int) -> list[Bag]:
        """The sums of the same interval in the weeks before, but for weeks before the first slot there is: of them
        nothing is on record. O(slots).
        """
        if not self._settings.compares_weeks:
            return []
        kept = self.slots
        weeks = weeks_before(window, as_of, self._zone, self._settings.interval_ms)
        first = min(kept, default=0) if weeks else 0
        return [_sum([kept[slot] for slot in week if slot in kept]) for week in weeks if week.start >= first]

    def window_names(self) -> list[str]:
        """Names of the windows that `totals` gives."""
        return [*self._lengths, *self._settings.local_windows(), *(["all"] if self._settings.whole_log else [])]

    def live(self, as_of: int) -> Live:
        """The rows open at as_of. O(rows)."""
        return Live(as_of, (row for row in self.rows.values() if _open(row, as_of)))

    def open_rows(self, as_of: int) -> Iterator[tuple[str, Row]]:
        """Id and content of each row open at as_of. O(rows)."""
        return ((key, row) for key, row in self.rows.items() if _open(row, as_of))

    @property
    def lateness_ms(self) -> int:
        """So long after an instant what happened then may still change."""
        return self._settings.lateness_ms

    @property
    def longest_ms(self) -> int:
        """How far back panes are kept for certain: the longest rolling window; 0: there is none."""
        return max(self._lengths.values(), default=0) * PANE_MS

    def longest_total(self, as_of: int) -> Bag | None:
        """The sums of the longest rolling window; None: there is none."""
        longest = max(self._lengths, key=self._lengths.__getitem__, default=None)
        return None if longest is None else self.totals(as_of)[longest].bag

    def intervals(self, as_of: int) -> list[tuple[int, Bag]]:
        """Begin (epoch ms) and sums of each interval of the local day up to as_of. O(slots of the day)."""
        self._settle()
        self._advance(as_of)
        day, step = start_of_day(as_of, self._zone), self._settings.interval_ms
        found = [(begin, self._sum_of(begin, begin + step)) for begin in range(day, as_of + 1, step)]
        for pane in self._ahead:
            number = (pane * PANE_MS - day) // step
            if 0 <= number < len(found):
                add(found[number][1], self._panes.bags[pane], -1)
        return found

    def _sum_of(self, begin: int, end: int) -> Bag:
        return _sum(self._slots.bags.get(slot, {}) for slot in range(begin // SLOT_MS, end // SLOT_MS))

    def next_due(self, as_of: int) -> list[Due]:
        """The targets that are due next, the first one first. O(rows)."""
        due = (
            Due(row.due_at, contact_of(key), TARGETS[row.group])
            for key, row in self.rows.items()
            if row.kind == RowKind.TARGET and row.due_at is not None and row.due_at >= as_of and _open(row, as_of)
        )
        return nsmallest(DUE_SHOWN, due)

    def _advance(self, as_of: int) -> None:
        pane = as_of // PANE_MS
        if self._pane is None or pane < self._pane:
            self._ahead = {p for p in self._panes.bags if p > pane}
        elif self._ahead:
            self._ahead = {p for p in self._ahead if p > pane}
        self._pane = pane
        for name, total in self._panes.totals.items():
            total.move(pane - self._lengths[name] + 1, pane)
        for name, total in self._slots.totals.items():
            total.move(*slots(name, as_of, self._zone, self._settings.interval_ms))

    def _total(self, total: RunningTotal, panes: int, ghosts: list[Ghost]) -> WindowTotal:
        """A running total, less what lies ahead of as_of (slots reach beyond it), plus ghosts."""
        ahead = [pane for pane in self._ahead if total.covers(pane // panes)] if panes > 1 else ()
        return self._corrected(
            total.bag, total.version, ahead, [ghost for ghost in ghosts if total.covers(ghost[0] // panes)]
        )

    def _corrected(self, bag: Bag, version: int, ahead: Iterable[int], ghosts: list[Ghost]) -> WindowTotal:
        panes = self._panes.bags
        ahead = [pane for pane in ahead if pane in panes]
        if not ahead and not ghosts:
            return WindowTotal(bag, version)
        corrected = dict(bag)
        for pane in ahead:
            add(corrected, panes[pane], -1)
        for _, primitive in ghosts:
            add(corrected, {primitive: 1})
        return WindowTotal(corrected, None)

    def _ghosts(self, as_of: int) -> list[Ghost]:
        """The evictions and breaches that as_of has reached and the fold has not."""
        ghosts = []
        for row in self.rows.values():
            if row.end is None:
                if row.kind == RowKind.WAITING and row.evict_at is not None and row.evict_at <= as_of:
                    ghosts.append((row.evict_at // PANE_MS, P.EVICTED))
                elif row.overdue is not None and row.due_at is not None and row.due_at < as_of:
                    ghosts.append((row.due_at // PANE_MS, row.overdue))
        return ghosts


def _sum(bags: Iterable[Bag]) -> Bag:
    total: Bag = {}
    for bag in bags:
        add(total, bag)
    return total


def _open(row: Row, as_of: int) -> bool:
    if row.begin > as_of:
        return False
    if row.end is not None:
        return as_of < row.end
    return row.evict_at is None or as_of < row.evict_at
