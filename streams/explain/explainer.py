"""What a number is made of: its formula with both its parts, and a line for each thing that counted, or did not.

A thing (visit, ticket, agent, answer) is looked at as if it were a queue of its own: the same panes, rows and formulas.
So what the lines add adds up to the number itself, whatever the window.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec

from streams.contacts.settings import FoldSettings, Thresholds
from streams.explain.attribution import Booked, Thing, Trace
from streams.explain.parts import UNITS, Parts, Seen, parts_of, primitives_of, rows_of, text_of
from streams.explain.rules import AMONG, OUTCOMES, added, heads, level_name, name_of, named, seconds, standing, why
from streams.facts.bins import counts, nearest_rank
from streams.facts.primitives import HISTOGRAM, Bag
from streams.facts.wire import PANE_MS, Dimension, Row, contact_of
from streams.metrics.catalogue import BY_ID
from streams.metrics.formulas import Age, Mean, NextDue, Quantile, Ratio, Shown, TimeAt, TimeShare
from streams.metrics.kpi import Kpi
from streams.metrics.settings import Variants
from streams.windows.book import ViewBook
from streams.windows.dimension import PANES_PER_SLOT, DimensionState, WindowTotal
from streams.windows.levels import Levels
from streams.windows.settings import WindowSettings

LIVE: Final = "live"
"""Window of what is true at the instant."""
WHOLE_LOG: Final = "all"

_READ: Final = ": the one read"
_VISIT_ROW: Final = re.compile(r"#?(\d+)[wr]")
"""Ids of the rows of visits: the number of the visit, and which clock it is."""


class Line(msgspec.Struct, frozen=True):
    """One thing, and what it adds. Times in epoch ms, durations in ms."""

    contact: str | None
    """Of what it is: the contact, the ticket, the agent; None: of no single one."""
    visit: int | None
    event: str | None
    """Id of the event, where each is a thing of its own."""
    queue: str
    at_ms: int
    """When it was booked; of what lasts, since when."""
    counted: bool
    """Whether it is in the numerator or the denominator; of an age or a percentile, whether it is the one read."""
    numerator: int | None
    denominator: int | None
    added: Mapping[str, int]
    """Name of a primitive → what it adds to the formula's sum of it."""
    why: str
    """The rules by which it counts, or does not."""

    @property
    def text(self) -> str:
        """What it added and why, in words."""
        if not self.counted and (self.numerator, self.denominator) in {(0, 0), (0, None)}:
            return f"left out: {self.why}"
        what = ", ".join(added(name, n) for name, n in self.added.items())
        return ": ".join(part for part in (what, self.why) if part)


class Explanation(msgspec.Struct, frozen=True):
    """A number and what it is made of."""

    at_ms: int
    channel: str
    queue: str
    kpi: str
    window: str
    value: int | float | None
    unit: str
    shown_as: str
    """Id of the KPI whose formula it is: of a variant that the queue is configured to show, the variant's."""
    definition: str
    """That KPI in words."""
    formula: str
    numerator: int | None
    """None: the formula has none."""
    denominator: int | None
    numerator_unit: str
    """`count` or `ms`."""
    denominator_unit: str
    rank: int | None
    """Of a percentile, which of the values (from 1) was read."""
    sums: Mapping[str, int]
    """Name of a primitive → its sum, to which the lines add up."""
    begin_ms: int | None
    """First instant of the window; None: that of the log."""
    end_ms: int
    """Its last instant."""
    lines: Sequence[Line] = ()


class Question(NamedTuple):
    """Which number is asked for."""

    channel: str
    queue: str
    kpi: Kpi
    domain: str
    window: str


class _Kept(NamedTuple):
    """What is known of one thing."""

    booked: list[Booked]
    rows: dict[str, Row]


class Explainer:
    """Explains numbers of a book, from the trace of what was booked for it."""

    def __init__(
        self, book: ViewBook, trace: Trace, fold: FoldSettings, windows: WindowSettings, variants: Variants
    ) -> None:
        self._book = book
        self._trace = trace
        self._fold = fold
        self._windows = windows
        self._variants = variants

    def explain(self, question: Question, value: float | None, as_of: int) -> Explanation:
        """Take the value apart that a view shows at the instant."""
        dimension = Dimension(question.channel, question.queue, question.domain)
        state, kpi = self._book.dimensions.get(dimension), self._shown(question)
        if state is not None:
            return _Taken(self, state, question, kpi, as_of).explanation(value)
        nothing = self.as_a_queue(question.queue, question.window, _Kept([], {}))
        explanation = _Taken(self, nothing, question, kpi, as_of).explanation(value)
        return msgspec.structs.replace(explanation, numerator=None, denominator=None)

    def _shown(self, question: Question) -> Kpi:
        """The KPI whose formula stands behind the number: of a shown variant that one."""
        formula = question.kpi.formula
        if not isinstance(formula, Shown):
            return question.kpi
        return BY_ID[f"{question.kpi.id}_{formula.of(self._variants.of(question.queue))}"]

    def things(self, question: Question, state: DimensionState) -> dict[Thing, _Kept]:
        """All that may stand behind the number."""
        things = {
            thing: _Kept(booked, {}) for thing, booked in self._trace.things(question.channel, question.domain).items()
        }
        for key, row in state.rows.items():
            things.setdefault(_thing_of(key, row), _Kept([], {})).rows[key] = row
        return things

    def queues(self, question: Question) -> dict[str, str]:
        """Row id → the queue itself, roll-ups left out. O(rows of the channel)."""
        return {
            key: dimension.queue
            for dimension, state in self._book.dimensions.items()
            if (dimension.channel, dimension.domain) == (question.channel, question.domain)
            and dimension.queue[:1] not in ("*", "@", "#")
            for key in state.rows
        }

    def as_a_queue(self, queue: str, window: str, kept: _Kept) -> DimensionState:
        """A thing as if it were a queue of its own."""
        whole = window == WHOLE_LOG
        names = () if whole or window == LIVE else (window,)
        settings = msgspec.structs.replace(self._windows, windows=names, whole_log=whole)
        state = DimensionState(settings, settings.zone(queue))
        for _, _, pane, bag in kept.booked:
            state.add_pane(pane, dict(bag))
            state.add_slot(pane // PANES_PER_SLOT, bag)
            if whole:
                state.add_whole(bag)
        for key, row in kept.rows.items():
            state.put_row(key, row)
        return state

    def thresholds(self, queue: str) -> Thresholds:
        return self._fold.thresholds(queue)


class _Taken:
    """One number, taken apart."""

    def __init__(self, explainer: Explainer, state: DimensionState, question: Question, kpi: Kpi, as_of: int) -> None:
        self._explainer = explainer
        self._state = state
        self._question = question
        self._kpi = kpi
        self._formula: Any = kpi.formula
        self._as_of = as_of
        self._total = self._total_of(state)
        self._asked = sorted(primitives_of(self._formula))
        self._kinds = rows_of(self._formula)
        self._relevant = self._asked_about()
        self._queues = explainer.queues(question)

    def explanation(self, value: float | None) -> Explanation:
        seen, question = self._seen(self._state, self._total), self._question
        parts = parts_of(self._formula, seen)
        rank = None
        if isinstance(self._formula, Quantile) and parts.denominator:
            rank = nearest_rank(parts.denominator, self._formula.q)
        live = question.window == LIVE
        return Explanation(
            self._as_of, question.channel, question.queue, question.kpi.id, question.window, value, self._kpi.unit,
            self._kpi.id, self._kpi.help, text_of(self._formula), *parts,
            *UNITS.get(type(self._formula), ("count", "count")), rank, self._sums(seen),
            self._as_of if live else self._total.begin or None,
            self._as_of if self._total.end is None else self._total.end - 1, self._lines(seen, rank),
        )  # fmt: skip

    def _lines(self, seen: Seen, rank: int | None) -> list[Line]:
        things = self._explainer.things(self._question, self._state).items()
        if isinstance(self._formula, Quantile):
            bins = [found for thing, kept in things for found in self._bins(thing, kept)]
            return _ranked(sorted(bins, key=lambda found: (found[0], _by_time(found[1]))), rank or 0)
        lines = [line for thing, kept in things if (line := self._line_of(thing, kept)) is not None]
        return sorted([*lines, *self._rest(seen, lines)], key=_by_time)

    def _line_of(self, thing: Thing, kept: _Kept) -> Line | None:
        """None: it has nothing to do with the number."""
        booked = self._booked(kept)
        rows = {key: row for key, row in kept.rows.items() if row.kind in self._kinds and _lasts(row, self._as_of)}
        if not booked and not kept.rows:
            return None
        state = self._explainer.as_a_queue(self._question.queue, self._question.window, kept)
        total = self._total_of(state)
        seen = self._seen(state, total)
        parts = parts_of(self._formula, seen)
        if not (any(parts) or rows or any(total.bag.get(primitive) for primitive in self._relevant)):
            return None
        ghosts = self._ghosts(kept, _less(total.bag, booked))
        told = [booking for booking in (*booked, *ghosts) if self._tells(booking.bag)]
        return self._line(thing, told, rows, seen, parts)

    def _line(self, thing: Thing, told: Sequence[Booked], rows: Mapping[str, Row], seen: Seen, parts: Parts) -> Line:
        reasons = [text for booking in told for text in self._rules(booking, self._asked)]
        reasons += [standing(row, self._as_of) for row in rows.values()]
        at, queue = self._when_and_where(told, rows)
        counted, sums = self._counts(parts, seen), self._sums(seen)
        if not reasons and not any(sums.values()):
            reasons = [named(booking.bag) for booking in told]
        text = "; ".join(dict.fromkeys(filter(None, reasons))) + (
            _READ if counted and isinstance(self._formula, Age | NextDue) else ""
        )
        return Line(thing.name, thing.visit, thing.event, queue, at, counted, *parts, sums, text)

    def _bins(self, thing: Thing, kept: _Kept) -> Iterator[tuple[int, Line]]:
        """(upper edge in ms, line) of each bin that has a duration of it."""
        histogram, booked = self._formula.histogram, self._booked(kept)
        total = Counter[int]()
        for booking in booked:
            total.update(booking.bag)
        for edge, n in counts(total, histogram):
            found = [booking for booking in booked if HISTOGRAM * histogram + edge in booking.bag]
            reasons = [text for booking in found for text in self._rules(booking, ())]
            at, queue = self._when_and_where(found, {})
            text = "; ".join(dict.fromkeys(reasons))
            yield edge, Line(thing.name, thing.visit, thing.event, queue, at, False, None, n, {}, text)  # noqa: FBT003

    def _booked(self, kept: _Kept) -> list[Booked]:
        """What was booked within the window."""
        low, high = self._panes
        return [booking for booking in kept.booked if low <= booking.pane <= high]

    def _rules(self, booking: Booked, asked: Iterable[int]) -> list[str]:
        """By which rules a booking counts."""
        return why(booking.bag, asked, self._explainer.thresholds(booking.queue))

    def _when_and_where(self, told: Sequence[Booked], rows: Mapping[str, Row]) -> tuple[int, str]:
        """The instant of the last booking, or the beginning of the first row, and its queue."""
        if told:
            last = max(told, key=attrgetter("at"))
            return last.at, last.queue
        key, row = min(rows.items(), key=lambda item: item[1].since, default=("", None))
        return self._as_of if row is None else row.since, self._queue_of(key)

    def _queue_of(self, row_id: str) -> str:
        return self._queues.get(row_id, self._question.queue)

    def _rest(self, seen: Seen, lines: Sequence[Line]) -> list[Line]:
        """What was booked by no single contact: across those of a customer."""
        rest = {name: n - sum(line.added.get(name, 0) for line in lines) for name, n in self._sums(seen).items()}
        if not any(rest.values()):
            return []
        whole = parts_of(self._formula, seen)
        above = None if whole.numerator is None else whole.numerator - sum(line.numerator or 0 for line in lines)
        below = None if whole.denominator is None else whole.denominator - sum(line.denominator or 0 for line in lines)
        text = "booked across the contacts of customers, by none alone"
        return [Line(None, None, None, self._question.queue, self._as_of, True, above, below, rest, text)]  # noqa: FBT003

    # --- what it looks at ---

    def _total_of(self, state: DimensionState) -> WindowTotal:
        if self._question.window == LIVE:
            return WindowTotal({}, None, self._as_of)
        return state.totals(self._as_of)[self._question.window]

    def _seen(self, state: DimensionState, total: WindowTotal) -> Seen:
        spent_ms = partial(Levels(state, self._as_of).spent_ms, window=total)
        return Seen(total.bag, state.live(self._as_of), spent_ms)

    @property
    def _panes(self) -> tuple[int, int]:
        """First and last pane of the window."""
        end = self._total.end
        return self._total.begin // PANE_MS, self._as_of // PANE_MS if end is None else end // PANE_MS - 1

    def _asked_about(self) -> frozenset[int]:
        """Primitives whose things have a line, though they may add nothing."""
        asked = heads(self._asked) | frozenset(self._asked)
        shares = isinstance(self._formula, Ratio | Mean) and asked & OUTCOMES
        return asked | OUTCOMES if shares else asked

    def _tells(self, bag: Bag) -> bool:
        return any(primitive in self._relevant and n > 0 for primitive, n in bag.items())

    def _sums(self, seen: Seen) -> dict[str, int]:
        """Name → sum, of what the formula is made of and there is (0 where it might have been)."""
        if isinstance(self._formula, TimeAt):
            return {f"{level_name(self._formula.level)}_ms": seen.spent_ms(self._formula.level)}
        if isinstance(self._formula, TimeShare):
            levels = (self._formula.part, self._formula.rest)
            return {f"{level_name(level)}_ms": seen.spent_ms(level) for level in levels}
        bag = seen.bag
        asked = [primitive for primitive in self._asked if primitive in bag or AMONG.get(primitive) in bag]
        sums = {name_of(primitive): bag.get(primitive, 0) for primitive in asked}
        misses = getattr(self._formula, "live_misses", None)
        if misses is not None and (over := seen.live.count(misses, over_target=True)):
            sums["waiting_over_target"] = over
        return sums

    def _counts(self, parts: Parts, seen: Seen) -> bool:
        """Whether it counts; of the oldest and the next, whether it is that one."""
        if parts != Parts(None):
            return bool(parts.numerator or parts.denominator)
        if not self._kinds:
            return any(seen.bag.get(primitive) for primitive in self._asked)
        read = self._read(seen)
        return read is not None and read == self._read(self._seen(self._state, self._total))

    def _read(self, seen: Seen) -> int | None:
        """The clock that an age or a due time is read from."""
        if isinstance(self._formula, Age):
            return self._formula.since_ms(seen.live)
        return seen.live.until_next_due(self._formula.kind)

    def _ghosts(self, kept: _Kept, ghost: Bag) -> list[Booked]:
        """What the rows of a thing have come to by themselves, as it will be booked."""
        if not ghost:
            return []
        ended = [at for row in kept.rows.values() for at in (row.evict_at, row.due_at) if at is not None]
        at = max((at for at in ended if at <= self._as_of), default=self._as_of)
        row_queues = (self._queue_of(key) for key in kept.rows)
        return [Booked(at, next(row_queues, self._question.queue), at // PANE_MS, ghost)]


def _thing_of(row_id: str, row: Row) -> Thing:
    name = contact_of(row_id)
    visit = _VISIT_ROW.match(row_id[len(name) + 1 :])
    return Thing(name, int(visit[1]), row.contact_since) if visit else Thing(name)


def _lasts(row: Row, as_of: int) -> bool:
    return row.begin <= as_of and (row.end is None or as_of < row.end)


def _less(bag: Bag, booked: Iterable[Booked]) -> Bag:
    """What is in the bag and was not booked."""
    rest = Counter(bag)
    for booking in booked:
        rest.subtract(booking.bag)
    return {primitive: n for primitive, n in rest.items() if n}


def _by_time(line: Line) -> tuple[int, str, int]:
    return line.at_ms, line.contact or "", line.visit or 0


def _ranked(bins: Iterable[tuple[int, Line]], rank: int) -> list[Line]:
    """In the order of the bins, each with the ranks of its durations."""
    lines, before = [], 0
    for edge, line in bins:
        after = before + (line.denominator or 0)
        ranks = str(after) if after == before + 1 else f"{before + 1}–{after}"
        read = before < rank <= after
        text = f"{line.why}; bin up to {seconds(edge)}, rank {ranks}{_READ if read else ''}"
        lines.append(msgspec.structs.replace(line, why=text, counted=read))
        before = after
    return lines
