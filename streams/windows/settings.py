"""Which windows are kept, and by which clock days and intervals are cut."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

INTERVAL_WINDOWS: Final = ("today", "interval", "previous_interval")
VOLUME_WEEKS: Final = 4
"""A volume is compared with that of the same interval so many weeks back."""
_ROLLING: Final = re.compile(r"([1-9][0-9]*)m")
_DAYS: Final = re.compile(r"([1-9][0-9]{0,2})d")
_HOUR_MS: Final = 3_600_000


class WindowSettings(msgspec.Struct, frozen=True):
    """Settings of stage 2; a queue named nowhere has the top-level time zone."""

    windows: tuple[str, ...] = ("1m", "5m", "15m", "30m", "60m", "today", "interval", "previous_interval")
    """Rolling `<n>m`, `<n>d` of whole local days, and `today`, `interval`, `previous_interval`."""
    interval_ms: int = 900_000
    """15, 30 or 60 minutes."""
    timezone: str = "UTC"
    timezones: Mapping[str, str] = {}
    """Queue → IANA time zone."""
    lateness_ms: int = 60_000
    sources: frozenset[str] | None = None
    """Topics whose progress keeps state from expiring: one that is no longer configured does not. None: all."""
    whole_log: bool = False
    """Whether the window `all` (everything folded) is kept too: replays do."""
    most_queues: int | None = None
    """So many dimensions of queues, and as many of agents, are kept by name in each facts partition; None: all."""
    channels: frozenset[str] = frozenset()
    """Those whose roll-ups are always kept."""
    volume_ratio: bool = False
    """Whether intervals are kept for so long that one can be compared with those of the weeks before; in replays they
    are."""

    def zone(self, queue: str) -> ZoneInfo:
        """The time zone that cuts the queue's days."""
        return ZoneInfo(self.timezones.get(queue, self.timezone))

    def rolling_ms(self) -> dict[str, int]:
        """Name → length of each rolling window."""
        matches = ((name, _ROLLING.fullmatch(name)) for name in self.windows)
        return {name: int(match[1]) * 60_000 for name, match in matches if match}

    def local_windows(self) -> tuple[str, ...]:
        """The windows that follow the local clock."""
        return tuple(name for name in self.windows if name in INTERVAL_WINDOWS or days_of(name))

    @property
    def compares_weeks(self) -> bool:
        """Whether an interval is compared with those of the weeks before."""
        return self.volume_ratio or self.whole_log

    def look_back_ms(self) -> int:
        """How far back what is shown may begin, the day on which the clocks go back among its days."""
        days = max([1, *map(days_of, self.windows), 7 * VOLUME_WEEKS if self.compares_weeks else 0])
        return (24 * days + 1) * _HOUR_MS + 2 * self.interval_ms


@cache
def days_of(window: str) -> int:
    """How many local days a window is: 7 of `7d`, 1 of `today`; 0: it is not made of days."""
    if window == "today":
        return 1
    match = _DAYS.fullmatch(window)
    return int(match[1]) if match else 0
