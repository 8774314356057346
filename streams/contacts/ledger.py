"""Where life cycles book: what changes in a channel's dimensions until the next flush.

A step books into the ledger; what one event booked is kept with the event (`take`), so that it can be taken back
exactly as it was, whatever the settings have become since.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from streams.calendars.clock import Clock
from streams.contacts.final import FinalVisit
from streams.contacts.settings import FoldSettings, Thresholds
from streams.contacts.stats import Stats
from streams.facts.bins import Bins
from streams.facts.primitives import Bag
from streams.facts.wire import PANE_MS, Delta, Row, agent_queue, is_segment, segment_queue

Booking = tuple[str, int, Bag]
"""(queue, pane, what to add there)."""

_REMEMBERED: Final = 10_000
"""Queues whose thresholds are at hand."""


class StartCount(NamedTuple):
    """What is added to a customer's bag of starts."""

    customer: str
    """Keyed hash."""
    at: int
    """Start of the contact, epoch ms."""
    queue: str
    n: int
    """1, or −1 for what is taken back."""


Observer = Callable[[Any, Any, int], None]
"""(`history.History`, `history.Entry`, sign): told what an event or a timer has booked (1), with the history in the
state that it led to; and that it is taken back (−1)."""


class Outcome:
    """What became of an event of a contact; more than one flag may be set."""

    APPLIED: Final = 0
    DUPLICATE: Final = 1
    ORPHAN: Final = 2
    """Its beginning was not seen; applied all the same."""
    NEGATIVE_WAIT: Final = 4
    """A wait below zero, clamped to 0; applied."""


class Ledger:
    """Bookings of one domain of one channel under fixed settings."""

    __slots__ = (
        "_panes", "_rows", "bin", "booked", "calendars", "channel", "domain", "final", "kept_ms", "max_age_ms",
        "observer", "rolls_up", "segments", "settings", "starts", "stats", "tells_more", "thresholds",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913 - what a book knows of itself, once per channel
        self,
        channel: str,
        settings: FoldSettings,
        bins: Bins,
        calendars: Mapping[str, Clock],
        stats: Stats,
        domain: str = "",
        *,
        rolls_up: bool = True,
        observer: Observer | None = None,
        follows: bool = False,
    ) -> None:
        """`observer`: for those who look behind the numbers; a worker has none. `follows`: customers are followed."""
        self.channel = channel
        self.domain = domain
        self.rolls_up = rolls_up
        """Whether the channel's own numbers are the sums of its queues'."""
        self.segments = frozenset(settings.segments if rolls_up else ())
        """Those under which is counted what the contacts of each have booked; where nothing is rolled up, the life
        cycle books them too."""
        self.settings = settings
        self.calendars = calendars
        """By name, those of the settings."""
        self.stats = stats
        self.max_age_ms = settings.max_age(channel)
        self.kept_ms = min(settings.lateness_ms, max(self.max_age_ms, settings.wrapup_max_ms))
        """So long after its last event every contact is known still."""
        self.bin: Callable[[int, int], int] = bins.key
        """(histogram, duration in ms) → bag key."""
        self.thresholds: Callable[[str], Thresholds] = lru_cache(_REMEMBERED)(settings.thresholds)
        """Of a queue."""
        self.booked: list[Booking] = []
        """Of the event being applied; always the same list."""
        self.final: list[tuple[int, FinalVisit]] = []
        """(since when it is final, visit) of the visits to publish."""
        self.observer = observer
        self.starts: list[StartCount] | None = [] if follows else None
        """What has changed in the bags of customers; None: customers are not followed."""
        self.tells_more = bool(self.segments) or follows or observer is not None
        """Whether segments, customers or an observer ask for more than bookings."""
        self._panes: defaultdict[str, dict[int, Bag]] = defaultdict(dict)
        """Queue → pane → the sum of what counts since the last flush."""
        self._rows: dict[str, dict[str, Row | None]] = {}

    # --- for life cycles ---

    def book(self, queue: str, at: int, bag: Bag) -> None:
        """Add the bag to the queue's pane of `at` (epoch ms). The bag is kept: never change it afterwards."""
        self.booked.append((queue, at // PANE_MS, bag))

    def book_agent(self, agent: str | None, at: int, bag: Bag) -> None:
        """Add the bag to the agent's pane of `at` too, where numbers are kept per agent."""
        if agent is not None and self.settings.per_agent:
            self.book(agent_queue(agent), at, bag)

    def business_clock(self, queue: str) -> Clock | None:
        """The clock that runs in the queue's opening hours; None: it has no calendar."""
        name = self.thresholds(queue).calendar
        return None if name is None else self.calendars[name]

    # --- for histories ---

    def discard(self) -> None:
        """Forget what a replay has booked: it was posted before."""
        self.booked.clear()

    def count_in_segment(self, segment: str) -> None:
        """Count what was booked since the last `take` under the segment too."""
        queue = segment_queue(segment)
        self.booked += [(queue, pane, bag) for of, pane, bag in self.booked if not is_segment(of)]

    def take(self) -> tuple[Booking, ...]:
        """What was booked since the last call; from now on it counts."""
        booked = tuple(self.booked)
        self.booked.clear()
        for queue, pane, bag in booked:
            add(self._panes[queue], pane, bag)
        return booked

    def take_back(self, booked: tuple[Booking, ...]) -> None:
        """The exact inverse of bookings that counted."""
        for queue, pane, bag in booked:
            add(self._panes[queue], pane, {key: -n for key, n in bag.items()})

    def take_back_starts(self, starts: tuple[StartCount, ...]) -> None:
        """The exact inverse of what was added to the bags of customers, if they are followed still."""
        if self.starts is not None:
            self.starts += [start._replace(n=-start.n) for start in starts]

    def post_row(self, queue: str, row_id: str, row: Row | None) -> None:
        """The new content of a row; None: it never was."""
        rows = self._rows.get(queue)
        if rows is None:
            rows = self._rows[queue] = {}
        rows[row_id] = row

    # --- for the book ---

    def take_final(self) -> list[tuple[int, FinalVisit]]:
        """Visits that have become final since the last call."""
        final, self.final = self.final, []
        return final

    def take_starts(self) -> dict[str, dict[tuple[int, str], int]]:
        """Customer → (start, queue) → how many more since the last call; what cancels out is left out."""
        bags: dict[str, dict[tuple[int, str], int]] = {}
        for customer, at, queue, n in self.starts or ():
            bag = bags.setdefault(customer, {})
            bag[at, queue] = bag.get((at, queue), 0) + n
        if self.starts:
            self.starts = []
        changes = {customer: {place: n for place, n in bag.items() if n} for customer, bag in bags.items()}
        return {customer: bag for customer, bag in changes.items() if bag}

    def take_deltas(self) -> dict[str, Delta]:
        """Queue → what has changed since the last call."""
        deltas = {queue: Delta(self._panes.pop(queue, {}), rows) for queue, rows in self._rows.items()}
        deltas.update((queue, Delta(panes, {})) for queue, panes in self._panes.items())
        self._panes, self._rows = defaultdict(dict), {}
        return deltas


def add(panes: dict[int, Bag], pane: int, bag: Bag) -> None:
    """Add a bag, which stays as it is, to that of the pane."""
    summed = panes.get(pane)
    if summed is None:
        panes[pane] = bag.copy()
        return
    for primitive, n in bag.items():
        summed[primitive] = summed.get(primitive, 0) + n
