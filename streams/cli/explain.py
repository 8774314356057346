"""`contact-streams explain`: the visits or tickets behind a number, which counted, which did not, and by which rule."""

import sys
import time
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from streams.cli.examples import ExampleCommand
from streams.cli.options import brokers_option, config_option, kafka_options, load_config
from streams.cli.replay import FILE_WIDTH, LIVE, InstantType
from streams.config import Config
from streams.errors import ConfigError, ConnectionFailed, InputError

if TYPE_CHECKING:
    from streams.explain.explainer import Explanation, Question
    from streams.metrics.kpi import Kpi
    from streams.metrics.view import QueueView
    from streams.pipeline import Pipeline
    from streams.sources.replay import Snapshot

EXAMPLES: Final = """
contact-streams explain day.jsonl.gz --queue billing --kpi service_level --window 15m --at 2026-03-02T10:00:00Z
contact-streams explain --queue billing --kpi longest_wait --window live
contact-streams explain day.jsonl.gz --queue '*' --channel voice --kpi aht --window all --json | jq -s '.[1:]'
"""
HELP: Final = """\
Shows a number, its formula with both its parts, and a line for each visit, ticket, agent or answer that counted or was
left out, with the rule; what the lines add adds up to the parts.

With files it folds them as `replay` does, without them the events in Kafka, from early enough for the window up to
their end; no worker is needed. Without --at: the time of the last event of the files, or now.
"""

WHOLE_LOG: Final = "all"
"""Name of the window that holds the whole log."""
SHOWN_LINES: Final = 100
"""So many lines a table for people has, if nothing is said."""


class Asked(NamedTuple):
    """What the command line says."""

    files: tuple[str, ...]
    queue: str
    kpi_id: str
    window: str
    channel: str | None
    instant: int | None
    limit: int | None
    as_json: bool
    config_file: Path | None
    brokers: str | None
    partitions: int


@click.command("explain", cls=ExampleCommand, examples=EXAMPLES, help=HELP)
@click.argument("files", metavar="[FILE…]", nargs=-1)
@click.option("--queue", required=True, metavar="Q", help="A queue; * the channel, @name a group, - in no queue.")
@click.option("--kpi", "kpi_id", required=True, metavar="K", help="Its id in the catalogue, e.g. service_level.")
@click.option("--window", required=True, metavar="W", help="all, live, or one of the configuration.")
@click.option("--channel", metavar="C", help="Where the queue is in several.")
@click.option("--at", "instant", metavar="TIME", type=InstantType(), help="RFC 3339 or epoch ms.")
@click.option("--limit", metavar="N", type=click.IntRange(0), help="At most so many lines [100; with --json all].")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line, the number first.")
@config_option
@brokers_option
@click.option(
    "--partitions", type=click.IntRange(1, 1000), default=8, show_default=True, help="Of each topic of files."
)
def command(**given: Any) -> None:
    """Fold, find the number, and take it apart."""
    asked = Asked(**given)
    config = load_config(asked.config_file, brokers=asked.brokers).config
    from streams.explain.attribution import Trace  # noqa: PLC0415 (all of these: heavy, not for --help)
    from streams.explain.explainer import Explainer  # noqa: PLC0415
    from streams.pipeline import Pipeline  # noqa: PLC0415

    kpi = _known_kpi(asked.kpi_id)
    _check_window(asked.window, kpi, config)
    fold, windows = config.fold_settings(), config.window_settings(whole_log=True)
    trace = Trace(asked.channel, asked.queue, fold.groups.get(asked.queue.removeprefix("@"), ()))
    pipeline = Pipeline(
        fold, windows, config.variants(), config.channels(), observer=trace, customers=config.following()
    )
    at, views = _of_files(asked, config, pipeline) if asked.files else _of_kafka(asked, config, kpi, pipeline)
    question, value = _found(asked, config, kpi, views)
    explanation = Explainer(pipeline.facts, trace, fold, windows, config.variants()).explain(question, value, at)
    if asked.as_json:
        _write_json(explanation, asked.limit)
    else:
        _print(explanation, SHOWN_LINES if asked.limit is None else asked.limit)


# --- what is folded ---


def _of_files(asked: Asked, config: Config, pipeline: "Pipeline") -> "Snapshot":
    """The views at the instant, with the pipeline as it is then."""
    from streams.cli.progress import progress_bar  # noqa: PLC0415 (all of these: heavy, not for --help)
    from streams.sources.files import read_lines, size_of  # noqa: PLC0415
    from streams.sources.replay import Replay  # noqa: PLC0415
    from streams.sources.routing import Router  # noqa: PLC0415

    replay = Replay(Router(config.topics), pipeline, asked.partitions)
    instants = [] if asked.instant is None else [asked.instant]
    with progress_bar("folding", size_of(asked.files)) as advance:
        snapshot = next(replay.run(read_lines(asked.files, advance), instants), None)
    if snapshot is None:
        raise InputError("the files have no event", hint="name files of canonical JSON Lines")
    return snapshot


def _of_kafka(asked: Asked, config: Config, kpi: "Kpi", pipeline: "Pipeline") -> "Snapshot":
    """The same, folded from the source topics."""
    from streams.sources.kafka import reader  # noqa: PLC0415 (all of these: heavy, not for --help)
    from streams.sources.log import fold_log, since_ms  # noqa: PLC0415
    from streams.sources.replay import Snapshot  # noqa: PLC0415
    from streams.sources.routing import Router  # noqa: PLC0415

    named = {config.kafka.topic(topic): topic for topic in _topics(config, kpi, asked.channel)}
    begin = asked.instant or _now_ms()
    since = since_ms(config.fold_settings(), config.window_settings(), kpi.scopes, asked.queue, asked.window, begin)
    with reader(kafka_options(config.kafka)) as log:
        missing = sorted(set(named) - log.topics())
        if missing:
            message = f"Kafka has no topic {', '.join(missing)}"
            raise ConnectionFailed(message, hint="run `contact-streams topics create`, or name files to explain")
        fold_log(log.records(named, since), pipeline, Router(config.topics), asked.instant)
    at = asked.instant or _now_ms()
    return Snapshot(at, pipeline.views(at))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _topics(config: Config, kpi: "Kpi", channel: str | None) -> list[str]:
    """Logical topics whose events the number may be made of."""
    from streams.metrics.settings import DOMAINS, domain_of  # noqa: PLC0415 (heavy: not for --help)

    domains, scopes = {domain_of(scope) for scope in kpi.scopes}, config.channels().scopes
    if domains <= DOMAINS & set(config.topics):
        return sorted(domains)
    of_contacts = {topic: channels for topic, channels in config.topics.items() if topic not in DOMAINS}
    fed = [topic for topic, channels in of_contacts.items() if channel in channels]
    may = [
        topic
        for topic, channels in of_contacts.items()
        if not channels or any(set(kpi.scopes) & set(scopes(channel)) for channel in channels)
    ]
    return fed or may or list(of_contacts)


# --- which number ---


def _known_kpi(kpi_id: str) -> "Kpi":
    from streams.metrics.catalogue import BY_ID  # noqa: PLC0415 (heavy: not for --help)

    kpi = BY_ID.get(kpi_id)
    if kpi is None:
        raise ConfigError(f"no such KPI: {kpi_id}", hint=_like(kpi_id, BY_ID, "see docs/kpis.md for all of them"))
    return kpi


def _check_window(window: str, kpi: "Kpi", config: Config) -> None:
    known = [WHOLE_LOG, LIVE, *config.windows]
    if window not in known:
        raise ConfigError(f"no such window: {window}", hint=f"known: {', '.join(known)}; others under `windows`")
    if kpi.live != (window == LIVE):
        message = f"{kpi.id} is {'true at an instant' if kpi.live else 'a number of a time'}: it has no window {window}"
        raise ConfigError(message, hint="--window live" if kpi.live else "--window all, or one of the configuration")


def _found(
    asked: Asked, config: Config, kpi: "Kpi", views: Iterable["QueueView"]
) -> tuple["Question", int | float | None]:
    """The number asked for. Raises ConfigError where there is none, or more than one."""
    from streams.explain.explainer import Question  # noqa: PLC0415 (all of these: heavy, not for --help)
    from streams.metrics.settings import domain_of  # noqa: PLC0415

    queue, window, channel = asked.queue, asked.window, asked.channel
    values = {(view.channel, view.queue): view.live if window == LIVE else view.windows[window] for view in views}
    there = {name: kpis for name, kpis in values.items() if kpi.id in kpis and channel in (None, name[0])}
    of_queue = [name for name in there if name[1] == queue]
    if not of_queue:
        raise _no_queue(queue, kpi, channel, sorted({name for _, name in there}))
    if len(of_queue) > 1:
        listed = ", ".join(sorted(name for name, _ in of_queue))
        raise ConfigError(f"the queue {queue} is in the channels {listed}", hint="say which one: --channel")
    found = of_queue[0]
    scope = next(scope for scope in config.channels().scopes(*found) if scope in kpi.scopes)
    return Question(*found, kpi, domain_of(scope), window), there[found][kpi.id]


def _no_queue(queue: str, kpi: "Kpi", channel: str | None, known: list[str]) -> ConfigError:
    where = f" in the channel {channel}" if channel else ""
    if not known:
        return ConfigError(f"nothing has {kpi.id}{where} at that instant", hint="another --at, or another --channel")
    return ConfigError(f"no such queue with {kpi.id}{where}: {queue}", hint=_like(queue, known, "", known))


def _like(name: str, known: Iterable[str], otherwise: str, listed: Sequence[str] = ()) -> str:
    close = get_close_matches(name, list(known), n=3)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"known: {', '.join(listed)}" if listed else otherwise


# --- what is shown ---


def _write_json(explanation: "Explanation", limit: int | None) -> None:
    import msgspec  # noqa: PLC0415 (heavy: not for --help)

    encode = msgspec.json.Encoder().encode
    number: dict[str, Any] = msgspec.structs.asdict(explanation)
    lines = number.pop("lines")
    click.echo(encode(number))
    for line in lines[:limit]:
        click.echo(encode({**msgspec.structs.asdict(line), "text": line.text}))


def _print(explanation: "Explanation", limit: int) -> None:
    from rich.console import Console  # noqa: PLC0415 (all of these: heavy, not for --help)

    from streams.cli.explained import heading, table  # noqa: PLC0415

    console = Console(highlight=False, width=None if sys.stdout.isatty() else FILE_WIDTH)
    for text in heading(explanation):
        console.print(text, markup=False, soft_wrap=True)
    if explanation.lines:
        console.print(table(explanation, limit))
    more = len(explanation.lines) - limit
    if more > 0:
        console.print(f"… and {more} more: --limit, or --json", markup=False)
