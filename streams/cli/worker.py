"""`contact-streams worker`: the events in Kafka become live numbers."""

from pathlib import Path
from typing import Final

import click

from streams.cli.examples import ExampleCommand
from streams.cli.options import brokers_option, config_option, load_config

EXAMPLES: Final = """
contact-streams worker
contact-streams worker --config contact-streams.yaml
CONTACT_STREAMS_KAFKA__BROKERS=kafka:9092 contact-streams worker
"""
HELP: Final = """\
Turns the events in Kafka into live numbers in Redis and at /metrics. Run as many as you like: they share the
partitions. SIGTERM stops it cleanly.
"""


@click.command("worker", cls=ExampleCommand, examples=EXAMPLES, help=HELP)
@config_option
@brokers_option
def command(config_file: Path | None, brokers: str | None) -> int:
    """Run a worker until it is told to stop; return the exit code."""
    config = load_config(config_file, brokers=brokers).config
    from streams.worker.compose import run  # noqa: PLC0415 (heavy: not for --help)

    return run(config) or 0
