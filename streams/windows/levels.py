"""Time spent at levels (`facts.levels`) over the windows of one dimension: exact, for any instant.

The level at the end of the window's last pane is counted from rows; steps lead back from there to the window's
beginning; what lies between as_of and the end of its pane is taken off again, from the rows too.
"""

from streams.facts.levels import Level
from streams.facts.wire import PANE_MS, Row
from streams.windows.dimension import DimensionState, WindowTotal


class Levels:
    """Levels of a dimension as seen at one instant; what it has counted it remembers."""

    def __init__(self, state: DimensionState, as_of: int) -> None:
        self._state = state
        self._as_of = as_of
        self._pane_end = (as_of // PANE_MS + 1) * PANE_MS
        self._found: dict[Level, tuple[int, int]] = {}

    def spent_ms(self, level: Level, window: WindowTotal) -> int:
        """Σ time spent at the level within the window, up to the instant. O(rows) the first time."""
        height, beyond_ms = self._at_pane_end(level)
        steps, moments_ms = window.bag.get(level.steps, 0), window.bag.get(level.moments_ms, 0)
        led_ms = steps * window.begin - moments_ms
        if window.end is None:
            return height * (self._pane_end - window.begin) + led_ms - beyond_ms
        later = self._state.total_since(window.end, self._as_of).get(level.steps, 0)
        return (height - later) * (window.end - window.begin) + led_ms

    def _at_pane_end(self, level: Level) -> tuple[int, int]:
        """The level just before the end of as_of's pane, and the time spent at it since as_of."""
        found = self._found.get(level)
        if found is None:
            rows = [row for row in self._state.rows.values() if row.kind in level.kinds]
            height = sum(1 for row in rows if row.begin < self._pane_end <= _end(row, self._pane_end))
            found = self._found[level] = height, sum(self._beyond(row) for row in rows)
        return found

    def _beyond(self, row: Row) -> int:
        """How long the row lasts between as_of and the end of its pane, ms."""
        return max(0, min(_end(row, self._pane_end), self._pane_end) - max(row.begin, self._as_of))


def _end(row: Row, open_until: int) -> int:
    return open_until if row.end is None else row.end
