"""A queue's numbers at one instant: what every sink, the board and a replay show."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final, Literal, NamedTuple, get_args

import msgspec

from streams.facts.primitives import P
from streams.facts.wire import NO_QUEUE, PANE_MS, ROLL_UPS, Dimension, RowKind, is_agent
from streams.metrics.catalogue import BY_ID, CATALOGUE
from streams.metrics.formulas import (
    Age,
    Count,
    DueCount,
    LiveCount,
    Mean,
    NextDue,
    Quantile,
    Ratio,
    Shown,
    TimeAt,
    TimeShare,
)
from streams.metrics.placed import Place, Placed, Settled
from streams.metrics.settings import DOMAINS, Channels, Scope, Variants, domain_of
from streams.windows.book import ViewBook
from streams.windows.dimension import DimensionState, Due, Live, Lost, WindowTotal
from streams.windows.levels import Levels

Number = int | float
State = Literal["live", "catching_up"]

LIVE_WITHIN_MS: Final = 2_000
"""A view is live while its as_of is at most this far from the clock."""

AGENTS: Final = "agents"
"""Channel and domain of the agents."""

ALL_DOMAINS: Final = ("", *sorted(DOMAINS))


class QueueView(msgspec.Struct, frozen=True):
    """All values of one (channel, queue) at `as_of_ms`. A KPI that cannot be computed is None, never 0."""

    channel: str
    queue: str
    """`*`: the whole channel; `-`: contacts that never entered a queue."""
    as_of_ms: int
    """The instant the values are true for, epoch ms."""
    state: State
    """live: as_of is at most 2 s from the clock."""
    live: Mapping[str, Number | None]
    """KPI id → value now (window `live`)."""
    windows: Mapping[str, Mapping[str, Number | None]]
    """window name → KPI id → value."""
    since_ms: Mapping[str, int]
    """Live KPI id that is an age → epoch ms it counts from, so that a reader can let it rise by itself."""
    lost: tuple[Lost, ...] = ()
    """The last abandoned visits, newest first."""
    due: tuple[Due, ...] = ()
    """The targets of tickets that are due next, the first one first; none of what sums several queues."""
    heard_ms: int | None = None
    """Time of the newest event that any source of the channel has sent, heartbeats among them; None: not known."""


class Sources(msgspec.Struct, frozen=True):
    """Which source partitions feed what: broker metadata and configuration."""

    partitions: Mapping[str, int]
    """Logical topic → number of its partitions."""
    channels: Mapping[str, tuple[str, ...]]
    """Logical topic → channels it feeds."""

    def feeding(self, channel: str, domain: str = "") -> list[tuple[str, int]]:
        """(topic, partitions) whose progress a channel's numbers wait for; a channel of no topic waits for all."""
        if domain:
            return [(domain, self.partitions[domain])] if domain in self.channels else []
        named = [topic for topic, channels in self.channels.items() if channel in channels]
        return [(topic, self.partitions[topic]) for topic in named or self._of_contacts()]

    def _of_contacts(self) -> list[str]:
        return [topic for topic in self.channels if topic not in DOMAINS]


class _Part(NamedTuple):
    """One domain of a queue at its own instant."""

    state: DimensionState
    as_of: int
    dimension: Dimension
    live: Live
    levels: Levels


class _Line(NamedTuple):
    """Of what a view is."""

    channel: str
    queue: str
    staffed: int | None
    """Agents logged in for the queue; None: not known."""

    @property
    def is_queue(self) -> bool:
        """Whether agents are staffed for it: it is no roll-up, and not what was in no queue."""
        return self.queue != NO_QUEUE and not self.queue.startswith(ROLL_UPS)


class Viewer:
    """Evaluates books; remembers the values of windows that have not changed."""

    def __init__(self, variants: Variants, channels: Channels | None = None) -> None:
        self._variants = variants
        self._channels = channels or Channels()
        self._remembered: dict[tuple[Dimension, str], tuple[DimensionState, int, dict[str, Number | None]]] = {}

    def views(self, book: ViewBook, now: int, sources: Sources) -> list[QueueView]:
        """Every queue of the book at its as_of; those of a channel with a source that never reported are left out.

        Numbers that follow another source than the channel's own (surveys, customers) are absent while it is not live.
        """
        fed = {(dimension.channel, dimension.domain) for dimension in book.dimensions}
        as_of = {(channel, domain): book.as_of(sources.feeding(channel, domain)) for channel, domain in fed}
        agents_at = as_of.get((AGENTS, AGENTS))
        by_channel = {
            of: {**{domain: as_of.get((of, domain)) for domain in ALL_DOMAINS}, AGENTS: agents_at} for of, _ in fed
        }
        lines = self._shown({(dimension.channel, dimension.queue) for dimension in book.dimensions})
        found = (self._line(book, channel, queue, by_channel[channel], now) for channel, queue in lines)
        domains = {of: domain_of(self._channels.scopes(of)[0]) for of in by_channel}
        heard = {of: book.heard_at(sources.feeding(of, domain)) for of, domain in domains.items()}
        return [msgspec.structs.replace(view, heard_ms=heard[view.channel]) for view in found if view is not None]

    def _shown(self, lines: set[tuple[str, str]]) -> list[tuple[str, str]]:
        """In order, with as many agents as may be shown: a source that makes up names must not flood the sinks."""
        agents = sorted(line for line in lines if is_agent(line[1]))
        return sorted(lines.difference(agents[self._channels.most_agents :]))

    def view(self, book: ViewBook, dimension: Dimension, as_of: int, now: int) -> QueueView:
        """The whole queue that the dimension is of, at the instant as_of, seen at `now` (both epoch ms)."""
        view = self._line(book, dimension.channel, dimension.queue, dict.fromkeys(ALL_DOMAINS, as_of), now)
        if view is None:
            raise KeyError(dimension)
        return view

    def _line(
        self, book: ViewBook, channel: str, queue: str, as_of: Mapping[str, int | None], now: int
    ) -> QueueView | None:
        scopes = self._channels.scopes(channel, queue)
        parts = self._parts(book, channel, queue, scopes, as_of)
        if not parts:
            return None
        main = parts.get(scopes[0])
        at = main.as_of if main else min(part.as_of for part in parts.values())
        fresh = {scope: part for scope, part in parts.items() if part is main or not _stale(part, at, now)}
        staffed = _staffed(book, queue, as_of[AGENTS], at, now) if "contacts" in fresh else None
        return self._evaluated(_Line(channel, queue, staffed), scopes, fresh, at, now)

    def _parts(
        self, book: ViewBook, channel: str, queue: str, scopes: Iterable[Scope], as_of: Mapping[str, int | None]
    ) -> dict[Scope, _Part]:
        parts = {}
        for scope in scopes:
            dimension = Dimension(channel, queue, domain_of(scope))
            state, at = book.dimensions.get(dimension), as_of[dimension.domain]
            if state is not None and at is not None:
                parts[scope] = _Part(state, at, dimension, state.live(at), Levels(state, at))
        return parts

    def _evaluated(
        self, line: _Line, scopes: Iterable[Scope], parts: Mapping[Scope, _Part], at: int, now: int
    ) -> QueueView:
        live: dict[str, Number | None] = {}
        windows: dict[str, dict[str, Number | None]] = {name: {} for name in self._window_names(parts.values())}
        since: dict[str, int] = {}
        for scope in scopes:
            table, part = TABLES[scope], parts.get(scope)
            if part is None:
                live.update(table.absent_live)
                for values in windows.values():
                    values.update(table.absent)
                continue
            ages = {kpi_id: age.since_ms(part.live) for kpi_id, age in table.ages}
            since.update((kpi_id, began) for kpi_id, began in ages.items() if began is not None)
            live.update(_live_values(table, part.live, ages))
            for name, total in part.state.totals(part.as_of).items():
                windows[name].update(self._window(table, part, name, total, line))
        lost = [lost for part in parts.values() for lost in part.state.lost.values()]
        # Ahead of the clock it is as far from now: a clock was set, and what is shown would stand still.
        state: State = "live" if abs(now - at) <= LIVE_WITHIN_MS else "catching_up"
        due = () if line.queue.startswith(ROLL_UPS) else _next_due(parts.get("tickets"))
        last_lost = tuple(sorted(lost, reverse=True))
        return QueueView(line.channel, line.queue, at, state, live, windows, since, last_lost, due)

    @staticmethod
    def _window_names(parts: Iterable[_Part]) -> list[str]:
        return next((part.state.window_names() for part in parts), [])

    def _window(
        self, table: "Table", part: _Part, name: str, total: WindowTotal, line: _Line
    ) -> dict[str, Number | None]:
        variant = self._variants.of(line.queue)
        values = self._remembered_values(table, part, name, total, line)
        values.update((kpi_id, formula.value(total.bag, part.live)) for kpi_id, formula in table.following_rows)
        spent_ms = partial(part.levels.spent_ms, window=total)
        values.update((kpi_id, formula.value(spent_ms)) for kpi_id, formula in table.times)
        if table.placed:
            place = self._place(part, name, total, line)
            values.update((kpi_id, formula.value_at(place)) for kpi_id, formula in table.placed)
        values.update((kpi_id, values[f"{kpi_id}_{shown.of(variant)}"]) for kpi_id, shown in table.shown)
        return values

    def _place(self, part: _Part, name: str, total: WindowTotal, line: _Line) -> Place:
        state, at = part.state, part.as_of
        return Place(
            total.bag,
            length_ms=state.length_ms(name),
            first_day=partial(state.first_day, name, at),
            staffing=self._variants.of(line.queue).staffing if line.is_queue else None,
            staffed=line.staffed,
            business=self._variants.business_of(line.queue),
            customers=partial(_customers_at_begin, part, total),
            weeks_before=partial(state.weeks_before, name, at),
        )

    def _remembered_values(
        self, table: "Table", part: _Part, name: str, total: WindowTotal, line: _Line
    ) -> dict[str, Number | None]:
        """The values that follow from the window's sums (and settings) alone: computed anew only when these change."""
        remembered = self._remembered.get((part.dimension, name))
        if remembered is not None and remembered[0] is part.state and remembered[1] == total.version:
            return dict(remembered[2])
        values = {kpi_id: formula.value(total.bag, part.live) for kpi_id, formula in table.valued}
        if table.settled:
            place = self._place(part, name, total, line)
            values.update((kpi_id, formula.value_at(place)) for kpi_id, formula in table.settled)
        if total.version is not None:
            self._remembered[part.dimension, name] = (part.state, total.version, values)
        return dict(values)


def _customers_at_begin(part: _Part, window: WindowTotal) -> int | None:
    """Customers counted when the window began, or first since: the counts at the end of as_of's pane, less all steps
    since; None where nobody has counted.
    """
    counted = part.state.live((part.as_of // PANE_MS + 1) * PANE_MS).size(RowKind.CUSTOMERS)
    if counted is None:
        return None
    later = part.state.total_since(window.end, part.as_of) if window.end is not None else {}
    return counted - window.bag.get(P.CUSTOMERS_STEPS, 0) - later.get(P.CUSTOMERS_STEPS, 0)


def _staffed(book: ViewBook, queue: str, agents_at: int | None, at: int, now: int) -> int | None:
    """Agents logged in for a queue; None where nothing is known of them, or not up to now."""
    state = book.dimensions.get(Dimension(AGENTS, queue, AGENTS))
    if state is None or agents_at is None or (agents_at < at and now - agents_at > LIVE_WITHIN_MS):
        return None
    staffed = BY_ID["agents_staffed"].formula
    return staffed.value({}, state.live(agents_at)) if isinstance(staffed, LiveCount) else None


def _next_due(part: _Part | None) -> tuple[Due, ...]:
    return () if part is None else tuple(part.state.next_due(part.as_of))


def _stale(part: _Part, at: int, now: int) -> bool:
    """Whether a part must not stand beside a main part of that instant: it is not live, and the main part is ahead."""
    return part.as_of < at and now - part.as_of > LIVE_WITHIN_MS


def _live_values(table: "Table", live: Live, ages: Mapping[str, int | None]) -> dict[str, Number | None]:
    values: dict[str, Number | None] = {kpi_id: formula.value({}, live) for kpi_id, formula in table.live_counts}
    values.update((kpi_id, None if at is None else (live.as_of - at) / 1000) for kpi_id, at in ages.items())
    return values


class Table(NamedTuple):
    """The catalogue's rows of one scope, sorted by how they are evaluated."""

    live_counts: tuple[tuple[str, LiveCount | DueCount | NextDue], ...]
    ages: tuple[tuple[str, Age], ...]
    valued: tuple[tuple[str, Count | Ratio | Mean | Quantile], ...]
    """These follow from a window's sums."""
    following_rows: tuple[tuple[str, Ratio], ...]
    """These follow from the rows too: a window that has not changed may still change them."""
    times: tuple[tuple[str, TimeAt | TimeShare], ...]
    """These grow with the clock alone, though nothing has changed."""
    settled: tuple[tuple[str, Settled], ...]
    """These follow from a window's sums, its length and settings."""
    placed: tuple[tuple[str, Placed], ...]
    """These follow from what else is known of the queue and the window too."""
    shown: tuple[tuple[str, Shown], ...]
    absent: Mapping[str, None]
    """Every KPI of a window, where nothing is known."""
    absent_live: Mapping[str, None]


def _table(scope: Scope) -> Table:
    rows = [(kpi.id, kpi.formula) for kpi in CATALOGUE if scope in kpi.scopes]
    return Table(
        tuple((kpi_id, formula) for kpi_id, formula in rows if isinstance(formula, LiveCount | DueCount | NextDue)),
        tuple((kpi_id, formula) for kpi_id, formula in rows if isinstance(formula, Age)),
        tuple((kpi_id, formula) for kpi_id, formula in rows if isinstance(formula, Count | Ratio | Mean | Quantile)),
        tuple((kpi_id, f) for kpi_id, f in rows if isinstance(f, Ratio) and f.live_misses is not None),
        tuple((kpi_id, formula) for kpi_id, formula in rows if isinstance(formula, TimeAt | TimeShare)),
        tuple((kpi_id, formula) for kpi_id, formula in rows if isinstance(formula, Settled)),
        tuple((kpi_id, f) for kpi_id, f in rows if isinstance(f, Placed) and not isinstance(f, Settled)),
        tuple((kpi_id, formula) for kpi_id, formula in rows if isinstance(formula, Shown)),
        {kpi.id: None for kpi in CATALOGUE if scope in kpi.scopes and not kpi.live},
        {kpi.id: None for kpi in CATALOGUE if scope in kpi.scopes and kpi.live},
    )


TABLES: Final[Mapping[Scope, Table]] = {scope: _table(scope) for scope in get_args(Scope)}
