"""The keeper of one book: restores it, feeds it chunks and makes each flush visible in one transaction.

    claim ── restore ── check ── admit ──► fold, flush, fold, flush, … ──► last flush ── close
      │         │                                       │
      │         └ the changelog up to the claim         └ memory lives as long as the producer that claimed
      └ a new producer: Kafka aborts what the old owner left open, and fences it

Written once, used for both stages: what differs is the book and the `Stage`.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, Protocol

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from faust.types import TP

from streams.books import Book, Reading
from streams.errors import StateError
from streams.facts.wire import PROOF_MS
from streams.worker import changelog
from streams.worker.cluster import Cluster
from streams.worker.opening import Opening
from streams.worker.settings import WorkerSettings
from streams.worker.transaction import Addresses, Transaction
from streams.worker.transport import Chunk, Reach
from streams.worker.turns import Turns

log = logging.getLogger(__name__)

TICK_S = 0.05
"""How often a keeper asks itself whether to flush."""
LONG = 2_000
"""Records: to drain more takes a tenth of a second and longer."""
CANCEL_AGAIN_S = 1.0
TRIM_EVERY_S = 10.0
"""How often what has been folded is deleted: a request a partition, which nobody waits for."""


class Pace(NamedTuple):
    """When to flush. Seconds since the last flush, or records folded since."""

    live_s: float
    """When there is something new and the book is caught up."""
    behind_s: float
    """When there is something new and more to come: larger flushes cost less."""
    far_s: float
    """The same, when more than `far` records are to come: what they are about is long over."""
    far: int
    idle_s: float | None
    """When there is nothing new; None: never."""
    starved_s: float | None
    """When there is nothing new although there is more to come: other partitions are folded first."""
    full: int
    """Records folded: flush at once. At twice as many, folding waits for the flush."""


class Stage(NamedTuple):
    """What the keepers of one input topic have in common."""

    name: str
    """Logical topic."""
    topic: str
    """Kafka name of the input."""
    partitions: int
    state_topic: str
    outputs: Mapping[str, tuple[str, int]]
    """Logical name of each output topic → Kafka name, partitions."""
    pace: Pace
    make_book: Callable[[int], Book]
    """Partition → a new book."""
    consumed: bool
    """Nobody else reads the input: what is committed is deleted there, and a missing offset is fatal."""


class Feed(Protocol):
    """What a keeper needs of the consumer: `transport.BatchConsumer` is one."""

    def admit(self, tp: TP, offset: int) -> None: ...
    def seek_to(self, tp: TP, offset: int) -> None: ...
    def reach(self, tp: TP) -> Reach | None: ...
    def caught_up(self, tp: TP) -> Reach | None: ...
    def queued(self, topic: str) -> int: ...
    @property
    def fetches(self) -> int: ...
    async def confirm(self, generation: int) -> bool: ...


class Claim(NamedTuple):
    """A facts partition that this worker owns, as sinks see it."""

    book: Book
    token: int
    """Fencing token: offset of the claim record. Each later owner's is larger."""
    claimed_at: int
    """Append time of the claim record, epoch ms."""


class Keeper:
    """Owns one input partition from `start` to `close`."""

    def __init__(
        self,
        stage: Stage,
        partition: int,
        *,
        settings: WorkerSettings,
        cluster: Cluster,
        feed: Feed,
        turns: Turns,
        generation: int,
    ) -> None:
        self.tp = TP(stage.topic, partition)
        self.stage = stage
        self.claim: Claim | None = None
        """Set while the book is restored and its producer open."""
        self.incomplete = False
        """The log had lost records that the book had not seen."""
        self.flushed_at: float | None = None
        """When the last flush was committed, Unix time."""
        self.opening = Opening()
        """How far taking it over has come, while there is no claim."""
        self._trimmed_at = time.monotonic()
        self._settings = settings
        self._cluster = cluster
        self._feed = feed
        self._turns = turns
        self._generation = generation
        self._input = TopicPartition(*self.tp)
        self._addresses = Addresses(TopicPartition(stage.state_topic, partition), stage.outputs)
        self._producer: AIOKafkaProducer | None = None
        self._task: asyncio.Task[None] | None = None
        self._flushing = asyncio.Lock()
        self._flushed = asyncio.Event()
        self._last_flush = time.monotonic()
        self._silent = True
        """Nobody has been told yet that this owner is caught up: that flush does not wait."""
        self._ahead = False
        """Something was drained and not committed: the book is ahead of the log, for good."""
        self._seek: int | None = None
        self._next_chunk = 0
        self._missed: tuple[int, int] | None = None
        """Chunk that was handed over and has not come, and the number of fetches by then."""
        self._waiting = False
        """Folding waits for a flush."""
        self._committed: changelog.Meta | None = None
        self._large = changelog.LargeRows()

    def start(self, fail: Callable[[BaseException], None]) -> None:
        """Restore, then flush whenever it is time, in a task of its own. `fail` hears of whatever ends it."""
        self._task = asyncio.create_task(self._run(fail), name=f"keeper {self.stage.name} {self.tp.partition}")

    async def _run(self, fail: Callable[[BaseException], None]) -> None:
        try:
            if self.claim is None:
                await self._open()
            while True:
                await asyncio.sleep(TICK_S)
                self._find_lost()
                if self._due():
                    await self.flush()
        except Exception as exc:  # noqa: BLE001 (whatever it is, the process ends: memory may be ahead of the log)
            fail(exc)

    async def confirmed(self) -> bool:
        """Whether this worker is a member of the generation that gave it the partition."""
        return await self._feed.confirm(self._generation)

    # Taking over

    async def _open(self) -> None:
        # Only a member may fence: a sleeper who wakes up and claims would shut out the rightful owner.
        while not await self.confirmed():  # noqa: ASYNC110 (the coordinator sends no events)
            await asyncio.sleep(0.2)
        self.opening.step("claiming")
        reader = self._cluster.reader()
        try:
            # A consumer takes its time to start: meanwhile the producer does the same.
            token, _ = await asyncio.gather(self._take(), reader.start())
            self.opening.step("reading its changelog")
            restored, log_range = await self._read(reader, token)
        finally:
            await reader.stop()
        changelog.check_partitions(restored.meta, self.tp.topic, self.stage.partitions)
        self.opening.step("building its book")
        book = self.stage.make_book(self.tp.partition)
        # In a thread: a large book takes seconds, in which the others must go on.
        await asyncio.to_thread(book.restore, self.opening.counted(restored.rows.items()))
        if restored.meta is not None and book.offset != restored.meta.offset:
            raise StateError(f"the state of {self.tp} says offset {restored.meta.offset}, its book {book.offset}")
        if book.settings_changed:
            log.warning("%s: the settings of the fold have changed; what was booked before stays as it was", self.tp)
        start = self._first_offset(book, log_range, new=restored.meta is None)
        self._large = restored.large
        self.claim = Claim(book, token, restored.claimed_at)
        self._last_flush = time.monotonic()
        log.debug("%s is restored: %d rows, offset %d, token %d", self.tp, len(restored.rows), book.offset, token)
        self._feed.admit(self.tp, start)

    async def _take(self) -> int:
        """Fence the partition's last owner and write the claim record. Returns its offset."""
        producer = self._cluster.producer(self._settings.transactional_id(self.stage.name, self.tp.partition))
        self._producer = producer
        await producer.start()
        transaction = Transaction(producer, self._cluster.clock)
        owner = msgspec.json.encode({"generation": self._generation, "at": time.time()})
        transaction.add(self._addresses.changelog, changelog.CLAIM_KEY, owner)
        written = await transaction.commit({}, self._settings.group)
        return written[self._addresses.changelog]

    async def _read(self, reader: AIOKafkaConsumer, token: int) -> tuple[changelog.Restored, range]:
        """What the changelog holds, and the offsets that the input still has."""
        restored = await changelog.restore(reader, self._addresses.changelog, token, self.opening.moved)
        first = (await reader.beginning_offsets([self.tp]))[self.tp]
        last = (await reader.end_offsets([self.tp]))[self.tp]
        return restored, range(first, last)

    def _first_offset(self, book: Book, log_range: range, *, new: bool) -> int:
        """Where to go on: the book's offset, if the log still has it."""
        first, last = log_range.start, log_range.stop
        if book.offset > last:
            raise _gone(self.tp, f"ends at {last}, but offset {book.offset} was folded: it is another topic now")
        if first > book.offset and self.stage.consumed:
            raise _gone(self.tp, f"begins at {first}, but offset {book.offset} was not folded yet")
        if first > book.offset and not new:
            self.incomplete = True
            log.error(
                "%s: %d records were deleted before they were folded (retention). "
                "The numbers are incomplete until their windows have passed.", self.tp, first - book.offset,
            )  # fmt: skip
        return max(first, book.offset)

    # Folding

    def sought(self, seek: int) -> None:
        """The next chunks to fold are those of `seek`."""
        self._seek, self._next_chunk, self._missed = seek, 0, None

    def position(self) -> int:
        """Offset to fetch next."""
        return self._book().offset

    async def fold(self, chunk: Chunk) -> None:
        """Fold the chunk if it is the next one. One that follows a lost one makes the consumer go back."""
        while self.claim is not None and self.claim.book.pending >= 2 * self.stage.pace.full:
            self._flushed.clear()
            self._waiting = True
            await self._flushed.wait()
        self._waiting = False
        if self.claim is None or chunk.seek != self._seek:
            return
        if chunk.number != self._next_chunk:
            self._go_back()
            return
        self._next_chunk += 1
        self.claim.book.fold(chunk.records)

    def records_wait(self) -> bool | None:
        """Whether Kafka has records that were not folded; None: not known just now (a seek)."""
        reach = self._feed.reach(self.tp)
        return None if reach is None or reach.stable is None else self.reading().lag > 0

    def chunks_wait(self) -> bool:
        """Whether chunks of the topic are on their way to be folded."""
        return self._feed.queued(self.tp.topic) > 0

    def _find_lost(self) -> None:
        """A chunk that left the consumer's thread, and is neither folded nor on its way, needs no later one to show."""
        reach = self._feed.reach(self.tp)
        if reach is None or reach.seek != self._seek or self._folded(reach) or self._waiting:
            self._missed = None
        elif self._missed is None or self._missed[0] != self._next_chunk:
            self._missed = self._next_chunk, self._feed.fetches
        elif self._feed.fetches >= self._missed[1] + 2 and not self._feed.queued(self.tp.topic):
            self._go_back()

    def _go_back(self) -> None:
        log.info("%s: a batch was lost on the way, going back to offset %d", self.tp, self.position())
        self._feed.seek_to(self.tp, self.position())

    def reading(self) -> Reading:
        """What is known of the input beyond what was folded."""
        proof, reach = self._feed.caught_up(self.tp), self._feed.reach(self.tp)
        if proof is not None and self._folded(proof) and (age_s := time.monotonic() - proof.at) <= PROOF_MS / 1000:
            return Reading(caught_up=True, lag=0, proved_at=self._cluster.clock.now_ms() - round(age_s * 1000))
        if reach is None or reach.stable is None:
            return Reading(caught_up=False, lag=0)
        # Markers of transactions lie between the last record and the position: they wait for nobody.
        folded = max(self._book().offset, reach.position if self._folded(reach) else 0)
        return Reading(caught_up=False, lag=max(0, reach.stable - folded))

    def _folded(self, reach: Reach) -> bool:
        """All that had been handed over at that measurement was folded."""
        return reach.seek == self._seek and self._next_chunk >= reach.chunks

    # Flushing

    def _due(self) -> bool:
        pace, pending = self.stage.pace, self._book().pending
        since = time.monotonic() - self._last_flush
        reading = self.reading()
        if pending >= pace.full or (self._silent and reading.caught_up):
            return True
        pause_s = _pause_s(pace, reading, new=bool(pending))
        return pause_s is not None and since >= pause_s

    async def flush(self) -> None:
        """Commit what the book has gathered. Raises aiokafka's errors: then the book is ahead of the log, for good."""
        if self._book().pending >= LONG:
            await self._turns.calm()  # not under the lock: nothing is under way yet, so it may be cut off
        async with self._flushing:
            book, producer = self._book(), self._producer
            if producer is None:
                raise RuntimeError("flush after close")
            self._last_flush = time.monotonic()
            reading = self.reading()
            flush = book.drain(reading)
            self._ahead = True
            transaction = Transaction(producer, self._cluster.clock)
            self._addresses.add_outputs(transaction, flush.outputs)
            meta = changelog.Meta(changelog.FORMAT, self.stage.partitions, flush.offset, flush.meta)
            news = flush.rows or meta != self._committed
            if news:
                self._addresses.add_rows(transaction, self._large.split(flush.rows), changelog.encode_meta(meta))
            # aiokafka tries to commit for as long as there is no answer.
            async with self._turns.transaction(), asyncio.timeout(2 * self._settings.session_timeout_s):
                await transaction.commit({self._input: flush.offset} if news else {}, self._settings.group)
            self._ahead, self._committed = False, meta
            self.flushed_at = time.time()
            self._silent = self._silent and not reading.caught_up
            self._flushed.set()
        if self.stage.consumed and news and time.monotonic() - self._trimmed_at >= TRIM_EVERY_S:
            self._trimmed_at = time.monotonic()
            await self._cluster.delete_before(self.tp.topic, self.tp.partition, flush.offset)

    # Letting go

    async def suspend(self) -> bool:
        """Last flush before a rebalance. True: memory and log agree, and the keeper may be resumed; else close it."""
        self._seek = None
        was_open = self.claim is not None
        await self._end_task()
        if not was_open or self._ahead:
            return False
        try:
            await self.flush()
        except Exception as exc:  # noqa: BLE001 (fenced, or no broker: the state is restored by whoever comes next)
            log.warning("%s: the last flush failed, its records will be folded again: %r", self.tp, exc)
            return False
        return True

    def resume(self, generation: int, fail: Callable[[BaseException], None]) -> None:
        """Go on as before: nobody else can have owned the partition between."""
        self._generation = generation
        self._silent = True
        self.start(fail)
        self._feed.admit(self.tp, self.position())

    async def close(self) -> None:
        """Let go of the partition. What was not flushed is forgotten."""
        self.claim = None
        self._seek = None
        self._flushed.set()
        await self._end_task()
        producer, self._producer = self._producer, None
        if producer is not None:
            await _within(producer.stop(), 5.0)

    async def _end_task(self) -> None:
        """Stop flushing; a flush that is under way is waited for, never cut off."""
        task, self._task = self._task, None
        while task is not None and not task.done():
            # Said again while it does not end: a producer that is starting may lose a cancellation.
            async with self._flushing:
                task.cancel()
            await asyncio.wait({task}, timeout=CANCEL_AGAIN_S)

    def _book(self) -> Book:
        if self.claim is None:
            raise RuntimeError(f"{self.tp} is not restored")
        return self.claim.book


def _pause_s(pace: Pace, reading: Reading, *, new: bool) -> float | None:
    """How long after a flush the next one is due; `new`: something was folded since."""
    if reading.caught_up:
        return pace.live_s if new else pace.idle_s
    if not new:
        return pace.starved_s
    return pace.far_s if reading.lag > pace.far else pace.behind_s


async def _within(doing: Awaitable[None], seconds: float) -> None:
    try:
        await asyncio.wait_for(doing, seconds)
    except Exception as exc:  # noqa: BLE001 (it is being thrown away)
        log.debug("closing a producer: %r", exc)


def _gone(tp: TP, what: str) -> StateError:
    return StateError(
        f"{tp.topic}, partition {tp.partition}, {what}",
        hint="set a new app name (kafka.app): it folds the log anew into topics of its own",
    )
