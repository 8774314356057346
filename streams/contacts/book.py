"""Stage 1's book: one source partition folded into contacts, facts, final visits and dead letters."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush
from operator import attrgetter, itemgetter
from struct import Struct
from typing import Final, NamedTuple

import msgspec

from streams.books import EVERY_PARTITION, META_KEY, Flush, Output, Reading, Record, read_meta
from streams.calendars.clock import Calendar
from streams.contacts.customers import NAMING, CustomerKey, hide_customer
from streams.contacts.history import Arrival, Contact, History, restore
from streams.contacts.ledger import Ledger, Observer, add
from streams.contacts.lifecycle import NEVER, LifeCycle
from streams.contacts.lives import LIVES, lives_of
from streams.contacts.settings import FoldSettings
from streams.contacts.stats import Stats
from streams.contacts.tickets.steps import TICKETS
from streams.events import model as ev
from streams.events.decode import EventDecoder, Rejected, Unknown
from streams.facts.bins import Bins
from streams.facts.primitives import Bag
from streams.facts.starts import TOPIC as CUSTOMERS
from streams.facts.starts import Starts
from streams.facts.wire import (
    LARGEST_VALUE,
    PROGRESS_KEY,
    WHOLE_CHANNEL,
    Delta,
    Dimension,
    Progress,
    Row,
    dimension_key,
    encode,
    encode_deltas,
    group_queue,
    is_segment,
)

FORMAT: Final = 5
"""Version of the stored state; another one is refused."""
_TICK_MS: Final = 1_000
"""What the watermark makes happen is done when it enters a new second: the same for any cut into batches."""

_SLEEP_AFTER_MS: Final = 120_000
"""A contact of which nothing has come for so long is kept as bytes. No event can come before its last any more."""

_value = attrgetter("value")
_due = Struct(">q")
"""What stands before a stored contact: up to when nothing happens to it by time alone (watermark, epoch ms)."""
_encode_json = msgspec.json.Encoder().encode


class Meta(NamedTuple):
    """What stands in the meta record."""

    format: int
    settings: str
    """Digest of the fold's settings."""
    offset: int
    watermark: int
    appended_at: int


class Inbox:
    """Events of one kind of life cycle that wait to be applied, by whom they are about."""

    def __init__(self, life: LifeCycle) -> None:
        self.life = life
        self.identify = life.identify
        self.waiting: defaultdict[tuple[str, str], list[Arrival]] = defaultdict(list)
        """(channel, name) → what has arrived, in order."""


class ContactBook:
    """The fold of partition `partition` of `topic`. See `books.Book`."""

    def __init__(
        self,
        topic: str,
        partition: int,
        settings: FoldSettings,
        *,
        source: str | None = None,
        observer: Observer | None = None,
        customers: CustomerKey | None = None,
    ) -> None:
        """`source`: the topic's name in Kafka, for dead letters; None: it is `topic`. `observer`: told of all that is
        booked. `customers`: under which key they are followed across contacts; None: they are not.
        """
        self.topic = topic
        self._source = source or topic
        self._observer = observer
        self._customers = customers
        self.partition = partition
        self._stats = Stats()
        self.settings_changed = False
        """Whether the restored state was folded under other settings: booked outcomes keep theirs."""
        self._settings = settings
        self._decoder = EventDecoder(settings.max_record_bytes)
        self._bins = Bins(settings.edges())
        self._calendars = {name: Calendar(calendar) for name, calendar in settings.calendars.items()}
        self._inboxes = [Inbox(life) for life in LIVES]
        self._inbox_of = {kind: self._inboxes[LIVES.index(life)] for kind, life in lives_of(topic).items()}
        """Class of event → where it waits for its contact."""
        self._of_tickets = self._inboxes[LIVES.index(TICKETS)]
        """Where messages of ticket channels wait."""
        self._ledgers: dict[tuple[str, str], Ledger] = {}
        """(domain, channel) → its ledger."""
        self._contacts: dict[str, History] = {}
        self._asleep: dict[str, bytes] = {}
        """Contacts as the changelog has them, until an event or their time wakes them: most of a large state."""
        self._resting: deque[tuple[int, History]] = deque()
        """(the watermark's second, epoch ms; contact that was stored then): each once, nearly in order."""
        self._sleep_after_ms = max(_SLEEP_AFTER_MS, settings.lateness_ms + _TICK_MS)
        self._wakes: dict[int, list[str]] = {}
        """Second (epoch ms) → contacts to look at when the watermark reaches it."""
        self._wake_times: list[int] = []
        """The seconds of `_wakes`, a heap."""
        self._offset = 0
        self._watermark = 0
        self._appended_at = 0
        self._pending = 0
        self._dirty: list[History] = []
        self._gone: list[str] = []
        self._outputs: list[Output] = []

    @property
    def stats(self) -> Stats:
        """What became of the records so far; always the same object, up to date when it is asked for."""
        self._settle()
        return self._stats

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
        """Take in records in offset order; those below `offset` were folded before.

        What is on time waits until the next drain, so that a contact is looked up once for all its events. What an
        event meets is settled here: its lateness, and the second that the watermark had reached.
        """
        records = self._unseen(records)
        if not records:
            return
        events = self._decoder.decode(map(_value, records))
        inbox_of, lateness_ms = self._inbox_of, self._settings.lateness_ms
        ticket_channels, of_tickets = self._settings.ticket_channels, self._of_tickets
        delays, ahead_ms = self._stats.source_delay_ms, self._settings.clock_ahead_ms
        rejected, unknown, message, naming = Rejected, Unknown, ev.MessageAdded, NAMING
        watermark = self._watermark
        horizon, settled = watermark - lateness_ms, watermark - watermark % _TICK_MS
        for record, event in zip(records, events, strict=True):
            kind = type(event)
            if kind is rejected or kind is unknown:
                self._dead_letter(record, event)  # type: ignore[arg-type]
                continue
            at: int = event.time  # type: ignore[assignment, union-attr] # decoding has made it an int
            appended_at = record.timestamp
            if appended_at is not None:
                if event.source is not None:  # type: ignore[union-attr]
                    delays[event.source] = appended_at - at  # type: ignore[union-attr]
                if at > appended_at + ahead_ms:
                    at = event.time = appended_at  # type: ignore[union-attr]
                    self._stats.clamped += 1
            if kind in naming:
                hide_customer(event, self._customers)  # type: ignore[arg-type]
            inbox = inbox_of.get(kind)  # type: ignore[arg-type]
            if kind is message and event.channel in ticket_channels:  # type: ignore[union-attr]
                inbox = of_tickets
            if inbox is None:
                self._stats.applied[kind] += 1  # type: ignore[index]
            elif at < horizon:
                self._fold_late(inbox, record, event, watermark)  # type: ignore[arg-type]
            else:
                inbox.waiting[inbox.identify(event)].append((settled, event))  # type: ignore[arg-type]
            if at > watermark:
                self._watermark = watermark = at
                horizon, settled = at - lateness_ms, at - at % _TICK_MS
        self._offset = records[-1].offset + 1
        self._appended_at = records[-1].timestamp or 0  # whatever the batch; stage 2 lets no progress time fall
        self._pending += len(records)

    def _unseen(self, records: Sequence[Record]) -> Sequence[Record]:
        if not records or records[0].offset >= self._offset:
            return records
        return [record for record in records if record.offset >= self._offset]

    def _fold_late(self, inbox: Inbox, record: Record, event: ev.AnyEvent, watermark: int) -> None:
        """An event from beyond the horizon counts only for a contact that is still known."""
        channel, name = whom = inbox.life.identify(event)
        history = self._known(_key(inbox.life, channel, name))
        arrivals = inbox.waiting.pop(whom, None)
        if arrivals or history is not None:
            history = self._apply(inbox.life, whom, arrivals or [])
        if history is None:
            self._stats.others[type(event), "too_late"] += 1
            self._dead_letter_as(record, "too_late", "$.time", f"older than the horizon, {watermark} seen before")
        else:
            history.receive_late(event, watermark)
            self._schedule(history)

    def _apply(self, life: LifeCycle, whom: tuple[str, str], arrivals: Iterable[Arrival]) -> History | None:
        """A contact after all its events and what time has brought about; None: it is over."""
        channel, name = whom
        key = _key(life, channel, name)
        history = self._contacts.get(key)
        if history is None and self._asleep:
            history = self._known(key)
        if history is None:
            history = History(key, Contact(life, channel, name), self._ledger(life, channel))
        history.receive(arrivals)
        self._touch(history)
        return self._attend(history)

    def _ledger(self, life: LifeCycle, channel: str) -> Ledger:
        key = life.domain, channel
        ledger = self._ledgers.get(key)
        if ledger is None:
            follows = self._customers is not None and life.domain == ""
            ledger = self._ledgers[key] = self._new_ledger(life, channel, self._observer, follows=follows)
        return ledger

    def _new_ledger(
        self, life: LifeCycle, channel: str, observer: Observer | None = None, *, follows: bool = False
    ) -> Ledger:
        return Ledger(
            channel,
            self._settings,
            self._bins,
            self._calendars,
            self._stats,
            life.domain,
            rolls_up=life.rolls_up,
            observer=observer,
            follows=follows,
        )

    # --- time: what the watermark makes happen ---

    def _settle(self) -> None:
        """Apply what waits, then let happen what is due at the watermark's second."""
        for inbox in self._inboxes:
            for whom, arrivals in inbox.waiting.items():
                self._apply(inbox.life, whom, arrivals)
            inbox.waiting.clear()
        settled, times = self._settled, self._wake_times
        while times and times[0] <= settled:
            for key in self._wakes.pop(heappop(times)):
                if key in self._asleep and _due_at(self._asleep[key]) > settled:
                    continue
                history = self._known(key)
                if history is not None and history.wake_at <= settled:
                    history.wake_at = NEVER
                    self._attend(history)

    @property
    def _settled(self) -> int:
        """The second that the watermark has reached, epoch ms."""
        return self._watermark - self._watermark % _TICK_MS

    def _attend(self, history: History) -> History | None:
        """Let happen what is due, and forget the contact if it is over."""
        if history.due_at <= self._settled:
            if history.attend(self._settled):
                self._touch(history)
            if history.over:
                self._part_with(history)
                return None
        self._contacts[history.key] = history
        self._schedule(history)
        return history

    def _touch(self, history: History) -> None:
        if not history.dirty:
            history.dirty = True
            self._dirty.append(history)

    def _schedule(self, history: History) -> None:
        """Look at the contact when the watermark's second has reached `due_at`, unless that is planned sooner."""
        if history.due_at >= history.wake_at:
            return
        history.wake_at = history.due_at
        self._plan(history.key, history.due_at)

    def _plan(self, key: str, due_at: int) -> None:
        second = -(-due_at // _TICK_MS) * _TICK_MS
        waking = self._wakes.get(second)
        if waking is not None:
            waking.append(key)
            return
        self._wakes[second] = [key]
        heappush(self._wake_times, second)

    def _rest(self, history: History) -> None:
        """What is kept of a contact is what is stored of it, from now on: it may sleep some day.

        Not where an observer knows its entries one by one.
        """
        history.stored_at = self._settled
        if not history.resting and self._observer is None:
            history.resting = True
            self._resting.append((history.stored_at, history))

    def _let_sleep(self) -> None:
        """Keep as bytes what has not changed for a while: all of it, for sleep must not change what an event does.

        O(contacts looked at), each at most once in a while.
        """
        resting, until = self._resting, self._settled - self._sleep_after_ms
        while resting and resting[0][0] <= until:
            _, history = resting.popleft()
            if self._contacts.get(history.key) is not history:
                continue
            if history.stored_at > until:
                resting.append((history.stored_at, history))
            else:
                self._asleep[history.key] = _stored(history)
                del self._contacts[history.key]
                if history.wake_at != history.due_at < NEVER:
                    self._plan(history.key, history.due_at)

    def _part_with(self, history: History) -> None:
        if history.dirty:
            history.post_rows()
        self._contacts.pop(history.key, None)
        if history.persisted:
            self._gone.append(history.key)

    # --- drain ---

    def drain(self, reading: Reading) -> Flush:
        """Changed contacts, facts with their roll-ups, visits, dead letters and the progress of this partition."""
        self._settle()
        self._stats.forget_sources()
        rows: dict[bytes, bytes | None] = {key.encode(): None for key in self._gone}
        for history in self._dirty:
            history.dirty = False
            if not history.over:
                history.post_rows()
                rows[history.key.encode()] = _stored(history)
                history.persisted = True
                self._rest(history)
        self._let_sleep()
        outputs = [*self._outputs, *self._final(), *self._starts(), *self._facts(), *self._progress(reading)]
        flush = Flush(rows, outputs, encode(self._meta()), self._offset)
        self._dirty, self._gone, self._outputs, self._pending = [], [], [], 0
        return flush

    def _final(self) -> Iterable[Output]:
        """Final visits, in the order in which they became final: the same for any cut into batches."""
        final = [visit for ledger in self._ledgers.values() for visit in ledger.take_final()]
        final.sort(key=lambda item: (item[0], item[1].channel, item[1].contact))
        for _, visit in final:
            yield Output("visits", visit.contact.encode(), _encode_json(visit))

    def _starts(self) -> Iterable[Output]:
        """What changes in the bags of customers."""
        for (_, channel), ledger in self._ledgers.items():
            for customer, bag in ledger.take_starts().items():
                starts = [(at, queue, n) for (at, queue), n in sorted(bag.items())]
                yield Output(CUSTOMERS, customer.encode(), encode(Starts(channel, starts)))

    def _facts(self) -> Iterable[Output]:
        for (domain, channel), ledger in self._ledgers.items():
            deltas = ledger.take_deltas()
            if deltas and ledger.rolls_up:
                deltas.update(list(self._roll_ups(deltas)))
            for queue, delta in deltas.items():
                key = dimension_key(Dimension(channel, queue, domain))
                for value in encode_deltas(delta):
                    yield Output("facts", key, value, route=queue.encode())

    def _roll_ups(self, deltas: Mapping[str, Delta]) -> Iterable[tuple[str, Delta]]:
        """The whole channel, and each group that one of the queues is in."""
        yield WHOLE_CHANNEL, _sum(delta for queue, delta in deltas.items() if not is_segment(queue))
        for name, queues in self._settings.groups.items():
            members = [deltas[queue] for queue in queues if queue in deltas]
            if members:
                yield group_queue(name), _sum(members)

    def _progress(self, reading: Reading) -> Iterable[Output]:
        progress = Progress(
            self.topic,
            self.partition,
            self._offset,
            self._watermark,
            reading.lag,
            self._appended_at,
            reading.caught_up,
            reading.proved_at,
        )
        for topic in ("facts",) if self._customers is None else (CUSTOMERS, "facts"):
            yield Output(topic, PROGRESS_KEY, encode(progress), partition=EVERY_PARTITION)

    def _meta(self) -> Meta:
        return Meta(FORMAT, self._settings_digest(), self._offset, self._watermark, self._appended_at)

    def _settings_digest(self) -> str:
        """Of the settings and the key: under another one customers are others."""
        return self._settings.digest() + (self._customers.fingerprint if self._customers else "")

    # --- state ---

    def restore(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Build the state from changelog rows; see `books.Book.restore`."""
        for key, value in rows:
            if key == META_KEY:
                self._restore_meta(value)
                continue
            name, due_at = key.decode(), _due_at(value)
            self._asleep[name] = value
            if due_at < NEVER:
                self._plan(name, due_at)
        if self.settings_changed:  # what is due when follows from them
            self._wake_all()

    def _known(self, key: str) -> History | None:
        """A contact that is known, awake from now on."""
        if key not in self._asleep:
            return self._contacts.get(key)
        value = self._asleep.pop(key)
        contact = restore(memoryview(value)[_due.size :])
        history = History(key, contact, self._ledger(contact.life, contact.channel), persisted=True)
        history.wake_at = _due_at(value)
        self._rest(history)
        self._contacts[key] = history
        self._schedule(history)
        return history

    def _wake_all(self) -> None:
        for key in list(self._asleep):
            self._known(key)

    def _restore_meta(self, value: bytes) -> None:
        meta = read_meta(value, Meta, FORMAT, f"{self.topic}[{self.partition}]")
        self._offset, self._watermark, self._appended_at = meta.offset, meta.watermark, meta.appended_at
        self.settings_changed = meta.settings != self._settings_digest()

    def snapshot(self) -> bytes:
        """The whole state, canonical. O(contacts)."""
        self._wake_all()
        self._settle()
        contacts = []
        for key, kept in sorted(self._contacts.items(), key=itemgetter(0)):
            ledger = self._new_ledger(kept.life, kept.contact.channel)  # of its own: nothing is booked
            history = History(key, restore(encode(kept.contact.stored())), ledger, persisted=True)
            history.compact(self._watermark)
            history.contact.rows = history.rows()
            contacts.append(history.contact.stored())
        return encode([self._meta(), contacts])

    # --- dead letters ---

    def _dead_letter(self, record: Record, bad: Rejected | Unknown) -> None:
        if isinstance(bad, Unknown):
            self._stats.others[None, "unknown"] += 1
            self._dead_letter_as(record, "unknown", "$.type", f"type {bad.type[:100]!r} is not known")
        else:
            self._stats.others[None, "rejected"] += 1
            self._stats.rejected[bad.reason] += 1
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


def _stored(history: History) -> bytes:
    """The contact as the changelog has it."""
    return _due.pack(history.due_at) + encode(history.contact.stored())


def _due_at(stored: bytes) -> int:
    """Up to when nothing happens to a stored contact by time alone (watermark, epoch ms)."""
    due_at: int = _due.unpack_from(stored)[0]
    return due_at


def _key(life: LifeCycle, channel: str, name: str) -> str:
    """Where the book and the changelog keep a contact."""
    return f"{life.code}\x1f{channel}\x1f{name}"


def _sum(deltas: Iterable[Delta]) -> Delta:
    """The delta of what these queues are rolled up to."""
    panes: dict[int, Bag] = {}
    rows: dict[str, Row | None] = {}
    for delta in deltas:
        for pane, bag in delta.panes.items():
            add(panes, pane, bag)
        # A row that has moved to another queue is taken back there and present here: present wins.
        rows.update((key, row) for key, row in delta.rows.items() if row is not None or key not in rows)
    return Delta(panes, rows)
