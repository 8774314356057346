"""What stands behind a queue's numbers, for whoever looks at one queue: who waits, how the last hour went.

Nothing here is stored: all of it follows from the state of stage 2 at an instant, as the values of a view do.
"""

from collections.abc import Iterator, Mapping
from heapq import nsmallest
from typing import Final, NamedTuple

import msgspec

from streams.facts.bins import counts
from streams.facts.primitives import TARGETS, Bag, H, P
from streams.facts.wire import PANE_MS, Dimension, Row, RowKind, contact_of
from streams.metrics.catalogue import BY_ID
from streams.metrics.formulas import Count, Mean, Ratio, Shown
from streams.metrics.settings import Channels, Variant, Variants
from streams.windows.book import ViewBook
from streams.windows.dimension import DimensionState, Due, Live

SHOWN: Final = 20
"""So many contacts that wait, and targets that are past due, are named."""
MINUTES: Final = 60
INTERVALS: Final = 16
"""So many intervals of the day, at most."""
MINUTE_MS: Final = 60_000
_PANES: Final = MINUTE_MS // PANE_MS

_WAIT_EDGES_S: Final = (5, 10, 20, 30, 60, 120, 300, 600)
_RESPONSE_EDGES_S: Final = (300, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400)

_FLOW: Final = {
    "contacts": {
        "offered": P.OFFERED, "answered": P.ANSWERED, "abandoned": P.ABANDONED, "flowed_out": P.FLOWED_OUT,
        "answered_in_target": P.ANSWERED_IN_TARGET, "evicted": P.EVICTED,
    },
    "tickets": {"created": P.CREATED, "solved": P.SOLVED, "first_responses": P.FIRST_RESPONSES},
}  # fmt: skip
"""What is counted by the minute: KPI id → primitive."""
_LEFT: Final = ("answered", "abandoned", "flowed_out", "evicted")
_BY_INTERVAL: Final = {
    "contacts": ("offered", "answered", "abandoned", "flowed_out", "service_level", "abandon_rate", "asa"),
    "tickets": ("created", "solved", "reopened", "first_responses", "first_response_avg", "sla_compliance"),
}

Number = int | float


class Waiting(NamedTuple):
    """A contact that waits: in the queue, or for a first response."""

    since: int
    """Epoch ms."""
    contact: str


class Minute(msgspec.Struct, frozen=True, omit_defaults=True):
    """What happened in one minute of the wall clock; the last one is not over yet."""

    at: int
    """Its begin, epoch ms."""
    counts: Mapping[str, int]
    """KPI id → number."""
    waiting: int | None = None
    """How many waited at its end."""


class Interval(msgspec.Struct, frozen=True):
    """One row of the interval table; the last one is not over yet."""

    at: int
    """Its begin, epoch ms."""
    values: Mapping[str, Number | None]


class Share(msgspec.Struct, frozen=True):
    """How many took at most so long, and longer than the share before."""

    up_to_s: float | None
    """None: any longer."""
    count: int


class Details(msgspec.Struct, frozen=True):
    """One queue at the instant of its view."""

    waiting: tuple[Waiting, ...] = ()
    """Who has waited longest comes first; for tickets: for a first response."""
    overdue: tuple[Due, ...] = ()
    """Targets past due and not fulfilled, the longest past due first."""
    minutes: tuple[Minute, ...] = ()
    """The last hour, as far as panes are kept."""
    intervals: tuple[Interval, ...] = ()
    """The intervals of the local day so far, the last of them."""
    waits: tuple[Share, ...] = ()
    """Waits of the answered (tickets: first responses) in the longest rolling window."""


class Detailer:
    """Takes the details of queues; remembers the minutes that do not change any more."""

    def __init__(self, variants: Variants, channels: Channels) -> None:
        self._variants = variants
        self._channels = channels
        self._minutes: dict[Dimension, tuple[DimensionState, dict[int, Mapping[str, int]]]] = {}

    def details(self, book: ViewBook, channel: str, queue: str, as_of: int) -> Details:
        """The details at `as_of` (epoch ms); empty for what has no visits or tickets. O(rows), O(bins)."""
        dimension = Dimension(channel, queue)
        state = book.dimensions.get(dimension)
        scope = self._channels.scopes(channel, queue)[0]
        if state is None or scope not in _FLOW:
            return Details()
        waiting = RowKind.WAITING if scope == "contacts" else RowKind.FIRST_RESPONSE
        minutes = self._flow(dimension, state, _FLOW[scope], as_of)
        return Details(
            waiting=tuple(_longest(state, waiting, as_of)),
            overdue=tuple(_overdue(state, as_of)),
            minutes=tuple(_with_waiting(minutes, state.live(as_of)) if scope == "contacts" else minutes),
            intervals=tuple(_intervals(state, _BY_INTERVAL[scope], self._variants.of(queue), as_of)),
            waits=tuple(self._waits(state, scope, queue, as_of)),
        )

    def _flow(self, dimension: Dimension, state: DimensionState, flow: Mapping[str, int], as_of: int) -> list[Minute]:
        known_of, known = self._minutes.get(dimension, (state, {}))
        if known_of is not state:
            known = {}
        last = as_of // MINUTE_MS
        first = max(last - MINUTES + 1, (as_of - state.longest_ms) // MINUTE_MS + 1)
        sums = {
            minute: known.get(minute) or _sums(state.panes, flow, minute, as_of) for minute in range(first, last + 1)
        }
        changing = (as_of - state.lateness_ms) // MINUTE_MS - 1
        settled = {minute: bag for minute, bag in sums.items() if minute < changing}
        self._minutes[dimension] = state, settled
        return [Minute(minute * MINUTE_MS, bag) for minute, bag in sums.items()]

    def _waits(self, state: DimensionState, scope: str, queue: str, as_of: int) -> Iterator[Share]:
        bag = state.longest_total(as_of)
        if bag is None:
            return iter(())
        if scope == "tickets":
            return _shares(bag, H.FIRST_RESPONSE, _RESPONSE_EDGES_S)
        target_s = self._variants.of(queue).staffing.target_s
        return _shares(bag, H.WAIT_ANSWERED, sorted({*_WAIT_EDGES_S, target_s}))


def _open_rows(state: DimensionState, kind: int, as_of: int) -> Iterator[tuple[str, Row]]:
    return ((key, row) for key, row in state.open_rows(as_of) if row.kind == kind)


def _longest(state: DimensionState, kind: int, as_of: int) -> list[Waiting]:
    return nsmallest(SHOWN, (Waiting(row.since, contact_of(key)) for key, row in _open_rows(state, kind, as_of)))


def _overdue(state: DimensionState, as_of: int) -> list[Due]:
    rows = _open_rows(state, RowKind.TARGET, as_of)
    due = ((row.due_at, contact_of(key), TARGETS[row.group]) for key, row in rows if row.due_at is not None)
    return nsmallest(SHOWN, (Due(*each) for each in due if each[0] < as_of))


def _sums(panes: Mapping[int, Bag], flow: Mapping[str, int], minute: int, as_of: int) -> Mapping[str, int]:
    last = min((minute + 1) * _PANES - 1, as_of // PANE_MS)
    bags = [bag for pane in range(minute * _PANES, last + 1) if (bag := panes.get(pane))]
    return {kpi_id: sum(bag.get(primitive, 0) for bag in bags) for kpi_id, primitive in flow.items()}


def _with_waiting(minutes: list[Minute], live: Live) -> list[Minute]:
    """How many waited at the end of each minute: those of now, less who came since, plus who left since."""
    waiting = live.count(RowKind.WAITING)
    found = []
    for minute in reversed(minutes):
        found.append(msgspec.structs.replace(minute, waiting=max(0, waiting)))
        waiting += sum(minute.counts[left] for left in _LEFT) - minute.counts["offered"]
    return found[::-1]


def _intervals(state: DimensionState, kpis: tuple[str, ...], variant: Variant, as_of: int) -> Iterator[Interval]:
    nobody = Live(as_of, ())
    for at, bag in state.intervals(as_of)[-INTERVALS:]:
        yield Interval(at, {kpi_id: _value(kpi_id, bag, variant, nobody) for kpi_id in kpis})


def _value(kpi_id: str, bag: Bag, variant: Variant, live: Live) -> Number | None:
    formula = BY_ID[kpi_id].formula
    if isinstance(formula, Shown):
        formula = BY_ID[f"{kpi_id}_{formula.of(variant)}"].formula
    assert isinstance(formula, Count | Ratio | Mean)
    return formula.value(bag, live)


def _shares(bag: Bag, histogram: int, edges_s: tuple[float, ...] | list[float]) -> Iterator[Share]:
    bins = counts(bag, histogram)
    below: float = -1
    for edge_s in (*edges_s, None):
        above = float("inf") if edge_s is None else edge_s * 1_000
        yield Share(edge_s, sum(n for edge, n in bins if below < edge <= above))
        below = above
