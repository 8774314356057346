"""Formulas that need more than a window's sums: how long the window is, which days it has, what stood at its beginning,
what is configured for its queue.

As in `formulas`, a formula is data, and what cannot be computed is None. Money is in minor units of the one currency.
"""

from collections.abc import Callable
from functools import lru_cache
from statistics import median
from typing import Final, NamedTuple

import msgspec

from streams.facts.bins import counts
from streams.facts.primitives import Bag
from streams.metrics.erlang import agents_needed
from streams.metrics.formulas import Terms, total
from streams.metrics.settings import Business, Staffing

Number = int | float

HOUR_MS: Final = 3_600_000
_REMEMBERED: Final = 1 << 14


class Place(NamedTuple):
    """A window of a queue at an instant."""

    bag: Bag
    length_ms: int | None
    """None: it grows, as `today` does."""
    first_day: Callable[[], int | None]
    """Of a window of whole local days the first, as an ordinal of the calendar; None: it is none."""
    staffing: Staffing | None
    """None: of a roll-up, for which no agents stand."""
    staffed: int | None
    """Agents logged in for the queue; None: not known."""
    business: Business
    customers: Callable[[], int | None]
    """How many were counted at the window's beginning; None: nobody has counted."""
    weeks_before: Callable[[], list[Bag]]
    """The sums of the same interval in the weeks before that are on record; none for other windows."""


class PerHour(msgspec.Struct, frozen=True):
    """A sum over the window per hour of it; None where the window's length is not fixed."""

    terms: Terms

    def value_at(self, place: Place) -> float | None:
        return None if place.length_ms is None else total(self.terms, place.bag) * HOUR_MS / place.length_ms


class AgentsNeeded(msgspec.Struct, frozen=True):
    """Agents by the Erlang formula from arrivals per hour, average handle time, target, goal and patience."""

    arrivals: PerHour
    handle_ms: Terms
    handled: Terms

    def value_at(self, place: Place) -> int | None:
        per_hour, handled = self.arrivals.value_at(place), total(self.handled, place.bag)
        staffing = place.staffing
        if per_hour is None or not handled or staffing is None:
            return None
        aht_s = total(self.handle_ms, place.bag) / handled / 1000
        if aht_s <= 0:
            return None
        return _agents_needed(per_hour * aht_s / 3600, aht_s, staffing.target_s, staffing.goal, staffing.patience_s)


_agents_needed = lru_cache(maxsize=_REMEMBERED)(agents_needed)


class AgentsStaffed(msgspec.Struct, frozen=True):
    """Agents logged in for the queue."""

    def value_at(self, place: Place) -> int | None:
        return place.staffed if place.staffing is not None and place.length_ms is not None else None


class StaffingGap(msgspec.Struct, frozen=True):
    """Agents needed less agents staffed."""

    needed: AgentsNeeded

    def value_at(self, place: Place) -> int | None:
        needed = None if place.staffed is None else self.needed.value_at(place)
        return None if needed is None or place.staffed is None else needed - place.staffed


class HourlyCost(msgspec.Struct, frozen=True):
    """Σ (ms × cost per hour) / count, in minor units."""

    cost: Terms
    count: Terms

    def value_at(self, place: Place) -> float | None:
        n = total(self.count, place.bag)
        return total(self.cost, place.bag) / (n * HOUR_MS) if n else None


class Opening(msgspec.Struct, frozen=True):
    """Customers at the window's beginning: the count in force then; where the first count came within the window, that
    one; where there is none, the configured one.
    """

    def value_at(self, place: Place) -> int | None:
        counted = place.customers()
        return place.business.opening_customers if counted is None else counted


class PerOpening(msgspec.Struct, frozen=True):
    """(share of the opening count + sum) / opening count of customers."""

    share: int
    terms: Terms

    def value_at(self, place: Place) -> float | None:
        opening = Opening().value_at(place)
        return (self.share * opening + total(self.terms, place.bag)) / opening if opening else None


class Distinct(msgspec.Struct, frozen=True):
    """How many different ones there were in a window of whole days.

    Each is booked once per local day, with the day on which it was booked before: those whose day before lies within
    the window are there already.
    """

    once_a_day: int
    """Primitive."""
    day_before: int
    """Histogram of the days before, by their ordinals."""

    def value_at(self, place: Place) -> int | None:
        first_day = place.first_day()
        if first_day is None:
            return None
        again = sum(n for day, n in counts(place.bag, self.day_before) if day >= first_day)
        return place.bag.get(self.once_a_day, 0) - again


class PerDistinct(msgspec.Struct, frozen=True):
    """A sum / how many different ones there were."""

    terms: Terms
    distinct: Distinct

    def value_at(self, place: Place) -> float | None:
        distinct = self.distinct.value_at(place)
        return total(self.terms, place.bag) / distinct if distinct else None


class LifetimeValue(msgspec.Struct, frozen=True):
    """Average order value × orders per customer of the window × margin / churn rate: revenue per customer × margin over
    churn. `per_cost`: divided by what it costs to acquire one.
    """

    revenue: PerDistinct
    churn: PerOpening
    per_cost: tuple[Terms, Terms] | None = None
    """(spent, acquired)."""

    def value_at(self, place: Place) -> float | None:
        margin, revenue, churn = place.business.margin, self.revenue.value_at(place), self.churn.value_at(place)
        if margin is None or revenue is None or not churn:
            return None
        value = revenue * margin / churn
        if self.per_cost is None:
            return value
        spent, acquired = (total(terms, place.bag) for terms in self.per_cost)
        return value * acquired / spent if spent and acquired else None


class VolumeRatio(msgspec.Struct, frozen=True):
    """A sum over the interval / the median of those of the same interval in the weeks before."""

    terms: Terms

    def value_at(self, place: Place) -> float | None:
        usual = median(total(self.terms, bag) for bag in before) if (before := place.weeks_before()) else 0
        return total(self.terms, place.bag) / usual if usual else None


Settled = PerHour | HourlyCost | AgentsNeeded
"""They follow from the window's sums, its length and settings: as long as these stand, so do they."""

Placed = (
    Settled | AgentsStaffed | StaffingGap | Opening | PerOpening | Distinct | PerDistinct | LifetimeValue | VolumeRatio
)
