"""One contact: its recent events in order, what each booked, and the state they lead to.

Every event is applied as it comes. When one belongs before others, the state is rebuilt up to there and the rest is
applied anew: what they book now minus what they had booked is the correction. Events that no other can precede any
more are folded into `base` and forgotten, so a contact stays small however long it lives.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import takewhile
from operator import itemgetter
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from streams.contacts.customers import follow
from streams.contacts.ledger import Booking, Ledger, Outcome, StartCount
from streams.contacts.lifecycle import NEVER, Cycle, LifeCycle, ev_time
from streams.contacts.lives import BY_CODE
from streams.contacts.stats import Stats
from streams.events import model as ev
from streams.facts.wire import Row, encode, row_id, segment_queue

COMPACT_ABOVE: Final = 24
"""A contact with more entries than this forgets those that are final."""

Arrival = tuple[int, ev.AnyEvent]
"""(the second, in epoch ms, that the watermark had reached before the record; an event that was on time then)."""


Entry = tuple[int, ev.AnyEvent | None, tuple[Booking, ...], int, tuple[StartCount, ...]]
"""An applied event, or a timer that fired: (`at`, event, booked, outcome, starts). Plain, for there are many.

`at`: where it is booked, epoch ms: its event time; of a late event the watermark that it met. event: None is a timer.
starts: what it changed about where the contact counts for its customer.
"""

_at = itemgetter(0)
_decode_map = msgspec.msgpack.Decoder(dict[str, Any]).decode
_decode_contact = msgspec.msgpack.Decoder(
    tuple[str, str, str, list[Entry], dict[str, Any] | None, dict[str, tuple[str, Row]], int]
).decode


@dataclass
class Contact:
    """What is stored of one contact."""

    life: LifeCycle
    channel: str
    name: str
    entries: list[Entry] = field(default_factory=list)
    base: Cycle | None = None
    """The state before the first entry; None: nothing was before."""
    rows: dict[str, tuple[str, Row]] = field(default_factory=dict)
    """Rows as last handed to the facts: row id → (queue, row)."""
    published: int = 0
    """How many of the visits are published."""

    def stored(self) -> tuple[object, ...]:
        """What `restore` reads, once it is encoded."""
        return self.life.code, self.channel, self.name, self.entries, self.base, self.rows, self.published


def restore(stored: bytes | memoryview) -> Contact:
    """The contact of which this is what `stored` gives, encoded."""
    code, channel, name, entries, kept, rows, published = _decode_contact(stored)
    life = BY_CODE[code]
    base = None
    if kept is not None:
        base = life.new()
        base.restore(kept)
    return Contact(life, channel, name, entries, base, rows, published)


class History:
    """A contact at work: what is stored, and the state that follows from it."""

    __slots__ = (
        "contact", "cycle", "dirty", "due_at", "ids", "key", "ledger", "life", "over", "persisted", "resting",
        "stored_at", "wake_at",
    )  # fmt: skip

    def __init__(self, key: str, contact: Contact, ledger: Ledger, *, persisted: bool = False) -> None:
        self.key = key
        """Where the book and the changelog keep it."""
        self.contact = contact
        self.life = contact.life
        self.ledger = ledger
        self.persisted = persisted
        """Whether the changelog has a row of it."""
        self.stored_at = 0
        """The watermark's second when it was stored last, epoch ms."""
        self.resting = False
        """Whether the book looks some day whether it can sleep."""
        self.dirty = False
        self.over = False
        """Whether no event can belong to it any more: it can be forgotten."""
        self.wake_at = NEVER
        """When the book looks at it next (watermark, epoch ms)."""
        self.ids = _ids(contact.entries) if persisted else set()
        """Ids of the events kept: a repetition of one of them is a duplicate."""
        self.cycle = self._state_before(len(contact.entries)) if persisted else self.life.new()
        self.due_at = self._due_at() if persisted else NEVER
        """Nothing happens before by time alone (watermark, epoch ms): `attend` does it."""

    # --- events ---

    def receive(self, arrivals: Iterable[Arrival]) -> None:
        """Apply events in the order they came, each after what the time that it met has brought about."""
        ledger, ids, entries = self.ledger, self.ids, self.contact.entries
        settles_ms = ledger.settings.lateness_ms + 1
        last_at = entries[-1][0] if entries else 0
        for settled, event in arrivals:
            if self.due_at <= settled:
                self.attend(settled)
                if self.over:
                    self._begin_anew()
                ids, entries = self.ids, self.contact.entries
                last_at = entries[-1][0] if entries else 0
            if event.id in ids:
                ledger.stats.others[type(event), "duplicate"] += 1
                continue
            ids.add(event.id)
            at: int = event.time  # type: ignore[assignment] # decoding has made it an int
            if last_at < at:
                self._append(event, at)
                last_at = at
            else:
                self._insert(event, at, settled)
                last_at = entries[-1][0]
            if len(entries) > COMPACT_ABOVE:
                self.compact(max(settled, at))
                ids = self.ids
            if at + settles_ms < self.due_at:  # noqa: PLR1730 - once per event: min() would take longer
                self.due_at = at + settles_ms
            if self.cycle.timer_at < self.due_at:  # noqa: PLR1730
                self.due_at = self.cycle.timer_at

    def receive_late(self, event: ev.AnyEvent, watermark: int) -> None:
        """Apply an event from beyond the horizon after all others, booked at the watermark that it met."""
        if event.id in self.ids:
            self.ledger.stats.others[type(event), "duplicate"] += 1
            return
        self.ids.add(event.id)
        self._append(event, watermark)
        if len(self.contact.entries) > COMPACT_ABOVE:
            self.compact(watermark)
        self.due_at = min(self.due_at, watermark + self.ledger.settings.lateness_ms + 1, self.cycle.timer_at)

    def _append(self, event: ev.AnyEvent, at: int) -> None:
        """Apply an event after all others, booked at `at`. O(1)."""
        cycle, ledger = self.cycle, self.ledger
        if cycle.timer_at <= at:
            self._fire_until(at)
        outcome = self.life.apply(cycle, event, at, ledger)
        if ledger.tells_more:
            self._tell_more(event, at, outcome)
            return
        self.contact.entries.append((at, event, ledger.take() if ledger.booked else (), outcome, ()))
        if outcome or event.time != at:
            _tally(event, at, outcome, 1, ledger.stats)
        else:
            ledger.stats.applied[type(event)] += 1

    def _tell_more(self, event: ev.AnyEvent, at: int, outcome: int) -> None:
        """Keep an applied event, with what segments, customers and observers have of it."""
        cycle, ledger = self.cycle, self.ledger
        if ledger.segments:
            _learn_segment(cycle, event, at, ledger)
            _count_in_segment(cycle, ledger)
        starts = () if ledger.starts is None else follow(cycle, event, at)
        entry = at, event, ledger.take(), outcome, starts
        self.contact.entries.append(entry)
        if ledger.starts is not None:
            ledger.starts += starts
        if ledger.observer:
            ledger.observer(self, entry, 1)
        _tally(event, at, outcome, 1, ledger.stats)

    def _insert(self, event: ev.AnyEvent, at: int, settled: int) -> None:
        """Apply an event at its place, before others or beside one. O(entries).

        `settled`: timers up to then have fired (epoch ms).
        """
        if self._comes_last(event, at):
            self._append(event, at)
            return
        entries = self.contact.entries
        index = bisect_left(entries, at, key=_at)
        undone = entries[index:]
        del entries[index:]
        for entry in undone:
            was_at, was, booked, outcome, starts = entry
            self.ledger.take_back(booked)
            if starts:
                self.ledger.take_back_starts(starts)
            if self.ledger.observer:
                self.ledger.observer(self, entry, -1)
            if was is not None:
                _tally(was, was_at, outcome, -1, self.ledger.stats)
        self.cycle = self._state_before(index)
        events = [(was_at, was) for was_at, was, _, _, _ in undone if was is not None]
        self._apply_all([*events, (at, event)])
        self._fire_until(settled)

    def _comes_last(self, event: ev.AnyEvent, at: int) -> bool:
        """Whether nothing of its instant has to be applied anew: all are of its kind and queue, so none leads on before
        another, and it sorts after the last. A source that stamps thousands of events alike must stop nobody.
        """
        entries, kind, queue = self.contact.entries, type(event), getattr(event, "queue", None)
        last_at, last = entries[-1][:2] if entries else (0, None)
        if last is None or last_at != at or self._order((at, event)) <= self._order((at, last)):
            return False
        for other_at, other, _, _, _ in reversed(entries):
            if other_at != at:
                break
            if type(other) is not kind or getattr(other, "queue", None) != queue:
                return False
        return True

    def _apply_all(self, events: list[tuple[int, ev.AnyEvent]]) -> None:
        """Apply events in time order; of one instant, those first that lead on from the state reached."""
        remaining = sorted(events, key=self._order)
        while remaining:
            at = remaining[0][0]
            self._fire_until(at)
            tied = takewhile(lambda item: item[0] == at == ev_time(item[1]), remaining)  # noqa: B023 - used up below
            chosen = next((item for item in tied if self.life.leads_on(self.cycle, item[1])), remaining[0])
            remaining.remove(chosen)
            self._append(chosen[1], at)

    def _order(self, item: tuple[int, ev.AnyEvent]) -> tuple[int, bool, int, int, str]:
        """Time; on-time before late, which keep their order; then rank and id, ids of one length in their order."""
        at, event = item
        late = ev_time(event) < at
        return (at, late, 0, 0, "") if late else (at, late, self.life.rank[type(event)], len(event.id), event.id)

    # --- time ---

    def attend(self, settled: int) -> bool:
        """Let happen what the watermark's second brings about: timers fire, visits become final, some day it is over.

        To attend at every second or only at some comes to the same. Returns whether anything has changed.
        """
        self.due_at = self._due_at()
        if self.due_at > settled:  # it was planned too soon
            return False
        entries, published = len(self.contact.entries), self.contact.published
        self._fire_until(settled)
        self._finish(settled)
        self.over = self._gone_at() <= settled
        if not self.over:
            self.due_at = self._due_at()
        return entries != len(self.contact.entries) or published != self.contact.published

    def _fire_until(self, until: int) -> None:
        """Let the timers up to then happen."""
        while (timer_at := self.cycle.timer_at) <= until:
            self.life.fire(self.cycle, timer_at, self.ledger)
            if self.ledger.segments:
                _count_in_segment(self.cycle, self.ledger)
            entry: Entry = timer_at, None, self.ledger.take(), Outcome.APPLIED, ()
            self.contact.entries.append(entry)
            if self.ledger.observer:
                self.ledger.observer(self, entry, 1)

    def _finish(self, settled: int) -> None:
        """Publish the visits that have become final; each is final only after those before it."""
        contact, cycle, ledger = self.contact, self.cycle, self.ledger
        horizon = settled - ledger.settings.lateness_ms
        since = 0
        for final_at, visit in cycle.final_visits(contact.published, horizon, contact.channel, contact.name):
            since = max(since, final_at)
            contact.published += 1
            ledger.final.append((since, visit))

    def _due_at(self) -> int:
        """The time at which a timer fires, a visit becomes final, or the contact is over."""
        due_at = min(self.cycle.timer_at, self._gone_at())
        final_at = self.cycle.final_at(self.contact.published)
        return due_at if final_at is None else min(due_at, final_at + self.ledger.settings.lateness_ms + 1)

    def _gone_at(self) -> int:
        """When no event can belong to this contact any more."""
        return self.cycle.expires_at(self.ledger) + self.ledger.settings.lateness_ms + 1

    def _begin_anew(self) -> None:
        """Another contact of the same name."""
        self.post_rows()
        old = self.contact
        self.contact = Contact(old.life, old.channel, old.name)
        self.cycle = self.life.new()
        self.ids = set()
        self.over, self.due_at = False, NEVER

    # --- what is stored ---

    def post_rows(self) -> None:
        """Hand out the rows that differ from those last handed out."""
        contact, ledger = self.contact, self.ledger
        before, now = contact.rows, self.rows()
        if not now and not before:
            return
        for key, (queue, _) in before.items():
            if key not in now or now[key][0] != queue:
                ledger.post_row(queue, row_id(contact.name, key), None)
        for key, kept in now.items():
            if before.get(key) != kept:
                ledger.post_row(kept[0], row_id(contact.name, key), kept[1])
        contact.rows = now

    def rows(self) -> dict[str, tuple[str, Row]]:
        """Row id (within the contact) → (queue, row): all that lasts or lasted, as of now. Those of a segment begin
        when it is known.
        """
        rows = self.cycle.rows(self.ledger)
        segment, since = self.cycle.segment, self.cycle.segment_at
        if segment in self.ledger.segments:
            queue = segment_queue(segment)
            known = [(key, row) for key, (_, row) in rows.items() if row.end is None or row.end > since]
            rows |= {f"#{key}": (queue, replace(row, begin=max(row.begin, since))) for key, row in known}
        return rows

    def compact(self, watermark: int) -> None:
        """Fold the entries that nothing can precede any more into the base, and forget what is over."""
        contact, cycle, ledger = self.contact, self.cycle, self.ledger
        horizon = watermark - ledger.settings.lateness_ms
        count = bisect_left(contact.entries, horizon, key=_at)
        if count:
            contact.base = self._state_before(count)
            del contact.entries[:count]
            self.ids = _ids(contact.entries)
        over = cycle.forgettable(contact.published, horizon, ledger)
        if over and contact.base is not None:
            self.post_rows()  # what is forgotten is handed out no more
            contact.base.forget(over)
            cycle.forget(over)
            contact.published = max(0, contact.published - over)  # only visits are published
            contact.rows = self.rows()

    def _state_before(self, index: int) -> Cycle:
        """The state that the base and the first `index` entries lead to."""
        base = self.contact.base
        cycle = self.life.new()
        if base is not None:
            cycle.restore(_decode_map(encode(base)))
        for at, event, _, _, _ in self.contact.entries[:index]:
            if event is None:
                self.life.fire(cycle, at, self.ledger)
            else:
                self.life.apply(cycle, event, at, self.ledger)
                if self.ledger.segments:
                    _learn_segment(cycle, event, at, self.ledger)
                if self.ledger.starts is not None:
                    follow(cycle, event, at)
        self.ledger.discard()
        return cycle


def _ids(entries: Iterable[Entry]) -> set[str]:
    """Ids of their events."""
    return {event.id for _, event, _, _, _ in entries if event is not None}


def _learn_segment(cycle: Cycle, event: ev.AnyEvent, at: int, ledger: Ledger) -> None:
    """The first segment that an event names is the contact's, from then on."""
    segment = getattr(event, "segment", None)
    if cycle.segment is None and segment in ledger.segments:
        cycle.segment, cycle.segment_at = segment, at


def _count_in_segment(cycle: Cycle, ledger: Ledger) -> None:
    if cycle.segment in ledger.segments and ledger.booked:
        ledger.count_in_segment(cycle.segment)


def _tally(event: ev.AnyEvent, at: int, outcome: int, sign: int, stats: Stats) -> None:
    """Count (sign 1) or uncount (sign −1) what became of an event booked at `at`."""
    if ev_time(event) < at:
        stats.others[type(event), "late"] += sign
    elif outcome & Outcome.DUPLICATE:
        stats.others[type(event), "duplicate"] += sign
    else:
        stats.applied[type(event)] += sign
    if outcome:
        stats.orphans += sign * bool(outcome & Outcome.ORPHAN)
        stats.negative_waits += sign * bool(outcome & Outcome.NEGATIVE_WAIT)
