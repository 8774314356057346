"""The scrape: what Prometheus sees of the owned queues and of the pipeline.

    sink.snapshot(now_ms, owned)      in the loop: an immutable picture, taken at once
    sink.render(snapshot)             in any thread, best not the loop's: the text
    sink.scrape()                     in any thread but the loop's: both

The families of queues and pipeline are tables (`metric_names`, `pipeline_metrics`) and rendered here, their samples
come from the snapshot alone: tens of thousands, for each of which `prometheus_client` would hold the GIL for 8 µs.
What the process is (CPU, memory, descriptors, collections) a scrape gets from that library's collectors.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest

from streams.facts import bins
from streams.facts.primitives import Bag
from streams.facts.wire import Dimension
from streams.metrics.view import Number, QueueView
from streams.sinks import metric_names
from streams.sinks.counters import Counters
from streams.sinks.exposition import braced, family, label, seconds
from streams.sinks.metric_names import DurationHistogram, KpiGauge, Metric, PrimitiveCounter
from streams.sinks.owned import Look, Owned
from streams.sinks.pipeline_metrics import AS_OF, AS_OF_AGE, COUNTED, LIVE, PREFIX, Stats

_LOOP_ANSWERS_WITHIN_S: Final = 5.0

N = TypeVar("N", int, float)


class Snapshot(NamedTuple):
    """What one scrape shows. Nothing in it changes any more."""

    now_ms: int
    views: Sequence[QueueView]
    totals: Sequence[tuple[Dimension, Bag]]
    stats: Sequence[Stats]


class PrometheusSink:
    """Turns owned facts partitions into the text of a scrape.

    Live values and windows are shown while they are live, and absent otherwise; counters and histograms as long as
    the partition is owned. `counters` is fed by the books; `stats` are asked at each scrape.
    """

    def __init__(
        self,
        look: Look,
        counters: Counters,
        *,
        clock_ms: Callable[[], int],
        edges_ms: Sequence[int],
        stats: Sequence[Callable[[], Stats]] = (),
    ) -> None:
        """`edges_ms`: edges of the histograms, ascending; exact are those of `contacts.settings.FoldSettings.edges`."""
        self._look = look
        self._counters = counters
        self._clock_ms = clock_ms
        self._stats = stats
        self._loop: asyncio.AbstractEventLoop | None = None
        self._owned: Mapping[int, Owned] = {}
        self._text = _Text(edges_ms)
        self._process = _process_registry()
        self._one_at_a_time = threading.Lock()

    async def start(self) -> None:
        """Scrapes show the owned partitions from now on."""
        self._loop = asyncio.get_running_loop()

    async def tick(self, now_ms: int, owned: Mapping[int, Owned]) -> None:
        """From now on these are the owned partitions (facts partition → owner)."""
        del now_ms
        self._owned = owned
        for partition, owner in owned.items():
            self._counters.claim(partition, owner.claimed_at)

    async def stop(self) -> None:
        """Scrapes show the owned partitions no more."""
        self._loop, self._owned = None, {}

    def scrape(self) -> bytes:
        """The text at this moment. In any thread but the loop's, where the picture is taken."""
        if self._loop is None:
            return self.render(self.snapshot(self._clock_ms(), {})) + generate_latest(self._process)
        taken = asyncio.run_coroutine_threadsafe(self._taken(), self._loop)
        return self.render(taken.result(_LOOP_ANSWERS_WITHIN_S)) + generate_latest(self._process)

    async def _taken(self) -> Snapshot:
        return self.snapshot(self._clock_ms(), self._owned)

    def snapshot(self, now_ms: int, owned: Mapping[int, Owned]) -> Snapshot:
        """A picture of the owned partitions at `now_ms`. O(queues)."""
        views = [view for owner in owned.values() for view in self._look(owner.book, now_ms)]
        return Snapshot(
            now_ms=now_ms,
            views=sorted(views, key=lambda view: (view.channel, view.queue)),
            totals=self._counters.totals(owned),
            stats=[{name: dict(samples) for name, samples in source().items()} for source in self._stats],
        )

    def render(self, snapshot: Snapshot) -> bytes:
        """The text of a scrape, UTF-8. Safe in any thread; O(samples)."""
        with self._one_at_a_time:
            return "".join(self._text.families(snapshot)).encode()


def _process_registry() -> CollectorRegistry:
    """`process_*` and `python_*`, in a registry of its own."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


class _Text:
    """Renders families. Remembers rendered labels, and what each counter has shown."""

    def __init__(self, edges_ms: Sequence[int]) -> None:
        self._edges_ms = edges_ms
        self._live = metric_names.live_gauges()
        self._since = metric_names.since_gauges()
        self._windows = metric_names.window_gauges()
        self._counters = metric_names.counters()
        self._histograms = metric_names.histograms()
        self._labels: dict[tuple[str, ...], str] = {}
        self._shown = _Ratchet()

    def families(self, snapshot: Snapshot) -> Iterator[str]:
        live = [view for view in snapshot.views if view.state == "live"]
        at_once = [(braced([self._queue(view)]), view) for view in live]
        windows = [
            (f"{self._queue(view)},{label('window', window)}", values)
            for view in live
            for window, values in view.windows.items()
        ]
        totals = [(self._queue(dimension), dimension, bag) for dimension, bag in snapshot.totals]
        yield from (_live_family(gauge, at_once) for gauge in self._live)
        yield from (_since_family(gauge, at_once) for gauge in self._since)
        yield from (_window_family(gauge, windows) for gauge in self._windows)
        yield from (self._counter_family(counter, totals) for counter in self._counters)
        yield from (self._histogram_family(histogram, totals) for histogram in self._histograms)
        yield from _freshness_families(snapshot, [braced([self._queue(view)]) for view in snapshot.views])
        yield from (self._stats_family(metric, snapshot.stats) for metric in COUNTED)

    def _queue(self, named: Dimension | QueueView) -> str:
        key = (named.channel, named.queue)
        text = self._labels.get(key)
        if text is None:
            text = self._labels[key] = f"{label('channel', named.channel)},{label('queue', named.queue)}"
        return text

    def _counter_family(self, counter: PrimitiveCounter, totals: Sequence[tuple[str, Dimension, Bag]]) -> str:
        lines = []
        for labels, dimension, bag in totals:
            if dimension.domain not in counter.domains:
                continue
            n = self._shown.at_least((dimension, counter.primitive), bag.get(counter.primitive, 0))
            lines.append(f"{counter.metric.name}{{{labels}}} {seconds(n) if counter.milliseconds else n}\n")
        return family(counter.metric, lines)

    def _histogram_family(self, shown: DurationHistogram, totals: Sequence[tuple[str, Dimension, Bag]]) -> str:
        name, lines = shown.metric.name, []
        for labels, dimension, bag in totals:
            *below, count = self._cumulated(shown.histogram, dimension, bag)
            if not count:
                continue
            sum_ms = self._shown.at_least((dimension, shown.sum_ms), bag.get(shown.sum_ms, 0))
            for edge_ms, n in zip(self._edges_ms, below, strict=True):
                lines.append(f'{name}_bucket{{{labels},le="{edge_ms / 1000}"}} {n}\n')
            lines.append(f'{name}_bucket{{{labels},le="+Inf"}} {count}\n')
            lines.append(f"{name}_sum{{{labels}}} {seconds(sum_ms)}\n{name}_count{{{labels}}} {count}\n")
        return family(shown.metric, lines)

    def _cumulated(self, histogram: int, dimension: Dimension, bag: Bag) -> Iterator[int]:
        """Durations up to each edge, then all; each ratcheted: maxima of rising rows are a rising row."""
        counts = bins.counts(bag, histogram)
        n = at = 0
        for edge_ms in self._edges_ms:
            while at < len(counts) and counts[at][0] <= edge_ms:
                n += counts[at][1]
                at += 1
            yield self._shown.at_least((dimension, histogram, edge_ms), n)
        yield self._shown.at_least((dimension, histogram, "+Inf"), n + sum(rest for _, rest in counts[at:]))

    def _stats_family(self, metric: Metric, stats: Sequence[Stats]) -> str:
        parts = ("_sum", "_count") if metric.type == "summary" else ("",)
        short = metric.name.removeprefix(PREFIX)
        lines = []
        for source in stats:
            for part in parts:
                for labels, value in sorted(source.get(short + part, {}).items()):
                    shown = self._shown.at_least((metric.name, labels), value) if metric.type == "counter" else value
                    lines.append(f"{metric.name}{part}{braced(map(label, metric.labels, labels))} {shown!r}\n")
        return family(metric, lines)


class _Ratchet:
    """What has been shown of each counter: a correction that takes some back is a debt, later increments pay it."""

    def __init__(self) -> None:
        self._shown: dict[tuple[object, ...], Any] = {}

    def at_least(self, key: tuple[object, ...], n: N) -> N:
        """`n`, or what was shown before if that is more."""
        shown: N = max(n, self._shown.get(key, 0))
        self._shown[key] = shown
        return shown


def _live_family(gauge: KpiGauge, rows: Sequence[tuple[str, QueueView]]) -> str:
    ((kpi_id, _),) = gauge.members
    return family(gauge.metric, list(_samples(gauge.metric, kpi_id, ((labels, view.live) for labels, view in rows))))


def _since_family(gauge: KpiGauge, rows: Sequence[tuple[str, QueueView]]) -> str:
    ((kpi_id, _),) = gauge.members
    since = ((labels, view.since_ms.get(kpi_id)) for labels, view in rows)
    return family(
        gauge.metric, [f"{gauge.metric.name}{labels} {seconds(ms)}\n" for labels, ms in since if ms is not None]
    )


def _window_family(gauge: KpiGauge, rows: Sequence[tuple[str, Mapping[str, Number | None]]]) -> str:
    lines: list[str] = []
    for kpi_id, variant in gauge.members:
        more = f",{label('variant', variant)}" if variant else ""
        lines += _samples(gauge.metric, kpi_id, ((f"{{{labels}{more}}}", values) for labels, values in rows))
    return family(gauge.metric, lines)


def _samples(metric: Metric, kpi_id: str, rows: Iterable[tuple[str, Mapping[str, Number | None]]]) -> Iterator[str]:
    for labels, values in rows:
        value = values.get(kpi_id)
        if value is not None:
            yield f"{metric.name}{labels} {value!r}\n"


def _freshness_families(snapshot: Snapshot, labels: Sequence[str]) -> Iterator[str]:
    rows = list(zip(labels, snapshot.views, strict=True))
    yield family(AS_OF, [f"{AS_OF.name}{name} {seconds(view.as_of_ms)}\n" for name, view in rows])
    yield family(
        AS_OF_AGE, [f"{AS_OF_AGE.name}{name} {seconds(snapshot.now_ms - view.as_of_ms)}\n" for name, view in rows]
    )
    yield family(LIVE, [f"{LIVE.name}{name} {int(view.state == 'live')}\n" for name, view in rows])
