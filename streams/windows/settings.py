"""Which windows are kept, and by which clock days and intervals are cut."""

import re
from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

INTERVAL_WINDOWS: Final = ("today", "interval", "previous_interval")
_ROLLING = re.compile(r"([1-9][0-9]*)m")


class WindowSettings(msgspec.Struct, frozen=True):
    """Settings of stage 2; a queue named nowhere has the top-level time zone."""

    windows: tuple[str, ...] = ("1m", "5m", "15m", "30m", "60m", "today", "interval", "previous_interval")
    """Rolling `<n>m`, and `today`, `interval`, `previous_interval`."""
    interval_ms: int = 900_000
    """15, 30 or 60 minutes."""
    timezone: str = "UTC"
    timezones: Mapping[str, str] = {}
    """Queue → IANA time zone."""
    lateness_ms: int = 60_000
    whole_log: bool = False
    """Whether the window `all` (everything folded) is kept too: replays do."""

    def zone(self, queue: str) -> ZoneInfo:
        """The time zone that cuts the queue's days."""
        return ZoneInfo(self.timezones.get(queue, self.timezone))

    def rolling_ms(self) -> dict[str, int]:
        """Name → length of each rolling window."""
        matches = ((name, _ROLLING.fullmatch(name)) for name in self.windows)
        return {name: int(match[1]) * 60_000 for name, match in matches if match}

    def local_windows(self) -> tuple[str, ...]:
        """The windows that follow the local clock."""
        return tuple(name for name in self.windows if name in INTERVAL_WINDOWS)
