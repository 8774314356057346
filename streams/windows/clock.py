"""Days and intervals on a queue's own clock, as ranges of 15-minute slots of UTC.

Every real time zone is a multiple of 15 minutes away from UTC, so local days and intervals are whole slots; days of 23
and 25 hours come out right by themselves.
"""

from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

SLOT_MS: Final = 900_000


def slots(window: str, at: int, zone: ZoneInfo, interval_ms: int) -> tuple[int, int]:
    """First and last slot of `today`, `interval` or `previous_interval` at the instant `at` (epoch ms)."""
    if window == "today":
        return start_of_day(at, zone) // SLOT_MS, at // SLOT_MS
    start = start_of_interval(at, zone, interval_ms)
    if window == "interval":
        return start // SLOT_MS, at // SLOT_MS
    previous = start_of_interval(start - 1, zone, interval_ms)
    return previous // SLOT_MS, start // SLOT_MS - 1


def start_of_day(at: int, zone: ZoneInfo) -> int:
    """Epoch ms of the local midnight (the first instant of the local day)."""
    local = datetime.fromtimestamp(at / 1000, zone)
    return _epoch_ms(datetime.combine(local.date(), time.min, zone))


def start_of_interval(at: int, zone: ZoneInfo, interval_ms: int) -> int:
    """Epoch ms of the start of the interval that `at` is in: aligned to the hour of the local clock."""
    local = datetime.fromtimestamp(at / 1000, zone)
    offset_ms = int((local.utcoffset() or timedelta()) / timedelta(milliseconds=1))
    return at - (at + offset_ms) % interval_ms


def _epoch_ms(local: datetime) -> int:
    return int(local.astimezone(UTC).timestamp()) * 1000
