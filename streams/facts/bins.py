"""Exponential histogram bins with exact configured edges.

A bin is named by its upper edge in ms, so that bins made under different settings still add up. Edges grow by 2 %
(`GROWTH`), configured edges (targets) cut a bin in two: counting up to one of them is exact, and a quantile read as
the middle of its 2 % bin is off by at most 1 % (rounding to whole ms included, 1.1 %).
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final

from streams.facts.primitives import HISTOGRAM, Bag

GROWTH: Final = 1.02
LARGEST_MS: Final = 10 * 365 * 86_400_000
"""Longer durations count in the last bin."""


def _exponential_edges() -> tuple[int, ...]:
    edges = [0, 1]
    while edges[-1] < LARGEST_MS:
        edges.append(max(edges[-1] + 1, int(edges[-1] * GROWTH)))
    return tuple(edges)


EDGES: Final = _exponential_edges()


class Bins:
    """Maps durations to bag keys, exact at `exact_ms`."""

    def __init__(self, exact_ms: Iterable[int] = ()) -> None:
        self._edges = tuple(sorted({*EDGES, *exact_ms}))
        self._names = (*self._edges, self._edges[-1])
        """What bins are named by; the last one is also that of all beyond."""

    def key(self, histogram: int, duration_ms: int) -> int:
        """Bag key of the bin that `duration_ms` (≥ 0) falls in: lower edge < duration ≤ upper edge."""
        return HISTOGRAM * histogram + self._names[bisect_left(self._edges, duration_ms)]


def counts(bag: Bag, histogram: int) -> list[tuple[int, int]]:
    """(upper edge in ms, count) of the histogram's non-empty bins, ascending. O(bag)."""
    low = HISTOGRAM * histogram
    high = low + HISTOGRAM
    return sorted((key - low, n) for key, n in bag.items() if low <= key < high and n)


def up_to(bag: Bag, histogram: int, edge_ms: int) -> int:
    """How many durations are ≤ `edge_ms`; exact when `edge_ms` is an exact edge."""
    return sum(n for edge, n in counts(bag, histogram) if edge <= edge_ms)


def quantile_ms(bag: Bag, histogram: int, q: float) -> float | None:
    """Nearest-rank quantile in ms, relative error ≤ 1.1 %; None when the histogram is empty."""
    bins = counts(bag, histogram)
    total = sum(n for _, n in bins)
    if total <= 0:
        return None
    rank = nearest_rank(total, q)
    for edge, seen in _cumulated(bins):
        if seen >= rank:
            return _middle(edge)
    return _middle(bins[-1][0])


def nearest_rank(number: int, q: float) -> int:
    """Which of so many values, in ascending order from 1, is the quantile."""
    # 0.8 × 5 must be rank 4, not 5: binary fractions overshoot by an ulp.
    return max(1, -int(-(q * number - 1e-9) // 1))


def _cumulated(bins: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    seen = 0
    for edge, n in bins:
        seen += n
        yield edge, seen


def _middle(edge: int) -> float:
    """The value in the exponential bin around `edge` whose relative error is smallest at both ends."""
    index = bisect_left(EDGES, edge)
    if index == 0:
        return 0.0
    low, high = EDGES[index - 1] + 1, EDGES[min(index, len(EDGES) - 1)]
    return 2 * low * high / (low + high)
