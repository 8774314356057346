"""Reads what the workers have written to Redis: for the board, or for anyone else."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast, get_args

import msgspec
from redis.asyncio import Redis

from streams.facts.wire import Dimension
from streams.metrics.view import QueueView
from streams.sinks.redis_keys import Keys, ListName, member, parse_member, parse_view

REQUIRED: Final = ("as_of_ms", "state", "heard_ms")
"""What every view has, `heard_ms` where it is known."""

QueueLists = dict[ListName, list[dict[str, Any]]]


class RedisReader:
    """The reader. `client` is made by `redis.connect`; whoever made it closes it.

    Every method raises what redis-py raises when Redis is away (`redis.DOWN`); the next call tries again.
    """

    def __init__(self, client: Redis, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    async def queues(self) -> list[Dimension]:
        """Queues that somebody writes, roll-ups among them, sorted."""
        members = await self._client.zrange(self._keys.queues, 0, -1)
        return sorted(parse_member(str(name)) for name in members)

    async def views(self, now_ms: int, only: Sequence[str] | None = None) -> list[QueueView]:
        """All queues. `state` is as it is at `now_ms`: live only while as_of is at most 3 s old. `only`: of each the
        hash fields with these names, and what every view has.

        A queue that has expired is not among them: a board that has shown it shows it on, as `catching_up`.
        """
        queues = await self.queues()
        names = None if only is None else [*REQUIRED, *only]
        async with self._client.pipeline(transaction=False) as pipeline:
            for queue in queues:
                if names is None:
                    pipeline.hgetall(self._keys.view(queue))
                else:
                    pipeline.hmget(self._keys.view(queue), names)
            found = await pipeline.execute()
        hashes: list[Mapping[str, str]] = found if names is None else [_filled(names, values) for values in found]
        return [parse_view(queue, fields, now_ms) for queue, fields in zip(queues, hashes, strict=True) if fields]

    async def view(self, channel: str, queue: str, now_ms: int) -> QueueView | None:
        """One queue; None when nobody writes it."""
        dimension = Dimension(channel, queue)
        fields = await cast("Any", self._client.hgetall(self._keys.view(dimension)))
        return parse_view(dimension, fields, now_ms) if fields else None

    async def recent(self, channel: str, queue: str) -> list[dict[str, Any]]:
        """The queue's last abandoned visits, newest first: contact, left_at (epoch ms), wait_ms."""
        return (await self.lists(Dimension(channel, queue), ["recent"]))["recent"]

    async def lists(self, queue: Dimension, names: Iterable[ListName] = get_args(ListName)) -> QueueLists:
        """What stands behind a queue's numbers, by list; empty where there is nothing."""
        wanted = list(names)
        async with self._client.pipeline(transaction=False) as pipeline:
            for name in wanted:
                pipeline.lrange(self._keys.list(name, queue), 0, -1)
            found = await pipeline.execute()
        return {name: [msgspec.json.decode(item) for item in items] for name, items in zip(wanted, found, strict=True)}

    async def minutes(self, queues: Sequence[Dimension]) -> list[list[dict[str, Any]]]:
        """The list `minutes` of each queue, in their order."""
        async with self._client.pipeline(transaction=False) as pipeline:
            for queue in queues:
                pipeline.lrange(self._keys.list("minutes", queue), 0, -1)
            return [[msgspec.json.decode(item) for item in items] for items in await pipeline.execute()]

    async def due(self, queue: Dimension) -> list[dict[str, Any]]:
        """The targets of the queue that are due next, the first one first: contact, target, due_at (epoch ms)."""
        members = await cast("Any", self._client.smembers(f"{self._keys.due}:{member(queue)}"))
        scores = await self._client.zmscore(self._keys.due, list(members)) if members else []
        found = [(score, msgspec.json.decode(each)) for each, score in zip(members, scores, strict=True) if score]
        dues = [{"contact": of["contact"], "target": of["target"], "due_at": int(score)} for score, of in found]
        return sorted(dues, key=lambda due: (due["due_at"], due["contact"], due["target"]))


def _filled(names: Sequence[str], values: Sequence[str | None]) -> dict[str, str]:
    """The fields that are there."""
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}
