"""Days and intervals on a queue's own clock, as ranges of 15-minute slots of UTC.

Every real time zone is a multiple of 15 minutes away from UTC, so local days and intervals are whole slots; days of 23
and 25 hours come out right by themselves.
"""

from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from streams.windows.settings import VOLUME_WEEKS, days_of

SLOT_MS: Final = 900_000


def slots(window: str, at: int, zone: ZoneInfo, interval_ms: int) -> tuple[int, int]:
    """First and last slot of `today`, `<n>d`, `interval` or `previous_interval` at the instant `at` (epoch ms)."""
    if days := days_of(window):
        return start_of_day(at, zone, days - 1) // SLOT_MS, at // SLOT_MS
    start = start_of_interval(at, zone, interval_ms)
    if window == "interval":
        return start // SLOT_MS, at // SLOT_MS
    previous = start_of_interval(start - 1, zone, interval_ms)
    return previous // SLOT_MS, start // SLOT_MS - 1


def first_day(window: str, at: int, zone: ZoneInfo) -> int | None:
    """Ordinal of the first local day of a window of whole days; None: it is none."""
    days = days_of(window)
    return local_day(at, zone) - days + 1 if days else None


def local_day(at: int, zone: ZoneInfo) -> int:
    """Ordinal (`date.toordinal`) of the local day that `at` is in."""
    return datetime.fromtimestamp(at / 1000, zone).toordinal()


def weeks_before(window: str, at: int, zone: ZoneInfo, interval_ms: int) -> list[range]:
    """The slots of the same interval, by the local clock, in each of the weeks before; none for other windows."""
    if window not in ("interval", "previous_interval"):
        return []
    first, _ = slots(window, at, zone, interval_ms)
    begin = datetime.fromtimestamp(first * SLOT_MS / 1000, zone)
    starts = [_epoch_ms(begin - timedelta(weeks=week)) // SLOT_MS for week in range(1, VOLUME_WEEKS + 1)]
    return [range(start, start + interval_ms // SLOT_MS) for start in starts]


def start_of_day(at: int, zone: ZoneInfo, days_back: int = 0) -> int:
    """Epoch ms of the local midnight (the first instant of the local day), of this day or one before."""
    local = datetime.fromtimestamp(at / 1000, zone)
    return _epoch_ms(datetime.combine(local.date() - timedelta(days=days_back), time.min, zone))


def start_of_interval(at: int, zone: ZoneInfo, interval_ms: int) -> int:
    """Epoch ms of the start of the interval that `at` is in: aligned to the hour of the local clock."""
    local = datetime.fromtimestamp(at / 1000, zone)
    offset_ms = int((local.utcoffset() or timedelta()) / timedelta(milliseconds=1))
    return at - (at + offset_ms) % interval_ms


def _epoch_ms(local: datetime) -> int:
    return int(local.astimezone(UTC).timestamp()) * 1000
