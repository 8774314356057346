"""Process-local sums behind the Prometheus counters."""

from collections.abc import Callable, Iterable

from streams.facts.primitives import Bag
from streams.facts.wire import Dimension

OnDelta = Callable[[Dimension, Bag, int, int | None], None]
"""(dimension, bag, offset, append time): a book of stage 2 calls it for every bag it folds."""


class Counters:
    """Sums of the facts that this process has counted, by facts partition.

    A fact counts iff its record was appended after this owner's claim of the partition, and lies beyond the highest
    offset that this process has counted in it: what is folded again adds nothing, and what others have counted is
    theirs. A partition that goes and comes back goes on where it was.
    """

    def __init__(self) -> None:
        self._partitions: dict[int, _Partition] = {}

    def follow(self, partition: int) -> OnDelta:
        """What a new book of the partition has to call. Nothing counts until the partition is claimed for it."""
        counted = self._partitions.setdefault(partition, _Partition())
        counted.begin()
        return counted.add

    def claim(self, partition: int, claimed_at: int) -> None:
        """This process owns the partition since `claimed_at`, the append time of its claim record, epoch ms.

        May be told again, and late: what was folded since `follow` is judged then.
        """
        counted = self._partitions.get(partition)
        if counted is not None:
            counted.claim(claimed_at)

    def totals(self, partitions: Iterable[int]) -> list[tuple[Dimension, Bag]]:
        """Copies of the sums of these partitions. A correction can make a sum fall."""
        owned = (self._partitions[partition].totals for partition in partitions if partition in self._partitions)
        return sorted((dimension, dict(bag)) for totals in owned for dimension, bag in totals.items())


class _Partition:
    """The sums of one partition, over all its books in this process."""

    def __init__(self) -> None:
        self.totals: dict[Dimension, Bag] = {}
        self._highest = -1
        self._counted_before = -1
        """Highest offset counted by the books before this one."""
        self._claimed_at: int | None = None
        self._unjudged: list[tuple[Dimension, Bag, int, int]] = []

    def begin(self) -> None:
        self._counted_before = self._highest
        self._claimed_at = None
        self._unjudged.clear()

    def claim(self, claimed_at: int) -> None:
        self._claimed_at = claimed_at
        unjudged, self._unjudged = self._unjudged, []
        for dimension, bag, offset, appended_at in unjudged:
            self.add(dimension, bag, offset, appended_at)

    def add(self, dimension: Dimension, bag: Bag, offset: int, appended_at: int | None) -> None:
        """Count a bag. Those of roll-ups (`*`, `@group`, `#segment`) are left out: `sum()` over counters stays true."""
        if appended_at is None or dimension.queue.startswith(("*", "@", "#")):
            return
        if self._claimed_at is None:
            self._unjudged.append((dimension, bag, offset, appended_at))
        elif appended_at > self._claimed_at and offset > self._counted_before:
            self._highest = offset
            totals = self.totals.setdefault(dimension, {})
            for primitive, n in bag.items():
                totals[primitive] = totals.get(primitive, 0) + n
