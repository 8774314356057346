"""Whose a contact is: the customer's keyed hash, and what the contact's start adds to the customer's bag of starts.

A contact counts for its customer from its first event on, in the first queue that it is in (`-` before). Both may be
said later, or by an event that comes later: what was counted is taken back then.
"""

from hashlib import blake2b
from typing import Final, get_args

from streams.contacts.ledger import StartCount
from streams.contacts.lifecycle import Cycle, Start
from streams.events import model as ev
from streams.facts.wire import NO_QUEUE

_NAMES_CUSTOMER: Final = frozenset({ev.ContactStarted, ev.QueueEntered, ev.TicketCreated})
"""Classes of contacts' events that may say whose the contact is."""
_OF_CUSTOMER: Final = frozenset(kind for kind in get_args(ev.BusinessEvents) if "customer" in kind.__struct_fields__)

NAMING: Final = _NAMES_CUSTOMER | _OF_CUSTOMER
"""All classes of events that name a customer."""


class CustomerKey:
    """The secret under which customers are hashed. Without it nobody can tell whose a hash is, nor try names out."""

    def __init__(self, secret: str) -> None:
        self._key = blake2b(secret.encode(), digest_size=32).digest()
        self.fingerprint = self.hide("\x00fingerprint")[:8]
        """Tells one secret from another."""

    def __repr__(self) -> str:
        """Without the key: this may end up in logs."""
        return f"CustomerKey({self.fingerprint})"

    def hide(self, customer: str) -> str:
        """The only name under which a customer leaves a book: 32 hex digits."""
        return blake2b(customer.encode(), key=self._key, digest_size=16).hexdigest()


_WITHOUT_SECRET: Final = CustomerKey("")


def hide_customer(event: ev.AnyEvent, key: CustomerKey | None) -> None:
    """Put the keyed hash in place of the customer that an event of a class of `NAMING` names.

    Without a key nobody asks whose a contact is, and it is forgotten. Business events have their customer for a key:
    they keep a hash that needs no secret, so that no name stands in the changelog, though names can be tried out.
    """
    customer = event.customer  # type: ignore[union-attr] # of `NAMING`
    if customer is None:
        return
    if key is not None:
        event.customer = key.hide(customer)  # type: ignore[union-attr]
    elif type(event) in _NAMES_CUSTOMER:
        event.customer = None  # type: ignore[union-attr]
    else:
        event.customer = _WITHOUT_SECRET.hide(customer)  # type: ignore[union-attr]


def follow(cycle: Cycle, event: ev.AnyEvent, at: int) -> tuple[StartCount, ...]:
    """What an event of a contact, booked at `at`, changes about where it counts. A late one changes nothing."""
    before = start = cycle.start or Start(at)
    if isinstance(event, ev.ContactStarted | ev.QueueEntered | ev.TicketCreated) and event.time == at:
        queue = before.queue
        if queue == NO_QUEUE and not isinstance(event, ev.ContactStarted):
            queue = event.queue
        start = Start(before.at, queue, before.customer or event.customer)
    unchanged = start == cycle.start
    cycle.start = start
    return () if unchanged else (*_counted(before, -1), *_counted(start, 1))


def _counted(start: Start, n: int) -> tuple[StartCount, ...]:
    return () if start.customer is None else (StartCount(start.customer, start.at, start.queue, n),)
