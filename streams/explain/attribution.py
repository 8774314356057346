"""Whose bookings a number is made of: each kept with the visit, ticket, agent or answer that it is of.

A `Trace` is told by the contacts of all that they book and take back (`ledger.Observer`). What it keeps of a queue adds
up to what the queue's dimension holds: the same bags in the same panes.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from streams.contacts.history import Entry, History
from streams.contacts.ledger import Booking
from streams.contacts.visits.state import Visit, VisitCycle
from streams.facts.primitives import Bag, P
from streams.facts.wire import PANE_MS, WHOLE_CHANNEL, is_segment

_OF_EVENTS: Final = frozenset({"s", "b"})
"""Codes of the life cycles whose events have nothing to do with each other: each is a thing of its own."""


class Thing(NamedTuple):
    """What contributes to a number."""

    name: str
    """Of the contact, the ticket, the agent."""
    visit: int | None = None
    """Number of the visit within the contact; None: it is none of a queue's, or no visit."""
    since: int = 0
    """Start of the visit's contact, epoch ms: names come again."""
    event: str | None = None
    """Id of the event, where each is a thing of its own."""


class Booked(NamedTuple):
    """One booking of one thing."""

    at: int
    """Epoch ms; within the pane."""
    queue: str
    """Where it was booked; of a segment's or an agent's, the queue that the visit was in."""
    pane: int
    bag: Bag


Place = tuple[int, str, int, str | None]
"""(book's ledger, contact, at, id of the event or None of a timer): tells entries apart. They are plain values:
compiled code makes a new tuple of one whenever it hands it on.
"""


def _place(history: History, entry: Entry) -> Place:
    at, event, _, _, _ = entry
    return id(history.ledger), history.key, at, None if event is None else event.id


class Trace:
    """Bookings of one queue, or of all that are rolled up to it, by what they are of."""

    def __init__(self, channel: str | None, queue: str, members: Sequence[str] = ()) -> None:
        """`channel`: None for all. `members`: the queues of the group that `queue` is, if it is one."""
        self._channel = channel
        self._queue = queue
        self._members = frozenset(members)
        self._kept: dict[Place, tuple[str, str, list[tuple[Thing, Booked]]]] = {}
        """Entry → (channel, domain, what it has booked)."""
        self._wrapped: defaultdict[tuple[str, str], set[Thing]] = defaultdict(set)
        """(channel, contact) → its visits whose wrap-up is booked."""

    def __call__(self, history: History, entry: Entry, sign: int) -> None:
        """See `ledger.Observer`."""
        ledger = history.ledger
        _, _, bookings, _, _ = entry
        if not bookings or self._channel not in (None, ledger.channel):
            return
        if sign > 0:
            booked = list(self._booked(history, entry))
            if booked:
                self._kept[_place(history, entry)] = ledger.channel, ledger.domain, booked
        elif (kept := self._kept.pop(_place(history, entry), None)) is not None:
            self._wrapped[ledger.channel, history.contact.name].difference_update(
                thing for thing, booking in kept[2] if P.ACW_MS in booking.bag
            )

    def things(self, channel: str, domain: str) -> dict[Thing, list[Booked]]:
        """Thing → its bookings, in the order they were made."""
        things: dict[Thing, list[Booked]] = {}
        for of_channel, of_domain, booked in self._kept.values():
            if (of_channel, of_domain) == (channel, domain):
                for thing, booking in booked:
                    things.setdefault(thing, []).append(booking)
        return things

    def _booked(self, history: History, entry: Entry) -> Iterator[tuple[Thing, Booked]]:
        entry_at, _, bookings, _, _ = entry
        for booking in bookings:
            queue, pane, bag = booking
            if self._belongs(queue, rolls_up=history.ledger.rolls_up):
                origin = _origin(booking, bookings)
                at = entry_at if entry_at // PANE_MS == pane else pane * PANE_MS
                yield self._thing(history, entry, origin, bag), Booked(at, origin, pane, bag)

    def _belongs(self, queue: str, *, rolls_up: bool) -> bool:
        """Whether what is booked in a queue is in the numbers asked for."""
        if rolls_up and self._queue == WHOLE_CHANNEL:
            return not is_segment(queue)
        return queue == self._queue or (rolls_up and queue in self._members)

    def _thing(self, history: History, entry: Entry, queue: str, bag: Bag) -> Thing:
        name, cycle = history.contact.name, history.cycle
        if isinstance(cycle, VisitCycle):
            wrapped = self._wrapped[history.ledger.channel, name]
            thing = _visit(name, cycle, queue, bag, wrapped)
            if P.ACW_MS in bag:
                wrapped.add(thing)
            return thing
        _, event, _, _, _ = entry
        return Thing(name, event=event.id if event is not None and history.life.code in _OF_EVENTS else None)


def _origin(booking: Booking, booked: Sequence[Booking]) -> str:
    """The queue where it happened: a segment has the very bag that was booked there, an agent a part of it."""
    queue, _, bag = booking
    if not is_segment(queue):
        return queue
    queues = [(other, same) for other, _, same in booked if not is_segment(other)]
    return next((other for other, same in queues if same is bag), queues[0][0] if queues else queue)


_OUTCOMES: Final[Mapping[int, str]] = {
    P.ANSWERED: "answered",
    P.ABANDONED: "abandoned",
    P.FLOWED_OUT: "flowed_out",
    P.EVICTED: "evicted",
    P.REJECTED: "rejected",
    P.HANDLED: "answered",
    P.TRANSFERS: "answered",
    P.ACW_MS: "answered",
}
"""Primitive → outcome of the visit that books it."""


def _visit(name: str, cycle: VisitCycle, queue: str, bag: Bag, wrapped: set[Thing]) -> Thing:
    """The visit that a bag is of: the latest of the queue that can have booked it."""
    outcome = next((_OUTCOMES[primitive] for primitive in bag if primitive in _OUTCOMES), None)
    for visit in reversed(cycle.own()):
        if visit.queue == queue and _may_have_booked(visit, outcome):
            thing = Thing(name, visit.number, visit.contact_since)
            if P.ACW_MS not in bag or (visit.wrapped and thing not in wrapped):
                return thing
    return Thing(name)


def _may_have_booked(visit: Visit, outcome: str | None) -> bool:
    return visit.outcome != "rejected" if outcome is None else visit.outcome == outcome
