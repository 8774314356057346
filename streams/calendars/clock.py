"""The clocks that a duration can be measured on: around the clock, or in the opening hours of a calendar."""

from functools import lru_cache
from typing import Final, Protocol

from streams.calendars.settings import CalendarSettings
from streams.calendars.stretches import BLOCK_MS, OpeningHours, Stretches

NEVER: Final = 1 << 62
"""When a duration has elapsed of which the calendar has too little left: later than any instant."""

_BLOCKS: Final = 2_626
"""Blocks since 1970 that have opening hours: before 1970 and from the end of January 2200 on calendars are closed."""

_CACHED_BLOCKS: Final = 1_024
"""90 years of them: a few kB each, made when first looked at."""


class Clock(Protocol):
    """What measures durations between instants (epoch ms)."""

    def elapsed_ms(self, start: int, end: int) -> int: ...
    def due_at(self, start: int, duration_ms: int) -> int: ...
    def is_open(self, at: int) -> bool: ...


class CalendarTime:
    """The clock that never stops."""

    def elapsed_ms(self, start: int, end: int) -> int:
        """`end` − `start`; 0 where that is negative."""
        return end - start if end > start else 0

    def due_at(self, start: int, duration_ms: int) -> int:
        """`start` + `duration_ms`; `start` itself where that is negative."""
        return start + duration_ms if duration_ms > 0 else start

    def is_open(self, at: int) -> bool:  # noqa: ARG002 (an implementation of Clock)
        """Always."""
        return True


CALENDAR_TIME: Final = CalendarTime()


class Calendar:
    """The clock that runs in opening hours only: `elapsed_ms(start, due_at(start, d)) == d`.

    Exact to the millisecond by the rule of `stretches`. A call about near instants costs a microsecond or two once
    their block is known, and a tenth of one for each further month in between.
    """

    def __init__(self, settings: CalendarSettings) -> None:
        self._hours = OpeningHours(settings)
        self._block = lru_cache(_CACHED_BLOCKS)(self._known_block)

    def elapsed_ms(self, start: int, end: int) -> int:
        """Open ms in [start, end); 0 where `end` ≤ `start`."""
        if end <= start:
            return 0
        first, last = start // BLOCK_MS, end // BLOCK_MS
        block = self._block(first)
        if first == last:
            return block.open_ms(end) - block.open_ms(start)
        between = sum(self._block(n).total_ms for n in range(max(first + 1, 0), min(last, _BLOCKS)))
        return block.total_ms - block.open_ms(start) + between + self._block(last).open_ms(end)

    def due_at(self, start: int, duration_ms: int) -> int:
        """Earliest instant up to which `duration_ms` of opening hours have elapsed since `start`.

        What is used up exactly when the hours end is due at their end, not at the next opening. `start` itself where
        the duration is 0 or less. `NEVER` where the calendar has not so much left before 2200: so the search ends, even
        if every day is a holiday.
        """
        if duration_ms <= 0:
            return start
        n = start // BLOCK_MS
        block = self._block(n)
        needed = block.open_ms(start) + duration_ms
        while needed > block.total_ms:
            needed -= block.total_ms
            n = max(n + 1, 0)
            if n >= _BLOCKS:
                return NEVER
            block = self._block(n)
        return block.reached_at(needed)

    def is_open(self, at: int) -> bool:
        """Whether the instant is within opening hours; their end is not."""
        return self._block(at // BLOCK_MS).is_open(at)

    def _known_block(self, n: int) -> Stretches:
        return self._hours.block(n) if 0 <= n < _BLOCKS else Stretches([])
