"""The opening hours of a calendar as stretches of UTC, a block of days at a time.

An instant is open iff the clock on the wall shows a time within opening hours at it. So a local time that does not
exist (the clocks go forward) is never open, a local time that comes twice (they go back) is open both times, and a day
that a zone skips has no hours: exact for every zone whose clocks change at most once a day of UTC, as all have since
1970.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import Final
from zoneinfo import ZoneInfo

from streams.calendars.settings import DAY_MS, CalendarSettings, Interval

BLOCK_MS: Final = 32 * DAY_MS
"""A block is as long; block n begins n blocks after 1970-01-01 UTC."""

_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_THURSDAY: Final = 3
"""The weekday of 1970-01-01, Monday = 0."""
_MS: Final = timedelta(milliseconds=1)


class Stretches:
    """Open stretches [start, end) of one block, ascending and apart; epoch ms."""

    __slots__ = ("_before", "_ends", "_starts", "_through", "total_ms")

    def __init__(self, stretches: list[Interval]) -> None:
        self._starts = [start for start, _ in stretches]
        self._ends = [end for _, end in stretches]
        self._through = list(accumulate(end - start for start, end in stretches))
        """Open ms of the block up to the end of each stretch."""
        self._before = [0, *self._through]
        self.total_ms = self._before[-1]
        """Open ms of the whole block."""

    def open_ms(self, until: int) -> int:
        """Open ms of the block before the instant, which is in it."""
        n = bisect_right(self._starts, until)
        if not n:
            return 0
        unused = self._ends[n - 1] - until
        return self._through[n - 1] - unused if unused > 0 else self._through[n - 1]

    def reached_at(self, open_ms: int) -> int:
        """Earliest instant before which the block has had so many open ms (1 … `total_ms`)."""
        n = bisect_left(self._through, open_ms)
        return self._starts[n] + open_ms - self._before[n]

    def is_open(self, at: int) -> bool:
        """Whether the instant, which is in the block, is within a stretch."""
        n = bisect_right(self._starts, at)
        return n > 0 and at < self._ends[n - 1]


class OpeningHours:
    """Makes the stretches of a block from a calendar's settings."""

    def __init__(self, settings: CalendarSettings) -> None:
        self._zone = ZoneInfo(settings.timezone)
        self._week = settings.week
        self._holidays = frozenset(date.fromisoformat(day).toordinal() - _EPOCH_DAY for day in settings.holidays)

    def block(self, n: int) -> Stretches:
        """The stretches of block `n`. O(days of a block)."""
        stretches: list[Interval] = []
        for start, end, offset_ms in self._offsets(n * BLOCK_MS, (n + 1) * BLOCK_MS):
            for opens, closes in self._local_hours(start + offset_ms, end + offset_ms):
                _append(stretches, (opens - offset_ms, closes - offset_ms))
        return Stretches(stretches)

    def _local_hours(self, start: int, end: int) -> Iterator[Interval]:
        """Opening hours within [start, end); all times in ms as if the local clock showed UTC."""
        for day in range(start // DAY_MS, -(-end // DAY_MS)):
            if day in self._holidays:
                continue
            midnight = day * DAY_MS
            for opens, closes in self._week[(day + _THURSDAY) % 7]:
                if midnight + opens < end and midnight + closes > start:
                    yield max(midnight + opens, start), min(midnight + closes, end)

    def _offsets(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """(from, to, the zone's offset from UTC between them in ms), over [start, end) without a gap."""
        since, offset_ms = start, self._offset_ms(start)
        for day in range(start + DAY_MS, end + 1, DAY_MS):
            after = self._offset_ms(day)
            if after != offset_ms:
                changed = self._changed_at(day - DAY_MS, day)
                yield since, changed, offset_ms
                since, offset_ms = changed, after
        if since < end:
            yield since, end, offset_ms

    def _changed_at(self, low: int, high: int) -> int:
        """The instant in (low, high] from which on the offset is that of `high`; both differ. Whole seconds."""
        before = self._offset_ms(low)
        while high - low > 1_000:
            middle = (low + high) // 2_000 * 1_000
            if self._offset_ms(middle) == before:
                low = middle
            else:
                high = middle
        return high

    def _offset_ms(self, at: int) -> int:
        return (datetime.fromtimestamp(at // 1_000, self._zone).utcoffset() or timedelta()) // _MS


def _append(stretches: list[Interval], stretch: Interval) -> None:
    """Add at the end; what touches (24:00 and 00:00) becomes one."""
    if stretches and stretches[-1][1] == stretch[0]:
        stretches[-1] = (stretches[-1][0], stretch[1])
    else:
        stretches.append(stretch)
