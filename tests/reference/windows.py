"""The stretch of time that a window covers, as whole 5 s panes. Times in epoch ms."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

PANE_MS = 5_000
ROLLING_MS = {"m": 60_000, "h": 3_600_000}


def pane(at: int) -> int:
    """Number of the pane that holds `at`."""
    return at // PANE_MS


def bounds(window: str, now: int, zone: str, interval_ms: int) -> tuple[int, int]:
    """First and last instant (both inclusive) of `window` at `now`, the whole of the last pane included."""
    last = (pane(now) + 1) * PANE_MS - 1
    if window == "all":
        return -(1 << 62), last
    if window == "today":
        return local_midnight(now, zone, days_back=0), last
    if window == "interval":
        return interval_start(now, zone, interval_ms), last
    if window == "previous_interval":
        begin = interval_start(now, zone, interval_ms)
        return interval_start(begin - 1, zone, interval_ms), begin - 1
    if window.endswith("d"):
        return local_midnight(now, zone, days_back=int(window[:-1]) - 1), last
    width = int(window[:-1]) * ROLLING_MS[window[-1]]
    return last + 1 - width, last


def local_midnight(now: int, zone: str, days_back: int) -> int:
    """Where the local day of `now`, or one `days_back` before, began."""
    tz = ZoneInfo(zone)
    day = datetime.fromtimestamp(now / 1000, tz).date() - timedelta(days=days_back)
    return int(datetime(day.year, day.month, day.day, tzinfo=tz).timestamp()) * 1000


def interval_start(now: int, zone: str, interval_ms: int) -> int:
    """Where the local clock's interval that holds `now` began."""
    local = datetime.fromtimestamp(now // 1000, UTC).astimezone(ZoneInfo(zone))
    offset_ms = int(local.utcoffset().total_seconds()) * 1000
    return (now + offset_ms) // interval_ms * interval_ms - offset_ms
