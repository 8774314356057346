"""What a worker writes to Kafka per event, by how many queues the events spread over: bytes and records.

    python -m benchmarks.traffic [--events 40000]

In memory and exact: one source partition's book, flushed as often as a live worker does; the outputs are counted, not
sent (a broker adds about 10 bytes a record, and compresses nothing here). Writes results/traffic.json.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks import calls
from benchmarks.centre import CAUGHT_UP, in_order, time_of
from benchmarks.results import save
from streams.books import EVERY_PARTITION, MemoryRecord
from streams.config.model import Config
from streams.contacts.book import ContactBook
from streams.facts.wire import WHOLE_CHANNEL, parse_dimension

QUEUES: Final = (10, 1_000, 100_000)
RATES: Final = (200, 4_000)
"""Events a second of the partition: what coalesces within a flush."""
FLUSH_MS: Final = 200


def flushes(values: Sequence[bytes]) -> Iterator[list[MemoryRecord]]:
    """The records of each 200 ms."""
    flush: list[MemoryRecord] = []
    until = 0
    for offset, value in enumerate(values):
        at = time_of(value)
        if at >= until and flush:
            yield flush
            flush = []
        if not flush:
            until = at + FLUSH_MS
        flush.append(MemoryRecord(offset, None, None, value))
    yield flush


def written(events: int, queues: int, rate: int) -> dict[str, float]:
    """Bytes and records per event, by topic; progress, which goes to every facts partition, counted once a flush."""
    values = in_order(calls.simulate(events, queues, rate))
    book = ContactBook(calls.TOPIC, 0, Config().fold_settings())
    size: Counter[str] = Counter()
    records: Counter[str] = Counter()
    times = 0
    for flush in flushes(values):
        book.fold(flush)
        drained = book.drain(CAUGHT_UP)
        times += 1
        outputs = [
            ("progress" if out.partition == EVERY_PARTITION else out.topic, out.key, out.value)
            for out in drained.outputs
        ]
        state = [("state", key, value) for key, value in drained.rows.items()]
        for topic, key, value in [*outputs, *state]:
            size[topic] += len(key or b"") + len(value or b"")
            records[topic] += 1
            if topic == "facts" and key is not None and parse_dimension(key).queue == WHOLE_CHANNEL:
                size["whole_channel"] += len(key) + len(value or b"")
    return {
        "source_bytes": sum(map(len, values)) / events,
        **{f"{topic}_bytes": size[topic] / events for topic in ("state", "facts", "whole_channel", "visits")},
        **{f"{topic}_records": records[topic] / events for topic in ("state", "facts", "visits")},
        "progress_bytes_a_flush": size["progress"] / times,
        "events_a_flush": events / times,
    }


def main(events: int) -> None:
    cases = []
    for rate in RATES:
        for queues in QUEUES:
            taken = {name: round(value, 3) for name, value in written(events, queues, rate).items()}
            cases.append({"queues": queues, "events_per_s": rate, **taken})
            print(cases[-1], flush=True)
    save("traffic", {"flush_ms": FLUSH_MS, "cases": cases})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=40_000, help="events to fold (default 40000)")
    main(parser.parse_args().events)
