"""Hashes as a worker writes them, at any time a test likes."""

import json
import time
from collections.abc import Mapping

import redis

Number = int | float


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Writer:
    """Writes to a real Redis under the prefix `cs`."""

    def __init__(self, url: str) -> None:
        self.client = redis.Redis.from_url(url, decode_responses=True)

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
        fields = {"as_of_ms": at, "state": state, "token": 1, "worker": "test", **values}
        with self.client.pipeline() as together:
            together.delete(key)
            together.hset(key, mapping=fields)
            together.pexpire(key, ttl_ms)
            together.zadd("cs:queues", {f"{channel}:{queue}": at})
            change = {"channel": channel, "queue": queue, "as_of_ms": at, "state": state}
            together.publish("cs:changes", json.dumps(change))
            together.execute()
        return at

    def expire(self, channel: str, queue: str) -> None:
        """As if nobody had written the queue for so long."""
        self.client.pexpire(f"cs:view:{channel}:{queue}", 1)
