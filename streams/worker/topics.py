"""The topics of one app: which there are, with how many partitions and which settings."""

from collections.abc import Iterator, Mapping
from typing import Final

from streams.config import Config
from streams.sources.kafka import TopicSpec

PARTITIONS: Final = 8
"""Partitions of a new source topic of contacts."""
FEWER: Final = {"agents": 2, "surveys": 2, "business": 2}
"""Source topics that carry less."""

APPEND_TIME: Final = {"message.timestamp.type": "LogAppendTime"}
EVENTS: Final = {**APPEND_TIME, "cleanup.policy": "delete"}
FACTS: Final = {**EVENTS, "retention.ms": "-1", "retention.bytes": "-1"}
"""Of what is between the books of one app: the worker itself deletes what it has folded."""
STATE: Final = {**APPEND_TIME, "cleanup.policy": "compact"}
SHORT_RESTORES: Final = {"segment.ms": "600000", "segment.bytes": str(32 << 20), "min.cleanable.dirty.ratio": "0.1"}
"""Only closed segments are compacted, and under load one of ten minutes is many times the state.

delete.retention.ms stays at its default, else a deleted contact comes back.
"""


def source_partitions(config: Config, there: Mapping[str, int], asked: int | None = None) -> dict[str, int]:
    """Partitions of each source topic: as asked, else as it is, else the default. `there`: by Kafka name."""
    usual = {topic: FEWER.get(topic, PARTITIONS) for topic in config.topics}
    return {topic: asked or there.get(config.kafka.topic(topic), count) for topic, count in usual.items()}


def plan(config: Config, partitions: Mapping[str, int], replication: int) -> Iterator[TopicSpec]:
    """Every topic of one app, given the partitions of its source topics."""
    kafka = config.kafka
    for topic, count in partitions.items():
        yield TopicSpec(kafka.topic(topic), count, replication, EVENTS, {})
        yield TopicSpec(kafka.state_topic(topic), count, replication, STATE, SHORT_RESTORES)
    yield TopicSpec(kafka.facts_topic, kafka.facts_partitions, replication, FACTS, {})
    yield TopicSpec(kafka.state_topic("facts"), kafka.facts_partitions, replication, STATE, SHORT_RESTORES)
    if config.customers.enabled:
        yield TopicSpec(kafka.customers_topic, kafka.facts_partitions, replication, FACTS, {})
        yield TopicSpec(kafka.state_topic("customers"), kafka.facts_partitions, replication, STATE, SHORT_RESTORES)
    for output in ("visits", "deadletters"):
        yield TopicSpec(kafka.topic(output), max(partitions.values()), replication, EVENTS, {})
