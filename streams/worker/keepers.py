"""Which keepers there are: one for each partition that the group gave to this worker."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping

from faust.types import TP

from streams.worker.keeper import Claim, Keeper, Stage
from streams.worker.transport import Chunk

log = logging.getLogger(__name__)


class Keepers:
    """The listener of the consumer group. Its public methods never raise: `fail` hears of it, and the process ends."""

    def __init__(self, stages: Mapping[str, Stage], fail: Callable[[BaseException], None]) -> None:
        self._stages = stages
        """Kafka name of the input → stage."""
        self._fail = fail
        self._make: Callable[[Stage, int, int], Keeper] | None = None
        self._keepers: dict[TP, Keeper] = {}
        self._suspended: set[TP] = set()
        self._generation = -1
        self._closing: set[asyncio.Task[None]] = set()
        self._stopped = False
        self.assigned = False
        """Whether the group has given out the partitions and no rebalance is under way."""

    def __iter__(self) -> Iterator[Keeper]:
        return iter(list(self._keepers.values()))

    def connect(self, make: Callable[[Stage, int, int], Keeper]) -> None:
        """How to make the keeper of (stage, partition, generation). Before the first assignment."""
        self._make = make

    async def confirmed(self) -> bool:
        """Whether the group's coordinator says that this worker is a member of its generation: one heartbeat."""
        keeper = next(iter(self._keepers.values()), None)
        return keeper is not None and await keeper.confirmed()

    def owned(self, topic: str) -> dict[int, Claim]:
        """Partitions of the input `topic` whose books can be looked at."""
        return {tp.partition: k.claim for tp, k in self._keepers.items() if tp.topic == topic and k.claim is not None}

    def positions(self) -> dict[TP, int]:
        """Restored partitions → offset of their book."""
        return {tp: keeper.position() for tp, keeper in self._keepers.items() if keeper.claim is not None}

    def sought(self, tp: TP, seek: int) -> None:
        keeper = self._keepers.get(tp)
        if keeper is not None:
            keeper.sought(seek)

    async def fold(self, chunk: Chunk) -> None:
        """Hand the chunk to its keeper; none, if the partition has gone."""
        keeper = self._keepers.get(chunk.tp)
        try:
            if keeper is not None:
                await keeper.fold(chunk)
        except Exception as exc:  # noqa: BLE001 (Faust would acknowledge the message and go on)
            self._fail(exc)

    async def revoke(self) -> None:
        """Last flush of each; those that fail are closed."""
        self.assigned = False
        keepers = list(self._keepers.values())
        flushed = await asyncio.gather(*(keeper.suspend() for keeper in keepers), return_exceptions=True)
        for keeper, result in zip(keepers, flushed, strict=True):
            if result is True:
                self._suspended.add(keeper.tp)
            else:
                self._drop(keeper.tp)
            if isinstance(result, Exception):
                self._fail(result)

    async def assign(self, tps: set[TP], generation: int) -> None:
        """Resume what was owned in the generation just before, restore the rest, let go of everything else."""
        if self._stopped:
            return
        try:
            kept = self._suspended & tps if generation == self._generation + 1 else set()
            for tp in self._keepers.keys() - kept:
                self._drop(tp)
            # One transactional id, one producer: the old one must be gone before a new one starts.
            await asyncio.gather(*self._closing)
            self._suspended, self._generation = set(), generation
            for tp in kept:
                self._keepers[tp].resume(generation, self._fail)
            for tp in tps - kept:
                self._start(tp, generation)
            self.assigned = True
            log.info("%d partitions assigned, %d of them kept", len(tps), len(kept))
        except Exception as exc:  # noqa: BLE001 (aiokafka would log it and go on)
            self._fail(exc)

    def _start(self, tp: TP, generation: int) -> None:
        if self._make is None:
            raise RuntimeError("not connected")
        keeper = self._keepers[tp] = self._make(self._stages[tp.topic], tp.partition, generation)
        keeper.start(self._fail)

    def _drop(self, tp: TP) -> None:
        self._suspended.discard(tp)
        keeper = self._keepers.pop(tp, None)
        if keeper is None:
            return  # a rebalance and the end of the process let go of it at once
        task = asyncio.create_task(keeper.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def stop(self) -> None:
        """Last flush, then let go of everything."""
        self._stopped = True
        await self.revoke()
        for tp in list(self._keepers):
            self._drop(tp)
        await asyncio.gather(*self._closing)
