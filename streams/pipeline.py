"""The architecture in one page: stage 1 and stage 2 wired in memory.

    records ──► ContactBook per (topic, partition) ──► facts, visits, dead letters
                                                         │
                                     facts by dimension ─┘──► ViewBook ──► Viewer.views(now)

A worker does the same with a Kafka topic `facts` between the stages and one transaction per flush (`worker.keeper`);
replays and tests do it here. Rule 1: a book is a pure fold of its log. Rule 2: values are a function of (state, now).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Final

from streams.books import Book, MemoryRecord, Output, Reading
from streams.contacts.book import ContactBook
from streams.contacts.customers import CustomerKey
from streams.contacts.ledger import Observer
from streams.contacts.settings import FoldSettings
from streams.customers.book import CustomerBook
from streams.customers.settings import CustomerSettings
from streams.facts.wire import PROGRESS_KEY, Progress, encode
from streams.metrics.settings import Channels, Variants
from streams.metrics.view import QueueView, Viewer
from streams.windows.book import ViewBook
from streams.windows.settings import WindowSettings

Source = tuple[str, int]
"""(logical topic, partition)."""

_CAUGHT_UP: Final = Reading(caught_up=True, lag=0)
_EVERYTHING: Final = "everything"
"""The one source of the book of customers: as far as the clock, and caught up."""
_FORGET_EVERY_MS: Final = 3_600_000


class Pipeline:
    """Both stages in one process, without a broker: what was fed is folded, `views(now)` is what it comes to."""

    def __init__(
        self,
        fold: FoldSettings,
        windows: WindowSettings,
        variants: Variants,
        channels: Channels | None = None,
        observer: Observer | None = None,
        customers: tuple[CustomerKey, CustomerSettings] | None = None,
    ) -> None:
        """`observer`: told of all that contacts book. `customers`: how they are followed; None: they are not."""
        key, following = customers or (None, CustomerSettings())
        self._new_book = partial(ContactBook, settings=fold, observer=observer, customers=key)
        self._contacts: dict[Source, ContactBook] = {}
        self._customers = None if key is None else CustomerBook(0, following, [(_EVERYTHING, 1)])
        self._to_customers: list[Output] = []
        self._facts = ViewBook(0, windows)
        self._viewer = Viewer(variants, channels)
        self._facts_offset = 0
        self._forgotten_at = 0
        self.visits: list[Output] = []
        """Final visits so far, as they would stand in the topic `visits`; the caller may clear it."""
        self.dead_letters: list[Output] = []
        """Dead letters so far; the caller may clear it."""

    @property
    def clock(self) -> int:
        """The largest event time folded, epoch ms; 0 before the first."""
        return max((book.watermark for book in self._contacts.values()), default=0)

    @property
    def facts(self) -> ViewBook:
        """Stage 2's book, for those who look behind the views."""
        return self._facts

    @property
    def outcomes(self) -> Mapping[str, int]:
        """What became of the records; sums to the records fed."""
        return _sum(book.stats.by_outcome() for book in self._contacts.values())

    @property
    def rejections(self) -> Mapping[str, int]:
        """Rejected records by reason."""
        return _sum(book.stats.rejected for book in self._contacts.values())

    def feed(self, records: Iterable[tuple[Source, MemoryRecord]]) -> None:
        """Fold records in arrival order. Only the order within a source matters: each has a book of its own."""
        by_source = sorted(records, key=itemgetter(0))
        for source, group in groupby(by_source, key=itemgetter(0)):
            book = self._contacts.get(source)
            if book is None:
                book = self._contacts[source] = self._new_book(*source)
            book.fold([record for _, record in group])
            self._pass_on(book)
        if self._customers is not None:
            self._follow_customers(self._customers)
        self._forget()

    def views(self, now: int) -> list[QueueView]:
        """Every queue and every channel at the instant `now` (epoch ms)."""
        lines = sorted({name._replace(domain="") for name in self._facts.dimensions})
        return [self._viewer.view(self._facts, line, now, now) for line in lines]

    def snapshot(self) -> bytes:
        """Both stages' whole state, canonical."""
        books = [self._contacts[source].snapshot() for source in sorted(self._contacts)]
        between = [] if self._customers is None else [self._customers.snapshot()]
        return b"".join([*books, *between, self._facts.snapshot()])

    def _follow_customers(self, book: CustomerBook) -> None:
        """The book between the stages judges as far as the clock: its sources are caught up there."""
        clock = self.clock
        progress = encode(Progress(_EVERYTHING, 0, 0, 0, 0, clock, caught_up=True))
        told, self._to_customers = [*self._to_customers, Output("customers", PROGRESS_KEY, progress)], []
        book.fold([MemoryRecord(at, clock, out.key, out.value) for at, out in enumerate(told, book.offset)])
        self._pass_on(book)

    def _pass_on(self, book: Book) -> None:
        """What a flush does: the outputs of a book go where they belong, the facts into stage 2."""
        facts: list[MemoryRecord] = []
        for output in book.drain(_CAUGHT_UP).outputs:
            if output.topic == "visits":
                self.visits.append(output)
            elif output.topic == "deadletters":
                self.dead_letters.append(output)
            elif output.key == PROGRESS_KEY:
                continue  # here as_of is what the caller asks for
            elif output.topic == "customers":
                self._to_customers.append(output)
            else:
                facts.append(MemoryRecord(self._facts_offset + len(facts), None, output.key, output.value))
        self._facts_offset += len(facts)
        self._facts.fold(facts)
        self._facts.drain(_CAUGHT_UP)  # what a worker would store: here nobody keeps it

    def _forget(self) -> None:
        """Drop what no window can show at the clock or an hour before."""
        clock = self.clock
        if clock >= self._forgotten_at + 2 * _FORGET_EVERY_MS:
            self._facts.expire(clock - _FORGET_EVERY_MS)
            self._forgotten_at = clock


def _sum(counts: Iterable[Mapping[str, int]]) -> Mapping[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return total
