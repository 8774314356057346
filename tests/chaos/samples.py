"""What a reader of Redis sees during a run: every line, twice a second, with when it was asked and answered."""

import threading
import time
from collections.abc import Mapping
from typing import Final, NamedTuple

from redis import Redis
from redis.exceptions import RedisError

from streams.metrics.catalogue import BY_ID
from streams.sinks.redis_keys import STALE_MS
from tests.chaos.centres import LINES

EVERY_S: Final = 0.5
ALL_FIELDS_EVERY: Final = 4
"""Of so many looks one keeps every number, the others a few: an hour of all of them would not fit into memory."""
KEPT: Final = frozenset({"waiting", "longest_wait", "offered", "answered", "abandoned"})

Line = tuple[str, str]
"""(channel, queue)."""


class Sample(NamedTuple):
    """One line at one look."""

    line: Line
    asked_at: int
    """Epoch ms."""
    answered_at: int
    as_of_ms: int
    state: str
    token: int
    values: Mapping[str, str]
    """Field → value, as it stands there."""
    whole: bool
    """Whether `values` are all that stood there."""

    @property
    def live(self) -> bool:
        """Whether a reader takes it as live."""
        return self.state == "live" and self.asked_at - self.as_of_ms <= STALE_MS


class Sampler:
    """Looks at Redis until it is stopped, in a thread of its own."""

    def __init__(self, url: str, prefix: str) -> None:
        self.samples: list[Sample] = []
        self.dark_at: int = 0
        """Epoch ms of the last look at which not every line was there and live."""
        self.looked_at: int = 0
        """Of the last look that is over."""
        self.looks = 0
        self._redis = Redis.from_url(url, decode_responses=True, socket_timeout=2, socket_connect_timeout=2)
        self._prefix = prefix
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(10)
        self._redis.close()

    def _run(self) -> None:
        while not self._stopped.is_set():
            asked_at = _now_ms()
            if not self._look(asked_at):
                self.dark_at = _now_ms()
            self.looked_at = asked_at
            self.looks += 1
            self._stopped.wait(EVERY_S)

    def _look(self, asked_at: int) -> bool:
        """Whether every line is there and live."""
        whole = self.looks % ALL_FIELDS_EVERY == 0
        try:
            found = [self._sample(line, asked_at, whole=whole) for line in LINES]
        except RedisError:
            return False
        there = [sample for sample in found if sample is not None]
        self.samples += there
        return len(there) == len(LINES) and all(sample.live for sample in there)

    def _sample(self, line: Line, asked_at: int, *, whole: bool) -> Sample | None:
        fields = self._redis.hgetall(f"{self._prefix}:view:{line[0]}:{line[1]}")
        if not fields:
            return None
        kept = {
            name: value
            for name, value in fields.items()
            if (kpi := name.partition(":")[0]) in BY_ID and (whole or kpi in KEPT)
        }
        as_of_ms, token = int(fields["as_of_ms"]), int(fields["token"])
        return Sample(line, asked_at, _now_ms(), as_of_ms, fields["state"], token, kept, whole)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
