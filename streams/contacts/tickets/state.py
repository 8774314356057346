"""The state of a ticket: its status and how it came to it, its reply clocks, its targets, and the rows that last.

What changes it stands in `steps` and `targets`. Times are epoch ms; `at` is where something is booked, `time` when it
happened by the source's clock: they differ only for a late event.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, NamedTuple

import msgspec

from streams.calendars.clock import Clock
from streams.contacts.ledger import Ledger
from streams.contacts.lifecycle import NEVER, Cycle
from streams.facts.primitives import PRIORITIES, TARGETS, sla_ended
from streams.facts.wire import NO_QUEUE, Row, RowKind

UNSEEN, UNSURE, BACKLOG, DONE, GONE = range(5)
STATES: Final = ("unseen", "unsure", "backlog", "done", "gone")
"""unseen: nothing seen. unsure: an orphan whose status is not known. backlog: new, open, pending, on_hold. done:
solved, closed. gone: merged or deleted."""

DONE_STATUSES: Final = frozenset({"solved", "closed"})

OTHER: Final = PRIORITIES.index("other")


def rank_of(priority: str | None) -> int:
    """Index in `PRIORITIES`: a ticket without a priority is a normal one, a name not known is `other`."""
    name = "normal" if priority is None else priority.lower()
    return PRIORITIES.index(name) if name in PRIORITIES else OTHER


@dataclass
class Instance:
    """One cycle of a target: from its activation to its fulfilment."""

    since: int
    """Its activation, by the source's clock."""
    target_ms: int | None = None
    """None: no rule holds for it."""
    calendar: str | None = None
    """Name of the calendar in whose opening hours it is measured; None: around the clock."""
    priority: int = OTHER
    """Index in `PRIORITIES`, of when the target was applied."""
    due_at: int | None = None
    """None: its clock stands still. Of a breached one: when that was."""
    breached: bool = False
    """Whether its end has been booked: a breach is one at the due time, though the clock goes on."""


class Wanted(NamedTuple):
    """A row as the state asks for it."""

    kind: int
    since: int
    group: int
    target_ms: int = 0
    due_at: int | None = None
    overdue: int | None = None


@dataclass
class TicketCycle(Cycle):
    """State of one ticket. The timer: the first due time of its targets has passed."""

    phase: int = UNSEEN
    """One of `STATES`."""
    queue: str = NO_QUEUE
    agent: str | None = None
    priority: str | None = None
    level: str | int | None = None
    """Of its last escalation."""
    statuses: list[tuple[int, str]] = field(default_factory=list)
    """(since when, status), in order: what durations are measured by."""
    created_at: int | None = None
    """None: an orphan."""
    seen_at: int = 0
    """Its creation, of an orphan its first event."""
    said_at: int = 0
    """Time of the newest event that said something about it, messages left out."""
    touched_at: int = 0
    solved: bool = False
    """Whether a solve has been counted."""
    human_since: int | None = None
    """Start of the clock of the first response; None: it does not run."""
    responded: bool = False
    asked_at: int | None = None
    """When the customer began to wait for a reply (after the first response)."""
    instances: dict[str, Instance] = field(default_factory=dict)
    """Target (of `TARGETS`) → its cycle under way."""
    open_rows: dict[str, tuple[str, Row]] = field(default_factory=dict)
    """What a row is of → (queue, row)."""
    ended_rows: list[tuple[str, str, Row]] = field(default_factory=list)
    """(row id, queue, row), by their end."""

    def restore(self, kept: Mapping[str, Any]) -> None:
        instances = {target: Instance(**instance) for target, instance in kept["instances"].items()}
        statuses = [(since, status) for since, status in kept["statuses"]]
        open_rows = {of: (queue, Row(*row)) for of, (queue, row) in kept["open_rows"].items()}
        ended_rows = [(key, queue, Row(*row)) for key, queue, row in kept["ended_rows"]]
        built = {"instances": instances, "statuses": statuses, "open_rows": open_rows, "ended_rows": ended_rows}
        super().restore({**kept, **built})

    # --- for the history ---

    def expires_at(self, ledger: Ledger) -> int:
        """Far away in the backlog; a done or gone one is kept, in case that it is reopened."""
        if self.phase == BACKLOG:
            return NEVER
        settings = ledger.settings
        return self.touched_at + (settings.lateness_ms if self.phase == UNSEEN else settings.tickets_kept_ms)

    def rows(self, ledger: Ledger) -> dict[str, tuple[str, Row]]:  # noqa: ARG002 - rows are kept as booked
        rows = {key: (queue, row) for key, queue, row in self.ended_rows}
        rows.update((_row_key(of, row), (queue, row)) for of, (queue, row) in self.open_rows.items())
        return rows

    def forgettable(self, published: int, horizon: int, ledger: Ledger) -> int:  # noqa: ARG002
        """How many of the first rows ended before the horizon."""
        ends = (row.end for _, _, row in self.ended_rows)
        return sum(1 for end in ends if end is not None and end < horizon)

    def forget(self, count: int) -> None:
        del self.ended_rows[:count]

    def begin_anew(self) -> None:
        """Forget all but the rows, which somebody may still look at."""
        self.become(TicketCycle(ended_rows=self.ended_rows))

    # --- for steps ---

    @property
    def status(self) -> str | None:
        """None: not known."""
        return self.statuses[-1][1] if self.statuses else None

    def spent_ms(self, statuses: Iterable[str], since: int, until: int, clock: Clock) -> int:
        """Time in any of the statuses within [since, until), by the clock. O(status changes)."""
        counted = frozenset(statuses)
        return sum(
            clock.elapsed_ms(max(begin, since), min(end, until))
            for begin, end, status in self._stretches(until)
            if status in counted and end > since
        )

    def _stretches(self, until: int) -> Iterator[tuple[int, int, str]]:
        """(begin, end, status), up to `until`."""
        for (begin, status), (end, _) in pairwise([*self.statuses, (until, "")]):
            yield begin, end, status

    def keep_rows(self, at: int, ledger: Ledger) -> None:
        """Open and close rows, as the state says from `at` on."""
        wanted = self._wanted(ledger)
        for of, (queue, row) in list(self.open_rows.items()):
            if wanted.get(of) == _as_wanted(row) and queue == self.queue:
                del wanted[of]
            else:
                self._close_row(of, at)
        for of, want in wanted.items():
            row = Row(
                want.kind, at, None, want.since, want.since, want.target_ms, None, None,
                want.group, want.due_at, want.overdue,
            )  # fmt: skip
            self.open_rows[of] = (self.queue, row)

    def _close_row(self, of: str, at: int) -> None:
        """A row that lasted no time is as if it had never been."""
        queue, row = self.open_rows.pop(of)
        if row.begin < at:
            self.ended_rows.append((_row_key(of, row), queue, msgspec.structs.replace(row, end=at)))

    def _wanted(self, ledger: Ledger) -> dict[str, Wanted]:
        if self.phase != BACKLOG:
            return {}
        wanted = {"b": Wanted(RowKind.BACKLOG, self.seen_at, rank_of(self.priority))}
        if self.human_since is not None and not self.responded:
            target_ms = ledger.thresholds(self.queue).first_response_target_ms
            wanted["r"] = Wanted(RowKind.FIRST_RESPONSE, self.human_since, 0, target_ms)
        for target, instance in self.instances.items():
            if instance.target_ms is not None and instance.due_at is not None:
                wanted[target] = _wanted_target(target, instance, ledger.settings.sla_due_soon_ms)
        return wanted


def _wanted_target(target: str, instance: Instance, due_soon_ms: int) -> Wanted:
    overdue = None if instance.breached else sla_ended(target, instance.priority)
    return Wanted(RowKind.TARGET, instance.since, TARGETS.index(target), due_soon_ms, instance.due_at, overdue)


def _as_wanted(row: Row) -> Wanted:
    return Wanted(row.kind, row.since, row.group, row.target_ms, row.due_at, row.overdue)


def _row_key(of: str, row: Row) -> str:
    return f"{of}{row.begin}"
