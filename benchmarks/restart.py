"""How long a channel is not live when a worker is killed, or when all are restarted one after the other.

    python -m benchmarks.restart [--contacts 10000] [--workers 3] [--rounds 3]

Needs Java, the jars of Apache Kafka (`make kafka`) and `redis-server`. What is measured: `README.md` here.
"""

import argparse
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, Self

import msgspec
import redis

from streams.sinks.redis_keys import state_at
from tests import servers
from tests.end_to_end.centre import Centre, Worker, centre

QUEUES: Final = 20
EVERY_S: Final = 0.05
SETTLED_S: Final = 5.0
WITHIN_S: Final = 120.0


class Watch:
    """Looks at every queue of the channel in Redis, as a board does, twenty times a second."""

    def __init__(self, bench: Centre) -> None:
        self._client = redis.Redis.from_url(bench.redis_url, decode_responses=True)
        self._keys = [f"{bench.name}:view:voice:{queue}" for queue in ("*", *map(str, range(QUEUES)))]
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._live_at: dict[str, float] = {}
        self.longest_s: dict[str, float] = {}
        """Line → the longest time since `begin` in which it was not live."""
        self.as_of: Mapping[str, int] = {}
        """Line → as_of of its last look, where it was live."""

    def __enter__(self) -> Self:
        self.begin()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        self._client.close()

    def begin(self) -> None:
        """Forget what was."""
        self._live_at = dict.fromkeys(self._keys, time.monotonic())
        self.longest_s = dict.fromkeys(self._keys, 0.0)

    def live_since(self, at_ms: int) -> bool:
        """Whether every line is live, and knows what was at `at_ms`."""
        as_of = self.as_of
        return all(as_of.get(key, 0) >= at_ms for key in self._keys)

    def _run(self) -> None:
        while not self._stopped.wait(EVERY_S):
            looked = dict(self._look())
            now = time.monotonic()
            for key in looked:
                self.longest_s[key] = max(self.longest_s[key], now - self._live_at[key])
                self._live_at[key] = now
            self.as_of = looked

    def _look(self) -> Iterator[tuple[str, int]]:
        """Every line that is live now, with its as_of."""
        pipeline = self._client.pipeline(transaction=False)
        for key in self._keys:
            pipeline.hmget(key, "state", "as_of_ms")
        now_ms = time.time_ns() // 1_000_000
        for key, (state, as_of_ms) in zip(self._keys, pipeline.execute(), strict=True):
            if state is not None and state_at(now_ms, int(as_of_ms), state) == "live":
                yield key, int(as_of_ms)


def arrivals(count: int) -> Iterator[bytes]:
    """Contacts that wait from now on, and go on waiting."""
    at = time.time_ns() // 1_000_000
    for n in range(count):
        event = {"v": 1, "id": f"e{n}", "type": "queue.entered", "time": at, "channel": "voice"}
        yield msgspec.json.encode({**event, "contact": f"c{n}", "queue": str(n % QUEUES)})


def until(true: Callable[[], object], what: str) -> float:
    """Wait; returns the seconds that it took. Raises TimeoutError."""
    began = time.monotonic()
    while not true():
        if time.monotonic() > began + WITHIN_S:
            raise TimeoutError(f"not within {WITHIN_S:.0f} s: {what}")
        time.sleep(EVERY_S)
    return time.monotonic() - began


def killed(bench: Centre, watch: Watch, victim: Worker) -> tuple[float, float]:
    """(seconds from the SIGKILL until every line was live again, longest time that one was not)."""
    watch.begin()
    began, at_ms = time.monotonic(), time.time_ns() // 1_000_000
    victim.signal(signal.SIGKILL)
    until(lambda: watch.live_since(at_ms + 1_000), "live again")
    again_s = time.monotonic() - began
    time.sleep(SETTLED_S)
    gap_s = max(watch.longest_s.values())
    bench.wait_for_ready(bench.worker(), *bench.running())
    return again_s, gap_s


def rolled(bench: Centre, watch: Watch) -> tuple[float, float]:
    """(seconds that restarting all took, longest time that a line was not live)."""
    watch.begin()
    began = time.monotonic()
    for old in bench.running():
        old.signal(signal.SIGTERM)
        old.wait(20)
        bench.wait_for_ready(bench.worker())
    took_s = time.monotonic() - began
    time.sleep(SETTLED_S)
    return took_s, max(watch.longest_s.values())


def main(contacts: int, workers: int, rounds: int) -> None:
    with (
        servers.kafka() as brokers,
        servers.redis() as url,
        tempfile.TemporaryDirectory() as directory,
        centre(brokers, url, "restart", Path(directory)) as bench,
    ):
        bench.ready_workers(workers)
        bench.produce(arrivals(contacts))
        with Watch(bench) as watch:
            until(lambda: watch.live_since(time.time_ns() // 1_000_000 - 3_000), "live at first")
            print(f"{contacts} open contacts in {QUEUES} queues of one channel, {workers} workers", flush=True)
            print("what                    took, s   longest without live numbers, s", flush=True)
            for _ in range(rounds):
                print(
                    "SIGKILL, live again     {:7.1f}   {:7.1f}".format(*killed(bench, watch, bench.running()[0])),
                    flush=True,
                )
                print("SIGTERM, all in turn    {:7.1f}   {:7.1f}".format(*rolled(bench, watch)), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=10_000, help="contacts that wait (default 10000)")
    parser.add_argument("--workers", type=int, default=3, help="workers that share the partitions (default 3)")
    parser.add_argument("--rounds", type=int, default=3, help="how often (default 3)")
    options = parser.parse_args()
    main(options.contacts, options.workers, options.rounds)
