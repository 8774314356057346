"""Counters that somebody sees rise, and what that says of each event's way there."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

Appended = Mapping[str, Sequence[int]]
"""Queue → append time of each event of a type, in order (epoch ms)."""


class Sighting:
    """Counters as somebody saw them rise, and what that says of each event's way."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, float]] = []
        """(queue, count, when: epoch ms), in the order seen."""

    def latencies(self, appended: Appended, since_ms: float) -> dict[str, list[float]]:
        """Milliseconds of `each` event and of the `oldest` of each change, of events appended since then."""
        found: dict[str, list[float]] = {"each": [], "oldest": []}
        known: defaultdict[str, int] = defaultdict(int)
        for queue, count, at in self.seen:
            news = appended[queue][known[queue] : count]
            known[queue] = max(known[queue], count)
            if news and news[0] >= since_ms:
                found["oldest"].append(at - news[0])
                found["each"] += [at - then for then in news]
        return found
