"""Process-local sums behind the Prometheus counters."""

from collections.abc import Iterable

from streams.facts.primitives import Bag
from streams.facts.wire import Dimension

_NOTHING_YET = -1


class Counters:
    """Sums of the facts that this process has counted, by facts partition.

    A fact counts iff its record was appended after this owner's claim of the partition, and lies beyond the highest
    offset that this process has counted in it: what is restored or folded again adds nothing, and what others have
    counted is theirs. A partition that goes and comes back goes on where it was.
    """

    def __init__(self) -> None:
        self._claimed_at: dict[int, int] = {}
        self._highest: dict[int, int] = {}
        self._totals: dict[int, dict[Dimension, Bag]] = {}

    def claim(self, partition: int, claimed_at: int) -> None:
        """This process owns the partition since `claimed_at`, the append time of its claim record, epoch ms."""
        self._claimed_at[partition] = claimed_at

    def add(self, partition: int, dimension: Dimension, bag: Bag, offset: int, appended_at: int) -> None:
        """Count one record of facts: its dimension, and the sum of its panes. Without a claim nothing counts.

        Roll-ups (`*`, `@group`, `#segment`) are left out: `sum()` over counters stays true.
        """
        claimed_at = self._claimed_at.get(partition)
        if claimed_at is None or appended_at <= claimed_at or offset <= self._highest.get(partition, _NOTHING_YET):
            return
        self._highest[partition] = offset
        if dimension.queue.startswith(("*", "@", "#")):
            return
        totals = self._totals.setdefault(partition, {}).setdefault(dimension, {})
        for primitive, n in bag.items():
            totals[primitive] = totals.get(primitive, 0) + n

    def totals(self, partitions: Iterable[int]) -> list[tuple[Dimension, Bag]]:
        """Copies of the sums of these partitions. A correction can make a sum fall: see `exposition.Ratchet`."""
        owned = (self._totals.get(partition, {}) for partition in partitions)
        return sorted((dimension, dict(bag)) for totals in owned for dimension, bag in totals.items())
