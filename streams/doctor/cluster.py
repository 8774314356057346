"""Kafka: do brokers answer, are the topics as they must be, may the worker do what it does, does its group keep up."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeVar

from streams.config import Config
from streams.doctor.findings import Finding
from streams.sources.kafka import Administration, Found
from streams.worker.cluster import Cluster
from streams.worker.permissions import needed
from streams.worker.settings import WorkerSettings
from streams.worker.topics import plan, source_partitions

Answer = TypeVar("Answer")

BEHIND: Final = 10_000
"""Records of one topic that wait: more are worth a word."""
_CREATE: Final = "contact-streams topics create; or is `topics` or kafka.topic_prefix misspelt?"
_MEND: Final = "docs/operations.md, Topics: settings can be altered, partitions need a new kafka.app"


def brokers(settings: WorkerSettings) -> Iterator[Finding]:
    """Whether a broker answers and lets the worker's user in. Raises ConnectionFailed."""
    cluster_id = asyncio.run(_asked(settings, Cluster.id))
    yield Finding("brokers", "ok", f"cluster {cluster_id} at {', '.join(settings.brokers)}")


async def _asked(settings: WorkerSettings, question: Callable[[Cluster], Awaitable[Answer]]) -> Answer:
    """What the cluster answers to the worker's own client."""
    cluster = Cluster(settings)
    await cluster.start()
    try:
        return await question(cluster)
    finally:
        await cluster.stop()


def topics(config: Config, cluster: Administration) -> Iterator[Finding]:
    """Whether each topic is there, with the right partitions, compaction and time stamps."""
    there = cluster.partitions()
    wanted = list(plan(config, source_partitions(config, there), replication=1))
    found = cluster.compare(wanted)
    for topic in found:
        if topic.differences:
            yield Finding("topics", "failed", f"{topic.name}: {'; '.join(topic.differences)}", _mending(topic))
    right = sum(not topic.differences for topic in found)
    if right:
        yield Finding("topics", "ok", f"{right} of {len(found)} topics are there, as the worker needs them")


def _mending(topic: Found) -> str:
    return _MEND if topic.partitions else _CREATE


def permissions(config: Config, settings: WorkerSettings) -> Iterator[Finding]:
    """Whether the broker allows all that a worker does. Raises ConnectionFailed that names what is missing."""
    inputs, outputs = settings.topics(customers=config.customers.enabled)
    asyncio.run(_asked(settings, lambda cluster: cluster.check(needed(settings, inputs, outputs))))
    yield Finding("permissions", "ok", f"{settings.login.user} may do what a worker does, as far as the broker tells")


def group(settings: WorkerSettings, cluster: Administration) -> Iterator[Finding]:
    """Whether workers are there, and how far behind they are."""
    members = cluster.members(settings.group)
    if not members:
        mending = "start one: contact-streams worker"
        yield Finding("group", "warning", f"nobody works in the group {settings.group}", mending)
    else:
        noun = "worker" if members == 1 else "workers"
        yield Finding("group", "ok", f"{members} {noun} in the group {settings.group}")
    lags: Counter[str] = Counter()
    for (topic, _), records in cluster.lags(settings.group).items():
        lags[topic] += records
    for topic, records in sorted(lags.items()):
        if records > BEHIND:
            mending = "are there enough workers? A topic's partitions are shared among them"
            yield Finding("group", "warning", f"{records:,} records of {topic} wait to be folded", mending)
