"""Follows Redis for the board: reads when something is announced, and now and then anyway; never gives up.

Workers write all their queues at each tick, so an announcement is only taken as the time to read. Reads are at least
`PAUSE_S` apart and take at most a quarter of the time: a very large centre makes the board slower, not ill.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from streams.facts.wire import Dimension
from streams.metrics.details import MINUTE_MS
from streams.sinks.redis import DOWN
from streams.sinks.redis_keys import Keys
from streams.sinks.redis_reader import RedisReader
from streams.wallboard.board import Board

PAUSE_S: Final = 0.25
SILENCE_S: Final = 2.0
"""After so long without an announcement everything is read nevertheless."""

RETRY_S: Final = 1.0

FILL_TRIES: Final = 20
"""So often the past of a queue is looked for: some have none, and what stands behind a queue may come after it."""


class Follower:
    """Keeps `board` as Redis has it: of each queue these fields of its hash."""

    def __init__(
        self,
        client: Redis,
        keys: Keys,
        board: Board,
        fields: Sequence[str],
        *,
        now_ms: Callable[[], int],
        changed: Callable[[], None],
        log: logging.Logger,
    ) -> None:
        self._client = client
        self._keys = keys
        self._reader = RedisReader(client, keys)
        self._board = board
        self._fields = fields
        self._now_ms = now_ms
        self._changed = changed
        self._log = log
        self._unfilled: dict[Dimension, int] = {}
        """Queues whose past is not known yet, and how often it will still be looked for."""

    async def run(self) -> None:
        """Follow for ever. Redis away is said on the board, logged once, and tried again."""
        while True:
            try:
                await self._follow()
            except DOWN as error:
                self._lost(error)
            await asyncio.sleep(RETRY_S)

    def _lost(self, error: BaseException) -> None:
        reason = "redis"
        if self._board.link.reason != reason:
            self._log.warning("Redis cannot be read: %s; trying again every %g s", error, RETRY_S)
        self._board.lost(self._now_ms(), reason)
        self._board.pass_time(self._now_ms())
        self._changed()

    async def _follow(self) -> None:
        async with self._client.pubsub(ignore_subscribe_messages=True) as announcements:
            await announcements.subscribe(self._keys.changes)
            while True:
                began = monotonic()
                await self._read()
                spent = monotonic() - began
                if not await _announced(announcements, max(PAUSE_S, 3 * spent)):
                    await announcements.get_message(timeout=SILENCE_S)

    async def _read(self) -> None:
        views = await self._reader.views(self._now_ms(), self._fields)
        if not self._board.link.connected:
            self._log.info("reading %d queues from Redis", len(views))
        self._board.connected(self._now_ms())
        before = set(self._board.known)
        self._board.put(views, self._now_ms())
        self._unfilled.update(dict.fromkeys(set(self._board.known) - before, FILL_TRIES))
        await self._fill(sorted(self._unfilled))
        self._board.pass_time(self._now_ms())
        self._changed()

    async def _fill(self, queues: list[Dimension]) -> None:
        """What the last hour of queues was before the board knew them."""
        if not queues:
            return
        for queue, minutes in zip(queues, await self._reader.minutes(queues), strict=True):
            waiting = {of["at"] + MINUTE_MS: of["waiting"] for of in minutes if "waiting" in of}
            if waiting:
                self._board.fill(queue, "waiting", waiting)
            self._unfilled[queue] -= 1
            if waiting or not self._unfilled[queue]:
                del self._unfilled[queue]


async def _announced(announcements: PubSub, duration_s: float) -> bool:
    """Let `duration_s` pass; whether anything was announced meanwhile: one reason to read, not many."""
    until = monotonic() + duration_s
    announced = False
    while (remaining := until - monotonic()) > 0:
        announced = await announcements.get_message(timeout=remaining) is not None or announced
    return announced
