"""Running totals: the sum of the bags in a range of panes, kept by adding on arrival and subtracting on expiry."""

from collections.abc import Mapping

from streams.facts.primitives import Bag


def add(total: Bag, bag: Bag, sign: int = 1) -> None:
    """Add (or with sign −1 subtract) a bag in place; primitives that come to 0 leave."""
    for primitive, n in bag.items():
        value = total.get(primitive, 0) + sign * n
        if value:
            total[primitive] = value
        else:
            total.pop(primitive, None)


class RunningTotal:
    """The sum over `panes[low..high]`, inclusive, where `panes` is the owner's and changes only together with `add`."""

    __slots__ = ("_panes", "bag", "high", "low", "version")

    def __init__(self, panes: Mapping[int, Bag]) -> None:
        self._panes = panes
        self.bag: Bag = {}
        self.low = 0
        self.high = -1
        self.version = 0
        """Grows with every change of `bag`: what was computed from it is good as long as it stands."""

    def covers(self, pane: int) -> bool:
        return self.low <= pane <= self.high

    def add(self, pane: int, bag: Bag) -> None:
        """A bag has been added to `panes[pane]`. O(bag)."""
        if self.low <= pane <= self.high:
            add(self.bag, bag)
            self.version += 1

    def move(self, low: int, high: int) -> None:
        """Make the range [low, high]. O(panes that enter or leave), at most O(panes there are)."""
        if (low, high) == (self.low, self.high):
            return
        if low > self.high or high < self.low:
            self._sum_anew(low, high)
            return
        self._shift(self.low, low - 1, -1)
        self._shift(low, self.low - 1, 1)
        self._shift(high + 1, self.high, -1)
        self._shift(self.high + 1, high, 1)
        self.low, self.high = low, high

    def _sum_anew(self, low: int, high: int) -> None:
        self.bag = {}
        self.low, self.high = low, high
        self.version += 1
        self._shift(low, high, 1)

    def _shift(self, low: int, high: int, sign: int) -> None:
        if high < low:
            return
        panes = self._panes
        within = range(low, high + 1)
        for pane in within if len(within) <= len(panes) else [p for p in panes if low <= p <= high]:
            bag = panes.get(pane)
            if bag:
                add(self.bag, bag, sign)
                self.version += 1
