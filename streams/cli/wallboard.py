"""`contact-streams wallboard`: serves the board."""

from pathlib import Path
from typing import Final

import click

from streams.cli.examples import ExampleCommand
from streams.cli.options import config_option, load_config

EXAMPLES: Final = """
contact-streams wallboard
contact-streams wallboard --config contact-streams.yaml
"""
HELP: Final = """\
Serves the board, which shows what the workers write to Redis. SIGTERM stops it cleanly.
"""


@click.command("wallboard", cls=ExampleCommand, examples=EXAMPLES, help=HELP)
@config_option
def command(config_file: Path | None) -> int:
    """Run the board's server until it is told to stop; return the exit code."""
    config = load_config(config_file).config
    from streams.wallboard.server import run  # noqa: PLC0415 (heavy: not for --help)

    return run(config) or 0
