"""The one place where a worker is put together: configuration → books, sinks, app."""

import gc
import logging
import os
import platform
import socket
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import streams
from streams.books import Book
from streams.config.model import Config
from streams.contacts.book import ContactBook
from streams.customers.book import CustomerBook
from streams.customers.settings import CustomerSettings
from streams.metrics.details import Detailer, Details
from streams.metrics.settings import DOMAINS
from streams.metrics.view import QueueView, Sources, Viewer
from streams.sinks import redis
from streams.sinks.counters import Counters
from streams.sinks.event_to_view import EventToView
from streams.sinks.input_stats import InputStats
from streams.sinks.pipeline_metrics import Stats
from streams.sinks.prometheus import PrometheusSink
from streams.sinks.redis_keys import Keys
from streams.windows.book import ViewBook
from streams.worker.app import Worker, run_worker
from streams.worker.settings import CUSTOMERS, WorkerSettings

GC_THRESHOLD: Final = (100_000, 10, 10)
"""Objects more than at the last look: Python's default, 700, would cost a quarter of the fold's time."""


def run(config: Config, *, check_crcs: bool = True) -> int:
    """Run a worker until it is told to stop; returns the exit code. Raises ContactStreamsError.

    `check_crcs`: see `WorkerSettings`.
    """
    spare_the_old()
    return run_worker(compose(config, check_crcs=check_crcs))


def spare_the_old() -> None:
    """Have the garbage collector look at new objects alone.

    The state is millions of small objects without cycles. To look through all of them takes seconds in which no thread
    moves, heartbeats neither, and finds nothing. What is old and dead in a cycle is kept: it is little.
    """
    gc.set_threshold(*GC_THRESHOLD)
    gc.callbacks.append(_freeze)


def _freeze(phase: str, info: Mapping[str, int]) -> None:
    """Nobody looks again at what has survived the second look."""
    if phase == "stop" and info["generation"] == 1:
        gc.freeze()


def compose(config: Config, *, check_crcs: bool = True) -> Worker:
    """A worker with its books and sinks, not yet running."""

    def now_ms() -> int:
        return worker.now_ms()

    counters, delay = Counters(), EventToView(now_ms)
    fold, windows, following = config.fold_settings(), config.window_settings(), config.following()

    def make_contact_book(topic: str, number: int) -> ContactBook:
        book = ContactBook(
            topic, number, fold, source=config.kafka.topic(topic), customers=None if following is None else following[0]
        )
        counted.made(book)
        return book

    def make_customer_book(number: int, settings: CustomerSettings) -> CustomerBook:
        sources = [(topic, worker.source_partitions[topic]) for topic in config.topics if topic not in DOMAINS]
        return CustomerBook(number, settings, sources)

    def make_view_book(number: int) -> ViewBook:
        return ViewBook(number, windows, on_delta=counters.follow(number), on_progress=delay.folded)

    worker = Worker(
        worker_settings(config, check_crcs=check_crcs),
        make_contact_book=make_contact_book,
        make_view_book=make_view_book,
        make_customer_book=None if following is None else lambda number: make_customer_book(number, following[1]),
    )
    counted = InputStats(lambda: [book for book in worker.contact_books() if isinstance(book, ContactBook)])
    look = _look(config, worker)
    shown = _redis_sink(config, worker, look)
    scraped = PrometheusSink(
        look,
        counters,
        clock_ms=worker.now_ms,
        edges_ms=fold.edges(),
        stats=[
            counted,
            worker.stats,
            delay,
            partial(_expired, worker),
            partial(_crowded, worker),
            partial(_redis_stats, shown),
            _build,
        ],
    )
    worker.show([scraped, shown], metrics=scraped.scrape)
    return worker


def worker_settings(config: Config, *, check_crcs: bool = True) -> WorkerSettings:
    """The part of the configuration that the worker itself needs."""
    return WorkerSettings(
        brokers=tuple(config.kafka.addresses),
        sources=tuple(sorted(config.topics)),
        app=config.kafka.app,
        topic_prefix=config.kafka.topic_prefix,
        login=config.kafka.security.login(),
        session_timeout_s=config.kafka.session_timeout / 1000,
        check_crcs=check_crcs,
        http_host=config.metrics.host,
        http_port=config.metrics.port,
        http_credentials=config.metrics.credentials(),
        http_certificate=config.metrics.certificate(),
    )


def _look(config: Config, worker: Worker) -> Callable[[Book, int], list[QueueView]]:
    viewer = Viewer(config.variants(), config.channels())
    channels = {topic: tuple(fed) for topic, fed in config.topics.items()}
    if config.customers.enabled:
        channels[CUSTOMERS] = ()  # its progress is that of the domain of the same name

    def look(book: Book, now_ms: int) -> list[QueueView]:
        if not isinstance(book, ViewBook):
            raise TypeError(f"not a book of stage 2: {book!r}")
        return viewer.views(book, now_ms, Sources(worker.source_partitions, channels))

    return look


def _look_behind(config: Config) -> Callable[[Book, QueueView], Details]:
    detailer = Detailer(config.variants(), config.channels())

    def behind(book: Book, view: QueueView) -> Details:
        if not isinstance(book, ViewBook):
            raise TypeError(f"not a book of stage 2: {book!r}")
        return detailer.details(book, view.channel, view.queue, view.as_of_ms)

    return behind


def _redis_sink(config: Config, worker: Worker, look: Callable[[Book, int], list[QueueView]]) -> redis.RedisSink:
    return redis.RedisSink(
        redis.connect(config.redis.url, config.redis.login()),
        Keys(config.redis.prefix),
        redis.Identity(config.kafka.app, f"{socket.gethostname()}:{os.getpid()}"),
        look=redis.Looks(look, _look_behind(config)),
        cluster_id=worker.cluster_id,
        confirmed=worker.confirmed,
        log=logging.getLogger("streams.sinks.redis"),
        pace=redis.Pace(ttl_ms=config.redis.ttl),
    )


def _expired(worker: Worker) -> Stats:
    expired = sum(book.expired for book in worker.view_books() if isinstance(book, ViewBook))
    late = sum(book.late for book in worker.customer_books() if isinstance(book, CustomerBook))
    return {"expired_total": {(): expired + late}}


def _crowded(worker: Worker) -> Stats:
    crowded = sum(book.crowded for book in worker.view_books() if isinstance(book, ViewBook))
    return {"crowded_total": {(): crowded}}


def _redis_stats(sink: redis.RedisSink) -> Stats:
    return {"sink_failures_total": {("redis",): sink.failures}, "sink_up": {("redis",): int(sink.problem is None)}}


def _build() -> Stats:
    return {"build_info": {(streams.__version__, platform.python_version()): 1}}
