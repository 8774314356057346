"""Which variant of a formula a queue shows under the plain name, and which numbers a channel has."""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from streams.contacts.settings import TICKET_CHANNELS
from streams.facts.wire import NO_QUEUE, ROLL_UPS, WHOLE_CHANNEL, is_agent

Scope = Literal["contacts", "tickets", "agents", "surveys", "customers", "business", "handling"]
"""What is counted: visits and contacts of calls and chats; tickets; agents; answers to surveys; customers across their
contacts; business events; what one agent has handled."""

DOMAINS: Final = frozenset({"agents", "surveys", "customers", "business"})
"""Scopes whose numbers follow a topic of their own, of the same name."""


def domain_of(scope: Scope) -> str:
    """The domain (`facts.wire.Dimension`) where a scope's numbers are."""
    return scope if scope in DOMAINS else ""


class Staffing(msgspec.Struct, frozen=True):
    """What a queue is to be staffed for."""

    target_s: float = 20.0
    goal: float = 0.8
    """Share of visits to be answered within the target, between 0 and 1."""
    patience_s: float | None = None
    """Mean time after which a customer gives up; None: nobody does."""


class Variant(msgspec.Struct, frozen=True):
    """What is configured of one queue's numbers: variants by their names in the catalogue."""

    service_level: str = "ignore_short"
    abandon_rate: str = "ignore_short"
    staffing: Staffing = Staffing()


class Business(msgspec.Struct, frozen=True):
    """What the numbers of business events need besides them."""

    opening_customers: int | None = None
    """How many customers there are where nobody has counted them."""
    margin: float | None = None
    """Share of revenue that is left after costs; None: not known."""


class Variants(msgspec.Struct, frozen=True):
    """Variants of all queues; roll-ups use the defaults."""

    defaults: Variant = Variant()
    queues: Mapping[str, Variant] = {}
    business: Business = Business()

    def of(self, queue: str) -> Variant:
        return self.defaults if queue.startswith(ROLL_UPS) else self.queues.get(queue, self.defaults)

    def business_of(self, queue: str) -> Business:
        """What holds for a queue; how many customers there are is known of all of them alone."""
        if queue in (WHOLE_CHANNEL, NO_QUEUE):
            return self.business
        return Business(margin=self.business.margin)


class Channels(msgspec.Struct, frozen=True):
    """Of what a channel's numbers are numbers."""

    tickets: frozenset[str] = TICKET_CHANNELS
    most_agents: int = 500
    """So many agents of a facts partition are shown, by name: a bound on what the sinks hold."""

    def scopes(self, channel: str, queue: str = WHOLE_CHANNEL) -> tuple[Scope, ...]:
        """The scopes of the catalogue that are shown for a queue of a channel."""
        if is_agent(queue):
            return ("handling", "surveys")
        if channel == "agents":
            return ("agents",)
        if channel == "business":
            return ("business",)
        return ("tickets" if channel in self.tickets else "contacts", "surveys", "customers")
