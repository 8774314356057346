"""A centre in memory: a book of stage 2 with so many queues, filled by stage 1 from simulated calls."""

from typing import Final, NamedTuple

from benchmarks import calls
from benchmarks.day import Day
from streams.books import MemoryRecord, Reading
from streams.config.model import Config
from streams.contacts.book import ContactBook
from streams.facts.wire import PROGRESS_KEY, Progress, encode
from streams.metrics.view import QueueView, Sources, Viewer
from streams.sinks.counters import Counters
from streams.windows.book import ViewBook

EVENTS_PER_QUEUE: Final = 60
SECONDS: Final = 600.0
CAUGHT_UP: Final = Reading(caught_up=True, lag=0)
SOURCES: Final = Sources({calls.TOPIC: 1}, {calls.TOPIC: (calls.CHANNEL,)})


class FilledBook(NamedTuple):
    """Everything that a sink needs of it."""

    book: ViewBook
    viewer: Viewer
    counters: Counters
    edges_ms: tuple[int, ...]
    now_ms: int
    """The time of the last event: it is caught up there."""

    def views(self, now_ms: int) -> list[QueueView]:
        """Every queue, channel and agent that is shown."""
        return self.viewer.views(self.book, now_ms, SOURCES)


def in_order(day: Day) -> list[bytes]:
    """The records of all partitions in order of time."""
    records = [record.value for some in day.partitions.values() for record in some]
    return sorted(records, key=time_of)


def time_of(value: bytes) -> int:
    """The time of an event as `calls` writes it, epoch ms."""
    begin = value.index(b'"time":') + 7
    return int(value[begin : value.index(b",", begin)])


def filled(queues: int) -> FilledBook:
    """A centre whose last ten minutes brought `EVENTS_PER_QUEUE` events to each queue. O(queues), 3 ms each."""
    config = Config()
    fold, counters = config.fold_settings(), Counters()
    contacts = ContactBook(calls.TOPIC, 0, fold)
    book = ViewBook(0, config.window_settings(), on_delta=counters.follow(0))
    values = in_order(calls.simulate(queues * EVENTS_PER_QUEUE, queues, queues * EVENTS_PER_QUEUE / SECONDS))
    contacts.fold([MemoryRecord(offset, None, None, value) for offset, value in enumerate(values)])
    now_ms = contacts.watermark
    facts = [out for out in contacts.drain(CAUGHT_UP).outputs if out.topic == "facts" and out.key != PROGRESS_KEY]
    book.fold([MemoryRecord(offset, now_ms, fact.key, fact.value) for offset, fact in enumerate(facts)])
    progress = Progress(calls.TOPIC, 0, len(values), now_ms, 0, now_ms, caught_up=True)
    book.fold([MemoryRecord(len(facts), now_ms, PROGRESS_KEY, encode(progress))])
    book.drain(CAUGHT_UP)
    return FilledBook(book, Viewer(config.variants(), config.channels()), counters, tuple(fold.edges()), now_ms)
