"""`contact-streams produce`: recorded events into Kafka."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streams.cli.examples import ExampleCommand
from streams.cli.options import brokers_option, config_option, kafka_options, load_config, topic_prefix_option
from streams.config import KafkaConfig
from streams.errors import ConnectionFailed, ContactStreamsError

if TYPE_CHECKING:
    from streams.sources.kafka import Sender
    from streams.sources.routing import Router

EXAMPLES: Final = """
contact-streams produce day.jsonl.gz --brokers 127.0.0.1:9092
zcat day.jsonl.gz | contact-streams produce - --topic-prefix test-
"""
HELP: Final = """\
Sends canonical JSON Lines to the right topics, keyed by contact, in their order; heartbeats to every partition. Lines
that are no events are sent too: the worker dead-letters them.
"""


@click.command("produce", cls=ExampleCommand, examples=EXAMPLES, help=HELP)
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@brokers_option
@topic_prefix_option
@config_option
def command(files: tuple[str, ...], brokers: str | None, topic_prefix: str | None, config_file: Path | None) -> None:
    """Send every line, and say how many went where."""
    config = load_config(config_file, brokers=brokers, topic_prefix=topic_prefix).config
    from streams.cli.progress import progress_bar  # noqa: PLC0415 (all of these: heavy, not for --help)
    from streams.sources.files import read_lines, size_of  # noqa: PLC0415
    from streams.sources.kafka import administration, sender  # noqa: PLC0415
    from streams.sources.routing import Router  # noqa: PLC0415

    options = kafka_options(config.kafka)
    with administration(options) as cluster:
        partitions = cluster.partitions()
    _refuse_missing(map(config.kafka.topic, config.topics), partitions)
    with sender(options, partitions) as sending, progress_bar("sending", size_of(files)) as advance:
        lines = _send(read_lines(files, advance), Router(config.topics), sending, config.kafka)
    _report(lines, sending)


def _send(chunks: Iterable[list[bytes]], router: "Router", sending: "Sender", kafka: KafkaConfig) -> int:
    """Send all lines and return how many there were."""
    total = 0
    for lines in chunks:
        total += len(lines)
        for line in lines:
            route = router.route(line)
            for topic in route.topics:
                sending.send(kafka.topic(topic), route, line)
    return total


def _refuse_missing(topics: Iterable[str], there: Mapping[str, int]) -> None:
    missing = [topic for topic in topics if topic not in there]
    if missing:
        message = f"Kafka has no topic {', '.join(missing)}"
        raise ConnectionFailed(message, hint="run `contact-streams topics create`, with the same configuration")


def _report(lines: int, sending: "Sender") -> None:
    """Say how many went where. Raises ContactStreamsError when some did not."""
    click.echo(f"{lines} lines read")
    for topic, count in sorted(sending.sent.items()):
        click.echo(f"{count} records sent to {topic}")
    if sending.homeless:
        listed = ", ".join(f"{count} for {topic}" for topic, count in sorted(sending.homeless.items()))
        hint = "name the topic under `topics` in the configuration, then `contact-streams topics create`"
        raise ConnectionFailed(
            f"{sending.homeless.total()} lines not sent, their topic does not exist: {listed}", hint=hint
        )
    if sending.failures:
        reasons = Counter(type(failure).__name__ for failure in sending.failures)
        listed = ", ".join(f"{count} × {reason}" for reason, count in reasons.most_common())
        message = f"{len(sending.failures)} records were not taken: {listed}"
        raise ContactStreamsError(message, hint=str(sending.failures[0]))
