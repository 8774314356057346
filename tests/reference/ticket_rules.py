"""What the oracle for tickets has to be told, and what it counts. Times in ms."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.reference.rules import MINUTE_MS, QueueRules

DAY_MS = 86_400_000
TARGETS = ("first_reply", "next_reply", "requester_wait", "agent_work", "resolution")
PRIORITIES = ("urgent", "high", "normal", "low", "other")
ZENDESK = {"requester_wait": ("pending",), "agent_work": ("pending", "on_hold")}
ZAMMAD = dict.fromkeys(TARGETS, ("pending",))


@dataclass(frozen=True)
class Promise:
    """A rule of `ticket_targets`."""

    metric: str
    target_ms: int
    business: bool = False
    priority: str | None = None
    queues: tuple[str, ...] | None = None
    begins: int = 0


@dataclass(frozen=True)
class TicketRules:
    """Settings. A queue's opening hours are its calendar."""

    queues: Mapping[str, QueueRules] = field(default_factory=dict)
    promises: tuple[Promise, ...] = ()
    pauses: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: ZENDESK)
    due_soon_ms: int = 30 * MINUTE_MS
    kept_ms: int = 30 * DAY_MS
    interval_ms: int = 15 * MINUTE_MS
    windows: tuple[str, ...] = ("5m", "60m", "today", "interval", "previous_interval", "all")
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, queue: str) -> QueueRules:
        return self.queues.get(queue, QueueRules())

    def holds(self, line: str, queue: str) -> bool:
        return line in ("*", queue) or (line.startswith("@") and queue in self.groups.get(line[1:], ()))


@dataclass(frozen=True)
class Fact:
    """Something that is counted, in the pane of `at`."""

    what: str
    queue: str
    at: int
    amount: int = 0
