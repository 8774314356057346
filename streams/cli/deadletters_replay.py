"""`contact-streams deadletters replay`: records that were repaired, sent again or written into a repaired log."""

import shlex
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click
import msgspec

from streams.cli.examples import ExampleCommand
from streams.cli.letters import as_json, event_of, printable, read_edited, wanted_of, wanted_options
from streams.cli.options import (
    EXISTING_FILE,
    brokers_option,
    config_option,
    kafka_options,
    load_config,
    topic_prefix_option,
)
from streams.config import Config
from streams.errors import ConfigError, ConnectionFailed, ContactStreamsError, FindingsError, InputError

if TYPE_CHECKING:
    from streams.sources.deadletters import DeadLetters, Letter, Resender
    from streams.sources.kafka import Reader
    from streams.sources.repairs import Judged, Repair

EXAMPLES: Final = """
contact-streams deadletters replay --reason unknown --dry-run
contact-streams deadletters replay --reason missing_field --through "jq -c '.event.queue = \\"billing\\"'"
contact-streams deadletters replay --edited letters.jsonl --log repaired.jsonl.gz
"""
HELP: Final = """\
Sends records again, to their topic and with their key: as they are (a new version may know what an old one did not),
through a command, or from an edited file. Live numbers mend as far as `lateness` reaches. Each record is sent once:
what was sent before is passed over.

--through and --edited: lines as `deadletters list --json` writes them; what `event` (else `text`, else `base64`) says
is the record; a letter that is left out is left as it is. jq writes one object per line with -c.

Nothing is sent that would be a dead letter again. What is too late for the running workers goes into the repaired log
only: --log FILE writes all source topics as JSON Lines, with every record repaired in its place, for
`contact-streams replay` or a new app. Exit code 3: not all is sent or in the log.
"""
BATCH: Final = 500
"""Records of a transaction."""
NAMED: Final = 20
"""So many letters that were not sent are named on standard error."""


class Asked(NamedTuple):
    """What the command line says."""

    names: tuple[str, ...]
    topics: tuple[str, ...]
    reasons: tuple[str, ...]
    since: int | None
    until: int | None
    everything: bool
    through: str | None
    edited: Path | None
    log: Path | None
    dry_run: bool
    again: bool
    as_json: bool
    config_file: Path | None
    brokers: str | None
    topic_prefix: str | None


class Fate(NamedTuple):
    """What became of a letter."""

    letter: str
    result: str
    """sent · would_send · logged (in the log alone) · too_late · wrong · left_out · sent_before"""
    detail: str = ""


@click.command("replay", cls=ExampleCommand, examples=EXAMPLES, help=HELP)
@click.argument("names", metavar="[LETTER…]", nargs=-1)
@wanted_options
@click.option("--all", "everything", is_flag=True, help="Every letter, whatever its reason.")
@click.option("--through", metavar="COMMAND", help="Repairs the lines that it is given, and writes them.")
@click.option("--edited", type=EXISTING_FILE, help="Repaired lines; chooses the letters, if nothing else does.")
@click.option(
    "--log", type=click.Path(dir_okay=False, path_type=Path), help="Write the repaired log here; .gz packs it."
)
@click.option("--dry-run", is_flag=True, help="Send nothing; say what would be.")
@click.option("--again", is_flag=True, help="Also what was sent before.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per letter: what became of it.")
@config_option
@brokers_option
@topic_prefix_option
def command(**given: Any) -> None:
    """Choose letters, repair them, judge them, send them."""
    asked = Asked(**given)
    _check(asked)
    config = load_config(asked.config_file, brokers=asked.brokers, topic_prefix=asked.topic_prefix).config
    from streams.sources.kafka import reader  # noqa: PLC0415 (all of these: heavy, not for --help)

    edited = None if asked.edited is None else _read_file(asked.edited)
    names = asked.names or (tuple(edited or ()) if not _filtered(asked) else ())
    # First of all nobody else may send: whoever has sent before is then known by its receipts.
    with reader(kafka_options(config.kafka)) as log, _sending(asked, config) as sending:
        letters, before = _chosen(asked, config, log, names)
        repairs, left_out = _repaired(asked, edited, letters)
        judged = _judge(config, log, repairs)
        fates = [*before, *left_out, *_send(judged, sending), *_not_sent(judged, asked.log)]
        if asked.log is not None:
            _write_log(config, log, judged, asked.log)
    _report(fates, as_json=asked.as_json)


def _filtered(asked: Asked) -> bool:
    return bool(asked.topics or asked.reasons or asked.since or asked.until or asked.everything)


def _check(asked: Asked) -> None:
    if asked.through and asked.edited:
        raise click.UsageError("--through and --edited exclude each other")
    if asked.names and _filtered(asked):
        raise click.UsageError("name letters, or describe them: not both")
    if not (asked.names or _filtered(asked) or asked.edited):
        raise click.UsageError("which letters? name them, describe them (--reason, --topic, --since), or say --all")
    if asked.through and not shlex.split(asked.through):
        raise click.UsageError("--through names no command")


# --- which letters ---


def _chosen(asked: Asked, config: Config, log: "Reader", names: Sequence[str]) -> tuple[list["Letter"], list[Fate]]:
    """The letters to send, in the order in which they were written, and what is known of those sent before."""
    letters = _dead_letters(config, log)
    receipts = letters.receipts()
    wanted = wanted_of(config, names, asked.topics, asked.reasons, asked.since, asked.until)
    found = {letter.place: letter for letter in letters.letters(wanted)}
    missing = sorted({place.text for place in wanted.places} - {place.text for place in found})
    if missing:
        raise InputError(
            f"no such dead letter: {', '.join(missing)}", hint="`deadletters list --all` names those there"
        )
    in_order = sorted(found.values(), key=lambda letter: (letter.at, letter.place))
    if asked.again:
        return in_order, []
    before = [Fate(letter.place.text, "sent_before") for letter in in_order if letter.place in receipts]
    return [letter for letter in in_order if letter.place not in receipts], before


def _dead_letters(config: Config, log: "Reader") -> "DeadLetters":
    from streams.sources.deadletters import TOPIC, DeadLetters  # noqa: PLC0415 (heavy: not for --help)

    topic = config.kafka.topic(TOPIC)
    if not log.partitions(topic):
        raise ConnectionFailed(f"Kafka has no topic {topic}", hint="run `contact-streams topics create`")
    return DeadLetters(log, topic)


# --- repaired ---


def _read_file(file: Path) -> dict[str, bytes]:
    from streams.sources.files import read_lines  # noqa: PLC0415 (heavy: not for --help)

    lines = (line for chunk in read_lines([str(file)]) for line in chunk)
    return read_edited(lines, str(file))


def _repaired(
    asked: Asked, edited: Mapping[str, bytes] | None, letters: Sequence["Letter"]
) -> tuple[list["Repair"], list[Fate]]:
    """Each letter with what its record should have been, and what is left as it is."""
    from streams.sources.repairs import Repair  # noqa: PLC0415 (heavy: not for --help)

    if asked.through is not None:
        edited = _through(asked.through, letters)
    if edited is None:
        return [Repair(letter, letter.value) for letter in letters], []
    repairs = [Repair(letter, _unless_the_same(letter, edited)) for letter in letters if letter.place.text in edited]
    return repairs, [Fate(letter.place.text, "left_out") for letter in letters if letter.place.text not in edited]


def _unless_the_same(letter: "Letter", edited: Mapping[str, bytes]) -> bytes:
    """The repaired record; its bytes as they came where nothing was repaired."""
    value = edited[letter.place.text]
    return letter.value if value == event_of(letter.value) else value


def _through(command_line: str, letters: Sequence["Letter"]) -> dict[str, bytes]:
    """What the command makes of the letters. Raises ContactStreamsError if it fails, InputError for what it writes."""
    if not letters:
        return {}
    encode = msgspec.json.Encoder().encode
    lines = b"".join(encode(as_json(letter, None)) + b"\n" for letter in letters)
    words = shlex.split(command_line)
    try:
        done = subprocess.run(words, input=lines, stdout=subprocess.PIPE, check=False)  # noqa: S603 (the user's own)
    except OSError as error:
        raise ConfigError(f"--through {words[0]}: {error.strerror}", hint="name a program on the PATH") from error
    if done.returncode:
        message = f"the command of --through ended with {done.returncode}: nothing was sent"
        raise ContactStreamsError(message, hint=f"try it: deadletters list --json | {command_line}")
    repaired = read_edited(done.stdout.splitlines(), "output of --through")
    unknown = sorted(repaired.keys() - {letter.place.text for letter in letters})
    if unknown:
        raise InputError(f"output of --through: {unknown[0]} was not given to it", hint="it must keep `letter`")
    return repaired


# --- judged and sent ---


def _judge(config: Config, log: "Reader", repairs: Iterable["Repair"]) -> list["Judged"]:
    from streams.sources.repairs import Judge  # noqa: PLC0415 (all of these: heavy, not for --help)
    from streams.sources.routing import Router  # noqa: PLC0415

    return Judge(log, Router(config.topics), config.fold_settings(), config.kafka.topic).judge(repairs)


@contextmanager
def _sending(asked: Asked, config: Config) -> Iterator["Resender | None"]:
    """What sends; None when nothing is to be sent."""
    from streams.sources.deadletters import TOPIC, resender  # noqa: PLC0415 (heavy: not for --help)

    app = f"{config.kafka.topic_prefix}{config.kafka.app}"
    connected = resender(kafka_options(config.kafka), app, config.kafka.topic(TOPIC))
    with nullcontext() if asked.dry_run else connected as sending:
        yield sending


def _send(judged: Iterable["Judged"], sending: "Resender | None") -> list[Fate]:
    from streams.sources.repairs import in_batches  # noqa: PLC0415 (heavy: not for --help)

    records = [each.again for each in judged if each.verdict == "in_time"]
    if sending is None:
        return [Fate(record.letter.place.text, "would_send") for record in records]
    for batch in in_batches(records, BATCH):
        sending.send(batch)
    return [Fate(record.letter.place.text, "sent") for record in records]


def _not_sent(judged: Iterable["Judged"], log: Path | None) -> Iterator[Fate]:
    for each in judged:
        if each.verdict != "in_time":
            result = "logged" if log is not None and each.verdict == "too_late" else each.verdict
            yield Fate(each.again.letter.place.text, result, each.detail)


def _write_log(config: Config, log: "Reader", judged: Sequence["Judged"], file: Path) -> None:
    from streams.sources.repaired_log import write_repaired_log  # noqa: PLC0415 (heavy: not for --help)

    there = log.topics()
    topics = [name for name in map(config.kafka.topic, config.topics) if name in there]
    count = write_repaired_log(log, topics, judged, config.fold_settings(), file)
    click.echo(f"{count} records written to {file}", err=True)


def _report(fates: Sequence[Fate], *, as_json: bool) -> None:
    """Say what became of each. Raises FindingsError when something is neither sent nor in a log."""
    counts = Counter(fate.result for fate in fates)
    if as_json:
        encode = msgspec.json.Encoder().encode
        for fate in fates:
            click.echo(encode(fate._asdict()))
    listed = ", ".join(f"{count} {result}" for result, count in counts.most_common())
    click.echo(f"{len(fates)} letters{': ' if listed else ''}{listed}", err=as_json)
    unmended = [fate for fate in fates if fate.result in ("too_late", "wrong")]
    for fate in unmended[: 0 if as_json else NAMED]:
        click.echo(f"{fate.letter}  {fate.result}: {printable(fate.detail)}", err=True)
    if unmended:
        hint = "too late: --log FILE; wrong: repair it, --through or --edited"
        raise FindingsError(f"{len(unmended)} of {len(fates)} letters are not mended", hint=hint)
