"""What is remembered of whom business events are about: when a customer ordered, when an agent was trained, how many
customers a source has counted. Of everything else only that it was there, so that a repetition is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, NamedTuple

from streams.contacts.ledger import Ledger
from streams.contacts.lifecycle import NEVER, Cycle
from streams.facts.wire import Row, RowKind


class Counted(NamedTuple):
    """A count of customers."""

    at: int
    """In force from then on (epoch ms), until the next."""
    customers: int


@dataclass
class BusinessCycle(Cycle):
    """Of one customer, one agent, one count, or one event of any other kind."""

    touched_at: int = 0
    """Last event, as booked, epoch ms."""
    ordered_at: int | None = None
    """Last order of the customer."""
    days: dict[str, int] = field(default_factory=dict)
    """Queue (or roll-up) → ordinal of the last local day on which the customer ordered, or the agent was trained."""
    counts: list[Counted] = field(default_factory=list)
    """The last ones, oldest first."""
    counted_in: list[str] = field(default_factory=list)
    """Queues and roll-ups that the counts are shown for."""

    def restore(self, kept: Mapping[str, Any]) -> None:
        super().restore({**kept, "counts": [Counted(*counted) for counted in kept["counts"]]})

    def expires_at(self, ledger: Ledger) -> int:
        if self.counts:
            return NEVER
        kept_ms = ledger.settings.business_horizon_ms if self.days else 0
        return self.touched_at + max(kept_ms, ledger.settings.lateness_ms)

    def rows(self, ledger: Ledger) -> dict[str, tuple[str, Row]]:  # noqa: ARG002 - they follow from the counts alone
        """The counts, each until the next."""
        rows = {}
        for counted, end in zip_longest(self.counts, [after.at for after in self.counts[1:]]):
            row = Row(RowKind.CUSTOMERS, counted.at, end, counted.at, counted.at, 0, None, group=counted.customers)
            rows.update({f"{queue}\x1e{counted.at}": (queue, row) for queue in self.counted_in})
        return rows

    def count(self, customers: int, at: int, forget_before: int) -> int:
        """From now on there are so many. Returns the difference to the count before, 0 where there was none."""
        step = customers - self.counts[-1].customers if self.counts else 0
        if self.counts and self.counts[-1].at == at:
            self.counts.pop()
        self.counts.append(Counted(at, customers))
        while len(self.counts) > 1 and self.counts[1].at < forget_before:
            del self.counts[0]
        return step
