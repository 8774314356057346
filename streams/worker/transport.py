"""Faust's aiokafka transport, one message per fetched chunk instead of one per record.

Three things of Faust are switched off here: its offset accounting (offsets travel in the keepers' transactions), its
memory of read offsets (chunks are numbered instead) and its liveness messages (`watchdog` looks after that).

aiokafka's consumer lives in a thread of its own, so that heartbeats never wait for a fold. Numbering, seeking and
measuring happen in that thread, one after another; what crosses over are immutable tuples.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, cast

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import IllegalStateError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, Message

from streams.books import Record
from streams.worker.assignor import FairAssignor
from streams.worker.settings import WorkerSettings
from streams.worker.unwrapped import unwrap

CHUNK_RECORDS: Final = 2_000
"""Records per message: bounds how long one fold keeps the event loop from everything else."""
FETCH_WAIT_MS: Final = 250
"""How long the broker may hold back an empty answer: the rate at which an idle partition proves that it is idle."""
FETCH_BYTES: Final = 1024 * 1024
"""Of one partition at once: what all have sent is folded before the next look, and the second stage waits for it."""
FETCH_TIMEOUT_S: Final = 0.2
"""How long a fetch may wait in the thread before the set of wanted partitions is looked at again."""
NOTHING_WANTED_S: Final = 0.02
"""Pause while every topic has enough or is being restored. (Faust sleeps 1 s: longer than the buffers last.)"""
ENOUGH_CHUNKS: Final = 16
"""Chunks that wait for an agent: no more of its topic is fetched. What was fetched already comes on top."""
REACH_EVERY_S: Final = 0.05
HEARTBEAT_MS: Final = 500
"""Members learn at theirs that others come or go: nobody folds until all have joined again."""


class Chunk(NamedTuple):
    """Consecutive records of one partition."""

    tp: TP
    seek: int
    """Which seek they were fetched after."""
    number: int
    """Counts the chunks of that seek from 0: one that is lost on the way leaves a gap."""
    records: Sequence[Record]


class Reach(NamedTuple):
    """How far a partition has been handed over, and how far it goes."""

    seek: int
    chunks: int
    """Chunks handed over since that seek."""
    position: int
    """Next offset to hand over, markers of transactions skipped."""
    stable: int | None
    """Last stable offset of the last fetch response; None: the broker does not say."""
    at: float
    """When that response came at the earliest, monotonic clock."""


class Assignments(Protocol):
    """Who looks after the partitions of this worker: `keepers.Keepers`. No method raises."""

    async def revoke(self) -> None:
        """All partitions are about to be taken away: flush, and fold no more until they are sought again."""

    async def assign(self, tps: set[TP], generation: int) -> None:
        """These, and only these, are this worker's from now on."""

    def positions(self) -> Mapping[TP, int]:
        """Restored partitions → offset of their book."""

    def sought(self, tp: TP, seek: int) -> None:
        """The chunks of `tp` to fold next are those of this seek, from its number 0."""


class _Thread(driver.AIOKafkaConsumerThread):
    """The consumer's thread: everything here runs in it, except what says otherwise."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._handed: dict[TP, tuple[int, int]] = {}
        """Partition → its seek, chunks handed over since."""
        # Read by the main thread:
        self.reached: dict[TP, Reach] = {}
        """The last measurement."""
        self.caught_up: dict[TP, Reach] = {}
        """The last measurement that found nothing stable beyond what was handed over."""
        self.looked_at = time.monotonic()
        """When it measured last, monotonic clock."""
        self._answered: dict[TP, tuple[int, float]] = {}
        """Partition → aiokafka's stamp of the last fetch response, and the look before it was first seen."""
        self._measuring: asyncio.Task[None] | None = None

    async def on_start(self) -> None:
        await super().on_start()
        unwrap(self._ensure_consumer())  # nothing is subscribed yet
        self._measuring = asyncio.get_running_loop().create_task(self._measure_idle())

    async def on_thread_stop(self) -> None:
        if self._measuring is not None:
            self._measuring.cancel()
        await super().on_thread_stop()

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        settings = transport.settings  # type: ignore[attr-defined]
        self._assignor = type("Assignor", (FairAssignor,), {})
        return AIOKafkaConsumer(
            group_id=settings.group,
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            # Positions come from the books only. One that the log no longer has must end the process, not jump.
            auto_offset_reset="none",
            isolation_level="read_committed",
            fetch_max_wait_ms=FETCH_WAIT_MS,
            max_partition_fetch_bytes=FETCH_BYTES,
            check_crcs=settings.check_crcs,
            session_timeout_ms=int(settings.session_timeout_s * 1000),
            heartbeat_interval_ms=HEARTBEAT_MS,
            rebalance_timeout_ms=30_000,
            # A lost worker must be noticed by its heartbeats: getmany may pause under back-pressure.
            max_poll_interval_ms=24 * 3600 * 1000,
            **transport.connection,  # type: ignore[attr-defined]
        )

    async def _fetch_records(self, *args: Any, **kwargs: Any) -> dict[TP, list[Chunk]]:
        fetched = await super()._fetch_records(*args, **kwargs)
        # No await between taking the records and numbering them: a seek cannot come between.
        chunks = {tp: chunks for tp, records in fetched.items() if (chunks := self._numbered(TP(*tp), records))}
        self._measure(chunks)
        return chunks

    def _numbered(self, tp: TP, records: Sequence[Record]) -> list[Chunk]:
        if tp not in self._handed:
            return []
        seek, first = self._handed[tp]
        parts = [records[start : start + CHUNK_RECORDS] for start in range(0, len(records), CHUNK_RECORDS)]
        self._handed[tp] = seek, first + len(parts)
        return [Chunk(tp, seek, number, part) for number, part in enumerate(parts, first)]

    def apply_seek(self, tp: TP, offset: int, seek: int) -> None:
        """Continue `tp` at `offset`; ignored when it is not assigned (a rebalance: it will be sought again)."""
        try:
            self._ensure_consumer().seek(tp, offset)
        except IllegalStateError:
            self._handed.pop(tp, None)
        else:
            self._handed[tp] = seek, 0

    async def _measure_idle(self) -> None:
        while True:
            self._measure(list(self._handed))
            self.looked_at = time.monotonic()
            await asyncio.sleep(REACH_EVERY_S)

    def _measure(self, tps: Iterable[TP]) -> None:
        for tp in tps:
            reach = self._reach(tp)
            if reach is None:
                self.reached.pop(tp, None)
                continue
            self.reached[tp] = reach
            if reach.stable is not None and reach.position >= reach.stable:
                self.caught_up[tp] = reach

    def _reach(self, tp: TP) -> Reach | None:
        consumer = self._ensure_consumer()
        subscription = consumer._subscription.subscription  # noqa: SLF001
        if subscription is None or subscription.assignment is None or tp not in subscription.assignment.tps:
            return None
        state = subscription.assignment.state_value(tp)
        if not state.has_valid_position or state.timestamp is None:
            return None
        # The stamp is of the wall clock, which may be set at any time: only whether it is a new one counts.
        stamp, at = self._answered.get(tp, (None, 0.0))
        if stamp != state.timestamp:
            at = self.looked_at
            self._answered[tp] = state.timestamp, at
        seek, chunks = self._handed[tp]
        return Reach(seek, chunks, state.position, _known(state.lso), at)

    async def confirm(self, generation: int) -> bool:
        """Ask the group's coordinator: is this worker a member of this generation? One heartbeat."""
        coordinator = self._ensure_consumer()._coordinator  # noqa: SLF001
        return bool(await coordinator._do_heartbeat() and coordinator.generation == generation)  # noqa: SLF001


class BatchConsumer(driver.Consumer):
    """Faust's consumer, with chunks for messages and keepers for offsets."""

    _thread: _Thread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._keepers: Assignments = cast("Transport", self.transport).keepers
        # Faust drops what is not beyond the last offset it read, also after a seek back. Numbers do that better.
        self._read_offset = _Forgetful()
        self._seeks = itertools.count(1)
        self._in_hand: Counter[str] = Counter()
        self._fetches = 0
        self.flow_stopped_at: float | None = None

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109 (Faust's signature)
        """Fetch once and yield one message per chunk, partitions in turn."""
        del timeout
        if not self.flow_active:
            await self.can_resume_flow.wait()
        # Faust would let one full queue hold up all other topics, the second stage among them.
        wanted = {tp for tp in self._get_active_partitions() if self.queued(tp.topic) < ENOUGH_CHUNKS}
        if not wanted:
            # An empty set would mean all of them.
            await self.sleep(NOTHING_WANTED_S)
            return
        generation = self.app.consumer_generation_id
        self._fetches += 1
        fetched = await self._getmany(active_partitions=wanted, timeout=FETCH_TIMEOUT_S)
        chunks = _in_turn(fetched.values())
        self._in_hand = Counter(chunk.tp.topic for chunk in chunks)
        for chunk in chunks:
            self._in_hand[chunk.tp.topic] -= 1
            if self.should_stop or not self.flow_active or self.app.consumer_generation_id != generation:
                self._in_hand.clear()
                return
            # What Faust takes for full is not active, but what was fetched of it has left aiokafka: it must go on.
            if chunk.tp in self._get_active_partitions() or chunk.tp in self._buffered_partitions:
                yield chunk.tp, self._message(chunk)

    def _message(self, chunk: Chunk) -> ConsumerMessage:
        return ConsumerMessage(
            topic=chunk.tp.topic,
            partition=chunk.tp.partition,
            offset=chunk.records[-1].offset,
            timestamp=time.time(),
            timestamp_type=0,
            headers=None,
            key=None,
            value=chunk,  # type: ignore[arg-type]  # `_ChunkSchema` takes it as it is
            checksum=None,
            tp=chunk.tp,
            generation_id=self.app.consumer_generation_id,
        )

    def _new_offset(self, tp: TP) -> int | None:
        """Nothing to commit: Faust's streams note what is done past `ack`. Offsets travel in transactions alone.

        A commit beside them would stay for good, where it comes between a transaction's offset and its marker.
        """
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return None

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Nothing: Faust would judge by commits of its own, which there are none of."""

    def stop_flow(self) -> None:
        if self.flow_active:
            self.flow_stopped_at = time.monotonic()
        super().stop_flow()

    def resume_flow(self) -> None:
        self.flow_stopped_at = None
        super().resume_flow()

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Resume those that are restored; the others resume when they are."""
        super().resume_partitions(set(tps) & self._keepers.positions().keys())

    async def perform_seek(self) -> None:
        """Go to where the books are, all of them, every time: whatever was on its way is fetched again."""
        for tp, offset in self._keepers.positions().items():
            self.seek_to(tp, offset)

    def seek_to(self, tp: TP, offset: int) -> None:
        """Hand over `tp` from `offset` on, as chunks of a new seek."""
        seek = next(self._seeks)
        self._keepers.sought(tp, seek)
        self._thread.thread_loop.call_soon_threadsafe(self._thread.apply_seek, tp, offset, seek)

    def admit(self, tp: TP, offset: int) -> None:
        """`tp` is restored: fetch it."""
        self.seek_to(tp, offset)
        self.resume_partitions({tp})

    def queued(self, topic: str) -> int:
        """Chunks of `topic` that wait for its agent."""
        queues = (channel.queue for channel in self.app.topics if topic in channel.topics)
        return self._in_hand[topic] + sum(queue.qsize() for queue in queues)

    @property
    def looked_at(self) -> float:
        """When the consumer's thread was last seen at work, monotonic clock."""
        return self._thread.looked_at

    @property
    def fetches(self) -> int:
        """How many were begun: each is over, and what it brought is queued, before the next one begins."""
        return self._fetches

    def reach(self, tp: TP) -> Reach | None:
        """How far `tp` was a moment ago; None: not known yet."""
        return self._thread.reached.get(tp)

    def caught_up(self, tp: TP) -> Reach | None:
        """When last a fetch response showed nothing stable beyond what was handed over by then; None: not yet."""
        return self._thread.caught_up.get(tp)

    async def confirm(self, generation: int) -> bool:
        """Whether the group's coordinator says that this worker is a member of `generation`."""
        if self.app.consumer_generation_id != generation:
            return False
        answer = asyncio.run_coroutine_threadsafe(self._thread.confirm(generation), self._thread.thread_loop)
        return await asyncio.wrap_future(answer)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Last flush first: Faust clears its queues, and others take over, only when this returns."""
        self.stop_flow()
        await self._keepers.revoke()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        await super().on_partitions_assigned(assigned, generation_id)
        await self._keepers.assign(set(assigned), generation_id)


class Transport(driver.Transport):
    """Set as `app.transport`. Carries what the consumer needs, for Faust makes the consumer itself."""

    Consumer = BatchConsumer

    def __init__(self, app: Any, settings: WorkerSettings, connection: Mapping[str, Any], keepers: Assignments) -> None:
        super().__init__(app.conf.broker_consumer, app)
        self.settings = settings
        self.connection = connection
        self.keepers = keepers


class _Forgetful(dict[TP, int | None]):
    """Faust's read offsets: never remembered."""

    def __missing__(self, tp: TP) -> None:
        return None

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        pass


def _known(offset: int | None) -> int | None:
    return offset if offset is not None and offset >= 0 else None


def _in_turn(lists: Iterable[list[Chunk]]) -> list[Chunk]:
    rounds = itertools.zip_longest(*lists)
    return [chunk for one_of_each in rounds for chunk in one_of_each if chunk is not None]
