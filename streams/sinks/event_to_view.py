"""How long an event takes from its append to the views that hold it."""

from collections.abc import Callable
from typing import Final

from streams.facts.wire import Progress
from streams.sinks.pipeline_metrics import Stats

BETWEEN: Final = "customers"
"""What the book of customers tells comes from sources that are measured already."""


class EventToView:
    """Measures whenever a book of stage 2 folds the news that a source has come further."""

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms
        self._offsets: dict[tuple[str, int], int] = {}
        self._sum_ms = 0
        self._count = 0

    def folded(self, progress: Progress) -> None:
        """Everything up to this progress is in the views from now on."""
        if progress.topic == BETWEEN:
            return
        source = (progress.topic, progress.partition)
        before = self._offsets.get(source)
        self._offsets[source] = progress.offset
        # The first news of a source may be as old as the worker was down; later ones are measured.
        if before is not None and progress.offset > before:
            self._sum_ms += max(0, self._clock_ms() - progress.appended_at)
            self._count += 1

    def __call__(self) -> Stats:
        return {
            "event_to_view_seconds_sum": {(): self._sum_ms / 1000},
            "event_to_view_seconds_count": {(): self._count},
        }
