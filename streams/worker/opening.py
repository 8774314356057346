"""How far a keeper has come that takes a partition over: for the readiness probe, and for the watchdog."""

import time
from collections.abc import Iterable, Iterator
from typing import Final

ROWS_A_LOOK: Final = 1_000
"""Rows between two looks at the clock."""


class Opening:
    """How far a keeper has come that takes its partition over."""

    def __init__(self) -> None:
        self._doing = "waiting for a heartbeat"
        self._records = 0
        self._began_at = self._moved_at = time.monotonic()

    def __str__(self) -> str:
        took_s = time.monotonic() - self._began_at
        return f"restoring for {took_s:.0f} s, {self._doing}, {self._records} records read"

    def step(self, doing: str) -> None:
        """The next thing begins."""
        self._doing, self._moved_at = doing, time.monotonic()

    def moved(self, records: int) -> None:
        """So many more records were read."""
        self._records += records
        self._moved_at = time.monotonic()

    def counted(self, rows: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
        """The rows, as somebody takes them."""
        for number, row in enumerate(rows):
            if number % ROWS_A_LOOK == 0:
                self._moved_at = time.monotonic()
            yield row

    def stuck_s(self) -> float:
        """Seconds in which nothing has moved."""
        return time.monotonic() - self._moved_at
