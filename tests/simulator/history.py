"""A simulated history, read back as a consumer would read it."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec

from streams.sources.simulator import Arrival, SimulationSettings, Simulator

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def arrivals(**settings: Any) -> list[Arrival]:
    return list(Simulator(SimulationSettings(**{"duration_ms": HOUR_MS, **settings})).events())


def events(**settings: Any) -> list[dict[str, Any]]:
    return decoded(arrivals(**settings))


def decoded(some: Iterable[Arrival]) -> list[dict[str, Any]]:
    return [msgspec.json.decode(arrival.line) for arrival in some]


def by_contact(some: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    contacts = defaultdict(list)
    for event in some:
        if "contact" in event:
            contacts[event["contact"]].append(event)
    return dict(contacts)


class Visit:
    """One visit of a queue, read by the life cycle of the event contract; `outcome` None: still waiting."""

    def __init__(self, entered: dict[str, Any]) -> None:
        self.channel = entered["channel"]
        self.queue = entered["queue"]
        self.waits_from = entered.get("due", entered["time"])
        self.outcome: str | None = None
        self.wait_ms: int | None = None
        self.told_wait_ms: int | None = None

    def end(self, outcome: str, event: dict[str, Any]) -> None:
        assert self.outcome is None, f"a visit ends twice: {event}"
        self.outcome = outcome
        self.wait_ms = event["time"] - self.waits_from
        self.told_wait_ms = event.get("wait_ms")


def visits(contact: Iterable[dict[str, Any]]) -> list[Visit]:
    """Visits of one contact, in order. Fails where an event does not fit the life cycle."""
    found: list[Visit] = []
    waiting: Visit | None = None
    for event in contact:
        match event["type"]:
            case "queue.entered":
                assert waiting is None, f"enters a queue while it waits in one: {event}"
                waiting = Visit(event)
                found.append(waiting)
            case "agent.offered" | "agent.missed":
                assert waiting is not None, f"offered though it does not wait: {event}"
                assert event["queue"] == waiting.queue
            case "agent.connected" | "queue.abandoned" | "queue.left":
                assert waiting is not None, f"leaves a queue though it does not wait: {event}"
                assert event["queue"] == waiting.queue
                waiting.end(event["type"], event)
                waiting = None
            case "contact.ended" if waiting:
                waiting.end("queue.abandoned" if event["by"] == "customer" else "queue.left", event)
                waiting = None
    return found
