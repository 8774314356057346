"""One contact: its recent events in order, what each booked, and the state they lead to.

Every event is applied as it comes. When one belongs before others, the state is rebuilt up to there and the rest is
applied anew: what they book now minus what they had booked is the correction. Events that no other can precede any
more are folded into `base` and forgotten, so a contact stays small however long it lives.
"""

from bisect import bisect_left
from operator import attrgetter
from typing import Final, Protocol

import msgspec

from streams.contacts.ledger import Booking, Ledger, Outcome
from streams.contacts.visits import Visit, VisitCycle
from streams.events import types as ev
from streams.facts.wire import Row

COMPACT_ABOVE: Final = 24
"""A contact with more entries than this forgets those that are final."""

_RANK: Final = {
    kind: rank
    for rank, kind in enumerate((
        ev.ContactStarted, ev.ContactTransferred, ev.QueueLeft, ev.QueueAbandoned, ev.QueueRejected, ev.BotHandedOff,
        ev.QueueEntered, ev.AgentOffered, ev.AgentMissed, ev.AgentConnected, ev.ContactHeld, ev.ContactResumed,
        ev.MessageAdded, ev.BotResolved, ev.WrapupStarted, ev.WrapupEnded, ev.ContactEnded,
    ))
}  # fmt: skip
"""Order of events of one instant where the state leaves it open."""


class Entry(msgspec.Struct, array_like=True):
    """An applied event, or a timer that fired."""

    at: int
    """Where it is booked, epoch ms: its event time; of a late event the watermark that it met."""
    late: bool
    event: ev.VisitEvent | None
    """None: a timer."""
    booked: list[Booking]
    outcome: int = Outcome.APPLIED


_at = attrgetter("at")
_encode = msgspec.msgpack.Encoder().encode
_cycle_decoder = msgspec.msgpack.Decoder(VisitCycle)


class Contact(msgspec.Struct, array_like=True):
    """What is stored of one contact."""

    channel: str
    name: str
    entries: list[Entry] = []
    base: VisitCycle | None = None
    """The state before the first entry; None: nothing was before."""
    rows: dict[str, tuple[str, Row]] = {}
    """Rows as last handed to the facts: row id → (queue, row)."""
    published: int = 0
    """How many of the visits are published."""


class Postings(Protocol):
    """Where a history posts what changes: the book's delta and tallies."""

    def post(self, channel: str, booked: list[Booking], sign: int) -> None: ...
    def tally(self, entry: Entry, sign: int) -> None: ...


class History:
    """A contact at work: what is stored, and the state that follows from it."""

    __slots__ = ("contact", "cycle", "dirty", "persisted", "wake_at")

    def __init__(self, contact: Contact, ledger: Ledger, *, persisted: bool = False) -> None:
        self.contact = contact
        self.persisted = persisted
        """Whether the changelog has a row of it."""
        self.dirty = False
        self.wake_at: int | None = None
        """When the book looks at it next (watermark, epoch ms)."""
        self.cycle = self._state_before(len(contact.entries), ledger)

    def knows(self, event_id: str) -> bool:
        """Whether an event of this id was applied within the horizon."""
        for entry in self.contact.entries:
            if entry.event is not None and entry.event.id == event_id:
                return True
        return False

    def add(self, event: ev.VisitEvent, at: int, late: bool, watermark: int, ledger: Ledger, to: Postings) -> None:
        """Apply an event at its place. O(1) at the end; O(entries) when it belongs before others, or beside one."""
        entries = self.contact.entries
        if late or not entries or entries[-1].at < at:
            self._fire_until(at, ledger, to)
            to.tally(self._append(self.cycle, entries, event, at, late, ledger, to), 1)
            return
        index = bisect_left(entries, at, key=_at)
        undone = entries[index:]
        del entries[index:]
        for entry in undone:
            to.post(self.contact.channel, entry.booked, -1)
            to.tally(entry, -1)
        self.cycle = self._state_before(index, ledger)
        events = [(entry.at, entry.late, entry.event) for entry in undone if entry.event is not None]
        self._apply_all([*events, (at, late, event)], ledger, to)
        self._fire_until(watermark, ledger, to)

    def fire_due(self, watermark: int, ledger: Ledger, to: Postings) -> None:
        """Let the timers up to the watermark happen."""
        self._fire_until(watermark, ledger, to)

    def final_visits(self, watermark: int, ledger: Ledger) -> list[Visit]:
        """The visits that have become final and are not published yet; they count as published from now on."""
        horizon = watermark - ledger.settings.lateness_ms
        final = []
        for visit in self.cycle.visits[self.contact.published :]:
            if visit.final_at is None or visit.final_at >= horizon:
                break
            final.append(visit)
        self.contact.published += len(final)
        return final

    def expired(self, watermark: int, ledger: Ledger) -> bool:
        """Whether no event can belong to this contact any more."""
        return watermark > self.cycle.expires_at(ledger) + ledger.settings.lateness_ms

    def next_wake_at(self, ledger: Ledger) -> int:
        """The watermark at which a timer fires, a visit becomes final, or the contact expires."""
        after_lateness = ledger.settings.lateness_ms + 1
        wake_at = self.cycle.expires_at(ledger) + after_lateness
        timer_at = self.cycle.timer_at(ledger)
        if timer_at is not None:
            wake_at = min(wake_at, timer_at)
        if self.contact.published < len(self.cycle.visits):
            final_at = self.cycle.visits[self.contact.published].final_at
            if final_at is not None:
                wake_at = min(wake_at, final_at + after_lateness)
        return wake_at

    def changed_rows(self, ledger: Ledger) -> list[tuple[str, str, Row | None]]:
        """(queue, row id, new content) of the rows that differ from those last handed out; None: it never was."""
        before, now = self.contact.rows, self.cycle.rows(ledger)
        changed: list[tuple[str, str, Row | None]] = []
        for key, (queue, row) in before.items():
            if key not in now or now[key][0] != queue:
                changed.append((queue, key, None))
        changed += [(queue, key, row) for key, (queue, row) in now.items() if before.get(key) != (queue, row)]
        self.contact.rows = now
        return changed

    def compact(self, watermark: int, ledger: Ledger) -> None:
        """Fold the entries that nothing can precede any more into the base, and forget what is over."""
        contact, cycle = self.contact, self.cycle
        horizon = watermark - ledger.settings.lateness_ms
        count = bisect_left(contact.entries, horizon, key=_at)
        if count:
            contact.base = self._state_before(count, ledger)
            del contact.entries[:count]
        over = 0
        while over < contact.published and over < len(cycle.visits) - 1:
            visit = cycle.visits[over]
            wraps_until = (visit.final_at or 0) + ledger.settings.wrapup_max_ms
            if visit.outcome == "answered" and not visit.wrapped and wraps_until >= horizon:
                break
            over += 1
        if over and contact.base is not None:
            contact.base.forget(over)
            cycle.forget(over)
            contact.published -= over
            contact.rows = {key: row for key, row in contact.rows.items() if key in cycle.rows(ledger)}

    def _state_before(self, index: int, ledger: Ledger) -> VisitCycle:
        """The state that the base and the first `index` entries lead to."""
        base = self.contact.base
        cycle = VisitCycle() if base is None else _cycle_decoder.decode(_encode(base))
        for entry in self.contact.entries[:index]:
            if entry.event is None:
                cycle.fire(entry.at, ledger)
            else:
                cycle.step(entry.event, entry.at, entry.late, ledger)
        ledger.take()
        return cycle

    def _apply_all(
        self, events: list[tuple[int, bool, ev.VisitEvent]], ledger: Ledger, to: Postings
    ) -> None:
        """Apply events in time order; of one instant, those first that lead on from the state reached."""
        remaining = sorted(events, key=_order)
        while remaining:
            at = remaining[0][0]
            self._fire_until(at, ledger, to)
            tied = [item for item in remaining if item[0] == at and not item[1]] or remaining[:1]
            chosen = next((item for item in tied if self.cycle.leads_on(item[2])), tied[0])
            remaining.remove(chosen)
            entry = self._append(self.cycle, self.contact.entries, chosen[2], at, chosen[1], ledger, to)
            to.tally(entry, 1)

    def _append(
        self, cycle: VisitCycle, entries: list[Entry], event: ev.VisitEvent, at: int, late: bool, ledger: Ledger,
        to: Postings,
    ) -> Entry:  # fmt: skip
        outcome = cycle.step(event, at, late, ledger)
        entry = Entry(at, late, event, ledger.take(), outcome)
        entries.append(entry)
        if entry.booked:
            to.post(self.contact.channel, entry.booked, 1)
        return entry

    def _fire_until(self, until: int, ledger: Ledger, to: Postings) -> None:
        while (timer_at := self.cycle.timer_at(ledger)) is not None and timer_at <= until:
            self.cycle.fire(timer_at, ledger)
            entry = Entry(timer_at, False, None, ledger.take())
            self.contact.entries.append(entry)
            to.post(self.contact.channel, entry.booked, 1)


def _order(item: tuple[int, bool, ev.VisitEvent]) -> tuple[int, bool, int, int, str]:
    """Time; then on-time before late; then rank and id, ids of one length in their own order."""
    at, late, event = item
    return (at, late, 0, 0, "") if late else (at, late, _RANK[type(event)], len(event.id), event.id)
