"""The book of customers: one partition of the topic `customers` folded into facts of the domain `customers`.

    stage 1 ──► customers (key: the customer's keyed hash) ──► CustomerBook ──► facts

Its watermark is the smallest over its sources, the partitions that stage 1 reads: what they have passed is judged.
Judged or not, what comes, moves or is taken back later corrects what was booked, exactly: a contact is remembered for
`correctable_ms` after its days have passed, and after it came.
"""

from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from typing import Final

import msgspec

from streams.books import EVERY_PARTITION, META_KEY, Flush, Output, Reading, Record, read_meta
from streams.customers.contacts import CustomerContacts, KnownContact, Place, place_of
from streams.customers.settings import CustomerSettings
from streams.facts.primitives import Bag
from streams.facts.starts import TOPIC, decode_starts
from streams.facts.wire import (
    PANE_MS,
    PROGRESS_KEY,
    WHOLE_CHANNEL,
    Delta,
    Dimension,
    Progress,
    decode_progress,
    dimension_key,
    encode,
    encode_deltas,
)

FORMAT: Final = 1
"""Version of the stored state; another one is refused."""

_SEPARATOR: Final = "\x1f"
_SOURCE: Final = b"\x00source"
"""Begins the keys of rows of sources; those of contacts begin with a hash."""
_contacts_decoder = msgspec.msgpack.Decoder(list[KnownContact])


class Meta(msgspec.Struct, array_like=True):
    """What stands in the meta record."""

    format: int
    settings: str
    """Digest of the fold's settings."""
    offset: int
    watermark: int
    late: int


class SourceProgress(msgspec.Struct, array_like=True, frozen=True):
    """How far a source partition has come; neither falls."""

    progress_at: int
    """Everything appended there up to then has come to this book (epoch ms)."""
    watermark: int
    """Event time that it has passed: of an idle one, as its progress time tells."""


_source_decoder = msgspec.msgpack.Decoder(SourceProgress)


class CustomerBook:
    """The fold of partition `partition` of the topic `customers`. See `books.Book`."""

    def __init__(self, partition: int, settings: CustomerSettings, sources: Iterable[tuple[str, int]]) -> None:
        """`sources`: (logical topic, partitions) of what stage 1 reads contacts from."""
        self.partition = partition
        self.settings_changed = False
        """Whether the restored state was folded under other settings: a contact keeps those that it was seen under."""
        self.late = 0
        """Starts that were taken back after they were forgotten: what was booked for them stays."""
        self._settings = settings
        self._expected = [(topic, number) for topic, count in sources for number in range(count)]
        self._sources: dict[tuple[str, int], SourceProgress] = {}
        self._customers: dict[str, CustomerContacts] = {}
        self._due: list[tuple[int, str, Place]] = []
        """(watermark, customer, place): when days end, or contacts may be forgotten. A heap; what is gone stays in."""
        self._watermark = 0
        self._offset = 0
        self._pending = 0
        self._deltas: dict[tuple[str, str], dict[int, Bag]] = {}
        """(channel, queue) → pane → what changes there."""
        self._changed: set[tuple[str, Place]] = set()
        self._reported: set[tuple[str, int]] = set()

    @property
    def offset(self) -> int:
        return self._offset

    @property
    def pending(self) -> int:
        return self._pending

    @property
    def watermark(self) -> int:
        """What all sources have passed, epoch ms; 0 until each has reported."""
        return self._watermark

    # --- fold ---

    def fold(self, records: Sequence[Record]) -> None:
        """Apply records in offset order; those below `offset` were folded before."""
        for record in records:
            if record.offset < self._offset:
                continue
            assert record.key is not None
            assert record.value is not None
            if record.key == PROGRESS_KEY:
                self._fold_progress(decode_progress(record.value), record.timestamp)
            else:
                self._fold_starts(record.key.decode(), record.value)
            self._offset = record.offset + 1
            self._pending += 1

    def _fold_starts(self, customer: str, value: bytes) -> None:
        delta = decode_starts(value)
        for at, queue, n in delta.starts:
            place = at, delta.channel, queue
            for _ in range(n):
                self._add(customer, place)
            for _ in range(-n):
                self._take_back(customer, place)

    def _add(self, customer: str, place: Place) -> None:
        contact = KnownContact(*place, self._settings.horizon_ms, self._watermark)
        self._customers.setdefault(customer, CustomerContacts()).add(contact)
        self._book_all(contact, 1)
        self._review(customer, place)
        self._plan(customer, place)

    def _take_back(self, customer: str, place: Place) -> None:
        contacts = self._customers.get(customer)
        contact = None if contacts is None else contacts.take_back(place)
        if contact is None:
            self.late += 1
            return
        self._book_all(contact, -1)
        self._review(customer, place)

    def _review(self, customer: str, place: Place) -> None:
        self._changed.add((customer, place))
        contacts = self._customers[customer]
        for change in contacts.review(place, self._watermark):
            self._book(change.contact, change.at, change.bag)
            self._changed.add((customer, place_of(change.contact)))
        if not contacts:
            del self._customers[customer]

    def _book_all(self, contact: KnownContact, sign: int) -> None:
        """All that stands booked for a contact, or its exact inverse."""
        for at, bag in contact.booked():
            self._book(contact, at, bag, sign)

    def _book(self, contact: KnownContact, at: int, bag: Bag, sign: int = 1) -> None:
        change = {primitive: sign * n for primitive, n in bag.items() if n}
        if change:
            _add(self._deltas.setdefault((contact.channel, contact.queue), {}), at // PANE_MS, change)

    # --- time: what the watermark makes happen ---

    def _fold_progress(self, progress: Progress, appended_at: int | None) -> None:
        source = progress.topic, progress.partition
        before = self._sources.get(source, SourceProgress(0, 0))
        reached = progress.reached(appended_at)
        passed = reached - self._settings.lateness_ms if progress.caught_up and appended_at is not None else 0
        self._sources[source] = SourceProgress(
            max(before.progress_at, reached), max(before.watermark, progress.watermark, passed)
        )
        self._reported.add(source)
        self._advance()

    def _advance(self) -> None:
        watermark = self._of_all("watermark")
        if watermark is None or watermark <= self._watermark:
            return
        self._watermark = watermark
        while self._due and self._due[0][0] <= watermark:
            at, customer, place = heappop(self._due)
            if customer in self._customers:
                self._attend(customer, place, at)

    def _of_all(self, field: str) -> int | None:
        """The smallest over the sources; None: one has not reported yet."""
        reports = [self._sources.get(source) for source in self._expected]
        if not reports or None in reports:
            return None
        return min(int(getattr(report, field)) for report in reports)

    def _attend(self, customer: str, place: Place, at: int) -> None:
        """Judge the contacts of a place whose days have ended; forget them when they can change nothing any more.

        What is due at `at` happens after all that was due before, however far the watermark has come at once.
        """
        contacts = self._customers[customer]
        there = contacts.at_place(place)
        if there and all(contact.judged and self._kept_until(contact) < at for contact in there):
            self._changed.update((customer, place_of(contact)) for contact in contacts.forget(place))
        self._review(customer, place)
        self._plan(customer, place)

    def _kept_until(self, contact: KnownContact) -> int:
        """Up to which watermark one may still come, late, that it has to be compared with."""
        return max(contact.judged_at, contact.seen_at) + self._settings.correctable_ms

    def _plan(self, customer: str, place: Place) -> None:
        """Look at a place again when days end there, and when all of it can be forgotten."""
        contacts = self._customers.get(customer)
        there = contacts.at_place(place) if contacts else ()
        if there:
            ends = (contact.judged_at for contact in there if not contact.judged)
            forgettable_at = max(map(self._kept_until, there)) + 1
            heappush(self._due, (min(ends, default=forgettable_at), customer, place))

    # --- drain ---

    def drain(self, reading: Reading) -> Flush:
        """Changed contacts and sources, facts with their roll-ups, and the progress of the domain `customers`."""
        rows: dict[bytes, bytes | None] = {_source_key(*key): encode(self._sources[key]) for key in self._reported}
        rows.update(self._row(customer, place) for customer, place in self._changed)
        outputs = [*self._facts(), *self._progress(reading)]
        flush = Flush(rows, outputs, encode(self._meta()), self._offset)
        self._changed, self._reported, self._deltas, self._pending = set(), set(), {}, 0
        return flush

    def _row(self, customer: str, place: Place) -> tuple[bytes, bytes | None]:
        """The contacts of a place as they are stored; None: there is none."""
        contacts = self._customers.get(customer)
        there = contacts.at_place(place) if contacts else ()
        return _SEPARATOR.join((customer, *map(str, place))).encode(), encode(there) if there else None

    def _facts(self) -> Iterator[Output]:
        totals: dict[tuple[str, str], dict[int, Bag]] = {}
        for (channel, queue), panes in self._deltas.items():
            for name in (queue, WHOLE_CHANNEL, *self._settings.groups_of(queue)):
                total = totals.setdefault((channel, name), {})
                for pane, bag in panes.items():
                    _add(total, pane, bag)
        for (channel, queue), panes in totals.items():
            key = dimension_key(Dimension(channel, queue, TOPIC))
            for value in encode_deltas(Delta(panes, {})):
                yield Output("facts", key, value, route=queue.encode())

    def _progress(self, reading: Reading) -> Iterator[Output]:
        """As far as the source that is farthest behind: to have folded this topic says nothing of what is to come."""
        reached = self._of_all("progress_at")
        if reached is None:
            return
        progress = Progress(
            TOPIC, self.partition, self._offset, self._watermark, reading.lag, appended_at=reached, caught_up=False
        )
        yield Output("facts", PROGRESS_KEY, encode(progress), partition=EVERY_PARTITION)

    def _meta(self) -> Meta:
        return Meta(FORMAT, self._settings.digest(), self._offset, self._watermark, self.late)

    # --- state ---

    def restore(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Build the state from changelog rows; see `books.Book.restore`."""
        places: list[tuple[str, Place]] = []
        for key, value in rows:
            if key == META_KEY:
                self._restore_meta(value)
            elif key.startswith(_SOURCE):
                self._sources[_parse_source(key)] = _source_decoder.decode(value)
            else:
                places.append(self._restore_contacts(key, value))
        for customer, place in places:
            self._plan(customer, place)

    def _restore_meta(self, value: bytes) -> None:
        meta = read_meta(value, Meta, FORMAT, f"{TOPIC}[{self.partition}]")
        self._offset, self._watermark, self.late = meta.offset, meta.watermark, meta.late
        self.settings_changed = meta.settings != self._settings.digest()

    def _restore_contacts(self, key: bytes, value: bytes) -> tuple[str, Place]:
        """Whose contacts of which place they are."""
        customer = key.decode().split(_SEPARATOR, 1)[0]
        contacts = self._customers.setdefault(customer, CustomerContacts())
        there = _contacts_decoder.decode(value)
        for contact in there:
            contacts.add(contact)
        return customer, place_of(there[0])

    def snapshot(self) -> bytes:
        """The whole state, canonical. O(contacts)."""
        customers = [(customer, list(contacts)) for customer, contacts in sorted(self._customers.items())]
        return encode([self._meta(), sorted(self._sources.items()), customers])


def _source_key(topic: str, partition: int) -> bytes:
    return _SOURCE + _SEPARATOR.join(("", topic, str(partition))).encode()


def _parse_source(key: bytes) -> tuple[str, int]:
    _, topic, partition = key.decode().split(_SEPARATOR)
    return topic, int(partition)


def _add(panes: dict[int, Bag], pane: int, bag: Bag) -> None:
    """Add a bag to a pane; the bag itself stays as it is."""
    total = panes.setdefault(pane, {})
    for primitive, n in bag.items():
        total[primitive] = total.get(primitive, 0) + n
