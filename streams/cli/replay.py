"""`contact-streams replay`: the numbers of recorded events, without a broker."""

import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from streams.cli.examples import ExampleCommand
from streams.cli.options import config_option, load_config
from streams.errors import FindingsError
from streams.events.decode import epoch_ms
from streams.events.model import EARLIEST_MS, LATEST_MS

if TYPE_CHECKING:
    from rich.console import RenderableType

    from streams.sources.replay import Snapshot

EXAMPLES: Final = """
contact-streams replay day.jsonl.gz
contact-streams replay day.jsonl.gz --at 2026-03-02T09:00:00Z --at 2026-03-02T10:00:00Z
zcat day.jsonl.gz | contact-streams replay - --json | jq 'select(.queue == "*" and .window == "all").kpis'
"""
HELP: Final = """\
Folds canonical JSON Lines (`.gz` or plain; - is standard input), in arrival order, as a worker folds them, and shows
every queue (* is the whole channel) in the windows `all` (the whole log), `live` and each configured one.

With --at, as things stood at that instant, before the first later event; without, at the time of the last event.
"""

LIVE: Final = "live"
"""Name of the window that holds what is true at the instant."""

REJECTED: Final = "rejected"

FILE_WIDTH: Final = 140
"""Columns of a table that goes to a file."""


class InstantType(click.ParamType):
    """An instant: RFC 3339 with an offset, or epoch milliseconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Epoch ms."""
        at = int(value) if str(value).isdecimal() else self._from_text(str(value), param, ctx)
        if not EARLIEST_MS <= at < LATEST_MS:
            self.fail(f"{value!r} is not within the years 2000 to 2099 (epoch times are in milliseconds)", param, ctx)
        return at

    def _from_text(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time; write for example 2026-03-02T09:00:00Z", param, ctx)
        if instant.tzinfo is None:
            self.fail(f"{value!r} says no time zone; add Z or an offset such as +01:00", param, ctx)
        return epoch_ms(instant)


@click.command("replay", cls=ExampleCommand, examples=EXAMPLES, help=HELP)
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@click.option("--at", "instants", metavar="TIME", type=InstantType(), multiple=True, help="RFC 3339 or epoch ms.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per queue and window.")
@config_option
@click.option("--partitions", type=click.IntRange(1, 1000), default=8, show_default=True, help="Of each topic.")
@click.option("--strict", is_flag=True, help="Exit with 3 when records were rejected.")
def command(
    files: tuple[str, ...],
    instants: tuple[int, ...],
    as_json: bool,  # noqa: FBT001 (click passes flags by name)
    config_file: Path | None,
    partitions: int,
    strict: bool,  # noqa: FBT001
) -> None:
    """Fold the files and show the views."""
    config = load_config(config_file).config
    from streams.cli.progress import progress_bar  # noqa: PLC0415 (all of these: heavy, not for --help)
    from streams.pipeline import Pipeline  # noqa: PLC0415
    from streams.sources.files import read_lines, size_of  # noqa: PLC0415
    from streams.sources.replay import Replay  # noqa: PLC0415
    from streams.sources.routing import Router  # noqa: PLC0415

    windows = config.window_settings(whole_log=True)
    pipeline = Pipeline(
        config.fold_settings(), windows, config.variants(), config.channels(), customers=config.following()
    )
    replay = Replay(Router(config.topics), pipeline, partitions)
    # On a terminal the lines themselves are the progress.
    with progress_bar("folding", size_of(files), shown=not (as_json and sys.stdout.isatty())) as advance:
        snapshots = replay.run(read_lines(files, advance), instants)
        tables = _write_json(snapshots) if as_json else _tables(snapshots)
    _print(tables)
    _print_summary(replay.outcomes, replay.rejections)
    rejected = replay.outcomes.get(REJECTED, 0)
    if strict and rejected:
        raise FindingsError(f"{rejected} records were rejected", hint="without --strict they are only counted")


def _write_json(snapshots: Iterable["Snapshot"]) -> list["RenderableType"]:
    """Write each view as it comes; no tables."""
    encode = msgspec.json.Encoder().encode
    for at, views in snapshots:
        for view in views:
            for window, kpis in {**view.windows, LIVE: view.live}.items():
                line = {"at_ms": at, "channel": view.channel, "queue": view.queue, "window": window, "kpis": kpis}
                click.echo(encode(line))
    return []


def _tables(snapshots: Iterable["Snapshot"]) -> list["RenderableType"]:
    from streams.cli.tables import tables  # noqa: PLC0415 (heavy: not for --help)

    return [table for snapshot in snapshots for table in tables(snapshot)]


def _print(tables: list["RenderableType"]) -> None:
    if not tables:
        return
    from rich.console import Console  # noqa: PLC0415 (heavy: not for --help)

    console = Console(highlight=False, width=None if sys.stdout.isatty() else FILE_WIDTH)
    for table in tables:
        console.print(table)


def _print_summary(outcomes: Mapping[str, int], rejections: Mapping[str, int]) -> None:
    """Say on standard error what became of the records: the outcomes sum to the records read."""
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()) if count)
    click.echo(f"{sum(outcomes.values())} records: {counts or 'nothing to fold'}", err=True)
    for reason, count in sorted(rejections.items(), key=lambda item: (-item[1], item[0])):
        click.echo(f"rejected: {count} {reason}", err=True)
