"""Records that no consumer should take: one of each way to be wrong."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from streams.sources.simulator.dice import Dice

Fields = dict[str, Any]


def broken(fields: Fields, dice: Dice) -> bytes:
    """A bad record made of a good event, with an id of its own. Which kind it is, is left to chance."""
    return dice.choose(_KINDS)({**fields, "id": f"{fields['id']}!"}, dice)


def _not_json(fields: Fields, dice: Dice) -> bytes:
    line = msgspec.json.encode(fields)
    return line[: 1 + int(dice.fraction() * (len(line) - 1))]


def _missing_field(fields: Fields, dice: Dice) -> bytes:
    missing = dice.choose(("id", "type", "time", "contact"))
    return msgspec.json.encode({name: value for name, value in fields.items() if name != missing})


def _unknown_type(fields: Fields, dice: Dice) -> bytes:
    return msgspec.json.encode({**fields, "type": dice.choose(("queue.entred", "contact.teleported", ""))})


def _wrong_type(fields: Fields, dice: Dice) -> bytes:
    name, value = dice.choose((("time", "yesterday"), ("contact", 42), ("id", None), ("v", "one"), ("channel", [])))
    return msgspec.json.encode({**fields, name: value})


def _absurd_time(fields: Fields, dice: Dice) -> bytes:
    return msgspec.json.encode({**fields, "time": dice.choose((0, -1, 253_402_300_799_000))})


_KINDS: Final[tuple[Callable[[Fields, Dice], bytes], ...]] = (
    _not_json,
    _missing_field,
    _unknown_type,
    _wrong_type,
    _absurd_time,
)
