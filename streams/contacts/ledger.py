"""What a life cycle writes into while one event is applied: bookings, and what was odd about the event."""

from typing import Final

from streams.contacts.settings import FoldSettings, Thresholds
from streams.facts.bins import Bins
from streams.facts.primitives import Bag
from streams.facts.wire import PANE_MS

Booking = tuple[str, int, Bag]
"""(queue, pane, what to add there)."""


class Outcome:
    """What became of an event of a contact; more than one flag may be set."""

    APPLIED: Final = 0
    DUPLICATE: Final = 1
    ORPHAN: Final = 2
    """Its beginning was not seen; applied all the same."""
    NEGATIVE_WAIT: Final = 4
    """A wait below zero, clamped to 0; applied."""


class Ledger:
    """Bookings of the event (or timer) being applied, for one channel, under fixed settings."""

    def __init__(self, channel: str, settings: FoldSettings, bins: Bins) -> None:
        self.channel = channel
        self.settings = settings
        self.max_age_ms = settings.max_age(channel)
        self._bins = bins
        self._booked: list[Booking] = []

    def book(self, queue: str, at: int, bag: Bag) -> None:
        """Add the bag to the queue's pane of `at` (epoch ms)."""
        self._booked.append((queue, at // PANE_MS, bag))

    def bin(self, histogram: int, duration_ms: int) -> int:
        """Bag key of a duration in a histogram."""
        return self._bins.key(histogram, duration_ms)

    def thresholds(self, queue: str) -> Thresholds:
        return self.settings.thresholds(queue)

    def take(self) -> list[Booking]:
        """The bookings since the last call."""
        booked, self._booked = self._booked, []
        return booked
