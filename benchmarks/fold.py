"""CPU per event of the pure core, in memory: decoding alone, stage 1 with its flushes, stage 2.

    python -m benchmarks.fold [--events 100000] [--rounds 5]

The quick instrument for optimising: no broker, no processes, medians of several rounds taken in turn. Every measurement
runs with the garbage collector on, as the worker does.
"""

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from benchmarks.day import Day, Place, simulate
from streams.books import MemoryRecord, Output, Reading
from streams.config.model import Config
from streams.contacts.book import ContactBook
from streams.events.decode import EventDecoder
from streams.events.model import AnyEvent
from streams.facts.wire import PROGRESS_KEY
from streams.windows.book import ViewBook

CHUNKS: Final = (2_000, 20_000)
"""Records per fold and flush of one partition: a live one flushes small, one that catches up large."""
CAUGHT_UP: Final = Reading(caught_up=True, lag=0)

Records = Mapping[Place, Sequence[MemoryRecord]]


class Inputs:
    """What each measurement starts from; made once."""

    def __init__(self, day: Day) -> None:
        self.config = Config()
        self.events = day.records
        self.records: Records = {
            place: [MemoryRecord(offset, None, *record) for offset, record in enumerate(records)]
            for place, records in day.partitions.items()
        }
        self.values = [record.value for records in day.partitions.values() for record in records]


# --- what is measured ---


def decode_only(inputs: Inputs) -> None:
    """The union of all events, one call a record: what nobody can do without."""
    decode = msgspec.json.Decoder(AnyEvent).decode
    for value in inputs.values:
        decode(value)


def decode_checked(inputs: Inputs) -> None:
    """The same with what stage 1 checks beyond the types."""
    EventDecoder(inputs.config.max_record_bytes).decode(inputs.values)


def contacts(chunk: int) -> Callable[[Inputs], None]:
    """Stage 1: fold and flush every `chunk` records of a partition."""

    def measured(inputs: Inputs) -> None:
        flush_all(inputs, chunk)

    measured.__name__ = f"contacts, a flush per {chunk:,}"
    return measured


def views(facts: Sequence[MemoryRecord], chunk: int) -> Callable[[Inputs], None]:
    """Stage 2: fold the facts that stage 1 made with the same chunks, one flush at the end."""

    def measured(inputs: Inputs) -> None:
        book = ViewBook(0, inputs.config.window_settings())
        book.fold(facts)
        book.drain(CAUGHT_UP)

    measured.__name__ = f"views, of flushes per {chunk:,}"
    return measured


def flush_all(inputs: Inputs, chunk: int) -> Iterable[Output]:
    """Fold the day; returns all outputs."""
    outputs: list[Output] = []
    for (topic, partition), records in inputs.records.items():
        book = ContactBook(topic, partition, inputs.config.fold_settings())
        for start in range(0, len(records), chunk):
            book.fold(records[start : start + chunk])
            outputs += book.drain(CAUGHT_UP).outputs
    return outputs


def facts_of(inputs: Inputs, chunk: int) -> list[MemoryRecord]:
    """What stage 1 hands to stage 2, as of one facts partition; progress left out, it goes by time."""
    facts = [output for output in flush_all(inputs, chunk) if output.topic == "facts" and output.key != PROGRESS_KEY]
    return [MemoryRecord(offset, None, output.key, output.value) for offset, output in enumerate(facts)]


# --- measuring ---


def cpu_us(measured: Callable[[Inputs], None], inputs: Inputs) -> float:
    """CPU per event of one run, µs."""
    gc.collect()
    start = time.process_time()
    measured(inputs)
    return (time.process_time() - start) / inputs.events * 1e6


def main(events: int, rounds: int) -> None:
    inputs = Inputs(simulate(events))
    todo = [
        decode_only,
        decode_checked,
        *(contacts(chunk) for chunk in CHUNKS),
        *(views(facts_of(inputs, chunk), chunk) for chunk in CHUNKS),
    ]
    taken = [[cpu_us(each, inputs) for each in todo] for _ in range(rounds)]
    print(f"{inputs.events} records, {rounds} rounds; µs of CPU per event")
    print(f"{'':30}  median     min     max   × decode_only")
    decoding = statistics.median(run[0] for run in taken)
    for each, runs in zip(todo, zip(*taken, strict=True), strict=True):
        median = statistics.median(runs)
        print(f"{each.__name__:30}  {median:6.2f}  {min(runs):6.2f}  {max(runs):6.2f}  {median / decoding:8.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000, help="events to simulate (default 100000)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (default 5)")
    options = parser.parse_args()
    main(options.events, options.rounds)
