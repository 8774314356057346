"""Calendars and instants for these tests, and the naive oracle: it reads the wall clock minute by minute."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from streams.calendars.settings import CalendarSettings, Interval, Week

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def ms(text: str) -> int:
    """Epoch ms of `2026-03-29T01:30Z`."""
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1_000)


def utc(at: int) -> str:
    """`Fri 03-22 16:00`, in UTC; with its seconds where there are any."""
    return datetime.fromtimestamp(at / 1_000, UTC).strftime("%a %m-%d %H:%M:%S").removesuffix(":00")


def hours(*pairs: tuple[float, float]) -> tuple[Interval, ...]:
    """(9, 17.5) is 09:00–17:30."""
    return tuple((round(start * HOUR), round(end * HOUR)) for start, end in pairs)


def weekdays(*pairs: tuple[float, float]) -> Week:
    """Monday to Friday."""
    return (hours(*pairs),) * 5 + ((), ())


def daily(*pairs: tuple[float, float]) -> Week:
    return (hours(*pairs),) * 7


class Oracle:
    """What a calendar means, by looking at the clock on the wall at every minute. All edges are whole minutes."""

    def __init__(self, settings: CalendarSettings) -> None:
        self._zone = ZoneInfo(settings.timezone)
        self._week = settings.week
        self._holidays = {date.fromisoformat(day) for day in settings.holidays}

    def is_open(self, at: int) -> bool:
        wall = datetime.fromtimestamp(at // 1_000, self._zone)
        shown = (wall.hour * 60 + wall.minute) * MINUTE
        intervals = () if wall.date() in self._holidays else self._week[wall.weekday()]
        return any(start <= shown < end for start, end in intervals)

    def elapsed_ms(self, start: int, end: int) -> int:
        minutes = range(start // MINUTE * MINUTE, end, MINUTE)
        return sum(min(end, at + MINUTE) - max(start, at) for at in minutes if self.is_open(at))

    def due_at(self, start: int, duration_ms: int, until: int) -> int | None:
        """None: not before `until`."""
        left = duration_ms
        for begin, end in self._open_from(start, until):
            if left <= end - begin:
                return begin + left
            left -= end - begin
        return None

    def _open_from(self, start: int, until: int) -> Iterator[Interval]:
        for at in range(start // MINUTE * MINUTE, until, MINUTE):
            if self.is_open(at):
                yield max(start, at), at + MINUTE
