"""`contact-streams check-config`: is it right, and what is in effect."""

import os
from pathlib import Path
from typing import Final

import click

from streams.cli.examples import ExampleCommand
from streams.config import Loaded, load

EXAMPLES: Final = """
contact-streams check-config contact-streams.yaml
CONTACT_STREAMS_LATENESS=90s contact-streams check-config contact-streams.yaml
"""
HELP: Final = """\
Checks the file together with the environment and prints every value in effect and where it comes from; secrets are
masked. Exit code 0: it is right. 2: it is wrong; every mistake is named.
"""


@click.command("check-config", cls=ExampleCommand, examples=EXAMPLES, help=HELP)
@click.argument("file", type=click.Path(path_type=Path))
def command(file: Path) -> None:
    """Print the configuration in effect, or raise ConfigError."""
    _show(load(file, environ=os.environ))


def _show(loaded: Loaded) -> None:
    settings = list(loaded.settings())
    path_width = max(len(setting.path) for setting in settings)
    value_width = max(len(setting.value) for setting in settings)
    for path, value, origin in settings:
        click.echo(f"{path:{path_width}}  {value:{value_width}}  {origin}")
    for name in loaded.ignored:
        click.echo(f"warning: environment variable {name} names no key and is ignored", err=True)
    click.echo("the configuration is right", err=True)
