"""What an event costs as everything around it grows: queues, open contacts, lengths of windows.

    python -m benchmarks.growth [--events 60000] [--rounds 3] [--open 100000]

In memory, no broker: CPU time of both stages' folds with their flushes, and of one look at all queues, as the sinks
take it four times a second. The least of several rounds counts: on a busy machine nothing else repeats. Writes
results/growth.json.
"""

import argparse
import gc
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from benchmarks import calls
from benchmarks.centre import CAUGHT_UP, SOURCES, in_order, time_of
from benchmarks.results import save
from streams.books import MemoryRecord, Output
from streams.config.model import Config
from streams.contacts.book import ContactBook
from streams.facts.wire import PROGRESS_KEY, Progress, encode
from streams.metrics.view import Viewer
from streams.windows.book import ViewBook
from streams.worker.compose import GC_THRESHOLD

QUEUES: Final = (1, 10, 100, 1_000, 10_000)
OPEN: Final = (100, 1_000, 10_000, 100_000, 1_000_000)
WINDOWS: Final = ("1m", "5m", "15m", "60m", "240m", "480m")
FLUSH: Final = 20_000
"""Records between two flushes of stage 1: it catches up."""
OPEN_QUEUES: Final = 100
WINDOW_QUEUES: Final = 10
WINDOW_SPAN_S: Final = 9 * 3_600
LOOKS: Final = 3
PLACE: Final = (calls.TOPIC, 0)


class Cost(NamedTuple):
    """CPU time of one case."""

    contacts_us: float
    """Stage 1, per event: fold and flushes."""
    views_us: float
    """Stage 2, per event of the source: fold of the facts, one flush for each of stage 1's."""
    look_ms: float
    """One look at every queue, with all windows and KPIs."""
    facts: float
    """Records between the stages, per event."""


class Case:
    """Both books, warmed up with a day's beginning, and how they take what follows."""

    def __init__(self, windows: Sequence[str] | None = None) -> None:
        config = Config() if windows is None else Config(windows=list(windows))
        self._config = config
        self._contacts = ContactBook(*PLACE, config.fold_settings())
        self._views = ViewBook(0, config.window_settings())
        self._viewer = Viewer(config.variants(), config.channels())
        self._offset = self._facts = 0
        self._last = 0

    def fold(self, values: Sequence[bytes]) -> Cost:
        """What the events (in order of time) take. The last one's time becomes now."""
        contacts = views = facts = 0.0
        for at in range(0, len(values), FLUSH):
            chunk = values[at : at + FLUSH]
            records = [MemoryRecord(self._offset + n, None, None, value) for n, value in enumerate(chunk)]
            self._offset += len(records)
            began = time.process_time()
            self._contacts.fold(records)
            outputs = self._contacts.drain(CAUGHT_UP).outputs
            done = time.process_time()
            contacts += done - began
            handed = list(self._between(outputs))
            facts += len(handed)
            began = time.process_time()
            self._views.fold(handed)
            self._views.drain(CAUGHT_UP)
            views += time.process_time() - began
        per_event = 1e6 / len(values)
        return Cost(contacts * per_event, views * per_event, self._look(), facts / len(values))

    def _between(self, outputs: Sequence[Output]) -> Iterator[MemoryRecord]:
        """Facts as the topic would hand them over, and how far the source has come."""
        for output in outputs:
            if output.topic == "facts" and output.key != PROGRESS_KEY:
                yield MemoryRecord(self._facts, None, output.key, output.value)
                self._facts += 1
        self._last = self._contacts.watermark
        progress = Progress(*PLACE, self._offset, self._last, 0, self._last, caught_up=True)
        yield MemoryRecord(self._facts, self._last, PROGRESS_KEY, encode(progress))
        self._facts += 1

    def _look(self) -> float:
        """Milliseconds of one look, the least of a few; the clock goes on between them, as it does for a sink."""
        taken = []
        for number in range(LOOKS):
            began = time.process_time()
            views = self._viewer.views(self._views, self._last + number, SOURCES)
            taken.append((time.process_time() - began) * 1e3)
            assert views, "nothing to look at"
        return min(taken)


def by_queues(events: int, queues: int) -> Callable[[], Cost]:
    """Many events in so many queues; the first third warms up."""
    values = in_order(calls.simulate(events * 3 // 2, queues))

    def run() -> Cost:
        case = Case()
        case.fold(values[: events // 2])
        return case.fold(values[events // 2 :])

    return run


def by_open(events: int, contacts: int) -> Callable[[], Cost]:
    """Many events while so many calls wait: they came within the two hours before, and nobody answers them."""
    values = in_order(calls.simulate(events, OPEN_QUEUES))
    first = time_of(values[0])
    waiting = [_waiting(number, first - 7_200_000 + number * 7_200_000 // contacts) for number in range(contacts)]

    def run() -> Cost:
        case = Case()
        case.fold(waiting)
        return case.fold(values)

    return run


def _waiting(number: int, at: int) -> bytes:
    return (
        f'{{"v":1,"id":"w-{number}","type":"queue.entered","time":{at},"channel":"{calls.CHANNEL}",'
        f'"contact":"waiting-{number}","queue":"queue-{number % OPEN_QUEUES}"}}'
    ).encode()


def by_windows(events: int, window: str) -> Callable[[], Cost]:
    """Events spread over nine hours and ten queues, with one rolling window: panes leave it as others come."""
    values = in_order(calls.simulate(events, WINDOW_QUEUES, events / WINDOW_SPAN_S))

    def run() -> Cost:
        return Case([window]).fold(values)

    return run


def least(run: Callable[[], Cost], rounds: int) -> Cost:
    """The least of several rounds, each figure by itself."""
    taken = []
    for _ in range(rounds):
        gc.collect()
        taken.append(run())
    return Cost(*(min(figures) for figures in zip(*taken, strict=True)))


def main(events: int, rounds: int, most_open: int) -> None:
    gc.set_threshold(*GC_THRESHOLD)
    series: dict[str, list[dict[str, Any]]] = {}
    cases: dict[str, Iterator[tuple[str, Callable[[], Cost]]]] = {
        "queues": ((f"{n:,}", by_queues(events, n)) for n in QUEUES),
        "open contacts": ((f"{n:,}", by_open(events, n)) for n in OPEN if n <= most_open),
        "window": ((window, by_windows(events, window)) for window in WINDOWS),
    }
    for name, some in cases.items():
        print(f"{name:>14}  contacts µs  views µs  facts/event  one look ms")
        for label, run in some:
            cost = least(run, rounds)
            series.setdefault(name, []).append({"at": label, **cost._asdict()})
            fold = f"{cost.contacts_us:11.2f}  {cost.views_us:8.2f}"
            print(f"{label:>14}  {fold}  {cost.facts:11.2f}  {cost.look_ms:11.1f}", flush=True)
    save("growth", {"events": events, "rounds": rounds, "flush": FLUSH, "series": series})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=60_000, help="events that are measured (default 60000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each case runs (default 3)")
    parser.add_argument("--open", type=int, default=100_000, help="the most open contacts (default 100000)")
    options = parser.parse_args()
    main(options.events, options.rounds, options.open)
