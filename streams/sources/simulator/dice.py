"""All that is left to chance, and all durations: drawn from one seed, shortened by the speed."""

import math
import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A stream of random draws of its own. Durations are whole milliseconds, at least 1, already divided by `speed`."""

    def __init__(self, seed: str, speed: float = 1.0) -> None:
        source = random.Random(seed)  # noqa: S311 a simulation, not a secret; a text seed gives the same on every machine
        self.fraction = source.random
        self._gauss = source.gauss
        self._speed = speed

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.fraction() < probability

    def choose(self, items: Sequence[T]) -> T:
        """One of them, all equally likely."""
        return items[int(self.fraction() * len(items))]

    def fixed(self, duration_ms: float) -> int:
        """This duration."""
        return int(duration_ms / self._speed) or 1

    def between(self, low_ms: float, high_ms: float) -> int:
        """Evenly distributed."""
        return int((low_ms + self.fraction() * (high_ms - low_ms)) / self._speed) or 1

    def exponential(self, mean_ms: float) -> int:
        """Without memory: the patience of people."""
        return int(self.gap(mean_ms)) or 1

    def gap(self, mean_ms: float) -> float:
        """Like `exponential`, not rounded: rounding the gaps between many arrivals would lower their rate."""
        return -math.log(1.0 - self.fraction()) * mean_ms / self._speed

    def around(self, mean_ms: float, spread: float = 0.7) -> int:
        """Log-normal, the shape of talk times: `spread` is the standard deviation of the logarithm."""
        return int(mean_ms * math.exp(self._gauss(0.0, spread) - spread * spread / 2) / self._speed) or 1
