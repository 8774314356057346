"""What a business calendar says: the opening hours of a week, the days without them, and the zone they are read in."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

DAY_MS: Final = 86_400_000

Interval = tuple[int, int]
"""Opening hours [start, end) of a day by the clock on the wall: ms since it showed 00:00; 24:00 is `DAY_MS`."""

Week = tuple[tuple[Interval, ...], ...]
"""The intervals of Monday, Tuesday … Sunday."""


class CalendarSettings(msgspec.Struct, frozen=True):
    """The settings of a calendar. Raises ValueError, reason and mending parted by "; ", where they make no sense."""

    timezone: str
    """IANA name."""
    week: Week
    """Seven days; the intervals of each ascend and do not overlap."""
    holidays: tuple[str, ...] = ()
    """ISO dates (`2026-12-25`) by the local clock without any opening hours; ascending, each once."""

    def __post_init__(self) -> None:
        _check_zone(self.timezone)
        _check_week(self.week)
        for day in self.holidays:
            _check_date(day)
        if any(later <= earlier for earlier, later in pairwise(self.holidays)):
            raise ValueError("holidays are not in order; sort them, each once")


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        raise ValueError(f"{name!r} is not a time zone; write an IANA name, such as Europe/Berlin") from error


def _check_week(week: Sequence[Sequence[Interval]]) -> None:
    if len(week) != 7:
        raise ValueError(f"a week of {len(week)} days; give seven, Monday first")
    if not any(week):
        raise ValueError("has no opening hours; give at least one weekday an interval")
    for intervals in week:
        for start, end in intervals:
            if not 0 <= start < end <= DAY_MS:
                raise ValueError(f"{start}–{end} ms is no interval of a day; it ends after it begins, by 24:00")
        if any(later[0] < earlier[1] for earlier, later in pairwise(intervals)):
            raise ValueError("intervals of a day overlap or are not in order; sort and join them")


def _check_date(text: str) -> None:
    try:
        written = date.fromisoformat(text).isoformat()
    except ValueError:
        written = None
    if written != text:
        raise ValueError(f"{text!r} is not a date; write the year, month and day, such as 2026-12-25")
