"""The contract of a life cycle: what a kind of contact must be able to do so that a history can keep it.

A kind is a `Cycle` (the state, stored as it is) and a `LifeCycle` (what changes that state). `lives` names all kinds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Final, NamedTuple, Self

from streams.contacts.final import FinalVisit
from streams.contacts.ledger import Ledger
from streams.events import model as ev
from streams.facts.wire import NO_QUEUE, Row

NEVER: Final = 1 << 60
"""Later than any time, and small enough for a machine word where the code is compiled."""


class Start(NamedTuple):
    """Where a contact counts among those of its customer."""

    at: int
    """Its first event, epoch ms."""
    queue: str = NO_QUEUE
    """The first that it was in."""
    customer: str | None = None
    """Keyed hash of the first that an event has named; None: not known."""


@dataclass
class Cycle:
    """State of one contact, ticket, agent …: stored as the map of its attributes, so they are plain data. Times in
    epoch ms.

    A kind of its own says `timer_at`, `expires_at` and, if something of it lasts, `rows`; the rest is for kinds that
    publish final visits.
    """

    timer_at: int = NEVER
    """When something happens by itself; `LifeCycle.fire` does it."""
    segment: str | None = None
    """The first that an event has named, once segments are shown; the history sees to it."""
    segment_at: int = 0
    """Since when it is known."""
    start: Start | None = None
    """Once customers are followed; the history sees to it."""

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Become the state that was stored as this map. Kinds build of it what is more than numbers and names."""
        start = kept["start"]
        for name, value in {**kept, "start": start and Start(*start)}.items():
            setattr(self, name, value)

    def become(self, other: Self) -> None:
        """Take over all attributes."""
        for field in fields(other):
            setattr(self, field.name, getattr(other, field.name))

    def expires_at(self, ledger: Ledger) -> int:
        """Up to when an event belongs to this; a later one begins it anew. `NEVER` while it is open or a timer runs:
        when somebody looks at it must not show.
        """
        raise NotImplementedError

    def rows(self, ledger: Ledger) -> dict[str, tuple[str, Row]]:  # noqa: ARG002 - for kinds of which something lasts
        """Row id (within the contact) → (queue, row): all that lasts or lasted, as of now."""
        return {}

    def final_at(self, published: int) -> int | None:  # noqa: ARG002
        """When the visit after the first `published` was over for good; None: not yet, or there is none."""
        return None

    def final_visits(self, published: int, horizon: int, channel: str, contact: str) -> list[tuple[int, FinalVisit]]:  # noqa: ARG002
        """The visits after the first `published` that were over before the horizon: when, and as they are published."""
        return []

    def forgettable(self, published: int, horizon: int, ledger: Ledger) -> int:  # noqa: ARG002
        """How many of the first visits nothing before or after the horizon can change any more."""
        return 0

    def forget(self, count: int) -> None:
        """Drop the first `count` visits."""


Apply = Callable[[Any, Any, int, Ledger], int]

by_contact: Final[Callable[[Any], tuple[str, str]]] = attrgetter("channel", "contact")
"""Whom an event of a contact is about."""


def no_timer(_cycle: Cycle, _at: int, _ledger: Ledger) -> None:
    """Nothing: of a kind whose timer is never set."""


def leads_nowhere(_cycle: Cycle, _event: ev.Event) -> bool:
    """Events of one instant are taken by rank and id alone."""
    return False


class LifeCycle(NamedTuple):
    """What happens to one kind of `Cycle`."""

    code: str
    """One letter, unique; it stands in the changelog: never changed."""
    domain: str
    """Which part of a queue's numbers is booked: "" its contacts, else the topic whose progress it follows."""
    rolls_up: bool
    """Whether the numbers of a channel are the sums of its queues'; else the life cycle books both."""
    events: frozenset[type[ev.Event]]
    """What it knows."""
    identify: Callable[[Any], tuple[str, str]]
    """Event → (channel, name) of whom it is about."""
    new: type[Cycle]
    """Its state; made without arguments, that of the beginning."""
    apply: Apply
    """(cycle, event, at, ledger): apply one event, booked at `at` (later than its time: a late one); its `Outcome`."""
    rank: Mapping[type[ev.Event], int]
    """Order of events of one instant where the state leaves it open."""
    fire: Callable[[Any, int, Ledger], None] = no_timer
    """(cycle, at, ledger): let the timer of `at` happen."""
    leads_on: Callable[[Any, Any], bool] = leads_nowhere
    """Whether the event is a transition from here: among events of one instant, such go first."""


def ev_time(event: ev.Event) -> int:
    """Event time, epoch ms (decoding has made it an int)."""
    return event.time  # type: ignore[return-value]


def in_order(*kinds: type[ev.Event]) -> Mapping[type[ev.Event], int]:
    """Ranks of classes of events, from the first to the last."""
    return {kind: rank for rank, kind in enumerate(kinds)}
