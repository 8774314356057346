"""What stage 1 counts about its input, for operators: process-local, not part of the state."""

from collections import Counter

import msgspec


class Stats(msgspec.Struct):
    """Counts since the book was made. The outcomes sum to the records read."""

    outcomes: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    """(type or "", outcome) → records; outcomes: applied, duplicate, late, too_late, unknown, rejected."""
    rejected: Counter[str] = msgspec.field(default_factory=Counter)
    """Reason → rejected records."""
    clamped: int = 0
    """Event times set back to their append time."""
    orphans: int = 0
    negative_waits: int = 0
    source_delay_ms: dict[str, int] = msgspec.field(default_factory=dict)
    """`source` → append time − event time of its last record that has one."""

    def by_outcome(self) -> dict[str, int]:
        """Outcome → records, over all types."""
        totals: Counter[str] = Counter()
        for (_, outcome), n in self.outcomes.items():
            totals[outcome] += n
        return {outcome: n for outcome, n in totals.items() if n}
