"""Dead letters as the commands show them and take them back: the same JSON in both directions."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click
import msgspec

from streams.cli.options import Command
from streams.cli.replay import InstantType
from streams.config import Config
from streams.errors import InputError

if TYPE_CHECKING:
    from streams.sources.deadletters import Letter, Wanted


class Edited(msgspec.Struct):
    """What is read back of a letter's JSON: its name, and what its record should have been."""

    letter: str
    event: msgspec.Raw = msgspec.Raw(b"null")
    text: str | None = None
    base64: str | None = None


_decode_edited = msgspec.json.Decoder(Edited).decode
_NULL = b"null"


def wanted_options(command: Command) -> Command:
    """`--topic`, `--reason`, `--since`, `--until`: which letters, for `wanted_of`."""
    for option in (
        click.option("--until", metavar="TIME", type=InstantType(), help="Written before then."),
        click.option("--since", metavar="TIME", type=InstantType(), help="Written from then on. RFC 3339 or epoch ms."),
        click.option(
            "--reason", "reasons", metavar="R", multiple=True, help="not_json, too_late, unknown, …; repeatable."
        ),
        click.option(
            "--topic", "topics", metavar="T", multiple=True, help="Of records of this source topic; repeatable."
        ),
    ):
        command = option(command)
    return command


def wanted_of(
    config: Config,
    names: Iterable[str] = (),
    topics: Iterable[str] = (),
    reasons: Iterable[str] = (),
    since: int | None = None,
    until: int | None = None,
) -> "Wanted":
    """Which letters are asked for. A topic is named as in the configuration or as in Kafka. Raises ConfigError."""
    from streams.sources.deadletters import Wanted, parse_place  # noqa: PLC0415 (heavy: not for --help)

    in_kafka = {config.kafka.topic(topic) if topic in config.topics else topic for topic in topics}
    return Wanted(frozenset(map(parse_place, names)), frozenset(in_kafka), frozenset(reasons), since, until)


def printable(value: bytes | str) -> str:
    """Text that changes nothing on a terminal: what is not UTF-8, and control characters, as escapes."""
    text = value.decode(errors="backslashreplace") if isinstance(value, bytes) else value
    return "".join(char if char.isprintable() or char == "\n" else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode()


def as_json(letter: "Letter", replayed_at: int | None) -> dict[str, Any]:
    """What stands on a line of a letter: times in epoch ms; the record as `event`, `text` or `base64`."""
    key = letter.key
    return {
        "letter": letter.place.text,
        "at_ms": letter.at,
        "reason": letter.reason,
        "path": letter.path,
        "message": letter.message,
        "topic": letter.place.topic,
        "partition": letter.place.partition,
        "offset": letter.place.offset,
        **({"key": None} if key is None else _text("key", "key_base64", key)),
        **_record(letter),
        "size": letter.size,
        "cut": letter.cut,
        "replayed_at_ms": replayed_at,
    }


def _record(letter: "Letter") -> Mapping[str, Any]:
    event = event_of(letter.value)
    return _text("text", "base64", letter.value) if event is None else {"event": msgspec.Raw(event)}


def event_of(value: bytes) -> bytes | None:
    """The value on one line if it is a JSON object; None: it is none."""
    try:
        value.decode()
        msgspec.json.decode(value, type=dict[str, msgspec.Raw])
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        return None
    return value.strip().replace(b"\r", b" ").replace(b"\n", b" ")  # strings hold none: it is white space


def _text(name: str, otherwise: str, value: bytes) -> dict[str, str]:
    try:
        return {name: value.decode()}
    except UnicodeDecodeError:
        return {otherwise: base64.b64encode(value).decode()}


def read_edited(lines: Iterable[bytes], where: str) -> dict[str, bytes]:
    """Name of each letter → its repaired record, from lines as `as_json` makes them. A letter without a record is left
    out. Raises InputError naming the line.
    """
    repaired: dict[str, bytes] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            edited = _decode_edited(line)
            value = _value(edited)
        except (msgspec.DecodeError, UnicodeError, RecursionError, binascii.Error) as error:
            hint = "each line is an object as `deadletters list --json` writes it"
            raise InputError(f"{where}, line {number}: {error}", hint=hint) from error
        if edited.letter in repaired:
            raise InputError(f"{where}, line {number}: {edited.letter} again", hint="one line for each letter")
        if value is not None:
            repaired[edited.letter] = value
    return repaired


def _value(edited: Edited) -> bytes | None:
    event = bytes(edited.event)
    if event != _NULL:
        return event
    if edited.text is not None:
        return edited.text.encode()
    return None if edited.base64 is None else base64.b64decode(edited.base64, validate=True)
