"""`contact-streams topics create`: creates what the worker needs."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streams.cli.examples import ExampleCommand, ExampleGroup
from streams.cli.options import brokers_option, config_option, kafka_options, load_config, topic_prefix_option
from streams.errors import FindingsError

if TYPE_CHECKING:
    from streams.sources.kafka import Found

EXAMPLES: Final = """
contact-streams topics create
contact-streams topics create --brokers kafka:9092 --partitions 16 --replication 3
"""
HELP: Final = """\
Creates the topics that the worker reads and writes, with the right partitions, compaction and retention. What exists
is left as it is. Exit code 3: a topic that exists is not as the worker needs it.
"""

PARTITIONS_HELP: Final = "Of new source topics.  [default: 8; agents, surveys, business: 2]"


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
    from streams.worker.topics import plan, source_partitions  # noqa: PLC0415 (likewise)

    with administration(kafka_options(config.kafka)) as topics:
        counts = source_partitions(config, topics.partitions(), partitions)
        found = topics.ensure(plan(config, counts, replication))
    for topic in found:
        click.echo(_line(topic))
    _refuse_differences(found)


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
