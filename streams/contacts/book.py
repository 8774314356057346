"""Stage 1's book: one source partition folded into contacts, facts, final visits and dead letters."""

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import Final, get_args

import msgspec

from streams.books import EVERY_PARTITION, META_KEY, Flush, Output, Reading, Record
from streams.contacts.history import COMPACT_ABOVE, Contact, Entry, History
from streams.contacts.ledger import Booking, Ledger, Outcome
from streams.contacts.settings import FoldSettings
from streams.contacts.stats import Stats
from streams.contacts.visits import Visit
from streams.errors import StateError
from streams.events import types as ev
from streams.events.decode import EventDecoder, Rejected, Unknown
from streams.facts.bins import Bins
from streams.facts.primitives import Bag
from streams.facts.wire import (
    PROGRESS_KEY,
    WHOLE_CHANNEL,
    Delta,
    Dimension,
    Progress,
    Row,
    dimension_key,
    encode,
    row_id,
)

FORMAT: Final = 1
"""Version of the stored state; another one is refused."""
LARGEST_VALUE: Final = 512_000
"""Bytes: a larger dead letter is cut, a larger delta is split."""

_VISIT_EVENTS: Final = frozenset(get_args(ev.VisitEvent))
_contact_decoder = msgspec.msgpack.Decoder(Contact)
_encode_json = msgspec.json.Encoder().encode


class Meta(msgspec.Struct, array_like=True):
    """What stands in the meta record."""

    format: int
    settings: str
    """Digest of the fold's settings."""
    offset: int
    watermark: int
    appended_at: int


class ContactBook:
    """The fold of partition `partition` of `topic`. See `books.Book`."""

    def __init__(self, topic: str, partition: int, settings: FoldSettings) -> None:
        self.topic = topic
        self.partition = partition
        self.stats = Stats()
        self.settings_changed = False
        """Whether the restored state was folded under other settings: booked outcomes keep theirs."""
        self._settings = settings
        self._decoder = EventDecoder(settings.max_record_bytes)
        self._bins = Bins(settings.edges())
        self._ledgers: dict[str, Ledger] = {}
        self._contacts: dict[str, History] = {}
        self._wakes: list[tuple[int, str]] = []
        self._offset = 0
        self._watermark = 0
        self._appended_at = 0
        self._pending = 0
        self._dirty: list[History] = []
        self._gone: list[str] = []
        self._delta: dict[tuple[str, str], Delta] = {}
        self._outputs: list[Output] = []

    @property
    def offset(self) -> int:
        return self._offset

    @property
    def pending(self) -> int:
        return self._pending

    @property
    def watermark(self) -> int:
        """Largest clamped event time seen, epoch ms; 0 before the first."""
        return self._watermark

    # --- fold ---

    def fold(self, records: Sequence[Record]) -> None:
        """Apply records in offset order; those below `offset` were folded before."""
        if records and records[0].offset < self._offset:
            records = [record for record in records if record.offset >= self._offset]
        if not records:
            return
        events = self._decoder.decode([record.value for record in records])
        for record, event in zip(records, events, strict=True):
            self._fold_one(record, event)
        self._offset = records[-1].offset + 1
        self._pending += len(records)

    def _fold_one(self, record: Record, event: ev.AnyEvent | Rejected | Unknown) -> None:
        appended_at = record.timestamp
        if appended_at is not None and appended_at > self._appended_at:
            self._appended_at = appended_at
        kind = type(event)
        if kind is Rejected or kind is Unknown:
            self._dead_letter(record, event)  # type: ignore[arg-type] # told apart above
            return
        at = self._clamped(event, appended_at)  # type: ignore[arg-type]
        watermark = self._watermark
        if kind in _VISIT_EVENTS:
            self._fold_visit_event(record, event, at, watermark)  # type: ignore[arg-type]
        else:
            self.stats.outcomes[_tag(kind), "applied"] += 1
        if at > watermark:
            self._watermark = at
            if self._wakes and self._wakes[0][0] <= at:
                self._wake(at)

    def _clamped(self, event: ev.Event, appended_at: int | None) -> int:
        """The event's time, but no more than a little ahead of its append time."""
        at: int = event.time  # type: ignore[assignment] # decoding has made it an int
        if appended_at is None:
            return at
        if event.source is not None:
            self.stats.source_delay_ms[event.source] = appended_at - at
        if at > appended_at + self._settings.clock_ahead_ms:
            self.stats.clamped += 1
            event.time = appended_at
            return appended_at
        return at

    def _fold_visit_event(self, record: Record, event: ev.VisitEvent, at: int, watermark: int) -> None:
        late = at < watermark - self._settings.lateness_ms
        key = f"{event.channel}\x1f{event.contact}"
        history = self._contacts.get(key)
        ledger = self._ledger(event.channel)
        if history is None:
            if late:
                self._count(event, "too_late")
                self._dead_letter_as(record, "too_late", "$.time", f"older than the horizon, {watermark} seen before")
                return
            history = self._contacts[key] = History(Contact(event.channel, event.contact), ledger)
        elif not late and history.knows(event.id):
            self._count(event, "duplicate")
            return
        history.add(event, watermark if late else at, late, watermark, ledger, self)
        if not history.dirty:
            history.dirty = True
            self._dirty.append(history)
        if len(history.contact.entries) > COMPACT_ABOVE:
            history.compact(max(watermark, at), ledger)
        self._schedule(key, history, ledger)

    def _ledger(self, channel: str) -> Ledger:
        ledger = self._ledgers.get(channel)
        if ledger is None:
            ledger = self._ledgers[channel] = Ledger(channel, self._settings, self._bins)
        return ledger

    # --- Postings: what histories post to ---

    def post(self, channel: str, booked: list[Booking], sign: int) -> None:
        """Add (sign 1) or take back (sign −1) bookings."""
        for queue, pane, bag in booked:
            panes = self._delta_of(channel, queue).panes
            total = panes.get(pane)
            if total is None:
                total = panes[pane] = {}
            for primitive, n in bag.items():
                total[primitive] = total.get(primitive, 0) + sign * n

    def tally(self, entry: Entry, sign: int) -> None:
        """Count (sign 1) or uncount (sign −1) what became of an event."""
        if entry.event is None:
            return
        stats = self.stats
        duplicate = entry.outcome & Outcome.DUPLICATE
        what = "late" if entry.late else "duplicate" if duplicate else "applied"
        stats.outcomes[_tag(type(entry.event)), what] += sign
        if entry.outcome & Outcome.ORPHAN:
            stats.orphans += sign
        if entry.outcome & Outcome.NEGATIVE_WAIT:
            stats.negative_waits += sign

    def _delta_of(self, channel: str, queue: str) -> Delta:
        key = (channel, queue)
        delta = self._delta.get(key)
        if delta is None:
            delta = self._delta[key] = Delta({}, {})
        return delta

    # --- time: what the watermark makes happen ---

    def _schedule(self, key: str, history: History, ledger: Ledger) -> None:
        wake_at = history.next_wake_at(ledger)
        if history.wake_at is None or wake_at < history.wake_at:
            history.wake_at = wake_at
            heappush(self._wakes, (wake_at, key))

    def _wake(self, watermark: int) -> None:
        """Evictions, publications and departures that the watermark has reached."""
        wakes = self._wakes
        while wakes and wakes[0][0] <= watermark:
            wake_at, key = heappop(wakes)
            history = self._contacts.get(key)
            if history is None or history.wake_at != wake_at:
                continue
            history.wake_at = None
            self._attend(key, history, watermark)

    def _attend(self, key: str, history: History, watermark: int) -> None:
        ledger = self._ledger(history.contact.channel)
        history.fire_due(watermark, ledger, self)
        for visit in history.final_visits(watermark, ledger):
            self._outputs.append(_visit_record(history.contact, visit))
        if history.expired(watermark, ledger):
            self._post_rows(history)
            del self._contacts[key]
            if history.persisted:
                self._gone.append(key)
            history.persisted = False
            return
        if not history.dirty:
            history.dirty = True
            self._dirty.append(history)
        self._schedule(key, history, ledger)

    # --- drain ---

    def drain(self, reading: Reading) -> Flush:
        """Changed contacts, facts with their roll-ups, visits, dead letters and the progress of this partition."""
        rows: dict[bytes, bytes | None] = {key.encode(): None for key in self._gone}
        for history in self._dirty:
            history.dirty = False
            contact = history.contact
            key = f"{contact.channel}\x1f{contact.name}"
            if self._contacts.get(key) is not history:
                continue
            self._post_rows(history)
            rows[key.encode()] = encode(contact)
            history.persisted = True
        outputs = [*self._outputs, *self._facts(), self._progress(reading)]
        flush = Flush(rows, outputs, encode(self._meta()), self._offset)
        self._dirty, self._gone, self._outputs, self._delta, self._pending = [], [], [], {}, 0
        return flush

    def _post_rows(self, history: History) -> None:
        contact = history.contact
        for queue, key, row in history.changed_rows(self._ledger(contact.channel)):
            self._delta_of(contact.channel, queue).rows[row_id(contact.name, key)] = row

    def _facts(self) -> Iterable[Output]:
        for (channel, queue), delta in self._with_roll_ups().items():
            key = dimension_key(Dimension(channel, queue))
            for value in _encoded(delta):
                yield Output("facts", key, value)

    def _with_roll_ups(self) -> dict[tuple[str, str], Delta]:
        """The deltas of the queues, and of each channel as their sum."""
        deltas = self._delta
        for (channel, queue), delta in list(deltas.items()):
            whole = deltas.setdefault((channel, WHOLE_CHANNEL), Delta({}, {}))
            for pane, bag in delta.panes.items():
                _add(whole.panes.setdefault(pane, {}), bag)
            # A row that has moved to another queue is removed there and present here: present wins.
            for key, row in delta.rows.items():
                if row is not None or key not in whole.rows:
                    whole.rows[key] = row
        return deltas

    def _progress(self, reading: Reading) -> Output:
        progress = Progress(
            self.topic, self.partition, self._offset, self._watermark, reading.lag, self._appended_at, reading.caught_up
        )
        return Output("facts", PROGRESS_KEY, encode(progress), partition=EVERY_PARTITION)

    def _meta(self) -> Meta:
        return Meta(FORMAT, self._settings.digest(), self._offset, self._watermark, self._appended_at)

    # --- state ---

    def restore(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Build the state from changelog rows; see `books.Book.restore`."""
        for key, value in rows:
            if key == META_KEY:
                self._restore_meta(value)
                continue
            contact = _contact_decoder.decode(value)
            ledger = self._ledger(contact.channel)
            history = self._contacts[key.decode()] = History(contact, ledger, persisted=True)
            self._schedule(key.decode(), history, ledger)

    def _restore_meta(self, value: bytes) -> None:
        meta = read_meta(value, f"{self.topic}[{self.partition}]")
        self._offset, self._watermark, self._appended_at = meta.offset, meta.watermark, meta.appended_at
        self.settings_changed = meta.settings != self._settings.digest()

    def snapshot(self) -> bytes:
        """The whole state, canonical. O(contacts)."""
        contacts = []
        for key in sorted(self._contacts):
            history = self._contacts[key]
            ledger = self._ledger(history.contact.channel)
            history.compact(self._watermark, ledger)
            contacts.append(msgspec.structs.replace(history.contact, rows=history.cycle.rows(ledger)))
        return msgspec.msgpack.Encoder(order="deterministic").encode([self._meta(), contacts])

    # --- dead letters ---

    def _count(self, event: ev.VisitEvent, outcome: str) -> None:
        self.stats.outcomes[_tag(type(event)), outcome] += 1

    def _dead_letter(self, record: Record, bad: Rejected | Unknown) -> None:
        if isinstance(bad, Unknown):
            self.stats.outcomes["", "unknown"] += 1
            self._dead_letter_as(record, "unknown", "$.type", f"type {bad.type[:100]!r} is not known")
        else:
            self.stats.outcomes["", "rejected"] += 1
            self.stats.rejected[bad.reason] += 1
            self._dead_letter_as(record, bad.reason, bad.path, bad.message)

    def _dead_letter_as(self, record: Record, reason: str, path: str, message: str) -> None:
        source = {"topic": self.topic, "partition": self.partition, "offset": record.offset}
        headers = [
            ("reason", reason.encode()),
            ("path", path.encode()),
            ("message", message.encode()),
            ("source", _encode_json(source)),
        ]
        value = record.value or b""
        if len(value) > LARGEST_VALUE:
            headers += [("truncated", b"true"), ("size", str(len(value)).encode())]
            value = value[:LARGEST_VALUE]
        key = record.key[:LARGEST_VALUE] if record.key else record.key
        self._outputs.append(Output("deadletters", key, value, tuple(headers)))


def read_meta(value: bytes, where: str) -> Meta:
    """Decode a meta record; raises StateError when another version of the program wrote it."""
    try:
        meta = msgspec.msgpack.decode(value, type=Meta)
    except msgspec.DecodeError as error:
        raise _unreadable(where, "an unreadable format") from error
    if meta.format != FORMAT:
        raise _unreadable(where, f"format {meta.format}, this program reads {FORMAT}")
    return meta


def _unreadable(where: str, what: str) -> StateError:
    hint = "run the version that wrote it, or set a new `kafka.app` name: the log is folded anew into fresh topics"
    return StateError(f"the stored state of {where} has {what}", hint=hint)


def _tag(kind: type[ev.Event]) -> str:
    return str(kind.__struct_config__.tag)


def _add(total: Bag, bag: Bag) -> None:
    for primitive, n in bag.items():
        total[primitive] = total.get(primitive, 0) + n


def _encoded(delta: Delta) -> Iterable[bytes]:
    """The delta's value, cut into several where it would be too large."""
    value = encode(delta)
    if len(value) <= LARGEST_VALUE or len(delta.panes) + len(delta.rows) <= 1:
        yield value
        return
    panes, rows = list(delta.panes.items()), list(delta.rows.items())
    middle_pane, middle_row = len(panes) // 2, len(rows) // 2
    yield from _encoded(Delta(dict(panes[:middle_pane]), dict(rows[:middle_row])))
    yield from _encoded(Delta(dict(panes[middle_pane:]), dict(rows[middle_row:])))


def _visit_record(contact: Contact, visit: Visit) -> Output:
    """The final record for the outside (architecture.md, "Outputs", Kafka)."""
    record = {
        "contact": contact.name,
        "visit": visit.number,
        "channel": contact.channel,
        "queue": visit.queue,
        "outcome": visit.outcome,
        "reason": visit.reason,
        "entered_at": visit.entered_at,
        "left_at": visit.left_at,
        "booked_at": visit.booked_at,
        "wait_ms": visit.wait_ms,
        "talk_ms": visit.talk_ms,
        "hold_ms": visit.hold_ms,
        "agent": visit.agent,
    }
    return Output("visits", contact.name.encode(), _encode_json(record))
