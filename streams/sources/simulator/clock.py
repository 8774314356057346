"""Simulated time: an agenda of processes, each a generator that yields how many milliseconds it sleeps."""

import heapq
from collections.abc import Generator
from typing import Final

Process = Generator[int, None, None]

PARKED: Final = -1
"""Yielded by a process that sleeps until somebody wakes it, or until an alarm it has set rings."""

_ENDED: Final = -2


class Alarm:
    """Wakes a parked process at a time, unless `set` is no longer true by then."""

    __slots__ = ("set",)

    def __init__(self) -> None:
        self.set = False


class Clock:
    """The time and what happens next. Processes of the same millisecond go in the order they were put down."""

    def __init__(self, start_ms: int) -> None:
        self.now = start_ms
        self.living = 0
        """Processes started and not yet ended."""
        self._agenda: list[tuple[int, int, Process, Alarm | None]] = []
        self._entries = 0

    def start(self, process: Process) -> None:
        """Let a new process run from now on."""
        self.living += 1
        self.wake(process, 0)

    def wake(self, process: Process, delay_ms: int) -> None:
        """Let a parked process go on after `delay_ms`."""
        self._entries += 1
        heapq.heappush(self._agenda, (self.now + delay_ms, self._entries, process, None))

    def ring(self, process: Process, alarm: Alarm, at: int) -> None:
        """Let a parked process go on at `at` if the alarm is still set then; it is no longer set afterwards."""
        self._entries += 1
        heapq.heappush(self._agenda, (at, self._entries, process, alarm))

    def advance(self, steps: int) -> None:
        """Take the next entries of the agenda: at most `steps`, O(log n) each."""
        agenda = self._agenda
        for _ in range(steps):
            if not agenda:
                return
            at, _, process, alarm = heapq.heappop(agenda)
            if alarm is not None:
                if not alarm.set:
                    continue
                alarm.set = False
            self.now = at
            delay_ms = next(process, _ENDED)
            if delay_ms == _ENDED:
                self.living -= 1
            elif delay_ms != PARKED:
                self._entries += 1
                heapq.heappush(agenda, (at + delay_ms, self._entries, process, None))
