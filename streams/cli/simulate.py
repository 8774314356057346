"""`contact-streams simulate`: the events of a contact centre that is not there, into a file or into Kafka."""

import gzip
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import click

from streams.cli.examples import ExampleCommand
from streams.cli.options import brokers_option, config_option, kafka_options, load_config, topic_prefix_option
from streams.cli.replay import InstantType
from streams.errors import ConnectionFailed, ContactStreamsError, InputError

if TYPE_CHECKING:
    from streams.config import Config
    from streams.sources.kafka import Sender
    from streams.sources.simulator import Arrival, SimulationSettings

EXAMPLES: Final = """
contact-streams simulate --rate 600/h --duration 1h --out hour.jsonl.gz
contact-streams simulate --rate 10/min --duration 7d --seed 42 --out - | head
contact-streams simulate --rate 600/h --duration 2h --disorder 30s --duplicates 0.01 --bad 0.001 --out rough.jsonl
contact-streams simulate --rate 600/h --brokers 127.0.0.1:9092 --backfill 1h
"""
HELP: Final = """\
Makes up the calls, chats and tickets of a contact centre with several queues and agents who are too few at times, what
the agents do, and what customers say afterwards. The same options give the same events.

A file is written as fast as it goes: new contacts come for the whole duration, those in hand are served to their end.
Kafka is fed in real time, until the duration is over or SIGTERM comes, with agents and surveys where the configuration
names their topics.
"""

DAY_MS: Final = 86_400_000
STDOUT: Final = "-"

SURVEY_SHARE: Final = 0.2
"""So many conversations are followed by an answer to a survey."""
TICKET_SHARE: Final = 0.25
"""So many tickets come for each call or chat."""
EVERYTHING: Final = {"agents": True, "survey_share": SURVEY_SHARE, "ticket_share": TICKET_SHARE}

_CHUNK: Final = 2_000
"""Lines written at once."""

_MILLISECONDS: Final = {"ms": 1.0, "s": 1e3, "m": 6e4, "min": 6e4, "h": 3.6e6, "d": 8.64e7}
_PER_HOUR: Final = {"": 60.0, "/s": 3_600.0, "/m": 60.0, "/min": 60.0, "/h": 1.0, "/d": 1 / 24}
_QUANTITY: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(\D*)")


class _Quantity(click.ParamType):
    """A number and a unit."""

    def __init__(self, name: str, units: dict[str, float], example: str) -> None:
        self.name = name
        self._units = units
        self._example = example

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Value in the unit that counts 1."""
        match = _QUANTITY.fullmatch(str(value).strip())
        if match is None or match[2] not in self._units:
            units = ", ".join(filter(None, self._units))
            self.fail(
                f"{value!r} is no {self.name}; write a number and a unit ({units}), e.g. {self._example}", param, ctx
            )
        return float(match[1]) * self._units[match[2]]


class _Duration(click.ParamType):
    """A duration with its unit, in whole milliseconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Value in ms."""
        return value if isinstance(value, int) else round(_MILLISECONDS_OF.convert(value, param, ctx))


_MILLISECONDS_OF: Final = _Quantity("duration", _MILLISECONDS, "30m")
_RATE: Final = _Quantity("rate", _PER_HOUR, "600/h")
_SHARE: Final = click.FloatRange(0, 1)


@click.command("simulate", cls=ExampleCommand, examples=EXAMPLES, help=HELP)
@click.option(
    "--rate",
    "rate_per_hour",
    type=_RATE,
    required=True,
    metavar="R",
    help="New contacts, e.g. 600/h, 10/min, 2/s; a plain number is per minute. With the daily shape the day's mean.",
)
@click.option(
    "--duration",
    "duration_ms",
    type=_Duration(),
    metavar="D",
    help="How long, e.g. 30m, 1h, 7d. With --brokers it may be left out: until stopped.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, another history.")
@click.option("--out", metavar="FILE", help="JSON Lines in the order of arrival; .gz compresses, - is standard output.")
@brokers_option
@topic_prefix_option
@config_option
@click.option(
    "--start",
    "start_ms",
    type=InstantType(),
    metavar="TIME",
    help="First moment of a file, RFC 3339 or epoch ms.  [default: 2026-03-02T00:00:00Z]",
)
@click.option(
    "--backfill",
    "backfill_ms",
    type=_Duration(),
    metavar="D",
    help="With --brokers: first send the time before now, at once.",
)
@click.option(
    "--speed",
    type=float,
    default=1.0,
    show_default=True,
    help="How many times faster than life: with 10 a call of 5 min takes 30 s, and ten times as many come.",
)
@click.option(
    "--shape",
    type=click.Choice(["flat", "daily"]),
    help="Arrivals over the day (UTC).  [default: daily for a file of a day or more, else flat]",
)
@click.option("--staffing", type=float, default=1.0, show_default=True, help="Factor on the number of agents.")
@click.option("--disorder", "disorder_ms", type=_Duration(), metavar="D", help="Longest delay of an event on its way.")
@click.option("--duplicates", "duplicate_share", type=_SHARE, metavar="SHARE", help="Share of events that come twice.")
@click.option("--bad", "bad_share", type=_SHARE, metavar="SHARE", help="Broken records per event, in addition.")
@click.option("--heartbeats/--no-heartbeats", default=True, show_default=True, help="One every 10 s.")
def command(
    *,
    out: str | None,
    brokers: str | None,
    topic_prefix: str | None,
    config_file: Path | None,
    backfill_ms: int | None,
    **asked: Any,
) -> None:
    """Simulate into a file or into Kafka."""
    if (out is None) == (brokers is None):
        raise click.UsageError("give either --out FILE or --brokers B")
    given = {name: value for name, value in asked.items() if value is not None}
    if out is not None:
        if backfill_ms is not None:
            raise click.UsageError("--backfill goes with --brokers; a file begins at --start")
        _into_file(out, given)
    else:
        if "start_ms" in given:
            raise click.UsageError("--start goes with --out; Kafka is fed in real time, see --backfill")
        config = load_config(config_file, brokers=brokers, topic_prefix=topic_prefix).config
        _into_kafka(config, given, backfill_ms or 0)


def _into_file(out: str, given: dict[str, Any]) -> None:
    """Write all events as fast as it goes. Raises InputError when the file cannot be written."""
    from streams.sources.simulator import SimulationSettings, Simulator  # noqa: PLC0415 (not for --help)

    if "duration_ms" not in given:
        raise click.UsageError("a file needs a --duration")
    shape = "daily" if given["duration_ms"] >= DAY_MS else "flat"
    settings = SimulationSettings(**{**EVERYTHING, "shape": shape, **given})
    try:
        with _written(out) as file:
            for lines in _chunks(_shown(Simulator(settings).events(), settings)):
                file.write(lines)
    except BrokenPipeError:  # `… | head` has read enough; what is still buffered goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        raise InputError(f"{out}: {error.strerror}", hint="name a file that you may write") from error


@contextmanager
def _written(out: str) -> Iterator[BinaryIO]:
    if out == STDOUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    elif out.endswith(".gz"):
        # No name and no time in the header: the same simulation is the same file.
        with Path(out).open("wb") as raw, gzip.GzipFile("", "wb", compresslevel=3, fileobj=raw, mtime=0) as file:
            yield cast(BinaryIO, file)
    else:
        with Path(out).open("wb") as file:
            yield file


def _chunks(arrivals: "Iterable[Arrival]") -> Iterator[bytes]:
    """Lines in pieces of some hundred kilobytes: a write for each would cost as much as the simulation."""
    lines: list[bytes] = []
    for arrival in arrivals:
        lines.append(arrival.line)
        if len(lines) == _CHUNK:
            yield b"\n".join(lines) + b"\n"
            lines.clear()
    if lines:
        yield b"\n".join(lines) + b"\n"


def _shown(arrivals: "Iterable[Arrival]", settings: "SimulationSettings") -> "Iterator[Arrival]":
    """The same arrivals, with a bar on standard error while it is a terminal."""
    from rich.console import Console  # noqa: PLC0415 (not for --help)
    from rich.progress import Progress  # noqa: PLC0415

    console = Console(stderr=True)
    if not console.is_terminal:
        yield from arrivals
        return
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("simulating", total=settings.duration_ms)
        for number, arrival in enumerate(arrivals):
            if number % _CHUNK == 0:
                progress.update(task, completed=arrival.arrival_ms - settings.start_ms)
            yield arrival


def _into_kafka(config: "Config", given: dict[str, Any], backfill_ms: int) -> None:
    """Send the last `backfill_ms`, then go on in real time until the duration is over or a signal comes."""
    from streams.sources.kafka import administration, sender  # noqa: PLC0415 (heavy: not for --help)
    from streams.sources.simulator import SimulationSettings, Simulator, paced  # noqa: PLC0415

    options = kafka_options(config.kafka)
    with administration(options) as cluster:
        partitions = cluster.partitions()
    for topic in map(config.kafka.topic, config.topics):
        if topic not in partitions:
            raise ConnectionFailed(f"there is no topic {topic}", hint="run `contact-streams topics create` first")
    now_ms = _now_ms()
    end_ms = now_ms + given.pop("duration_ms") if "duration_ms" in given else None
    share = SURVEY_SHARE if "surveys" in config.topics else 0.0
    settings = SimulationSettings(
        **given,
        start_ms=now_ms - backfill_ms,
        agents="agents" in config.topics,
        survey_share=share,
        ticket_share=TICKET_SHARE if "tickets" in config.topics else 0.0,
    )
    arrivals: Iterable[Arrival] = Simulator(settings).events()
    if end_ms is not None:
        arrivals = takewhile(lambda arrival: arrival.arrival_ms < end_ms, arrivals)
    with _until_told() as stopped, sender(options, partitions) as sending:
        _send(paced(arrivals, now_ms=_now_ms, sleep_ms=_sleep_ms, stopped=stopped), config, sending)
    click.echo(f"{sending.sent.total()} records sent")


def _send(arrivals: "Iterable[Arrival]", config: "Config", sending: "Sender") -> None:
    """Send each arrival where it belongs. Raises ContactStreamsError as soon as one is not taken."""
    from streams.sources.routing import Router  # noqa: PLC0415 (as above)

    router = Router(config.topics)
    for arrival in arrivals:
        route = router.route(arrival.line)
        for topic in route.topics:
            sending.send(config.kafka.topic(topic), route, arrival.line)
        if sending.failures:
            raise ContactStreamsError("a record was not taken by Kafka", hint=str(sending.failures[0]))


@contextmanager
def _until_told() -> "Iterator[Callable[[], bool]]":
    """Whether SIGTERM or SIGINT has come: the end asked for, not a failure."""
    came: list[int] = []
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in _STOPS}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_STOPS: Final = (signal.SIGTERM, signal.SIGINT)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _sleep_ms(duration_ms: int) -> None:
    time.sleep(duration_ms / 1000)
