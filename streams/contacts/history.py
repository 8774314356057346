"""One contact: its recent events in order, what each booked, and the state they lead to.

Every event is applied as it comes. When one belongs before others, the state is rebuilt up to there and the rest is
applied anew: what they book now minus what they had booked is the correction. Events that no other can precede any
more are folded into `base` and forgotten, so a contact stays small however long it lives.
"""

from bisect import bisect_left
from operator import attrgetter
from typing import Final

import msgspec
from msgspec.structs import replace

from streams.contacts.final import FinalVisit
from streams.contacts.ledger import Booking, Ledger, Outcome
from streams.contacts.lifecycle import NEVER, Cycle, LifeCycle, ev_time
from streams.contacts.lives import AnyCycle
from streams.contacts.stats import Stats
from streams.events import model as ev
from streams.facts.wire import Row, segment_queue

COMPACT_ABOVE: Final = 24
"""A contact with more entries than this forgets those that are final."""


class Entry(msgspec.Struct, array_like=True, gc=False):
    """An applied event, or a timer that fired."""

    at: int
    """Where it is booked, epoch ms: its event time; of a late event the watermark that it met."""
    event: ev.AnyEvent | None
    """None: a timer."""
    booked: list[Booking]
    outcome: int = Outcome.APPLIED


_at = attrgetter("at")
_encode = msgspec.msgpack.Encoder().encode
_cycle_decoder = msgspec.msgpack.Decoder(AnyCycle)


class Contact(msgspec.Struct, array_like=True, gc=False):
    """What is stored of one contact."""

    life: str
    """Code of its life cycle."""
    channel: str
    name: str
    entries: list[Entry] = []
    base: AnyCycle | None = None
    """The state before the first entry; None: nothing was before."""
    rows: dict[str, tuple[str, Row]] = {}
    """Rows as last handed to the facts: row id → (queue, row)."""
    published: int = 0
    """How many of the visits are published."""


class History:
    """A contact at work: what is stored, and the state that follows from it."""

    __slots__ = ("contact", "cycle", "dirty", "ids", "key", "life", "persisted", "wake_at")

    def __init__(self, key: str, contact: Contact, life: LifeCycle, ledger: Ledger, *, persisted: bool = False) -> None:
        self.life = life
        self.key = key
        """Where the book and the changelog keep it; empty once it is gone."""
        self.contact = contact
        self.persisted = persisted
        """Whether the changelog has a row of it."""
        self.dirty = False
        self.wake_at = NEVER
        """When the book looks at it next (watermark, epoch ms)."""
        self.ids = {entry.event.id for entry in contact.entries if entry.event is not None}
        """Ids of the events kept: a repetition of one of them is a duplicate."""
        self.cycle = self._state_before(len(contact.entries), ledger) if persisted else life.new()

    def append(self, event: ev.AnyEvent, at: int, ledger: Ledger) -> None:
        """Apply an event after all others, booked at `at`. O(1)."""
        self.ids.add(event.id)
        cycle = self.cycle
        if cycle.timer_at <= at:
            self.fire_until(at, ledger)
        outcome = self.life.apply(cycle, event, at, ledger)
        if ledger.segments:
            _learn_segment(cycle, event, at, ledger)
            _count_in_segment(cycle, ledger)
        entry = Entry(at, event, ledger.take() if ledger.booked else [], outcome)
        self.contact.entries.append(entry)
        if outcome or event.time != at:
            _tally(entry, 1, ledger.stats)
        else:
            ledger.stats.applied[type(event)] += 1

    def insert(self, event: ev.AnyEvent, at: int, settled: int, ledger: Ledger) -> None:
        """Apply an event at its place: before others, beside one, or (a late one) after all. O(entries).

        `settled`: timers up to then have fired (epoch ms).
        """
        if ev_time(event) < at:
            self.append(event, at, ledger)
            return
        self.ids.add(event.id)
        entries = self.contact.entries
        index = bisect_left(entries, at, key=_at)
        undone = entries[index:]
        del entries[index:]
        for entry in undone:
            ledger.post(entry.booked, -1)
            _tally(entry, -1, ledger.stats)
        self.cycle = self._state_before(index, ledger)
        events = [(entry.at, entry.event) for entry in undone if entry.event is not None]
        self._apply_all([*events, (at, event)], ledger)
        self.fire_until(settled, ledger)

    def fire_until(self, until: int, ledger: Ledger) -> None:
        """Let the timers up to then happen."""
        while (timer_at := self.cycle.timer_at) <= until:
            self.life.fire(self.cycle, timer_at, ledger)
            if ledger.segments:
                _count_in_segment(self.cycle, ledger)
            self.contact.entries.append(Entry(timer_at, None, ledger.take()))

    def final_visits(self, settled: int, ledger: Ledger) -> list[FinalVisit]:
        """The visits that have become final and are not published yet; they count as published from now on."""
        contact, horizon = self.contact, settled - ledger.settings.lateness_ms
        final = self.cycle.final_visits(contact.published, horizon, contact.channel, contact.name)
        contact.published += len(final)
        return final

    def next_wake_at(self, ledger: Ledger) -> int:
        """The time at which a timer fires, a visit becomes final, or the contact expires."""
        cycle = self.cycle
        wake_at = min(cycle.timer_at, self.gone_at(ledger))
        final_at = cycle.final_at(self.contact.published)
        return wake_at if final_at is None else min(wake_at, final_at + ledger.settings.lateness_ms + 1)

    def gone_at(self, ledger: Ledger) -> int:
        """When no event can belong to this contact any more."""
        return self.cycle.expires_at(ledger) + ledger.settings.lateness_ms + 1

    def settles(self) -> bool:
        """Whether it changes when no event can precede the latest any more."""
        return self.cycle.settles(self.contact.published)

    def changed_rows(self, ledger: Ledger) -> list[tuple[str, str, Row | None]]:
        """(queue, row id, new content) of the rows that differ from those last handed out; None: it never was."""
        before, now = self.contact.rows, self.rows(ledger)
        changed: list[tuple[str, str, Row | None]] = []
        for key, (queue, _) in before.items():
            if key not in now or now[key][0] != queue:
                changed.append((queue, key, None))
        changed += [(queue, key, row) for key, (queue, row) in now.items() if before.get(key) != (queue, row)]
        self.contact.rows = now
        return changed

    def rows(self, ledger: Ledger) -> dict[str, tuple[str, Row]]:
        """Row id (within the contact) → (queue, row): all that lasts or lasted, as of now. Those of a segment begin
        when it is known.
        """
        rows = self.cycle.rows(ledger)
        segment, since = self.cycle.segment, self.cycle.segment_at
        if segment in ledger.segments:
            queue = segment_queue(segment)
            known = [(key, row) for key, (_, row) in rows.items() if row.end is None or row.end > since]
            rows |= {f"#{key}": (queue, replace(row, begin=max(row.begin, since))) for key, row in known}
        return rows

    def compact(self, watermark: int, ledger: Ledger) -> None:
        """Fold the entries that nothing can precede any more into the base, and forget what is over."""
        contact, cycle = self.contact, self.cycle
        horizon = watermark - ledger.settings.lateness_ms
        count = bisect_left(contact.entries, horizon, key=_at)
        if count:
            contact.base = self._state_before(count, ledger)
            del contact.entries[:count]
            self.ids = {entry.event.id for entry in contact.entries if entry.event is not None}
        over = cycle.forgettable(contact.published, horizon, ledger)
        if over and contact.base is not None:
            contact.base.forget(over)
            cycle.forget(over)
            contact.published -= over
            rows = self.rows(ledger)
            contact.rows = {key: row for key, row in contact.rows.items() if key in rows}

    def _state_before(self, index: int, ledger: Ledger) -> AnyCycle:
        """The state that the base and the first `index` entries lead to."""
        base = self.contact.base
        cycle: AnyCycle = self.life.new() if base is None else _cycle_decoder.decode(_encode(base))
        for entry in self.contact.entries[:index]:
            if entry.event is None:
                self.life.fire(cycle, entry.at, ledger)
            else:
                self.life.apply(cycle, entry.event, entry.at, ledger)
                if ledger.segments:
                    _learn_segment(cycle, entry.event, entry.at, ledger)
        ledger.discard()
        return cycle

    def _apply_all(self, events: list[tuple[int, ev.AnyEvent]], ledger: Ledger) -> None:
        """Apply events in time order; of one instant, those first that lead on from the state reached."""
        remaining = sorted(events, key=self._order)
        while remaining:
            at = remaining[0][0]
            self.fire_until(at, ledger)
            tied = [item for item in remaining if item[0] == at == ev_time(item[1])] or remaining[:1]
            chosen = next((item for item in tied if self.life.leads_on(self.cycle, item[1])), tied[0])
            remaining.remove(chosen)
            self.append(chosen[1], at, ledger)

    def _order(self, item: tuple[int, ev.AnyEvent]) -> tuple[int, bool, int, int, str]:
        """Time; on-time before late, which keep their order; then rank and id, ids of one length in their order."""
        at, event = item
        late = ev_time(event) < at
        return (at, late, 0, 0, "") if late else (at, late, self.life.rank[type(event)], len(event.id), event.id)


def _learn_segment(cycle: Cycle, event: ev.AnyEvent, at: int, ledger: Ledger) -> None:
    """The first segment that an event names is the contact's, from then on."""
    segment = getattr(event, "segment", None)
    if cycle.segment is None and segment in ledger.segments:
        cycle.segment, cycle.segment_at = segment, at


def _count_in_segment(cycle: Cycle, ledger: Ledger) -> None:
    if cycle.segment in ledger.segments and ledger.booked:
        ledger.count_in_segment(cycle.segment)


def _tally(entry: Entry, sign: int, stats: Stats) -> None:
    """Count (sign 1) or uncount (sign −1) what became of an event."""
    event, outcome = entry.event, entry.outcome
    if event is None:
        return
    if ev_time(event) < entry.at:
        stats.others[type(event), "late"] += sign
    elif outcome & Outcome.DUPLICATE:
        stats.others[type(event), "duplicate"] += sign
    else:
        stats.applied[type(event)] += sign
    if outcome:
        stats.orphans += sign * bool(outcome & Outcome.ORPHAN)
        stats.negative_waits += sign * bool(outcome & Outcome.NEGATIVE_WAIT)
