"""What the fold of contacts depends on: horizons and thresholds. Its hash stands in the state."""

from collections.abc import Mapping
from hashlib import blake2b

import msgspec

from streams.calendars.settings import CalendarSettings


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

    def in_target(self, wait_ms: int) -> bool:
        """Whether a wait is within T."""
        return wait_ms <= self.target_ms if self.target_inclusive else wait_ms < self.target_ms


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
    exact_edges_ms: tuple[int, ...] = (5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000)
    """Histogram edges counted exactly, besides every threshold (Prometheus' buckets)."""

    def thresholds(self, queue: str) -> Thresholds:
        """The thresholds of a queue: its own, else the defaults."""
        return self.queues.get(queue, self.defaults)

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
