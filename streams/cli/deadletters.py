"""`contact-streams deadletters`: what counted for nothing, why, and sending it again."""

import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import click

from streams.cli.deadletters_replay import command as replay_command
from streams.cli.examples import ExampleCommand, ExampleGroup
from streams.cli.letters import as_json, printable, wanted_of, wanted_options
from streams.cli.options import brokers_option, config_option, kafka_options, load_config, topic_prefix_option
from streams.cli.replay import FILE_WIDTH
from streams.config import Config
from streams.errors import ConnectionFailed, InputError

if TYPE_CHECKING:
    from streams.sources.deadletters import DeadLetters, Letter, Place

Command = TypeVar("Command", bound=Callable[..., Any])

EXAMPLES: Final = """
contact-streams deadletters list --since 2026-03-02T09:00:00Z
contact-streams deadletters show calls:3:120
contact-streams deadletters replay --reason missing_field --through "jq -c '.event.queue = \\"billing\\"'"
"""
HELP: Final = """\
Records that a worker rejected, does not know, or that came too late, as they were, with the reason; and sending them
again once they are right.
"""
LIST_EXAMPLES: Final = """
contact-streams deadletters list
contact-streams deadletters list --topic calls --reason not_json --reason wrong_type
contact-streams deadletters list --since 2026-03-02T09:00:00Z --json > letters.jsonl
"""
LIST_HELP: Final = """\
Lists the dead letters that were not sent again yet, the newest ones last. The name of a letter is where its record
stands: topic:partition:offset.

With --json one object per line, with the record as `event` where it is a JSON object, else as `text`, or as `base64`
where it is not UTF-8. `replay --edited` reads such lines.
"""
SHOW_EXAMPLES: Final = """
contact-streams deadletters show calls:3:120
contact-streams deadletters show calls:3:120 --raw > record.bin
"""
SHOW_HELP: Final = """\
Shows dead letters whole: the reason, where the record stands, its key and its bytes. Bytes that are not UTF-8, and
control characters, are shown as \\xNN.
"""
SHOWN_LETTERS: Final = 100
"""So many letters a table for people has, if nothing is said."""
SHOWN_CHARACTERS: Final = 60
"""Of a record, in a table."""


@click.group("deadletters", cls=ExampleGroup, examples=EXAMPLES, help=HELP)
def command() -> None:
    """Group what is done to dead letters."""


command.add_command(replay_command)


class Asked(NamedTuple):
    """Which letters `list` is asked for, and how."""

    topics: tuple[str, ...]
    reasons: tuple[str, ...]
    since: int | None
    until: int | None
    everything: bool
    limit: int | None
    as_json: bool
    config_file: Path | None
    brokers: str | None
    topic_prefix: str | None


@command.command("list", cls=ExampleCommand, examples=LIST_EXAMPLES, help=LIST_HELP)
@wanted_options
@click.option("--all", "everything", is_flag=True, help="Also those that were sent again.")
@click.option("--limit", metavar="N", type=click.IntRange(1), help="The newest N only [100; with --json all].")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per letter.")
@config_option
@brokers_option
@topic_prefix_option
def list_letters(**given: Any) -> None:
    """Show the letters, and how many there are by reason."""
    asked = Asked(**given)
    config = load_config(asked.config_file, brokers=asked.brokers, topic_prefix=asked.topic_prefix).config
    with dead_letters(config) as letters:
        sent = letters.receipts()
        wanted = wanted_of(config, (), asked.topics, asked.reasons, asked.since, asked.until)
        reasons: Counter[str] = Counter()
        chosen = _counted((x for x in letters.letters(wanted) if asked.everything or x.place not in sent), reasons)
        if asked.as_json:
            _write_json(_newest(chosen, asked.limit) if asked.limit else chosen, sent)
        else:
            _print_table(_newest(chosen, asked.limit or SHOWN_LETTERS), sent)
    _print_counts(reasons, len(sent))


@command.command("show", cls=ExampleCommand, examples=SHOW_EXAMPLES, help=SHOW_HELP)
@click.argument("names", metavar="LETTER…", nargs=-1, required=True)
@click.option("--json", "in_json", is_flag=True, help="One JSON object per letter.")
@click.option("--raw", is_flag=True, help="The bytes of the record, and nothing else.")
@config_option
@brokers_option
@topic_prefix_option
def show(
    names: tuple[str, ...],
    in_json: bool,  # noqa: FBT001 (click passes flags by name)
    raw: bool,  # noqa: FBT001
    config_file: Path | None,
    brokers: str | None,
    topic_prefix: str | None,
) -> None:
    """Show each letter whole."""
    if raw and (in_json or len(names) > 1):
        raise click.UsageError("--raw is for one letter, and without --json")
    config = load_config(config_file, brokers=brokers, topic_prefix=topic_prefix).config
    with dead_letters(config) as letters:
        sent = letters.receipts()
        found = {letter.place: letter for letter in letters.letters(wanted_of(config, names))}
    _refuse_missing(names, found)
    if raw:
        (letter,) = found.values()
        click.get_binary_stream("stdout").write(letter.value)
    elif in_json:
        _write_json(found.values(), sent)
    else:
        click.echo("\n\n".join(_described(letter, sent) for letter in found.values()))


@contextmanager
def dead_letters(config: Config) -> Iterator["DeadLetters"]:
    """The dead letters in Kafka. Raises ConnectionFailed where there is no topic of them."""
    from streams.sources.deadletters import TOPIC, DeadLetters  # noqa: PLC0415 (all of these: heavy, not for --help)
    from streams.sources.kafka import reader  # noqa: PLC0415

    topic = config.kafka.topic(TOPIC)
    with reader(kafka_options(config.kafka)) as log:
        if not log.partitions(topic):
            raise ConnectionFailed(f"Kafka has no topic {topic}", hint="run `contact-streams topics create`")
        yield DeadLetters(log, topic)


def _refuse_missing(names: Iterable[str], found: Mapping["Place", object]) -> None:
    there = {place.text for place in found}
    missing = sorted(set(names) - there)
    if missing:
        raise InputError(
            f"no such dead letter: {', '.join(missing)}", hint="`deadletters list --all` names those there"
        )


def _counted(letters: Iterable["Letter"], reasons: Counter[str]) -> Iterator["Letter"]:
    for letter in letters:
        reasons[letter.reason] += 1
        yield letter


def _newest(letters: Iterable["Letter"], limit: int) -> list["Letter"]:
    # Partitions are read one after the other: what is last is not what is newest.
    kept: deque[Letter] = deque(sorted(letters, key=lambda letter: (letter.at, letter.place)), maxlen=limit)
    return list(kept)


def _write_json(letters: Iterable["Letter"], sent: Mapping["Place", int]) -> None:
    import msgspec  # noqa: PLC0415 (heavy: not for --help)

    encode = msgspec.json.Encoder().encode
    for letter in letters:
        click.echo(encode(as_json(letter, sent.get(letter.place))))


def _print_table(letters: list["Letter"], sent: Mapping["Place", int]) -> None:
    if not letters:
        return
    from rich import box  # noqa: PLC0415 (all of these: heavy, not for --help)
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=box.SIMPLE, pad_edge=False)
    for heading in ("letter", "written", "reason", "where", "key", "record"):
        table.add_column(heading, overflow="fold")
    for letter in letters:
        key = "–" if letter.key is None else printable(letter.key[:SHOWN_CHARACTERS])
        reason = letter.reason + (" (sent again)" if letter.place in sent else "")
        value = printable(letter.value[:SHOWN_CHARACTERS]).replace("\n", " ")
        table.add_row(*map(Text, [letter.place.text, _utc(letter.at), reason, printable(letter.path), key, value]))
    Console(highlight=False, width=None if sys.stdout.isatty() else FILE_WIDTH).print(table)


def _print_counts(reasons: Counter[str], sent: int) -> None:
    click.echo(f"{reasons.total()} dead letters; {sent} records were sent again", err=True)
    for reason, count in reasons.most_common():
        click.echo(f"{count} {reason}", err=True)


def _described(letter: "Letter", sent: Mapping["Place", int]) -> str:
    at = sent.get(letter.place)
    key = "none" if letter.key is None else printable(letter.key)
    size = f"{letter.size} bytes" + (f", cut: the first {len(letter.value)} are kept" if letter.cut else "")
    lines = [
        f"letter   {letter.place.text}",
        f"written  {_utc(letter.at)}",
        f"reason   {letter.reason} at {printable(letter.path)}",
        f"         {printable(letter.message)}",
        f"key      {key}",
        f"size     {size}",
        f"replayed {'no' if at is None else _utc(at)}",
        "",
        printable(letter.value),
    ]
    return "\n".join(lines)


def _utc(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
