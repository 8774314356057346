"""`contact-streams top`: the board in a terminal."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streams.cli.examples import ExampleCommand
from streams.cli.options import config_option, load_config
from streams.errors import ConfigError

if TYPE_CHECKING:
    pass

EXAMPLES: Final = """
contact-streams top
contact-streams top --channel voice --queues 'bill*,sales' --window 5m
contact-streams top --once --json | jq '.queues[] | select(.status == "bad")'
"""
HELP: Final = """\
Shows what the workers write to Redis: every queue, a breach first, judged as on the board. Ctrl-C ends it.

Where there is no terminal it prints once and ends, with exit code 1 if Redis does not answer.
"""


@click.command("top", cls=ExampleCommand, examples=EXAMPLES, help=HELP)
@config_option
@click.option("--channel", "channels", multiple=True, metavar="C", help="Only this channel; repeatable.")
@click.option("--queues", default="", metavar="NAMES", help="Parts of names, separated by commas; * for anything.")
@click.option("--window", metavar="W", help="Window of the numbers; else the one the board shows first.")
@click.option("--order", type=click.Choice(["breach", "name", "waiting"]), default="breach", show_default=True)
@click.option("--interval", type=click.FloatRange(0.2, 3_600), default=1.0, show_default=True, help="Seconds.")
@click.option("--once", is_flag=True, help="Print once and end.")
@click.option("--json", "as_json", is_flag=True, help="JSON, one object per line, instead of tables.")
def command(
    config_file: Path | None,
    channels: tuple[str, ...],
    queues: str,
    window: str | None,
    order: str,
    interval: float,
    once: bool,  # noqa: FBT001 (click hands it in by name)
    as_json: bool,  # noqa: FBT001 (as above)
) -> int:
    """Show the board until Ctrl-C; return the exit code."""
    config = load_config(config_file).config
    from streams.wallboard.presentation import preferred_window  # noqa: PLC0415 (heavy: not for --help)
    from streams.wallboard.terminal import Choice  # noqa: PLC0415
    from streams.wallboard.top import Watch, top  # noqa: PLC0415

    chosen = window or preferred_window(config)
    if chosen not in config.windows:
        raise ConfigError(f"{chosen!r} is no window of this centre", hint=f"one of {', '.join(config.windows)}")
    choice = Choice(
        chosen, channels, queues, "breach" if order == "breach" else "name" if order == "name" else "waiting"
    )
    return top(config, choice, Watch(interval, once, as_json))
