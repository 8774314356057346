"""A queue's numbers at one instant: what every sink, the board and a replay show."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal

import msgspec

from streams.facts.wire import WHOLE_CHANNEL, Dimension
from streams.metrics.catalogue import CATALOGUE, Kpi
from streams.metrics.formulas import Age, Ratio, Shown
from streams.metrics.settings import Variant, Variants
from streams.windows.book import ViewBook
from streams.windows.dimension import DimensionState, Live, Lost, WindowTotal

Number = int | float
State = Literal["live", "catching_up"]

LIVE_WITHIN_MS: Final = 2_000
"""A view is live while its as_of is at most this far behind the clock."""


class QueueView(msgspec.Struct, frozen=True):
    """All values of one (channel, queue) at `as_of_ms`. A KPI that cannot be computed is None, never 0."""

    channel: str
    queue: str
    """`*`: the whole channel; `-`: contacts that never entered a queue."""
    as_of_ms: int
    """The instant the values are true for, epoch ms."""
    state: State
    """live: as_of is at most 2 s behind the clock."""
    live: Mapping[str, Number | None]
    """KPI id → value now (window `live`)."""
    windows: Mapping[str, Mapping[str, Number | None]]
    """window name → KPI id → value."""
    since_ms: Mapping[str, int]
    """Live KPI id that is an age → epoch ms it counts from, so that a reader can let it rise by itself."""
    lost: tuple[Lost, ...] = ()
    """The last abandoned visits, newest first."""


class Sources(msgspec.Struct, frozen=True):
    """Which source partitions feed which channel: broker metadata and configuration."""

    partitions: Mapping[str, int]
    """Logical topic → number of its partitions."""
    channels: Mapping[str, tuple[str, ...]]
    """Logical topic → channels it feeds."""

    def feeding(self, channel: str) -> list[tuple[str, int]]:
        """(topic, partitions) whose progress the channel waits for; a channel of no topic waits for all."""
        named = [topic for topic, channels in self.channels.items() if channel in channels]
        return [(topic, self.partitions[topic]) for topic in named or self.channels]


class Viewer:
    """Evaluates books; remembers the values of windows that have not changed."""

    def __init__(self, variants: Variants) -> None:
        self._variants = variants
        self._remembered: dict[tuple[Dimension, str], tuple[DimensionState, int, dict[str, Number | None]]] = {}

    def views(self, book: ViewBook, now: int, sources: Sources) -> list[QueueView]:
        """Every queue of the book at its as_of; those of a channel with a source that never reported are left out."""
        as_of = {dimension.channel: book.as_of(sources.feeding(dimension.channel)) for dimension in book.dimensions}
        return list(self._known(book, now, as_of))

    def _known(self, book: ViewBook, now: int, as_of: Mapping[str, int | None]) -> Iterator[QueueView]:
        for dimension in sorted(book.dimensions):
            at = as_of[dimension.channel]
            if at is not None:
                yield self.view(book, dimension, at, now)

    def view(self, book: ViewBook, dimension: Dimension, as_of: int, now: int) -> QueueView:
        """One queue at the instant as_of, seen at `now` (both epoch ms)."""
        state = book.dimensions[dimension]
        live = state.live(as_of)
        variant = self._variants.defaults if dimension.queue == WHOLE_CHANNEL else self._variants.of(dimension.queue)
        windows = {
            name: self._window(dimension, name, state, total, live, variant) for name, total in state.totals(as_of).items()
        }
        ages = {kpi.id: kpi.formula.since_ms(live) for kpi in LIVE_KPIS if isinstance(kpi.formula, Age)}
        since = {kpi_id: at for kpi_id, at in ages.items() if at is not None}
        return QueueView(
            dimension.channel,
            dimension.queue,
            as_of,
            "live" if now - as_of <= LIVE_WITHIN_MS else "catching_up",
            {kpi.id: _live_value(kpi, live, since) for kpi in LIVE_KPIS},
            windows,
            since,
            tuple(sorted(state.lost.values(), reverse=True)),
        )

    def _window(
        self, dimension: Dimension, name: str, state: DimensionState, total: WindowTotal, live: Live, variant: Variant
    ) -> dict[str, Number | None]:
        values = self._remembered_values(dimension, name, state, total, live)
        values.update((kpi.id, kpi.formula.value(total.bag, live)) for kpi in LIVE_MISS_KPIS)
        values.update((kpi.id, values[f"{kpi.id}_{getattr(variant, kpi.formula.setting)}"]) for kpi in SHOWN_KPIS)
        return values

    def _remembered_values(
        self, dimension: Dimension, name: str, state: DimensionState, total: WindowTotal, live: Live
    ) -> dict[str, Number | None]:
        """The values that follow from the window's sums alone: computed anew only when these have changed."""
        remembered = self._remembered.get((dimension, name))
        if remembered is not None and remembered[0] is state and remembered[1] == total.version:
            return dict(remembered[2])
        values = {kpi.id: kpi.formula.value(total.bag, live) for kpi in WINDOW_KPIS}
        if total.version is not None:
            self._remembered[dimension, name] = (state, total.version, values)
        return dict(values)


def _live_value(kpi: Kpi, live: Live, since: Mapping[str, int]) -> Number | None:
    if isinstance(kpi.formula, Age):
        return (live.as_of - since[kpi.id]) / 1000 if kpi.id in since else None
    return kpi.formula.value({}, live)


def _is_live_miss(kpi: Kpi) -> bool:
    return isinstance(kpi.formula, Ratio) and kpi.formula.live_misses is not None


LIVE_KPIS: Final = tuple(kpi for kpi in CATALOGUE if kpi.live)
SHOWN_KPIS: Final = tuple(kpi for kpi in CATALOGUE if isinstance(kpi.formula, Shown))
WINDOW_KPIS: Final = tuple(kpi for kpi in CATALOGUE if not kpi.live and not isinstance(kpi.formula, Shown))
LIVE_MISS_KPIS: Final = tuple(kpi for kpi in WINDOW_KPIS if _is_live_miss(kpi))
"""These follow from the rows too: a window that has not changed may still change them."""
