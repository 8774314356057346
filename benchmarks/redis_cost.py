"""What writing to Redis costs: CPU of the worker's side and of Redis, per tick, with so many queues changed.

    python -m benchmarks.redis_cost [--queues 100 1000] [--ticks 8]

One process with the real sink, a redis-server, books of stage 2 filled through stage 1. Before each tick every queue
gets an event more, so that all its windows change. Taken apart: looking (every KPI of every window, in the event
loop), and writing (formatting, sending, in a thread and in the loop). Writes results/redis_cost.json.
"""

import argparse
import asyncio
import gc
import json
import logging
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import redis

from benchmarks import calls
from benchmarks.centre import CAUGHT_UP, FilledBook, filled
from benchmarks.processes import end_in_order
from benchmarks.results import save
from streams.books import Book, MemoryRecord
from streams.facts.primitives import P
from streams.facts.wire import PANE_MS, PROGRESS_KEY, Delta, Dimension, Progress, dimension_key, encode
from streams.metrics.details import Details
from streams.metrics.view import QueueView
from streams.sinks.redis import Identity, Looks, Pace, RedisSink, connect
from streams.sinks.redis_keys import Keys
from streams.worker.compose import GC_THRESHOLD
from tests import servers

TICK_MS: Final = 60_000
"""Far apart: the sink leaves out ticks so that looking takes a bounded share of the time, and none must be left out."""
WITHIN_S: Final = 60.0
FIRST_WITHIN_S: Final = 5.0
POLL_S: Final = 0.02


class Owner(NamedTuple):
    """The partition, as the sink sees it."""

    book: Book
    token: int = 1
    claimed_at: int = 0


class Tick(NamedTuple):
    """CPU of one, in ms."""

    look: float
    write: float
    redis: float


class Changing:
    """A centre whose queues all change before each look."""

    def __init__(self, centre: FilledBook, queues: int) -> None:
        self.book = centre.book
        self._centre = centre
        self._offset = centre.book.offset
        self._keys = [dimension_key(Dimension(calls.CHANNEL, f"queue-{n}")) for n in range(queues)]
        self.now_ms = centre.now_ms
        self.look_ms = 0.0
        self.looked_at_ms = 0
        self.last: QueueView

    def change(self) -> None:
        """An offered call more in every queue, a tick later: every rolling window changes."""
        self.now_ms += TICK_MS
        value = encode(Delta({self.now_ms // PANE_MS: {int(P.OFFERED): 1}}, {}))
        progress = Progress(calls.TOPIC, 0, self._offset, self.now_ms, 0, self.now_ms, caught_up=True)
        facts = [(key, value) for key in self._keys] + [(PROGRESS_KEY, encode(progress))]
        records = [MemoryRecord(self._offset + n, self.now_ms, *fact) for n, fact in enumerate(facts)]
        self._offset += len(records)
        self.book.fold(records)
        self.book.drain(CAUGHT_UP)

    def look(self, book: Book, now_ms: int) -> Sequence[QueueView]:
        """The views; remembers what they cost."""
        del book
        began = time.process_time()
        views = self._centre.views(now_ms)
        self.look_ms = (time.process_time() - began) * 1e3
        self.looked_at_ms = now_ms
        self.last = views[-1]
        return views


async def measure(url: str, queues: int, ticks: int) -> Mapping[str, Any]:
    """Ticks of a sink; the first, which write everything, are left out."""
    centre = filled(queues)
    changing, keys = Changing(centre, queues), Keys(f"q{queues}")
    sink = RedisSink(
        connect(url),
        keys,
        Identity("bench", "bench"),
        look=Looks(changing.look, _nothing_behind),
        cluster_id=_cluster,
        confirmed=_confirmed,
        log=logging.getLogger("bench"),
        pace=Pace(interval_ms=0, behind_ms=0, ttl_ms=600_000),
    )
    with redis.Redis.from_url(url, decode_responses=True) as client:
        await sink.start()
        try:
            await sink.tick(changing.now_ms, {0: Owner(changing.book)})
            await _begun(sink, changing, Watch(client, keys))
            taken = [await _tick(sink, changing, Watch(client, keys)) for _ in range(ticks)]
        finally:
            await sink.stop()
        fields = client.hlen(keys.view(Dimension(calls.CHANNEL, "queue-0")))
    figures = {name: round(statistics.median(getattr(tick, name) for tick in taken), 2) for name in Tick._fields}
    return {"queues": queues, "lines": len(centre.views(changing.now_ms)), "fields": fields, "ticks": ticks, **figures}


class Watch:
    """Looks at Redis with another client."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    def cpu_s(self) -> float:
        """What Redis has taken so far."""
        info: dict[str, float] = self._client.info("cpu")
        return info["used_cpu_user"] + info["used_cpu_sys"]

    def shows(self, now_ms: int, last: QueueView) -> bool:
        """Whether the last queue of a tick stands there."""
        return self._client.hget(self._keys.view(Dimension(last.channel, last.queue)), "as_of_ms") == str(now_ms)


def _nothing_behind(book: Book, view: QueueView) -> Details:
    del book, view
    return Details()


async def _cluster() -> str:
    return "benchmark"


async def _confirmed() -> None:
    return None


async def _begun(sink: RedisSink, changing: "Changing", watch: Watch) -> None:
    """Until the sink has written: its first tick finds a Redis that does not know it, its second writes everything."""
    while not watch.shows(changing.now_ms, changing.last):
        await _tick(sink, changing, watch, within_s=FIRST_WITHIN_S)


async def _tick(sink: RedisSink, changing: "Changing", watch: Watch, within_s: float = WITHIN_S) -> Tick:
    """One tick, until what it shows stands in Redis."""
    changing.change()
    began, server = time.process_time(), watch.cpu_s()
    while changing.looked_at_ms != changing.now_ms:  # a tick is left out while the last one is being written
        await sink.tick(changing.now_ms, {0: Owner(changing.book)})
        await asyncio.sleep(0)
    deadline = time.monotonic() + within_s
    while not watch.shows(changing.now_ms, changing.last) and time.monotonic() < deadline:  # noqa: ASYNC110 (of Redis)
        await asyncio.sleep(POLL_S)
    took = (time.process_time() - began) * 1e3
    return Tick(changing.look_ms, took - changing.look_ms, (watch.cpu_s() - server) * 1e3)


def main(wanted: list[int], ticks: int) -> None:
    gc.set_threshold(*GC_THRESHOLD)
    cases = []
    with servers.redis() as url:
        for queues in wanted:
            cases.append(asyncio.run(measure(url, queues, ticks)))
            print(json.dumps(cases[-1]), flush=True)
    save("redis_cost", {"cases": cases})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queues", type=int, nargs="*", default=[100, 1_000], help="numbers of queues")
    parser.add_argument("--ticks", type=int, default=8, help="ticks that are measured (default 8)")
    options = parser.parse_args()
    end_in_order()
    main(options.queues, options.ticks)
