"""What the oracle has to be told: thresholds, time zones, horizons. Times in ms."""

from collections.abc import Mapping
from dataclasses import dataclass, field

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


@dataclass(frozen=True)
class QueueRules:
    """Settings of one queue."""

    target_ms: int = 20_000
    short_abandon_ms: int = 5_000
    first_response_target_ms: int = 60_000
    service_level: str = "ignore_short"
    timezone: str = "UTC"
    below_target: bool = False
    """Compare waits with the target by `<` instead of `<=`."""
    count_callback_delay: bool = False
    goal: float = 0.8
    """Share to be answered within the target."""
    cost_per_hour: int | None = None
    """Of handling, in minor units."""
    opening_hours: tuple[tuple[int, int], ...] = ()
    """Minutes of every day by the queue's own clock; none: it has no business clock."""
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    """The days that have opening hours, Monday = 0."""


@dataclass(frozen=True)
class Rules:
    """Settings of a whole centre."""

    queues: Mapping[str, QueueRules] = field(default_factory=dict)
    defaults: QueueRules = QueueRules()
    timezone: str = "UTC"
    lateness_ms: int = MINUTE_MS
    wrapup_max_ms: int = 10 * MINUTE_MS
    conversation_max_ms: int = 24 * HOUR_MS
    max_age_ms: Mapping[str, int] = field(default_factory=lambda: {"voice": 4 * HOUR_MS, "chat": 24 * HOUR_MS})
    interval_ms: int = 15 * MINUTE_MS
    windows: tuple[str, ...] = ("1m", "5m", "15m", "30m", "60m", "today", "2d", "interval", "previous_interval", "all")
    partitions: int = 8
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    segments: tuple[str, ...] = ()

    def of(self, queue: str) -> QueueRules:
        """The rules of `queue`; `-` and queues not named have the defaults."""
        return self.queues.get(queue, self.defaults)

    def holds(self, line: str, queue: str, segment: str | None) -> bool:
        """Whether what counts for `queue`, and for a contact of `segment`, counts in the line shown as `line`."""
        if line.startswith("#"):
            return line[1:] in self.segments and line[1:] == segment
        if line.startswith("@"):
            return queue in self.groups.get(line[1:], ())
        return line in ("*", queue)
