"""Writes what a worker would write, so that the board can be tested without one. The contract is `sinks.redis_keys`.

with Writer(url) as writer:
    writer.keep("voice", "billing", {"waiting": 2})     # written again and again: it stays live
"""

import json
import threading
import time
from collections.abc import Mapping
from typing import Self

import redis

Number = int | float
AGAIN_S = 0.5


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Writer:
    """Writes to a real Redis under the prefix `cs`."""

    def __init__(self, url: str) -> None:
        self.client = redis.Redis.from_url(url, decode_responses=True)
        self._kept: dict[tuple[str, str], tuple[dict[str, Number], int]] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._kept, self._stop = {}, threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def keep(self, channel: str, queue: str, values: Mapping[str, Number], *, lag_ms: int = 0) -> None:
        """Write the queue now, and again and again, as of now or `lag_ms` before."""
        self._kept[channel, queue] = dict(values), lag_ms
        self.write(channel, queue, values, as_of_ms=now_ms() - lag_ms)

    def leave(self, channel: str, queue: str) -> None:
        """Write it no more: its key expires at once."""
        del self._kept[channel, queue]
        self.expire(channel, queue)

    def _go_on(self) -> None:
        while not self._stop.wait(AGAIN_S):
            for (channel, queue), (values, lag_ms) in list(self._kept.items()):
                self.write(channel, queue, values, as_of_ms=now_ms() - lag_ms)

    def write(
        self,
        channel: str,
        queue: str,
        values: Mapping[str, Number],
        *,
        as_of_ms: int | None = None,
        state: str = "live",
        ttl_ms: int = 10_000,
    ) -> int:
        """Write one queue, announce it; its as_of (now unless given)."""
        at = now_ms() if as_of_ms is None else as_of_ms
        key = f"cs:view:{channel}:{queue}"
        fields = {"as_of_ms": at, "heard_ms": at - 1_000, "state": state, "token": 1, "worker": "test", **values}
        with self.client.pipeline() as together:
            together.delete(key)
            together.hset(key, mapping=fields)
            together.pexpire(key, ttl_ms)
            together.zadd("cs:queues", {f"{channel}:{queue}": at})
            change = {"channel": channel, "queue": queue, "as_of_ms": at, "state": state}
            together.publish("cs:changes", json.dumps(change))
            together.execute()
        return at

    def list(self, name: str, channel: str, queue: str, items: list[dict]) -> None:
        """What stands beside a queue's hash."""
        key = f"cs:{name}:{channel}:{queue}"
        self.client.delete(key)
        if items:
            self.client.rpush(key, *map(json.dumps, items))

    def expire(self, channel: str, queue: str) -> None:
        """As if nobody had written the queue for so long."""
        self.client.pexpire(f"cs:view:{channel}:{queue}", 1)
