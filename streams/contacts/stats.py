"""What stage 1 counts about its input, for operators: process-local, not part of the state."""

from collections import Counter
from typing import Final, get_args

from streams.events.model import AnyEvent, Event

MOST_SOURCES: Final = 1_000
"""So many sources are told apart: one that names itself anew in every event must not fill the memory."""

Counted = type[Event] | None
"""The class of an event; None for a record that is none."""


class Stats:
    """Counts since the book was made. The outcomes sum to the records read."""

    def __init__(self) -> None:
        self.applied: dict[Counted, int] = dict.fromkeys((None, *get_args(AnyEvent)), 0)
        self.others: Counter[tuple[Counted, str]] = Counter()
        """Outcomes other than applied: duplicate, late, too_late, unknown, rejected."""
        self.rejected: Counter[str] = Counter()
        """Reason → rejected records."""
        self.clamped = 0
        """Event times set back to their append time."""
        self.orphans = 0
        self.negative_waits = 0
        self.source_delay_ms: dict[str, int] = {}
        """`source` → append time − event time of its last record that has one."""

    def forget_sources(self) -> None:
        """Drop those that were first heard of longest ago, beyond `MOST_SOURCES`."""
        delays = self.source_delay_ms
        for source in list(delays)[: max(0, len(delays) - MOST_SOURCES)]:
            del delays[source]

    @property
    def outcomes(self) -> dict[tuple[str, str], int]:
        """(type or "", outcome) → records."""
        counts = {(_tag(kind), "applied"): n for kind, n in self.applied.items() if n}
        counts.update({(_tag(kind), outcome): n for (kind, outcome), n in self.others.items() if n})
        return counts

    def by_outcome(self) -> dict[str, int]:
        """Outcome → records, over all types."""
        totals: Counter[str] = Counter()
        for (_, outcome), n in self.outcomes.items():
            totals[outcome] += n
        return dict(totals)


def _tag(kind: Counted) -> str:
    return "" if kind is None else str(kind.__struct_config__.tag)
