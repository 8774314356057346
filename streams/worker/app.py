"""A worker from start to end: checks the topics, builds the Faust app, runs it until a signal or a failure.

Both stages are agents of one app; what they do is hand each chunk to its keeper.
"""

import asyncio
import logging
import os
import signal
import tempfile
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Final, cast

import faust
from faust.app.base import BootStrategy
from faust.serializers.schemas import Schema

from streams.books import Book
from streams.errors import ConfigError, ContactStreamsError
from streams.worker import logs
from streams.worker.cluster import Cluster, connection
from streams.worker.health import HealthServer, PartitionState, Readiness
from streams.worker.keeper import Keeper, Pace, Stage
from streams.worker.keepers import Keepers
from streams.worker.permissions import explained, needed
from streams.worker.settings import CUSTOMERS, FACTS, INTERNAL, WorkerSettings
from streams.worker.sinks import Sink, Ticker
from streams.worker.transport import BatchConsumer, Transport
from streams.worker.turns import Turns
from streams.worker.watchdog import Watchdog

CONTACTS_PACE: Final = Pace(
    live_s=0.2, behind_s=2.0, far_s=8.0, far=5_000, idle_s=0.5, starved_s=2.0, full=10_000
)  # fmt: skip
"""Stage 1: its flushes are what stage 2 sees, so they are frequent; idle ones carry the progress, within a second."""
VIEWS_PACE: Final = Pace(
    live_s=2.0, behind_s=4.0, far_s=8.0, far=5_000, idle_s=None, starved_s=None, full=200_000
)  # fmt: skip
"""Stage 2: what it shows is taken from memory at once."""
CUSTOMERS_PACE: Final = Pace(
    live_s=0.4, behind_s=2.0, far_s=8.0, far=5_000, idle_s=None, starved_s=None, full=40_000
)  # fmt: skip
"""Between them: each source's progress is something new, so it flushes as often as they do together."""

HEARTBEAT_EVERY_S: Final = 1.0
STOP_WITHIN_S: Final = 9.0
PARTITIONS_EVERY_S: Final = 30.0

log = logging.getLogger(__name__)

MakeContactBook = Callable[[str, int], Book]
"""Logical source topic, partition → a new book of stage 1."""
MakeViewBook = Callable[[int], Book]
"""Facts partition → a new book of stage 2."""
MakeCustomerBook = Callable[[int], Book]
"""Partition of `customers` → a new book of customers."""


class Worker:
    """One worker process: make it, tell it what to `show`, `run` it once."""

    def __init__(
        self,
        settings: WorkerSettings,
        *,
        make_contact_book: MakeContactBook,
        make_view_book: MakeViewBook,
        make_customer_book: MakeCustomerBook | None = None,
    ) -> None:
        """`make_customer_book` None: customers are not followed."""
        self.source_partitions: dict[str, int] = {}
        """Logical topic whose progress is told to the views → partitions; filled before a book is made, then never
        changed."""
        self.stopping = asyncio.Event()
        self._settings = settings
        self._make_contact_book = make_contact_book
        self._make_view_book = make_view_book
        self._make_customer_book = make_customer_book
        self._sinks: Sequence[Sink] = ()
        self._metrics: Callable[[], bytes] = bytes
        self._failure: BaseException | None = None
        self._stages: dict[str, Stage] = {}
        self._keepers = Keepers(self._stages, self.fail)
        self._cluster = Cluster(settings)

    def show(self, sinks: Sequence[Sink], metrics: Callable[[], bytes]) -> None:
        """Where the values go. `metrics` renders the body of `/metrics`; it is called in a thread."""
        self._sinks, self._metrics = sinks, metrics

    def stop(self) -> None:
        """End cleanly: last flush, leave the group."""
        self.stopping.set()

    def fail(self, reason: BaseException) -> None:
        """End because of `reason`; the first one counts."""
        if self._failure is None and not self.stopping.is_set():
            self._failure = reason = explained(reason, self._settings)
            if not isinstance(reason, ContactStreamsError):
                log.error("the worker ends: %r", reason, exc_info=reason)
        self.stopping.set()

    async def run(self) -> None:
        """Work until `stop` or a failure, which is raised."""
        health = HealthServer(
            self._settings.http_host,
            self._settings.http_port,
            dead=self.dead,
            readiness=self.readiness,
            metrics=self._metrics,
            credentials=self._settings.http_credentials,
            certificate=self._settings.http_certificate,
        )
        await health.start()
        try:
            await self._cluster.start()
            self._stages.update(await self._discover())
            await self._work(health)
        finally:
            await self._cluster.stop()
            await health.stop()
        if self._failure is not None:
            raise self._failure

    async def _work(self, health: HealthServer) -> None:
        with tempfile.TemporaryDirectory(prefix="contact-streams-") as datadir:
            app = faust_app(self._settings, self._stages, self._keepers, datadir)
            self._keepers.connect(self._keeper_of(app))
            ticker = Ticker(
                self._sinks, lambda: self._keepers.owned(self._settings.facts_topic), self._cluster.clock, self.fail
            )
            watchdog = Watchdog(app, self._keepers, self._settings.patience, self.fail)
            try:
                await ticker.start()
                await self._until_stopped(self._start(app, health), watchdog.run(), self._watch_partitions())
            finally:
                await self._end(app, ticker)

    async def _start(self, app: faust.App, health: HealthServer) -> None:
        await app.start()
        log.info("worker of %s is up, http on port %d", self._settings.group, health.port)

    async def _until_stopped(self, *doing: Coroutine[Any, Any, None]) -> None:
        """Wait for all of it, but not longer than until this worker shall stop."""
        working = asyncio.gather(*doing)
        stopping = asyncio.create_task(self.stopping.wait())
        both: tuple[asyncio.Future[Any], ...] = (working, stopping)
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if working.done():
            working.result()
        else:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def _end(self, app: faust.App, ticker: Ticker) -> None:
        self.stopping.set()
        app.consumer.stop_flow()
        await self._keepers.stop()
        await ticker.stop()
        await app.stop()

    def _keeper_of(self, app: faust.App) -> Callable[[Stage, int, int], Keeper]:
        turns = Turns()

        def make(stage: Stage, partition: int, generation: int) -> Keeper:
            feed = cast("BatchConsumer", app.consumer)
            return Keeper(
                stage,
                partition,
                settings=self._settings,
                cluster=self._cluster,
                feed=feed,
                turns=turns,
                generation=generation,
            )

        return make

    # Topics

    async def _discover(self) -> dict[str, Stage]:
        """The stages, by Kafka name of their input.

        Raises ConfigError when a topic is missing or does not fit, ConnectionFailed when something is not allowed.
        """
        settings = self._settings
        inputs, outputs = settings.topics(customers=self._make_customer_book is not None)
        states = {name: settings.state_topic(name) for name in inputs}
        await self._cluster.check(needed(settings, inputs, outputs))
        there = await self._cluster.partitions([*inputs.values(), *states.values(), *outputs.values()])
        check_topics(inputs, states, outputs, there)
        self.source_partitions.update({name: there[topic] for name, topic in inputs.items() if name != FACTS})
        addresses = {name: (topic, there[topic]) for name, topic in outputs.items()}
        return {inputs[name]: self._stage(name, there[inputs[name]], addresses) for name in inputs}

    def _stage(self, name: str, partitions: int, addresses: Mapping[str, tuple[str, int]]) -> Stage:
        pace, make_book = self._kind(name)
        return Stage(
            name=name,
            topic=self._settings.topic(name),
            partitions=partitions,
            state_topic=self._settings.state_topic(name),
            outputs=addresses,
            pace=pace,
            make_book=make_book,
            consumed=name in INTERNAL,
        )

    def _kind(self, name: str) -> tuple[Pace, Callable[[int], Book]]:
        """How the books of an input topic are paced and made."""
        if name == FACTS:
            return VIEWS_PACE, self._make_view_book
        if name == CUSTOMERS and self._make_customer_book is not None:
            return CUSTOMERS_PACE, self._make_customer_book
        return CONTACTS_PACE, partial(self._make_contact_book, name)

    async def _watch_partitions(self) -> None:
        while True:
            await asyncio.sleep(PARTITIONS_EVERY_S)
            now = await self._partitions_now()
            for stage in self._stages.values():
                if now.get(stage.topic, stage.partitions) != stage.partitions:
                    self.fail(_repartitioned(stage, now[stage.topic]))

    async def _partitions_now(self) -> Mapping[str, int]:
        try:
            return await self._cluster.partitions(self._stages)
        except Exception as exc:  # noqa: BLE001 (no broker now: the consumer deals with that)
            log.debug("no metadata: %r", exc)
            return {}

    # What sinks may ask

    def now_ms(self) -> int:
        """The broker's clock, epoch ms: by it the records were stamped that the values are judged by."""
        return self._cluster.clock.now_ms()

    async def cluster_id(self) -> str:
        """Which Kafka cluster this is."""
        return await self._cluster.id()

    async def confirmed(self) -> None:
        """Return after the next successful heartbeat of this worker's group generation."""
        while not await self._keepers.confirmed():  # noqa: ASYNC110 (the coordinator sends no events)
            await asyncio.sleep(HEARTBEAT_EVERY_S)

    def contact_books(self) -> list[Book]:
        """Stage 1's books of the partitions that are owned now."""
        owned = (self._keepers.owned(topic) for topic, stage in self._stages.items() if not stage.consumed)
        return [claim.book for claims in owned for claim in claims.values()]

    def view_books(self) -> list[Book]:
        """The books of the owned facts partitions."""
        return [claim.book for claim in self._keepers.owned(self._settings.facts_topic).values()]

    def customer_books(self) -> list[Book]:
        """The books of customers that are owned now."""
        return [claim.book for claim in self._keepers.owned(self._settings.topic(CUSTOMERS)).values()]

    def stats(self) -> Mapping[str, Mapping[tuple[str, ...], float]]:
        """Metrics of the owned inputs: lag and last flush."""
        keepers = [(k.stage.name, str(k.tp.partition), k) for k in self._keepers if k.claim is not None]
        return {
            "lag_records": {(topic, partition): k.reading().lag for topic, partition, k in keepers},
            "last_flush_timestamp_seconds": {(t, p): k.flushed_at for t, p, k in keepers if k.flushed_at is not None},
        }

    # Probes

    def dead(self) -> list[str]:
        """For liveness: nothing of Kafka or Redis."""
        return [] if self._failure is None else [f"failed: {self._failure!r}"]

    def readiness(self) -> Readiness:
        """What is missing until this worker does its share, and how each of its partitions is."""
        problems = self.dead()
        if self.stopping.is_set():
            problems.append("stopping")
        if not self._keepers.assigned:
            problems.append("no partitions assigned (yet)")
        problems += [f"{k.tp.topic} {k.tp.partition}: {k.opening}" for k in self._keepers if not k.claim]
        problems += [problem for sink in self._sinks if (problem := getattr(sink, "problem", None))]
        return Readiness(not problems, problems, [state_of(keeper) for keeper in self._keepers])


def state_of(keeper: Keeper) -> PartitionState:
    """Live: nothing stable lies beyond what was folded."""
    topic, partition = keeper.tp
    if keeper.claim is None:
        return PartitionState(topic, partition, "restoring")
    reading = keeper.reading()
    return PartitionState(topic, partition, "live" if reading.caught_up else "behind", reading.lag)


def run_worker(worker: Worker) -> int:
    """Run a worker until SIGTERM or SIGINT (returns 0) or a failure (returns 1). Raises ContactStreamsError."""
    logs.configure()
    try:
        asyncio.run(serve(worker))
    except ContactStreamsError:
        raise
    except Exception:  # noqa: BLE001 (`fail` has logged it)
        return 1
    return 0


async def serve(worker: Worker) -> None:
    """Run the worker; signals end it cleanly, and a clean end that hangs is cut short."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    running = asyncio.create_task(worker.run())
    stopping = asyncio.create_task(worker.stopping.wait())
    await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
    cut = threading.Timer(STOP_WITHIN_S, _cut_short, args=[1])
    cut.daemon = True
    cut.start()
    try:
        await running
    finally:
        stopping.cancel()
        cut.cancel()


def _cut_short(code: int) -> None:
    """The last resort: a thread of Faust does not end. The log is consistent, whatever is lost here."""
    log.error("stopping took longer than %.0f s: cut short", STOP_WITHIN_S)
    logging.shutdown()
    os._exit(code)


def faust_app(settings: WorkerSettings, stages: Mapping[str, Stage], keepers: Keepers, datadir: str) -> faust.App:
    """The app: one agent per input topic."""
    app = faust.App(
        settings.group,
        broker=[f"kafka://{address}" for address in settings.brokers],
        datadir=datadir,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        topic_create_topics=False,
        worker_redirect_stdouts=False,
        stream_wait_empty=False,
        broker_session_timeout=settings.session_timeout_s,
        broker_request_timeout=max(30.0, settings.session_timeout_s),
        broker_heartbeat_interval=1.0,
        broker_rebalance_timeout=30.0,
        autodiscover=False,
    )
    app.boot_strategy = _NoProducer(app)
    app.transport = Transport(app, settings, connection(settings), keepers)
    for topic in stages:
        _add_agent(app, topic, keepers)
    return app


def _add_agent(app: faust.App, topic: str, keepers: Keepers) -> None:
    async def agent(stream: Any) -> None:
        async for chunk in stream:
            await keepers.fold(chunk)
            await asyncio.sleep(0)

    source = app.topic(topic, schema=_ChunkSchema())
    app.agent(source, name=topic, concurrency=1)(agent)


class _NoProducer(BootStrategy):
    """The keepers have producers of their own."""

    enable_kafka_producer = False


class _ChunkSchema(Schema[Any, Any]):
    """The value of a message is a chunk already."""

    def compile(self, app: Any, **_: Any) -> Callable[..., Awaitable[Any]]:
        async def decode(message: Any, *, propagate: bool = False) -> Any:
            del propagate
            return app.create_event(None, message.value, message.headers, message)

        return decode


def check_topics(
    inputs: Mapping[str, str], states: Mapping[str, str], outputs: Mapping[str, str], there: Mapping[str, int]
) -> None:
    """Raise ConfigError when a topic is missing, or a changelog has another number of partitions than its input."""
    missing = sorted({*inputs.values(), *states.values(), *outputs.values()} - there.keys())
    if missing:
        raise ConfigError(
            f"Kafka has no topic {', '.join(missing)}",
            hint="contact-streams topics create; or is `topics` or kafka.topic_prefix misspelt?",
        )
    for name, topic in inputs.items():
        if there[states[name]] != there[topic]:
            raise ConfigError(
                f"{states[name]} has {there[states[name]]} partitions, its input {topic} has {there[topic]}",
                hint=f"drain {topic}, make a new one with more partitions, and set a new app name (kafka.app); "
                "never delete a state topic alone: what it knew would be counted again",
            )


def _repartitioned(stage: Stage, partitions: int) -> ConfigError:
    return ConfigError(
        f"{stage.topic} has {partitions} partitions now, it had {stage.partitions}",
        hint="drain the topic, make a new one with more partitions, and set a new app name (kafka.app)",
    )
