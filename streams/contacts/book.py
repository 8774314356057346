"""Stage 1's book: one source partition folded into contacts, facts, final visits and dead letters."""

from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush
from operator import itemgetter
from typing import Final

import msgspec

from streams.books import EVERY_PARTITION, META_KEY, Flush, Output, Reading, Record, read_meta
from streams.calendars.clock import Calendar
from streams.contacts.final import FinalVisit
from streams.contacts.history import COMPACT_ABOVE, Contact, History
from streams.contacts.ledger import Ledger
from streams.contacts.lifecycle import NEVER, LifeCycle
from streams.contacts.lives import BY_CODE, TICKETS, lives_of
from streams.contacts.settings import FoldSettings
from streams.contacts.stats import Stats
from streams.events import model as ev
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
    group_queue,
    is_segment,
    row_id,
)

FORMAT: Final = 3
"""Version of the stored state; another one is refused."""
LARGEST_VALUE: Final = 512_000
"""Bytes: a larger dead letter is cut, a larger delta is split."""

_TICK_MS: Final = 1_000
"""What the watermark makes happen is done when it enters a new second: the same for any cut into batches."""

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

    def __init__(self, topic: str, partition: int, settings: FoldSettings, *, source: str | None = None) -> None:
        """`source`: the topic's name in Kafka, for dead letters; None: it is `topic`."""
        self.topic = topic
        self._source = source or topic
        self.partition = partition
        self.stats = Stats()
        self.settings_changed = False
        """Whether the restored state was folded under other settings: booked outcomes keep theirs."""
        self._settings = settings
        self._decoder = EventDecoder(settings.max_record_bytes)
        self._bins = Bins(settings.edges())
        self._calendars = {name: Calendar(calendar) for name, calendar in settings.calendars.items()}
        self._lives = lives_of(topic)
        self._ledgers: dict[tuple[str, str], Ledger] = {}
        """(domain, channel) → its ledger."""
        self._contacts: dict[str, History] = {}
        self._wakes: dict[int, list[str]] = {}
        """Second (epoch ms) → contacts to look at when the watermark reaches it."""
        self._wake_times: list[int] = []
        """The seconds of `_wakes`, a heap."""
        self._next_wake_at = NEVER
        self._offset = 0
        self._watermark = 0
        self._appended_at = 0
        self._pending = 0
        self._dirty: list[History] = []
        self._gone: list[str] = []
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

    def fold(self, records: Sequence[Record]) -> None:  # noqa: C901 - the hot loop: a call per record costs
        """Apply records in offset order; those below `offset` were folded before."""
        if records and records[0].offset < self._offset:
            records = [record for record in records if record.offset >= self._offset]
        if not records:
            return
        events = self._decoder.decode([record.value for record in records])
        ahead_ms = self._settings.clock_ahead_ms
        delays, lives = self.stats.source_delay_ms, self._lives
        ticket_channels = self._settings.ticket_channels
        for record, event in zip(records, events, strict=True):
            kind = type(event)
            if kind is Rejected or kind is Unknown:
                self._dead_letter(record, event)  # type: ignore[arg-type]
                continue
            at: int = event.time  # type: ignore[assignment, union-attr] # decoding has made it an int
            appended_at = record.timestamp
            if appended_at is not None:
                if event.source is not None:  # type: ignore[union-attr]
                    delays[event.source] = appended_at - at  # type: ignore[union-attr]
                if at > appended_at + ahead_ms:
                    at = event.time = appended_at  # type: ignore[union-attr]
                    self.stats.clamped += 1
            life = lives.get(kind)  # type: ignore[arg-type]
            if kind is ev.MessageAdded and event.channel in ticket_channels:  # type: ignore[union-attr]
                life = TICKETS
            if life is not None:
                self._fold_event(life, record, event, at)  # type: ignore[arg-type]
            else:
                self.stats.applied[kind] += 1  # type: ignore[index]
            if at > self._watermark:
                self._watermark = at
                if at >= self._next_wake_at:
                    self._wake()
        self._offset = records[-1].offset + 1
        self._appended_at = max(self._appended_at, records[-1].timestamp or 0)
        self._pending += len(records)

    def _fold_event(self, life: LifeCycle, record: Record, event: ev.AnyEvent, at: int) -> None:
        watermark = self._watermark
        late = at < watermark - self._settings.lateness_ms
        channel, name = life.identify(event)
        key = f"{life.code}\x1f{channel}\x1f{name}"
        history = self._contacts.get(key)
        ledger = self._ledger(life, channel)
        if history is None:
            if late:
                self.stats.others[type(event), "too_late"] += 1
                self._dead_letter_as(record, "too_late", "$.time", f"older than the horizon, {watermark} seen before")
                return
            history = self._contacts[key] = History(key, Contact(life.code, channel, name), life, ledger)
            self._schedule(history, at + ledger.max_age_ms)
        elif event.id in history.ids:
            self.stats.others[type(event), "duplicate"] += 1
            return
        entries = history.contact.entries
        if late or (entries and entries[-1].at >= at):
            history.insert(event, watermark if late else at, watermark // _TICK_MS * _TICK_MS, ledger)
        else:
            history.append(event, at, ledger)
        if not history.dirty:
            history.dirty = True
            self._dirty.append(history)
        if len(entries) > COMPACT_ABOVE:
            self._post_rows(history, ledger)  # before it forgets those that have ended
            history.compact(max(watermark, at), ledger)
        wake_at = at + self._settings.lateness_ms + 1 if history.settles() else history.cycle.timer_at
        if wake_at < history.wake_at:
            self._schedule(history, wake_at)

    def _ledger(self, life: LifeCycle, channel: str) -> Ledger:
        key = life.domain, channel
        ledger = self._ledgers.get(key)
        if ledger is None:
            ledger = self._ledgers[key] = Ledger(
                channel,
                self._settings,
                self._bins,
                self._calendars,
                self.stats,
                life.domain,
                rolls_up=life.rolls_up,
            )
        return ledger

    def _ledger_of(self, history: History) -> Ledger:
        return self._ledger(history.life, history.contact.channel)

    # --- time: what the watermark makes happen ---

    def _schedule(self, history: History, wake_at: int) -> None:
        """Look at the contact when the watermark's second has reached wake_at, unless that is planned sooner.

        It may be planned too soon, never too late: what happens depends on the second reached alone.
        """
        if wake_at >= history.wake_at:
            return
        history.wake_at = wake_at
        second = -(-wake_at // _TICK_MS) * _TICK_MS
        waking = self._wakes.get(second)
        if waking is not None:
            waking.append(history.key)
            return
        self._wakes[second] = [history.key]
        heappush(self._wake_times, second)
        self._next_wake_at = self._wake_times[0]

    def _wake(self) -> None:
        """Evictions, publications and departures up to the watermark's second."""
        settled = self._watermark // _TICK_MS * _TICK_MS
        times = self._wake_times
        while times and times[0] <= settled:
            for key in self._wakes.pop(heappop(times)):
                history = self._contacts.get(key)
                if history is not None and history.wake_at <= settled:
                    history.wake_at = NEVER
                    self._attend(history, settled)
        self._next_wake_at = times[0] if times else NEVER

    def _attend(self, history: History, settled: int) -> None:
        ledger = self._ledger_of(history)
        if history.cycle.timer_at <= settled:
            history.fire_until(settled, ledger)
            self._touch(history)
        final = history.final_visits(settled, ledger)
        if final:
            self._outputs += [_output(visit) for visit in final]
            self._touch(history)
        if history.gone_at(ledger) <= settled:
            self._part_with(history, ledger)
        else:
            self._schedule(history, history.next_wake_at(ledger))

    def _touch(self, history: History) -> None:
        if not history.dirty:
            history.dirty = True
            self._dirty.append(history)

    def _part_with(self, history: History, ledger: Ledger) -> None:
        if history.dirty:
            self._post_rows(history, ledger)
        del self._contacts[history.key]
        if history.persisted:
            self._gone.append(history.key)
        history.key = ""

    # --- drain ---

    def drain(self, reading: Reading) -> Flush:
        """Changed contacts, facts with their roll-ups, visits, dead letters and the progress of this partition."""
        rows: dict[bytes, bytes | None] = {key.encode(): None for key in self._gone}
        for history in self._dirty:
            history.dirty = False
            if history.key:
                self._post_rows(history, self._ledger_of(history))
                rows[history.key.encode()] = encode(history.contact)
                history.persisted = True
        outputs = [*self._outputs, *self._facts(), self._progress(reading)]
        flush = Flush(rows, outputs, encode(self._meta()), self._offset)
        self._dirty, self._gone, self._outputs, self._pending = [], [], [], 0
        return flush

    def _post_rows(self, history: History, ledger: Ledger) -> None:
        for queue, key, row in history.changed_rows(ledger):
            ledger.delta(queue).rows[row_id(history.contact.name, key)] = row

    def _facts(self) -> Iterable[Output]:
        for (domain, channel), ledger in self._ledgers.items():
            deltas = ledger.take_deltas()
            if deltas and ledger.rolls_up:
                deltas.update(list(self._roll_ups(deltas)))
            for queue, delta in deltas.items():
                key = dimension_key(Dimension(channel, queue, domain))
                for value in _encoded(delta):
                    yield Output("facts", key, value, route=queue.encode())

    def _roll_ups(self, deltas: Mapping[str, Delta]) -> Iterable[tuple[str, Delta]]:
        """The whole channel, and each group that one of the queues is in."""
        yield WHOLE_CHANNEL, _sum(delta for queue, delta in deltas.items() if not is_segment(queue))
        for name, queues in self._settings.groups.items():
            members = [deltas[queue] for queue in queues if queue in deltas]
            if members:
                yield group_queue(name), _sum(members)

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
            life = BY_CODE[contact.life]
            ledger = self._ledger(life, contact.channel)
            history = self._contacts[key.decode()] = History(key.decode(), contact, life, ledger, persisted=True)
            self._schedule(history, history.next_wake_at(ledger))

    def _restore_meta(self, value: bytes) -> None:
        meta = read_meta(value, Meta, FORMAT, f"{self.topic}[{self.partition}]")
        self._offset, self._watermark, self._appended_at = meta.offset, meta.watermark, meta.appended_at
        self.settings_changed = meta.settings != self._settings.digest()

    def snapshot(self) -> bytes:
        """The whole state, canonical. O(contacts)."""
        contacts = []
        for key, kept in sorted(self._contacts.items(), key=itemgetter(0)):
            ledger = self._ledger_of(kept)
            history = History(key, _contact_decoder.decode(encode(kept.contact)), kept.life, ledger, persisted=True)
            history.compact(self._watermark, ledger)
            contacts.append(msgspec.structs.replace(history.contact, rows=history.rows(ledger)))
        return encode([self._meta(), contacts])

    # --- dead letters ---

    def _dead_letter(self, record: Record, bad: Rejected | Unknown) -> None:
        if isinstance(bad, Unknown):
            self.stats.others[None, "unknown"] += 1
            self._dead_letter_as(record, "unknown", "$.type", f"type {bad.type[:100]!r} is not known")
        else:
            self.stats.others[None, "rejected"] += 1
            self.stats.rejected[bad.reason] += 1
            self._dead_letter_as(record, bad.reason, bad.path, bad.message)

    def _dead_letter_as(self, record: Record, reason: str, path: str, message: str) -> None:
        source = {"topic": self._source, "partition": self.partition, "offset": record.offset}
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


def _sum(deltas: Iterable[Delta]) -> Delta:
    """The delta of what these queues are rolled up to."""
    panes: dict[int, Bag] = {}
    rows: dict[str, Row | None] = {}
    for delta in deltas:
        for pane, bag in delta.panes.items():
            total = panes.setdefault(pane, {})
            for primitive, n in bag.items():
                total[primitive] = total.get(primitive, 0) + n
        # A row that has moved to another queue is taken back there and present here: present wins.
        rows.update((key, row) for key, row in delta.rows.items() if row is not None or key not in rows)
    return Delta(panes, rows)


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


def _output(visit: FinalVisit) -> Output:
    return Output("visits", visit.contact.encode(), _encode_json(visit))
