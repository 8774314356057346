"""What stage 1 has counted about its input, over all its books in this process, as metrics."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol, TypeVar

from streams.contacts.stats import Stats as BookStats
from streams.sinks.pipeline_metrics import Labels, Stats

Key = TypeVar("Key")

NONE_YET: Final[Mapping[Labels, int]] = {("", "rejected"): 0, ("", "unknown"): 0}
"""Shown from the start: the first of them is an increase only where a 0 went before."""


class Counting(Protocol):
    """A book that counts what it reads: `contacts.book.ContactBook`."""

    @property
    def stats(self) -> BookStats: ...


class InputStats:
    """Sums over every book that there was, so that a counter does not fall with a lost partition."""

    def __init__(self, kept: Callable[[], Iterable[Counting]]) -> None:
        """`kept`: the books of the partitions that are owned now; gauges are of these alone."""
        self._kept = kept
        self._all: list[BookStats] = []

    def made(self, book: Counting) -> None:
        """Count this new book in."""
        self._all.append(book.stats)

    def __call__(self) -> Stats:
        outcomes = _sum(stats.outcomes for stats in self._all)
        by_outcome = _sum({what: n} for (_, what), n in outcomes.items())
        rejected = _sum(stats.rejected for stats in self._all)
        return {
            "events_total": {**NONE_YET, **{(kind, what): n for (kind, what), n in outcomes.items()}},
            "rejected_total": {(reason,): n for reason, n in rejected.items()},
            "late_total": {(): by_outcome["late"] + by_outcome["too_late"]},
            "duplicates_total": {(): by_outcome["duplicate"]},
            "clamped_total": {(): sum(stats.clamped for stats in self._all)},
            "negative_waits_total": {(): sum(stats.negative_waits for stats in self._all)},
            "orphans_total": {(): sum(stats.orphans for stats in self._all)},
            "source_delay_seconds": self._source_delays(),
        }

    def _source_delays(self) -> Mapping[Labels, float]:
        """The slowest partition of each source."""
        slowest: dict[Labels, float] = {}
        for book in self._kept():
            for source, delay_ms in book.stats.source_delay_ms.items():
                slowest[source,] = max(delay_ms / 1000, slowest.get((source,), delay_ms / 1000))
        return slowest


def _sum(counts: Iterable[Mapping[Key, int]]) -> Counter[Key]:
    total: Counter[Key] = Counter()
    for each in counts:
        total.update(each)
    return total
