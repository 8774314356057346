"""A scrape of a large centre: how long it takes, and how long the event loop stands still meanwhile.

    python -m benchmarks.scrape [--samples 30000 300000] [--rounds 5]

One process: books of stage 2 filled through stage 1, the real sink and HTTP server, and a client in a process of its
own that asks for `/metrics` with and without gzip. Writes results/scrape.json.
"""

import argparse
import asyncio
import gc
import json
import sys
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from benchmarks.centre import FilledBook, filled
from benchmarks.results import save
from streams.books import Book
from streams.metrics.view import QueueView
from streams.sinks.prometheus import PrometheusSink
from streams.worker.compose import GC_THRESHOLD
from streams.worker.health import HealthServer, Readiness

HEARTBEAT_S: Final = 0.001
SAMPLES_PER_QUEUE: Final = 300
"""About: windows by KPI, counters and histograms of a queue of calls."""
CLIENT: Final = """
import sys, time, urllib.request
print("ready", flush=True)
sys.stdin.readline()
request = urllib.request.Request(sys.argv[1], headers={"Accept-Encoding": "gzip"} if sys.argv[2] == "gzip" else {})
began = time.monotonic()
body = urllib.request.urlopen(request, timeout=120).read()
print(time.monotonic() - began, len(body))
"""


class Scrape(NamedTuple):
    """One answer."""

    seconds: float
    """Wall clock, as the client saw it."""
    cpu_s: float
    """Of the whole process that answered."""
    pause_s: float
    """The longest that the event loop did not turn."""
    size: int
    """Bytes on the wire."""


class Heart:
    """Turns with the event loop, and remembers the longest time that it did not."""

    def __init__(self) -> None:
        self._longest = 0.0

    async def beat(self) -> None:
        before = time.monotonic()
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            now = time.monotonic()
            self._longest = max(self._longest, now - before - HEARTBEAT_S)
            before = now

    def take(self) -> float:
        """The longest pause since the last call, seconds."""
        longest, self._longest = self._longest, 0.0
        return longest


class Owner(NamedTuple):
    """The partition, as the sink sees it."""

    book: Book
    token: int = 1
    claimed_at: int = 0


async def measure(centre: FilledBook, rounds: int) -> Mapping[str, Any]:
    """Scrapes of one centre, with and without gzip."""

    def look(book: Book, now_ms: int) -> list[QueueView]:
        del book
        return centre.views(now_ms)

    sink = PrometheusSink(look, centre.counters, clock_ms=lambda: centre.now_ms, edges_ms=centre.edges_ms)
    server = HealthServer("127.0.0.1", 0, dead=list, readiness=lambda: Readiness(ready=True), metrics=sink.scrape)
    heart = Heart()
    await sink.start()
    await sink.tick(centre.now_ms, {0: Owner(centre.book)})
    await server.start()
    beating = asyncio.create_task(heart.beat())
    try:
        url = f"http://127.0.0.1:{server.port}/metrics"
        text = await asyncio.to_thread(sink.scrape)
        samples = sum(1 for line in text.splitlines() if not line.startswith(b"#"))
        await asyncio.sleep(1)
        heart.take()
        await asyncio.sleep(1)
        idle = heart.take()
        plain = [await _scrape(url, "plain", heart) for _ in range(rounds)]
        zipped = [await _scrape(url, "gzip", heart) for _ in range(rounds)]
    finally:
        beating.cancel()
        await server.stop()
    return {"samples": samples, "idle_pause_s": idle, "plain": _figures(plain), "gzip": _figures(zipped)}


async def _scrape(url: str, encoding: str, heart: Heart) -> Scrape:
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CLIENT, url, encoding, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert client.stdout is not None
    await client.stdout.readline()  # its imports must not be taken for the scrape
    heart.take()
    cpu_s = time.process_time()
    out, _ = await client.communicate(b"go\n")
    seconds, size = out.split()
    return Scrape(float(seconds), time.process_time() - cpu_s, heart.take(), int(size))


def _figures(scrapes: list[Scrape]) -> dict[str, list[float]]:
    return {name: [round(getattr(scrape, name), 4) for scrape in scrapes] for name in Scrape._fields}


def main(wanted: list[int], rounds: int) -> None:
    gc.set_threshold(*GC_THRESHOLD)
    cases = []
    for samples in wanted:
        figures = asyncio.run(measure(filled(queues=max(1, samples // SAMPLES_PER_QUEUE)), rounds))
        cases.append(figures)
        print(json.dumps(figures), flush=True)
    save("scrape", {"cases": cases})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, nargs="*", default=[30_000, 300_000], help="about so many")
    parser.add_argument("--rounds", type=int, default=5, help="scrapes of each kind (default 5)")
    options = parser.parse_args()
    main(options.samples, options.rounds)
