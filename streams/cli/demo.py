"""`contact-streams demo`: everything at work, nothing to install."""

import click

HELP = """\
Examples:

\b
  contact-streams demo
  contact-streams demo --port 8090 --speed 5

Starts a simulated contact centre, an embedded broker and store, a worker and the board, and shows the board's address.
The centre's last hour is filled in at the start; then it goes on live. Ctrl-C ends all of it; nothing is kept.
"""


@click.command("demo", help=HELP)
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8080, show_default=True, help="Port of the board; 0: any."
)
@click.option(
    "--speed",
    type=click.FloatRange(0.1, 20),
    default=1.0,
    show_default=True,
    help="How many times faster than life: with 10 a call of 5 min takes 30 s, and ten times as many come.",
)
def command(port: int, speed: float) -> int:
    """Run the demo until it is told to end; return the exit code."""
    from streams.demo.play import play  # noqa: PLC0415 (not for --help)

    return play(port, speed, click.echo)
