"""Bags by number (panes, slots), and running totals: the sum over a range of them.

A total is kept by adding what comes and subtracting what leaves its range. What comes is gathered, and added when
somebody looks: of the hundreds of bags that a backlog has for a pane, the totals see one sum.
"""

from collections.abc import Iterable, Mapping, Sequence

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

    def add_all(self, came: Mapping[int, Bag]) -> None:
        """These bags have been added to `panes`. O(bags), at most O(panes in the range)."""
        if len(came) > self.high - self.low:
            self._sum_anew(self.low, self.high)
            return
        for pane, bag in came.items():
            self.add(pane, bag)

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


class Cells:
    """Bags by number, with the totals over them."""

    __slots__ = ("_came", "bags", "changed", "totals")

    def __init__(self, windows: Iterable[str]) -> None:
        self.bags: dict[int, Bag] = {}
        """As of the last `settle`."""
        self.totals = {name: RunningTotal(self.bags) for name in windows}
        """Of each window, as of the last `settle`."""
        self.changed: set[int] = set()
        """Numbers whose bags have changed; the owner clears it."""
        self._came: dict[int, Bag] = {}

    def add(self, number: int, bag: Bag) -> None:
        """Add a bag, which is handed over: nobody else may change it."""
        came = self._came.get(number)
        if came is None:
            self._came[number] = bag
        else:
            add(came, bag)

    def settle(self) -> Iterable[int]:
        """Bring bags and totals up to date. Returns the numbers to which something was added."""
        came = self._came
        if not came:
            return ()
        self._came = {}
        self.changed.update(came)
        bags = self.bags
        for number, bag in came.items():
            known = bags.get(number)
            if known is not None:
                add(known, bag)
            elif 0 in bag.values():
                bags[number] = {primitive: n for primitive, n in bag.items() if n}
            else:
                bags[number] = bag
        for total in self.totals.values():
            total.add_all(came)
        return came

    def forget(self, first: int) -> Sequence[int]:
        """Drop the bags before `first`, and take them out of the totals, which may not have been moved past them yet.

        Returns their numbers. O(bags).
        """
        self.settle()
        gone = [number for number in self.bags if number < first]
        for number in gone:
            inverse = {primitive: -n for primitive, n in self.bags.pop(number).items()}
            for total in self.totals.values():
                total.add(number, inverse)
        self.changed.update(gone)
        return gone

    def sum_anew(self) -> None:
        """The bags were set from outside: the totals are empty, until they are moved."""
        for total in self.totals.values():
            total.move(0, -1)
