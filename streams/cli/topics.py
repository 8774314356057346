"""`contact-streams topics create`: creates what the worker needs."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streams.cli.examples import ExampleCommand, ExampleGroup
from streams.cli.options import brokers_option, config_option, kafka_options, load_config, topic_prefix_option
from streams.config import Config
from streams.errors import FindingsError

if TYPE_CHECKING:
    from streams.sources.kafka import Found, TopicSpec

EXAMPLES: Final = """
contact-streams topics create
contact-streams topics create --brokers kafka:9092 --partitions 16 --replication 3
"""
HELP: Final = """\
Creates the topics that the worker reads and writes, with the right partitions, compaction and retention. What exists
is left as it is. Exit code 3: a topic that exists is not as the worker needs it.
"""

PARTITIONS: Final = 8
"""Partitions of a new source topic of contacts."""
FEWER: Final = {"agents": 2, "surveys": 2, "business": 2}
"""Source topics that carry less."""

PARTITIONS_HELP: Final = f"Of new source topics.  [default: {PARTITIONS}; {', '.join(FEWER)}: 2]"

APPEND_TIME: Final = {"message.timestamp.type": "LogAppendTime"}
EVENTS: Final = {**APPEND_TIME, "cleanup.policy": "delete"}
FACTS: Final = {**EVENTS, "retention.ms": "-1", "retention.bytes": "-1"}
"""Of what is between the books of one app: the worker itself deletes what it has folded."""
STATE: Final = {**APPEND_TIME, "cleanup.policy": "compact"}
SHORT_RESTORES: Final = {"segment.ms": "600000", "min.cleanable.dirty.ratio": "0.1"}
"""Only closed segments are compacted; delete.retention.ms stays at its default, else a deleted contact comes back."""


@click.group("topics", cls=ExampleGroup, examples=EXAMPLES, help="Create the topics that the worker needs.")
def command() -> None:
    """Group what is done to topics."""


@command.command("create", cls=ExampleCommand, examples=EXAMPLES, help=HELP)
@config_option
@brokers_option
@topic_prefix_option
@click.option("--partitions", type=click.IntRange(1, 1000), help=PARTITIONS_HELP)
@click.option("--replication", type=click.IntRange(1, 10), default=1, show_default=True, help="Copies of each record.")
def create(
    config_file: Path | None,
    brokers: str | None,
    topic_prefix: str | None,
    partitions: int | None,
    replication: int,
) -> None:
    """Create what is missing, report what exists and what about it is wrong."""
    config = load_config(config_file, brokers=brokers, topic_prefix=topic_prefix).config
    from streams.sources.kafka import administration  # noqa: PLC0415 (heavy: not for --help)

    with administration(kafka_options(config.kafka)) as topics:
        counts = _source_partitions(config, topics.partitions(), partitions)
        found = topics.ensure(plan(config, counts, replication))
    for topic in found:
        click.echo(_line(topic))
    _refuse_differences(found)


def _source_partitions(config: Config, there: Mapping[str, int], asked: int | None) -> dict[str, int]:
    """Partitions of each source topic: as asked, else as it is, else the default."""
    usual = {topic: FEWER.get(topic, PARTITIONS) for topic in config.topics}
    return {topic: asked or there.get(config.kafka.topic(topic), count) for topic, count in usual.items()}


def plan(config: Config, partitions: Mapping[str, int], replication: int) -> Iterator["TopicSpec"]:
    """Every topic of one app, given the partitions of its source topics."""
    from streams.sources.kafka import TopicSpec  # noqa: PLC0415 (as above)

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


def _line(topic: "Found") -> str:
    if topic.created:
        return f"created  {topic.name}  ({topic.partitions} partitions)"
    if topic.differences:
        return f"differs  {topic.name}: {'; '.join(topic.differences)}"
    return f"exists   {topic.name}"


def _refuse_differences(found: list["Found"]) -> None:
    wrong = [topic for topic in found if topic.differences]
    if not wrong:
        return
    hint = (
        "settings: `kafka-configs.sh --alter`; partitions cannot be changed under a running app: "
        "use new topics (--topic-prefix) or a new kafka.app"
    )
    raise FindingsError(f"not as the worker needs it: {', '.join(topic.name for topic in wrong)}", hint=hint)
