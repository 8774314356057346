"""How many customers come when: the shape of the day, and waves that no roster follows."""

import math
from typing import Final

from streams.sources.simulator.centre import HOUR_MS, MINUTE_MS, QueuePlan
from streams.sources.simulator.settings import SimulationSettings

_HOURS: Final = (
    8, 6, 5, 5, 6, 12, 30, 62, 108, 140, 150, 142, 118, 112, 124, 126, 116, 100, 82, 66, 50, 36, 22, 13,
)  # fmt: skip
"""Contacts by hour of the day, the double hump of a centre that serves one country; any unit."""

_WAVES: Final = {"flat": 0.4, "daily": 0.2}
"""Height of the waves, as a share of the rate."""


class Demand:
    """Rates of arrival at any time. Factors are relative to the mean rate of the settings."""

    def __init__(self, settings: SimulationSettings) -> None:
        self._start_ms = settings.start_ms
        self._speed = settings.speed
        self._daily = settings.shape == "daily"
        self._height = _WAVES[settings.shape]
        mean = sum(_HOURS) / len(_HOURS)
        self._factors = [count / mean for count in _HOURS] if self._daily else [1.0] * len(_HOURS)
        self.peak = max(self._factors) * (1 + 1.5 * self._height)
        """No factor is higher."""

    def forecast(self, at: int) -> float:
        """What the roster is planned for: the shape of the day alone, straight lines between full hours."""
        hour, rest = divmod(self._lived(at) / HOUR_MS, 1)
        first = self._factors[int(hour) % 24]
        second = self._factors[(int(hour) + 1) % 24]
        return first + (second - first) * rest

    def factor(self, at: int, phase: float) -> float:
        """What really comes: the forecast with two waves on it, shifted by `phase` (radians), so queues differ."""
        turns = 2 * math.pi * self._lived(at) / MINUTE_MS
        waves = math.sin(turns / 23 + phase) + 0.5 * math.sin(turns / 7 + 2 * phase)
        return self.forecast(at) * (1 + self._height * waves)

    def opened(self, queue: QueuePlan, at: int) -> bool:
        """Whether the queue takes contacts at this time."""
        first, last = queue.hours
        return not self._daily or first <= self._lived(at) / HOUR_MS % 24 < last

    def _lived(self, at: int) -> float:
        """Time in the lives of the people, who live `speed` times as fast as the clock goes."""
        return self._start_ms + (at - self._start_ms) * self._speed
