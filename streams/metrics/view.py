"""A queue's numbers at one instant: what every sink, the board and a replay show."""

from collections.abc import Iterator, Mapping
from typing import Final, Literal

import msgspec

from streams.facts.wire import WHOLE_CHANNEL, Dimension
from streams.metrics.catalogue import CATALOGUE
from streams.metrics.formulas import Age, Count, LiveCount, Mean, Quantile, Ratio, Shown
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
        totals = state.totals(as_of)
        windows = {name: self._window(dimension, name, state, total, live, variant) for name, total in totals.items()}
        ages = {kpi_id: age.since_ms(live) for kpi_id, age in AGES}
        since = {kpi_id: at for kpi_id, at in ages.items() if at is not None}
        return QueueView(
            dimension.channel,
            dimension.queue,
            as_of,
            "live" if now - as_of <= LIVE_WITHIN_MS else "catching_up",
            _live_values(live, ages),
            windows,
            since,
            tuple(sorted(state.lost.values(), reverse=True)),
        )

    def _window(
        self, dimension: Dimension, name: str, state: DimensionState, total: WindowTotal, live: Live, variant: Variant
    ) -> dict[str, Number | None]:
        values = self._remembered_values(dimension, name, state, total, live)
        values.update((kpi_id, formula.value(total.bag, live)) for kpi_id, formula in FOLLOWING_ROWS)
        values.update((kpi_id, values[f"{kpi_id}_{shown.of(variant)}"]) for kpi_id, shown in SHOWN)
        return values

    def _remembered_values(
        self, dimension: Dimension, name: str, state: DimensionState, total: WindowTotal, live: Live
    ) -> dict[str, Number | None]:
        """The values that follow from the window's sums alone: computed anew only when these have changed."""
        remembered = self._remembered.get((dimension, name))
        if remembered is not None and remembered[0] is state and remembered[1] == total.version:
            return dict(remembered[2])
        values = {kpi_id: formula.value(total.bag, live) for kpi_id, formula in VALUED}
        if total.version is not None:
            self._remembered[dimension, name] = (state, total.version, values)
        return dict(values)


def _live_values(live: Live, ages: Mapping[str, int | None]) -> dict[str, Number | None]:
    values: dict[str, Number | None] = {kpi_id: formula.value({}, live) for kpi_id, formula in LIVE_COUNTS}
    values.update((kpi_id, None if at is None else (live.as_of - at) / 1000) for kpi_id, at in ages.items())
    return values


LIVE_COUNTS: Final = tuple((kpi.id, kpi.formula) for kpi in CATALOGUE if isinstance(kpi.formula, LiveCount))
AGES: Final = tuple((kpi.id, kpi.formula) for kpi in CATALOGUE if isinstance(kpi.formula, Age))
SHOWN: Final = tuple((kpi.id, kpi.formula) for kpi in CATALOGUE if isinstance(kpi.formula, Shown))
VALUED: Final = tuple(
    (kpi.id, kpi.formula) for kpi in CATALOGUE if isinstance(kpi.formula, Count | Ratio | Mean | Quantile)
)
FOLLOWING_ROWS: Final = tuple(
    (kpi.id, kpi.formula) for kpi in CATALOGUE if isinstance(kpi.formula, Ratio) and kpi.formula.live_misses is not None
)
"""These follow from the rows too: a window that has not changed may still change them."""
