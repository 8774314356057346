"""Which variant of a formula a queue shows under the plain name, and which numbers a channel has."""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

Scope = Literal["contacts", "tickets", "agents", "surveys", "customers", "business"]
"""What is counted: visits and contacts of calls and chats; tickets; agents; answers to surveys; customers across their
contacts; business events."""

DOMAINS: Final = frozenset({"agents", "surveys", "customers", "business"})
"""Scopes whose numbers follow a topic of their own, of the same name."""


def domain_of(scope: Scope) -> str:
    """The domain (`facts.wire.Dimension`) where a scope's numbers are."""
    return scope if scope in DOMAINS else ""


class Variant(msgspec.Struct, frozen=True):
    """The configured variants of one queue: names as in the catalogue."""

    service_level: str = "ignore_short"
    abandon_rate: str = "ignore_short"


class Variants(msgspec.Struct, frozen=True):
    """Variants of all queues; roll-ups use the defaults."""

    defaults: Variant = Variant()
    queues: Mapping[str, Variant] = {}

    def of(self, queue: str) -> Variant:
        return self.queues.get(queue, self.defaults)


TICKET_CHANNELS: Final = frozenset({"ticket", "email"})
"""Channels of tickets where the configuration names none."""


class Channels(msgspec.Struct, frozen=True):
    """Of what a channel's numbers are numbers."""

    tickets: frozenset[str] = TICKET_CHANNELS

    def scopes(self, channel: str) -> tuple[Scope, ...]:
        """The scopes of the catalogue that are shown for a channel."""
        if channel == "agents":
            return ("agents",)
        if channel == "business":
            return ("business",)
        return ("tickets" if channel in self.tickets else "contacts", "surveys", "customers")
