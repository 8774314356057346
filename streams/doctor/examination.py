"""The examination: every check in turn. What needs a broker is skipped when none answers."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Final

from streams.config import Config
from streams.doctor import cluster, log, store
from streams.doctor.findings import Check, Finding, looked_at
from streams.sources.kafka import Options, administration, reaching, reader
from streams.worker.settings import WorkerSettings

_NEEDS_A_BROKER: Final = ("topics", "permissions", "group", "events", "clock")


def examine(config: Config, settings: WorkerSettings, options: Options) -> Iterator[Finding]:
    """What is found, as it is found. `options`: those of kafka-python's clients."""
    answered = True
    for finding in looked_at("brokers", lambda: cluster.brokers(settings)):
        answered = answered and finding.state == "ok"
        yield finding
    if answered:
        yield from _of_kafka(config, settings, options)
    else:
        yield from (Finding(check, "skipped", "no broker answers") for check in _NEEDS_A_BROKER)
    yield from looked_at("redis", lambda: store.redis(config))


def _of_kafka(config: Config, settings: WorkerSettings, options: Options) -> Iterator[Finding]:
    with ExitStack() as clients:
        admin = clients.enter_context(administration(options))
        records = clients.enter_context(reader(options))
        checks: dict[str, Check] = {
            "topics": lambda: cluster.topics(config, admin),
            "permissions": lambda: cluster.permissions(config, settings),
            "group": lambda: cluster.group(settings, admin),
            "events": lambda: log.events(config, records),
            "clock": lambda: log.clock(config, records),
        }
        for name, check in checks.items():
            yield from looked_at(name, partial(_reached, options, check))


def _reached(options: Options, check: Check) -> Iterator[Finding]:
    with reaching(options):
        yield from check()
