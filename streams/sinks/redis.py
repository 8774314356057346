"""Writes the values of the owned queues to Redis, so that a board, or anyone, can read them.

Whatever Redis does, consumption goes on: `tick` never waits. One task writes, one state at a time; what comes while it
is busy, or while Redis is away, is not kept, since the next tick brings newer.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from streams.errors import ConfigError, ContactStreamsError
from streams.facts.wire import Dimension
from streams.metrics.view import QueueView
from streams.sinks import redis_script
from streams.sinks.owned import Look, Owned
from streams.sinks.redis_encoding import Encoder
from streams.sinks.redis_keys import Keys, member
from streams.sinks.redis_lists import Look as LookBehind
from streams.sinks.redis_lists import QueueList, QueueLists

DOWN: Final = (RedisError, OSError, TimeoutError)
"""What a call raises when Redis cannot be reached or cannot answer."""

_STOPS_WITHIN_S: Final = 2.0
_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 5.0
_LOOKS_SHARE: Final = 4
"""A look at a state of hundreds of thousands of open rows takes long: no more than every fourth moment is spent so."""
_FIELDS_A_CALL: Final = 10_000
"""A Lua call holds up everyone else in Redis: about 10 ms for so many. A queue is never divided."""


def connect(url: str, login: Mapping[str, Any] = MappingProxyType({})) -> Redis:
    """A client that gives up soon: its users try again by themselves. Nothing is connected yet.

    `login`: user, password and files of certificates, as redis-py calls them.
    """
    return Redis.from_url(
        url,
        **login,
        decode_responses=True,
        socket_connect_timeout=2.0,
        socket_timeout=2.0,
        retry=Retry(NoBackoff(), 0),
    )


class Fenced(ContactStreamsError):
    """A later owner of a facts partition has written while this worker still takes it for its own."""


class Identity(NamedTuple):
    """Who writes: `worker` is one process of `app`."""

    app: str
    worker: str


class Pace(NamedTuple):
    """Milliseconds."""

    interval_ms: int = 250
    """Ticks that come sooner after a written one are passed over."""
    behind_ms: int = 1_000
    """The same while nothing is live: who catches up has better things to do. At most a quarter of `ttl_ms`."""
    ttl_ms: int = 10_000
    """What is not written again expires so long after."""


class Looks(NamedTuple):
    """How to look at the books."""

    views: Look
    behind: LookBehind


class _Batch(NamedTuple):
    """What one Lua call writes: queues of one facts partition."""

    now_ms: int
    partition: int
    token: int
    views: Sequence[QueueView]
    lists: Sequence[QueueList]

    @property
    def claim(self) -> tuple[int, int]:
        return self.partition, self.token


class RedisSink:
    """The writer. Takes over `client` (made by `connect`) and closes it at `stop`."""

    def __init__(
        self,
        client: Redis,
        keys: Keys,
        identity: Identity,
        *,
        look: Looks,
        cluster_id: Callable[[], Awaitable[str]],
        confirmed: Callable[[], Awaitable[object]],
        log: logging.Logger,
        pace: Pace = Pace(),  # noqa: B008 (immutable)
    ) -> None:
        """`cluster_id` tells, at the start, which Kafka cluster the values are of: app and cluster own the prefix.
        `confirmed` returns after the next successful heartbeat of this worker's group generation: only then does it
        write where no fence or no owner stands.
        """
        self._client = client
        self._keys = keys
        self._identity = identity
        self._look = look.views
        self._cluster_id = cluster_id
        self._owner = ""
        self._confirmed = confirmed
        self._log = log
        self._pace = pace
        self._encoder = Encoder(identity.worker)
        self._lists = QueueLists(look.behind, pace.ttl_ms // 3)
        self._refused: dict[int, int] = {}
        self._may_create: set[tuple[int, int]] = set()
        self._problem: str | None = None
        self._newest: list[_Batch] | None = None
        self._ticked_at: int | None = None
        self._looking_ms = 0.0
        """How long the last look at all queues has taken."""
        self._live = True
        """Whether anything was, at the last written tick; nothing to show counts as live."""
        self._wake = asyncio.Event()
        self._stopped = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.failures = 0
        """Writes that failed because Redis was away, since the start."""

    async def start(self) -> None:
        """Begin to write. Raises ConfigError when the prefix belongs to another app or cluster.

        A Redis that is away is no error: whose the prefix is, each write asks again.
        """
        self._owner = f"{self._identity.app}@{await self._cluster_id()}"
        try:
            await self._claim_prefix()
        except DOWN as error:
            self._count_failure(error)
        self._task = asyncio.create_task(self._write_for_ever(), name="redis-sink")

    async def stop(self) -> None:
        """Write no more. What stands in Redis expires by itself; a Redis that hangs is not waited for."""
        self._stopped.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=_STOPS_WITHIN_S)
        with contextlib.suppress(*DOWN):
            async with asyncio.timeout(_STOPS_WITHIN_S):
                await self._client.aclose()

    @property
    def problem(self) -> str | None:
        """What is wrong, for a readiness probe; None: nothing."""
        return self._problem

    async def tick(self, now_ms: int, owned: Mapping[int, Owned]) -> None:
        """Have the state at `now_ms` of all owned queues (facts partition → owner) written soon. Waits for nothing.

        Raises Fenced when Redis knows a later owner of a partition that is still owned here, ConfigError when another
        app has taken the prefix, and whatever else ended the writer: the process has to end.
        """
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()
        self._judge_refusals(owned)
        if self._newest is not None or not self._due(now_ms):
            return
        self._ticked_at = now_ms
        began = time.perf_counter()
        self._newest = list(self._batches(now_ms, owned))
        self._looking_ms = (time.perf_counter() - began) * 1000
        self._live = not self._newest or any(view.state == "live" for batch in self._newest for view in batch.views)
        self._wake.set()

    def _due(self, now_ms: int) -> bool:
        # a clock that was set back must not silence the sink
        return self._ticked_at is None or not 0 <= now_ms - self._ticked_at < self._interval_ms()

    def _interval_ms(self) -> float:
        interval_ms, behind_ms, ttl_ms = self._pace
        usual_ms = interval_ms if self._live else max(interval_ms, min(behind_ms, ttl_ms // 4))
        return max(usual_ms, _LOOKS_SHARE * self._looking_ms)

    def _batches(self, now_ms: int, owned: Mapping[int, Owned]) -> Iterator[_Batch]:
        for partition, owner in owned.items():
            views = self._look(owner.book, now_ms)
            for some in _in_calls(views):
                yield _Batch(now_ms, partition, owner.token, some, self._lists.due(owner.book, some, now_ms))

    def _judge_refusals(self, owned: Mapping[int, Owned]) -> None:
        """A refusal that crossed with the loss of the partition is as it should be."""
        for partition, token in self._refused.items():
            if partition in owned and owned[partition].token == token:
                message = f"Redis knows a later owner of facts partition {partition}, and this worker still holds it"
                raise Fenced(message, hint="start the worker again; it was probably suspended for a while")
        self._refused.clear()

    async def _claim_prefix(self) -> None:
        await self._client.set(self._keys.owner, self._owner, nx=True)
        owner = await self._client.get(self._keys.owner)
        if owner is not None and owner != self._owner:
            raise self._foreign(str(owner))

    def _foreign(self, owner: str) -> ConfigError:
        return ConfigError(
            f"the Redis prefix `{self._keys.prefix}` belongs to {owner}, this is {self._owner}",
            hint=f"set another redis.prefix; or, once that has ended, take it over: redis-cli DEL {self._keys.owner}",
        )

    async def _write_for_ever(self) -> None:
        pause_s = _FIRST_PAUSE_S
        # A cancellation may be lost in the client, where it meets a time-out: the flag says the same once more.
        while not self._stopped.is_set():
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._write(self._newest or ())
                pause_s = _FIRST_PAUSE_S
            except DOWN as error:
                self._count_failure(error)
                await self._hang_up()
                await asyncio.sleep(0 if self._stopped.is_set() else pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            self._newest = None

    async def _hang_up(self) -> None:
        """The address may lead to another Redis now: after a failover the old one answers on, read-only."""
        with contextlib.suppress(*DOWN):
            await self._client.connection_pool.disconnect()

    def _count_failure(self, error: BaseException) -> None:
        problem = f"Redis takes no writes: {error}" if isinstance(error, ResponseError) else f"Redis is away: {error}"
        if self._problem is None:
            self._log.warning("%s", problem)
        self._problem = problem
        self.failures += 1
        self._may_create.clear()

    async def _write(self, batches: Sequence[_Batch]) -> None:
        unknown = {batch.claim for batch in batches if not await self._written(batch)}
        if self._problem is not None:
            self._log.warning("Redis is back")
        self._problem = None
        if unknown:
            self._log.info("redis: new or come back empty, waiting for a heartbeat before the first write")
            await self._confirmed()
            self._may_create |= unknown

    async def _written(self, batch: _Batch) -> bool:
        """Whether Redis has judged the batch; False: it knows nothing to judge by."""
        # in a thread: a hundred busy queues are 50 ms of formatting, in which the loop folds no events
        keys, args = await asyncio.to_thread(self._call, batch)
        outcome, detail = await redis_script.call(self._client, keys, args)
        if outcome == redis_script.FOREIGN:
            raise self._foreign(detail)
        if outcome == redis_script.FENCED:
            self._refused[batch.partition] = batch.token
        if outcome == redis_script.WRITTEN:
            self._may_create.discard(batch.claim)
            self._lists.written(batch.lists, batch.now_ms)
        return outcome != redis_script.UNKNOWN

    def _call(self, batch: _Batch) -> tuple[list[str], list[str | int]]:
        """Keys and arguments of the script."""
        keys = [self._keys.fence(self._identity.app, batch.partition), self._keys.owner]
        keys += [self._keys.queues, self._keys.due]
        keys += [self._keys.view(_queue(view)) for view in batch.views]
        keys += [each.key(self._keys) for each in batch.lists]
        args: list[str | int] = [batch.token, self._owner, self._pace.ttl_ms, self._keys.changes]
        args += [int(batch.claim in self._may_create), len(batch.views)]
        for view in batch.views:
            args += [member(_queue(view)), self._encoder.fields(view, batch.token)]
            args += [self._encoder.change(view), self._encoder.due(view)]
        return keys, args + [each.packed() for each in batch.lists]


def _queue(view: QueueView) -> Dimension:
    return Dimension(view.channel, view.queue)


def _in_calls(views: Sequence[QueueView]) -> Iterator[list[QueueView]]:
    """The queues in their order, so many at a time as one call takes."""
    some: list[QueueView] = []
    fields = 0
    for view in views:
        more = len(view.live) + sum(map(len, view.windows.values()))
        if some and fields + more > _FIELDS_A_CALL:
            yield some
            some, fields = [], 0
        some.append(view)
        fields += more
    if some:
        yield some
