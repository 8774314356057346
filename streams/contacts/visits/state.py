"""The state of a contact that visits queues: where it is, its visits, and the rows that last.

What changes it stands in `steps`. Times are epoch ms; `at` is where something is booked, `time` when it happened by
the source's clock: they differ only for a late event.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from streams.contacts.final import FinalVisit
from streams.contacts.ledger import Ledger
from streams.contacts.lifecycle import NEVER, Cycle
from streams.facts.wire import Row, RowKind

NEW, MENU, WAITING, TALKING, HELD, ENDED = range(6)
STATES: Final = ("new", "menu", "waiting", "talking", "held", "ended")
"""new: nothing seen. menu: known, in no queue. ended: the conversation is over."""


@dataclass
class Visit:
    """One stay in one queue."""

    number: int
    """1, 2, … within the contact."""
    queue: str
    contact_since: int
    entered_at: int | None
    """None: an orphan whose entry is not known."""
    begins_at: int
    """From when it waits: a callback waits from its due time."""
    wait_from: int
    """From when its wait is measured: differs from `begins_at` only where a callback's delay counts."""
    offered: bool = True
    outcome: str | None = None
    """answered · abandoned · flowed_out · rejected · evicted; None: waiting."""
    reason: str | None = None
    left_at: int | None = None
    """End of waiting, by the source's clock."""
    booked_at: int | None = None
    """End of waiting, as booked."""
    wait_ms: int | None = None
    """None: not known (an orphan)."""
    agent: str | None = None
    held_at: int | None = None
    held_ms: int = 0
    talk_ms: int | None = None
    hold_ms: int | None = None
    ended_at: int | None = None
    """End of the conversation, by the source's clock."""
    final_at: int | None = None
    """When it was over for good, as booked; None: not yet."""
    wrapup_at: int | None = None
    wrapped: bool = False
    responses: tuple[tuple[int, int, int], ...] = ()
    """(begin, end, clock's start) of the times a first response was owed."""

    def final(self, channel: str, contact: str) -> FinalVisit:
        """As it is published."""
        return FinalVisit(
            contact, self.number, channel, self.queue, self.outcome, self.reason, self.entered_at, self.left_at,
            self.booked_at, self.wait_ms, self.talk_ms, self.hold_ms, self.agent,
        )  # fmt: skip


@dataclass
class VisitCycle(Cycle):
    """State of one contact: where it is, and its visits in order. The timer: a ghost's eviction, or the end of patience
    with a talk.
    """

    state: int = NEW
    visits: list[Visit] = field(default_factory=list)
    open: int | None = None
    """Index of the visit that waits or talks."""
    numbered: int = 0
    """Visits so far of this contact."""
    since: int = 0
    """Start of the contact's clock."""
    touched_at: int = 0
    ended_at: int = 0
    started: bool = False
    entered: bool = False
    """Whether it has entered a queue."""
    talked: bool = False
    unwrapped: int = 0
    """Answered visits whose wrap-up has not ended."""
    contained: bool = False
    handed_off: bool = False
    human_since: int | None = None
    """Start of the human clock; None: it does not run (a bot talks, or it is over)."""
    responded: bool = False
    asked_at: int | None = None
    """When the customer began to wait for a reply (after the first response)."""
    owed: tuple[int, int, int] | None = None
    """(visit index, begin, clock's start) while a first response is owed in a queue's care."""

    def restore(self, kept: Mapping[str, Any]) -> None:
        visits, owed = [_restored(visit) for visit in kept["visits"]], kept["owed"]
        super().restore({**kept, "visits": visits, "owed": owed and tuple(owed)})

    def expires_at(self, ledger: Ledger) -> int:
        """Up to when an event belongs to this contact; a later one begins it anew. Far away while a visit is open."""
        if self.open is not None:
            return NEVER
        settings = ledger.settings
        if self.state != ENDED:
            return self.touched_at + max(ledger.max_age_ms, settings.wrapup_max_ms)
        kept = self.touched_at + settings.lateness_ms
        return max(kept, self.ended_at + settings.wrapup_max_ms) if self.unwrapped else kept

    def rows(self, ledger: Ledger) -> dict[str, tuple[str, Row]]:
        """Row id (within the contact) → (queue, row): all that lasts or lasted, as of now."""
        rows = {}
        for index, visit in enumerate(self.visits):
            if visit.offered and visit.outcome != "rejected":
                rows[f"{visit.number}w{visit.begins_at}"] = (visit.queue, _waiting_row(visit, ledger))
            for begin, end, since in visit.responses:
                rows[f"{visit.number}r{begin}"] = (visit.queue, _response_row(visit, begin, end, since, ledger))
            if self.owed and self.owed[0] == index:
                _, begin, since = self.owed
                rows[f"{visit.number}r{begin}"] = (
                    visit.queue,
                    _response_row(visit, begin, None, since, ledger, self.timer_at),
                )
        return rows

    def final_at(self, published: int) -> int | None:
        return self.visits[published].final_at if published < len(self.visits) else None

    def final_visits(self, published: int, horizon: int, channel: str, contact: str) -> list[tuple[int, FinalVisit]]:
        final = []
        for visit in self.visits[published:]:
            if visit.final_at is None or visit.final_at >= horizon:
                break
            final.append((visit.final_at, visit.final(channel, contact)))
        return final

    def forgettable(self, published: int, horizon: int, ledger: Ledger) -> int:
        """Published ones but the last, answered ones only once no wrap-up can come any more."""
        count, last = 0, self.last()
        while count < published and (visit := self.visits[count]) is not last:
            wraps_until = (visit.final_at or 0) + ledger.settings.wrapup_max_ms
            if visit.outcome == "answered" and not visit.wrapped and wraps_until >= horizon:
                break
            count += 1
        return count

    def forget(self, count: int) -> None:
        del self.visits[:count]
        if self.open is not None:
            self.open -= count
        if self.owed is not None:
            self.owed = (self.owed[0] - count, *self.owed[1:])

    def own(self) -> list[Visit]:
        """The visits of this contact: those before it began anew only wait to be published."""
        others = len(self.visits) - self.numbered
        return self.visits[others:] if others > 0 else self.visits

    def last(self) -> Visit | None:
        """The latest visit of this contact that was in a queue (a rejected one never was)."""
        for visit in reversed(self.own()):
            if visit.outcome != "rejected":
                return visit
        return None

    def current(self) -> Visit:
        assert self.open is not None
        return self.visits[self.open]

    def begin(self, state: int, until: int) -> None:
        """The last visit waits or talks from now on, at most until then."""
        self.open = len(self.visits) - 1
        self.state = state
        self.timer_at = until

    def rest(self) -> None:
        """No visit is open any more."""
        self.open = None
        self.state = MENU
        self.timer_at = NEVER

    def begin_anew(self) -> None:
        """Forget all but the visits, which may still have to be published."""
        self.become(VisitCycle(visits=self.visits))

    def add(self, queue: str, entered_at: int | None, begins_at: int, wait_from: int, *, offered: bool) -> Visit:
        self.numbered += 1
        visit = Visit(self.numbered, queue, self.since, entered_at, begins_at, wait_from, offered)
        self.visits.append(visit)
        return visit

    def leave(self, visit: Visit, time: int, at: int, outcome: str, reason: str | None = None) -> None:
        """End the waiting; the visit is over unless it was answered."""
        visit.outcome, visit.reason, visit.left_at, visit.booked_at = outcome, reason, time, at
        if outcome == "answered":
            self.talked = True
            self.unwrapped += 1
        else:
            visit.final_at = at
        if visit.wait_ms is None and visit.offered:
            visit.wait_ms = max(0, time - visit.wait_from)

    def keep_owed(self, at: int) -> None:
        """Open or close the row of the first response that is owed, as the state says."""
        owes = self.open is not None and self.human_since is not None and not self.responded
        owed = self.owed
        if owed:
            if owes and owed[0] == self.open and owed[2] == self.human_since:
                return
            visit = self.visits[owed[0]]
            visit.responses = (*visit.responses, (owed[1], max(at, owed[1]), owed[2]))
            self.owed = None
        if owes:
            assert self.open is not None
            assert self.human_since is not None
            self.owed = (self.open, max(at, self.visits[self.open].begins_at), self.human_since)


def _restored(kept: Mapping[str, Any]) -> Visit:
    """The visit that was stored as this map."""
    return Visit(**{**kept, "responses": tuple((begin, end, since) for begin, end, since in kept["responses"])})


def _waiting_row(visit: Visit, ledger: Ledger) -> Row:
    evict_at = visit.begins_at + ledger.max_age_ms
    target = ledger.thresholds(visit.queue).target_ms
    lost = visit.wait_ms if visit.outcome == "abandoned" else None
    return Row(
        RowKind.WAITING, visit.begins_at, visit.booked_at, visit.wait_from, visit.contact_since, target, evict_at, lost
    )


def _response_row(
    visit: Visit, begin: int, end: int | None, since: int, ledger: Ledger, evict_at: int | None = None
) -> Row:
    """`evict_at`: when the open visit is given up, waiting or talking."""
    target = ledger.thresholds(visit.queue).first_response_target_ms
    return Row(RowKind.FIRST_RESPONSE, begin, end, since, visit.contact_since, target, evict_at)
