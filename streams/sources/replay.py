"""Drives the pipeline over recorded lines and takes its views at the instants asked for."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from streams.books import MemoryRecord
from streams.contacts.settings import FoldSettings
from streams.events.model import LATEST_MS
from streams.metrics.view import QueueView
from streams.pipeline import Pipeline, Source
from streams.sources.routing import Route, Router, partition_of

_NEVER: Final = LATEST_MS + 1
"""No instant and no event is later."""
CLOCK_AHEAD_MS: Final = FoldSettings().clock_ahead_ms


class Snapshot(NamedTuple):
    """The views at one instant."""

    at: int
    """Epoch ms."""
    views: Sequence[QueueView]


class Replay:
    """Folds lines in arrival order, as workers fold the same lines out of Kafka: into the books their keys lead to."""

    def __init__(self, router: Router, pipeline: Pipeline, partitions: int) -> None:
        """`partitions`: of each topic."""
        self._router = router
        self._pipeline = pipeline
        self._partitions = partitions
        self._offsets: Counter[Source] = Counter()
        self._copies = 0

    def run(self, chunks: Iterable[list[bytes]], instants: Iterable[int]) -> Iterator[Snapshot]:
        """Fold all lines; at each instant (epoch ms) yield the views as they are before the first later event is.

        Without instants, one snapshot at the time of the latest event, if there is any.
        """
        due = sorted(set(instants), reverse=True)
        at_the_end = not due
        for lines in chunks:
            batch: list[tuple[Source, MemoryRecord]] = []
            for line in lines:
                route = self._router.route(line)
                if due and (at := folded_at(route)) > due[-1]:
                    self._pipeline.feed(batch)
                    batch = []
                    yield from self._snapshots(due, at)
                self._append(batch, line, route)
            self._pipeline.feed(batch)
        if at_the_end and self._pipeline.clock:
            due = [self._pipeline.clock]
        yield from self._snapshots(due, _NEVER)

    @property
    def outcomes(self) -> Mapping[str, int]:
        """What became of the lines; sums to the lines read: a heartbeat counts once, however many books it went to."""
        counts = Counter(self._pipeline.outcomes)
        counts["applied"] -= self._copies
        return +counts

    @property
    def rejections(self) -> Mapping[str, int]:
        """Rejected lines by reason."""
        return self._pipeline.rejections

    def _snapshots(self, due: list[int], before: int) -> Iterator[Snapshot]:
        """Take the instants before `before` off `due` (descending), each with its views."""
        while due and due[-1] < before:
            at = due.pop()
            yield Snapshot(at, self._pipeline.views(at))

    def _append(self, batch: list[tuple[Source, MemoryRecord]], line: bytes, route: Route) -> None:
        """Append the line to `batch`, once for each book that gets it."""
        sources = self._everywhere(route) if route.broadcast else [self._source(route)]
        self._copies += len(sources) - 1
        for source in sources:
            offset = self._offsets[source]
            self._offsets[source] = offset + 1
            batch.append((source, MemoryRecord(offset, route.appended_at, route.key, line)))

    def _source(self, route: Route) -> Source:
        return route.topics[0], partition_of(route.key, self._partitions)

    def _everywhere(self, route: Route) -> list[Source]:
        return [(topic, partition) for topic in route.topics for partition in range(self._partitions)]


def folded_at(route: Route) -> int:
    """The event time that the fold will see: a clock that is ahead of the append time is clamped to it. 0: none."""
    at, appended_at = route.at or 0, route.appended_at
    return appended_at if appended_at is not None and at > appended_at + CLOCK_AHEAD_MS else at
