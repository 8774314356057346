"""A simulated centre whose numbers stand in Redis as workers write them: the same pipeline, the same sink, no broker.

with staged(redis_url, config) as centre:
    ...                     # its last hour is there, and it goes on live
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from streams.books import MemoryRecord
from streams.config import Config, load
from streams.metrics.details import Detailer, Details
from streams.metrics.view import QueueView
from streams.pipeline import Pipeline
from streams.sinks.redis import Identity, Looks, RedisSink, connect
from streams.sinks.redis_keys import Keys
from streams.sources.routing import Router, partition_of
from streams.sources.simulator import SimulationSettings, Simulator
from tests.sinks.stand_ins import Partition

HOUR_MS = 3_600_000
CENTRE = Path(__file__).parents[2] / "streams" / "demo" / "centre.yaml"
PARTITIONS = 4
READY_S = 180


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Centre:
    """The pipeline, fed up to now. `behind_ms`: how far its views are kept behind."""

    def __init__(self, config: Config, simulation: SimulationSettings) -> None:
        self._pipeline = Pipeline(
            config.fold_settings(), config.window_settings(), config.variants(), config.channels()
        )
        self._detailer = Detailer(config.variants(), config.channels())
        self._router = Router(config.topics)
        self._offsets: Counter[tuple[str, int]] = Counter()
        self._arrivals = Simulator(simulation).events()
        self._next = next(self._arrivals)
        self.behind_ms = 0
        self._still: list[QueueView] = []
        self._details: dict[tuple[str, str], Details] = {}

    def hold_still(self, at_ms: int) -> None:
        """From now on show what is at `at_ms`, as if nothing happened any more: it costs next to nothing."""
        self._still = self.views(None, at_ms)
        self._details = {(view.channel, view.queue): self.behind(None, view) for view in self._still}

    @property
    def still(self) -> bool:
        return bool(self._still)

    def feed(self, until_ms: int) -> None:
        """Fold what has arrived by then."""
        batch = []
        while self._next.arrival_ms <= until_ms:
            batch += self._records(self._next.line)
            self._next = next(self._arrivals)
        self._pipeline.feed(batch)

    def _records(self, line: bytes) -> Iterator[tuple[tuple[str, int], MemoryRecord]]:
        route = self._router.route(line)
        for topic in route.topics:
            for partition in range(PARTITIONS) if route.broadcast else [partition_of(route.key, PARTITIONS)]:
                offset = self._offsets[topic, partition]
                self._offsets[topic, partition] += 1
                yield (topic, partition), MemoryRecord(offset, route.at, route.key, line)

    def views(self, _book: object, at_ms: int) -> list[QueueView]:
        """As a worker would show them at `at_ms`."""
        behind = self.behind_ms
        if self._still:
            return [self._moved(view, at_ms) for view in self._still]
        state = {"state": "catching_up"} if behind else {}
        views = self._pipeline.views(at_ms - behind)
        return [msgspec.structs.replace(view, heard_ms=self._pipeline.clock - behind, **state) for view in views]

    def _moved(self, view: QueueView, at_ms: int) -> QueueView:
        as_of_ms = at_ms - self.behind_ms
        heard_ms = as_of_ms - 4_000 if view.heard_ms is not None else None
        return msgspec.structs.replace(view, as_of_ms=as_of_ms, heard_ms=heard_ms)

    def behind(self, _book: object, view: QueueView) -> Details:
        known = self._details.get((view.channel, view.queue))
        if known is not None:
            return known
        return self._detailer.details(self._pipeline.facts, view.channel, view.queue, view.as_of_ms)


def fed(*, config_file: Path = CENTRE, backlog_ms: int = HOUR_MS, **simulation: object) -> Centre:
    """A centre that has run for `backlog_ms`."""
    config = load(config_file, environ={}, flags=[]).config
    usual = {"seed": 7, "rate_per_hour": 1_500.0, "agents": True, "ticket_share": 0.08, "survey_share": 0.1}
    centre = Centre(config, SimulationSettings(start_ms=now_ms() - backlog_ms, **{**usual, **simulation}))
    centre.feed(now_ms())
    return centre


@contextlib.contextmanager
def staged(
    url: str,
    *,
    config_file: Path = CENTRE,
    behind_ms: int = 0,
    backlog_ms: int = HOUR_MS,
    still: bool = False,
    **simulation: object,
) -> Iterator[Centre]:
    """A centre that has run for `backlog_ms` and goes on while the context lasts; then its keys expire."""
    centre = fed(config_file=config_file, backlog_ms=backlog_ms, **simulation)
    centre.behind_ms = behind_ms
    if still:
        centre.hold_still(now_ms())
    stop, written = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_write(url, centre, stop, written)), daemon=True)
    thread.start()
    try:
        if not written.wait(READY_S):
            raise RuntimeError("the staged centre was never written")
        yield centre
    finally:
        stop.set()
        thread.join(READY_S)


async def _write(url: str, centre: Centre, stop: threading.Event, written: threading.Event) -> None:
    async def at_once() -> str:
        return "staged"

    sink = RedisSink(
        connect(url),
        Keys("cs"),
        Identity("staged", "staged"),
        look=Looks(centre.views, centre.behind),
        cluster_id=at_once,
        confirmed=at_once,
        log=logging.getLogger("tests"),
    )
    await sink.start()
    async with connect(url) as client:
        while not stop.is_set():
            if not centre.still:
                centre.feed(now_ms())
            await sink.tick(now_ms(), {0: Partition(None)})
            await asyncio.sleep(0.5)
            if not written.is_set() and await client.exists("cs:queues"):
                written.set()
    await sink.stop()
