"""What the fold of contacts depends on: horizons and thresholds. Its hash stands in the state."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Final

import msgspec

from streams.calendars.settings import CalendarSettings
from streams.facts.primitives import TARGETS
from streams.facts.wire import group_queue


class Thresholds(msgspec.Struct, frozen=True):
    """The limits by which a queue's outcomes are counted."""

    target_ms: int = 20_000
    """Service-level threshold T."""
    target_inclusive: bool = True
    """Whether a wait of exactly T is within T (`<=`) or not (`<`)."""
    short_abandon_ms: int = 5_000
    """An abandon after at most this wait is short."""
    first_response_target_ms: int = 60_000
    count_callback_delay: bool = False
    """Whether a callback's agreed delay is part of its wait."""
    calendar: str | None = None
    """Name of the calendar whose opening hours are the queue's business clock; None: it has none."""
    cost_per_hour: int | None = None
    """What an hour of handling costs, in minor units of the currency; None: not known."""

    def in_target(self, wait_ms: int) -> bool:
        """Whether a wait is within T."""
        return wait_ms <= self.target_ms if self.target_inclusive else wait_ms < self.target_ms


TICKET_CHANNELS: Final = frozenset({"ticket", "email"})
"""Channels of tickets where the configuration names none."""

ZENDESK: Final[Mapping[str, tuple[str, ...]]] = {
    "requester_wait": ("pending",),
    "agent_work": ("pending", "on_hold"),
}
ZAMMAD: Final[Mapping[str, tuple[str, ...]]] = dict.fromkeys(TARGETS, ("pending",))


class TargetRule(msgspec.Struct, frozen=True):
    """How soon something is due to the tickets that it holds for."""

    metric: str
    """One of `facts.primitives.TARGETS`."""
    target_ms: int
    business: bool = False
    """Whether it is measured in the opening hours of the queue's calendar; holds only where the queue has one."""
    priority: str | None = None
    """Lower case; `normal` holds for tickets without one too. None: for every priority."""
    queues: tuple[str, ...] | None = None
    """None: every queue."""
    from_ms: int = 0
    """It holds for what is applied from then on (epoch ms)."""


class FoldSettings(msgspec.Struct, frozen=True):
    """Settings of stage 1; two books with equal settings and equal logs have equal states."""

    lateness_ms: int = 60_000
    """The one horizon: how far behind the partition's watermark an event may be (rule 9)."""
    wrapup_max_ms: int = 600_000
    """How long after its end an answered contact waits for its wrap-up."""
    conversation_max_ms: int = 86_400_000
    """How long an answered visit waits for its end; then it is published without a talk time."""
    max_age_ms: Mapping[str, int] = msgspec.field(default_factory=lambda: {"voice": 14_400_000})
    """Channel → age after which a visit still waiting is a ghost."""
    default_max_age_ms: int = 86_400_000
    """Maximum age in every other channel."""
    max_record_bytes: int = 262_144
    """Larger records are rejected."""
    clock_ahead_ms: int = 5_000
    """An event time this far ahead of its append time is clamped to it."""
    defaults: Thresholds = Thresholds()
    queues: Mapping[str, Thresholds] = {}
    calendars: Mapping[str, CalendarSettings] = {}
    """By the names that thresholds refer to."""
    groups: Mapping[str, tuple[str, ...]] = {}
    """Name of a group → its queues: rolled up as the queue `@name` of each channel."""
    per_agent: bool = False
    """Whether what each agent has handled is kept too, as the queue `*name`."""
    segments: tuple[str, ...] = ()
    """The segments that are shown, each as the queue `#name`."""
    timezone: str = "UTC"
    """Of roll-ups, and of every queue that has none of its own: whose local days people are counted by."""
    timezones: Mapping[str, str] = {}
    """Queue → IANA time zone."""
    business_horizon_ms: int = 365 * 86_400_000
    """How long a customer who ordered, or an agent who was trained, is remembered."""
    ticket_channels: frozenset[str] = TICKET_CHANNELS
    """Channels whose messages belong to tickets."""
    ticket_targets: tuple[TargetRule, ...] = ()
    ticket_pauses: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=lambda: ZENDESK)
    """Target → statuses in which its clock stands still."""
    tickets_kept_ms: int = 30 * 86_400_000
    """How long after its last event a done ticket is kept: reopened later, it is an orphan."""
    sla_due_soon_ms: int = 1_800_000
    """So long before it is due a target is due soon."""
    exact_edges_ms: tuple[int, ...] = (5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000)
    """Histogram edges counted exactly, besides every threshold (Prometheus' buckets)."""

    def thresholds(self, queue: str) -> Thresholds:
        """The thresholds of a queue: its own, else the defaults."""
        return self.queues.get(queue, self.defaults)

    def zone(self, queue: str) -> str:
        """The time zone of a queue or roll-up."""
        return self.timezones.get(queue, self.timezone)

    def groups_of(self, queues: Iterable[str]) -> list[str]:
        """Queue names (`@name`) of the groups that one of these queues is in. O(groups)."""
        named = set(queues)
        return [group_queue(name) for name, members in self.groups.items() if not named.isdisjoint(members)]

    def max_age(self, channel: str) -> int:
        """Maximum age of a visit of the channel, ms."""
        return self.max_age_ms.get(channel, self.default_max_age_ms)

    def edges(self) -> tuple[int, ...]:
        """Every duration that histograms count exactly, ascending."""
        every = (self.defaults, *self.queues.values())
        limits = {limit for t in every for limit in (t.target_ms, t.short_abandon_ms, t.first_response_target_ms)}
        return tuple(sorted({*self.exact_edges_ms, *limits}))

    def digest(self) -> str:
        """Hash of all settings: 16 hex digits, the same in every process."""
        return blake2b(msgspec.json.encode(self, order="deterministic"), digest_size=8).hexdigest()
