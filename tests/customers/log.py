"""A partition of the topic `customers` and its book: what is told is folded at once, what it gives is added up."""

from collections import Counter, defaultdict
from typing import Final, Self

from streams.books import META_KEY, Flush, MemoryRecord, Output, Reading
from streams.customers.book import CustomerBook
from streams.customers.settings import DAY_MS, CustomerSettings
from streams.facts.primitives import P
from streams.facts.starts import Starts
from streams.facts.wire import PANE_MS, PROGRESS_KEY, Progress, decode_delta, decode_progress, encode, parse_dimension

T0: Final = 1_789_999_200_000
"""2026-09-21T14:00:00Z: hour 0 of every log."""
HOUR_MS: Final = 3_600_000
LATENESS_MS: Final = 60_000

CAUGHT_UP: Final = Reading(caught_up=True, lag=0)
NAMES: Final = {
    P.CONTACTS_SEEN: "seen", P.REPEAT_CONTACTS: "repeat", P.FCR_JUDGED: "judged", P.FCR_MET: "met",
}  # fmt: skip
SETTINGS: Final = CustomerSettings(lateness_ms=LATENESS_MS)


def hour(at_h: float) -> int:
    """Epoch ms."""
    return T0 + round(at_h * HOUR_MS)


def day(at_d: float) -> int:
    """Epoch ms."""
    return T0 + round(at_d * DAY_MS)


class Log:
    """One partition. Times are days since `T0`."""

    def __init__(self, settings: CustomerSettings = SETTINGS, sources: tuple[tuple[str, int], ...] = (("calls", 1),)):
        self.settings = settings
        self.sources = sources
        self.book = CustomerBook(0, settings, sources)
        self.changelog: dict[bytes, bytes] = {}
        self.panes: defaultdict[tuple[str, str], Counter[tuple[int, int]]] = defaultdict(Counter)
        """(channel, queue) → (pane, primitive) → count."""
        self.progress: Progress | None = None
        self.outputs: list[Output] = []
        self._appended = 0

    # --- in ---

    def contact(
        self, at_d: float, n: int = 1, *, queue: str = "q1", customer: str = "ann", channel: str = "voice"
    ) -> Self:
        """A contact that started then; −1 takes it back."""
        return self.append(customer.encode(), encode(Starts(channel, [(day(at_d), queue, n)])))

    def moves(
        self, at_d: float, to_d: float, *, queue: str = "q1", to_queue: str = "q1", customer: str = "ann"
    ) -> Self:
        """A contact that started at another time, or counts for another queue, than was thought."""
        starts = [(day(at_d), queue, -1), (day(to_d), to_queue, 1)]
        return self.append(customer.encode(), encode(Starts("voice", starts)))

    def source(
        self, watermark_d: float, *, topic: str = "calls", number: int = 0, idle_at_d: float | None = None
    ) -> Self:
        """The progress of a source: as far as its watermark, or idle then."""
        appended_at = day(watermark_d)
        progress = Progress(topic, number, 0, day(watermark_d), 0, appended_at, caught_up=idle_at_d is not None)
        return self.append(PROGRESS_KEY, encode(progress), None if idle_at_d is None else day(idle_at_d))

    def append(self, key: bytes, value: bytes, appended_at: int | None = None) -> Self:
        self.book.fold([MemoryRecord(self._appended, appended_at, key, value)])
        self._appended += 1
        self.flush()
        return self

    def flush(self) -> Flush:
        flush = self.book.drain(CAUGHT_UP)
        for key, value in {**flush.rows, META_KEY: flush.meta}.items():
            if value is None:
                self.changelog.pop(key, None)
            else:
                self.changelog[key] = value
        self.outputs += flush.outputs
        for output in flush.outputs:
            if output.key == PROGRESS_KEY:
                self.progress = decode_progress(output.value)
                continue
            dimension = parse_dimension(output.key)
            assert dimension.domain == "customers"
            for pane, bag in decode_delta(output.value).panes.items():
                self.panes[dimension.channel, dimension.queue].update({(pane, key): n for key, n in bag.items()})
        return flush

    def restart(self, settings: CustomerSettings | None = None) -> Self:
        """Throw the book away and build it from the changelog, under other settings if given."""
        self.settings = settings or self.settings
        self.book = CustomerBook(0, self.settings, self.sources)
        self.book.restore(self.changelog.items())
        return self

    # --- out ---

    def counts(self, queue: str = "q1", channel: str = "voice") -> dict[str, int]:
        """What was booked over all time, without zeros."""
        total: Counter[str] = Counter()
        for (_, primitive), n in self.panes[channel, queue].items():
            total[NAMES[primitive]] += n
        return {name: n for name, n in total.items() if n}

    def when(self, name: str, queue: str = "q1") -> dict[float, int]:
        """Day (of its pane) → how many are booked there."""
        found = self.panes["voice", queue].items()
        return {
            (pane * PANE_MS - T0) / DAY_MS: n
            for (pane, primitive), n in sorted(found)
            if NAMES[primitive] == name and n
        }

    @property
    def contacts_kept(self) -> int:
        """Contacts that the changelog holds."""
        return sum(not key.startswith(b"\x00") for key in self.changelog)
