"""The oracle for what spans the contacts of a customer: keeps every event, looks at every pair of contacts.

A contact starts with its first event, belongs to the first customer that one of its events names, and counts for the
first queue that it entered (`-`: none). Times in epoch ms.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from tests.reference import windows

DAY_MS = 86_400_000
QUEUE_EVENTS = ("queue.entered", "ticket.created")
NAMING_EVENTS = ("contact.started", *QUEUE_EVENTS)

Event = dict[str, Any]
Number = int | float


@dataclass(frozen=True)
class Contact:
    """What is known of a contact by now."""

    customer: str
    at: int
    channel: str
    queue: str
    name: str


class CustomersReference:
    """All events of a centre."""

    def __init__(self, days: int = 7, lateness_ms: int = 60_000, timezone: str = "UTC") -> None:
        self.horizon_ms = days * DAY_MS
        self.lateness_ms = lateness_ms
        self.timezone = timezone
        self.clock = 0
        self._events: dict[tuple[str, str], dict[str, Event]] = defaultdict(dict)

    def send(self, event: Event) -> None:
        self.clock = max(self.clock, event["time"])
        if event["type"] != "heartbeat":
            self._events[event["channel"], event["contact"]].setdefault(event["id"], event)

    @property
    def passed(self) -> int:
        """Nothing on time can come from before: what ended by then can be judged."""
        return self.clock - self.lateness_ms

    def contacts(self) -> list[Contact]:
        """Those whose customer is known."""
        return [contact for (channel, name) in self._events if (contact := self._contact(channel, name))]

    def _contact(self, channel: str, name: str) -> Contact | None:
        events = sorted(self._events[channel, name].values(), key=lambda event: event["time"])
        customers = [event["customer"] for event in events if event["type"] in NAMING_EVENTS and event.get("customer")]
        queues = [event["queue"] for event in events if event["type"] in QUEUE_EVENTS]
        if not customers:
            return None
        return Contact(customers[0], events[0]["time"], channel, (queues or ["-"])[0], name)

    def queues(self) -> set[tuple[str, str]]:
        """(channel, queue) of all that counts somewhere, and the channels."""
        named = {(contact.channel, contact.queue) for contact in self.contacts()}
        return named | {(channel, "*") for channel, _ in named}

    def window(self, channel: str, queue: str, window: str, now: int, interval_ms: int) -> dict[str, Number | None]:
        """KPI → value in the window at `now`."""
        first, last = windows.bounds(window, now, self.timezone, interval_ms)
        every = self.contacts()
        ours = [contact for contact in every if contact.channel == channel and queue in ("*", contact.queue)]
        seen = [contact for contact in ours if first <= contact.at <= last]
        repeated = [contact for contact in seen if self._gap_before(contact, every) <= self.horizon_ms]
        ended = [
            contact for contact in ours if first <= contact.at + self.horizon_ms <= last
            and contact.at + self.horizon_ms <= self.passed
        ]  # fmt: skip
        met = [contact for contact in ended if self._gap_after(contact, every) > self.horizon_ms]
        return {
            "contacts_seen": len(seen),
            "repeat_contacts": len(repeated),
            "repeat_contact_rate": len(repeated) / len(seen) if seen else None,
            "fcr_judged": len(ended),
            "fcr_met": len(met),
            "fcr": len(met) / len(ended) if ended else None,
        }

    def _gap_before(self, contact: Contact, every: list[Contact]) -> float:
        """From the start of the customer's contact before this one; of two at once one comes first."""
        others = [other for other in every if other.customer == contact.customer and _order(other) < _order(contact)]
        return contact.at - max(other.at for other in others) if others else float("inf")

    def _gap_after(self, contact: Contact, every: list[Contact]) -> float:
        others = [other for other in every if other.customer == contact.customer and _order(other) > _order(contact)]
        return min(other.at for other in others) - contact.at if others else float("inf")


def _order(contact: Contact) -> tuple[int, str, str, str]:
    return contact.at, contact.channel, contact.queue, contact.name
