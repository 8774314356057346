"""What a KPI's formula may be: sums and ratios of primitives, quantiles of a histogram, counts and ages of rows.

A formula is data, so that the same row computes the value, names it in the docs and tells Prometheus which counters
stand behind a ratio. Denominator 0, or nothing there: None.
"""

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

from streams.facts.bins import quantile_ms
from streams.facts.levels import Level
from streams.facts.primitives import Bag
from streams.metrics.settings import Variant

Terms = Mapping[int, int]
"""Primitive → integer coefficient: a sum over a bag."""


class LiveState(Protocol):
    """What lasts at the instant: counts of open rows and the earliest of their clocks."""

    def count(
        self, kind: int, *, over_target: bool = False, group: int | None = None, older_than_ms: int | None = None
    ) -> int: ...
    def overdue(self, kind: int) -> int: ...
    def due_soon(self, kind: int) -> int: ...
    def until_next_due(self, kind: int) -> int | None: ...
    def earliest(self, kind: int, *, of_contact: bool = False) -> int | None: ...


class TimesSpent(Protocol):
    """How much time a window has of each level."""

    def __call__(self, level: Level, /) -> int: ...


class Count(msgspec.Struct, frozen=True):
    """Sum of counts over the window; 0 when nothing happened."""

    terms: Terms

    def value(self, bag: Bag, _live: LiveState) -> int:
        return total(self.terms, bag)


class Ratio(msgspec.Struct, frozen=True):
    """numerator / denominator, both sums over the window."""

    numerator: Terms
    denominator: Terms
    live_misses: int | None = None
    """Row kind whose rows over target count in the denominator as of now (the `live` service level)."""

    def value(self, bag: Bag, live: LiveState) -> float | None:
        below = total(self.denominator, bag)
        if self.live_misses is not None:
            below += live.count(self.live_misses, over_target=True)
        return total(self.numerator, bag) / below if below else None


class Mean(msgspec.Struct, frozen=True):
    """Sum of milliseconds / count, in seconds."""

    sum_ms: Terms
    count: Terms

    def value(self, bag: Bag, _live: LiveState) -> float | None:
        n = total(self.count, bag)
        return total(self.sum_ms, bag) / n / 1000 if n else None


class Quantile(msgspec.Struct, frozen=True):
    """Nearest rank over a histogram, in seconds, relative error ≤ 1.1 %."""

    histogram: int
    q: float

    def value(self, bag: Bag, _live: LiveState) -> float | None:
        quantile = quantile_ms(bag, self.histogram, self.q)
        return None if quantile is None else quantile / 1000


class LiveCount(msgspec.Struct, frozen=True):
    """Rows of a kind open at the instant."""

    kind: int
    over_target: bool = False
    more_kinds: tuple[int, ...] = ()
    """Of which rows count too."""
    group: int | None = None
    """Only those of this group."""
    older_than_ms: int | None = None
    """Only those whose clock shows more."""

    def value(self, _bag: Bag, live: LiveState) -> int:
        return sum(
            live.count(kind, over_target=self.over_target, group=self.group, older_than_ms=self.older_than_ms)
            for kind in (self.kind, *self.more_kinds)
        )


class DueCount(msgspec.Struct, frozen=True):
    """Rows of a kind open at the instant that are past their due time, or due soon."""

    kind: int
    soon: bool = False

    def value(self, _bag: Bag, live: LiveState) -> int:
        return live.due_soon(self.kind) if self.soon else live.overdue(self.kind)


class NextDue(msgspec.Struct, frozen=True):
    """Earliest due time that has not passed − the instant, in seconds; None when nothing is due."""

    kind: int

    def value(self, _bag: Bag, live: LiveState) -> float | None:
        left_ms = live.until_next_due(self.kind)
        return None if left_ms is None else left_ms / 1000


class Age(msgspec.Struct, frozen=True):
    """Instant − the earliest clock of the open rows of a kind, in seconds; None when there is none."""

    kind: int
    of_contact: bool = False
    """Whether the contact's clock counts instead of the row's own."""

    def since_ms(self, live: LiveState) -> int | None:
        """The epoch ms that the age counts from."""
        return live.earliest(self.kind, of_contact=self.of_contact)


class TimeAt(msgspec.Struct, frozen=True):
    """Time spent at a level, of all who were, in seconds."""

    level: Level

    def value(self, spent_ms: TimesSpent) -> float:
        return spent_ms(self.level) / 1000


class TimeShare(msgspec.Struct, frozen=True):
    """Time spent at one level / time spent at this or the other; None when there was neither."""

    part: Level
    rest: Level

    def value(self, spent_ms: TimesSpent) -> float | None:
        part = spent_ms(self.part)
        whole = part + spent_ms(self.rest)
        return part / whole if whole else None


class Shown(msgspec.Struct, frozen=True):
    """The variant that the queue is configured to show: its formula is that of `<kpi id>_<variant>`."""

    setting: Literal["service_level", "abandon_rate"]

    def of(self, variant: Variant) -> str:
        """Name of the variant shown."""
        return variant.service_level if self.setting == "service_level" else variant.abandon_rate


Formula = Count | Ratio | Mean | Quantile | LiveCount | DueCount | NextDue | Age | TimeAt | TimeShare | Shown


def total(terms: Terms, bag: Bag) -> int:
    """Σ coefficient × primitive over the bag."""
    return sum(factor * bag.get(primitive, 0) for primitive, factor in terms.items())
