"""Bytes to events: every record becomes an event, a `Rejected` or an `Unknown`; nothing is raised."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, TypedDict, get_args

import msgspec

from streams.events.model import (
    CHANNEL_PATTERN,
    EARLIEST_MS,
    LARGEST_SCORE,
    LATEST_MS,
    QUEUE_PATTERN,
    SCALES,
    AgentState,
    AnyEvent,
    QueueEntered,
    SurveyAnswered,
)

TYPES: Final = frozenset(cls.__struct_config__.tag for cls in get_args(AnyEvent))
"""Every known `type`."""


class Rejected(NamedTuple):
    """A record that is not a valid event, and why."""

    reason: str
    """`empty`, `oversized`, `not_json`, `not_an_object`, `missing_field`, `wrong_type`, `invalid_value`,
    `time_out_of_range`."""
    path: str
    """Where in the record: `$.time`; `$` for the whole of it."""
    message: str
    """What is wrong, for a person."""


class Unknown(NamedTuple):
    """A record of a type that this version does not know."""

    type: str


class _Typed(TypedDict):
    type: str


_decode = msgspec.json.Decoder(AnyEvent).decode
_decode_typed = msgspec.json.Decoder(_Typed).decode
_CHANNEL: Final = re.compile(CHANNEL_PATTERN)
_QUEUE: Final = re.compile(QUEUE_PATTERN)
_REMEMBERED: Final = 10_000
"""So many names are remembered; a log with more (a bad source) costs time, not memory."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_AT_PATH: Final = re.compile(r" - at `(?P<path>[^`]+)`$")
_MISSING: Final = re.compile(r"missing required field `(?P<field>[^`]+)`")
_WRONG_TYPE: Final = re.compile(r"^Expected `[^`]*`, got ")


_CHANNEL_ONLY, _CHANNEL_AND_QUEUE = 1, 2
_NAMING: Final = {
    kind: _CHANNEL_AND_QUEUE if "queue" in kind.__struct_fields__ else _CHANNEL_ONLY
    for kind in get_args(AnyEvent)
    if "channel" in kind.__struct_fields__ and kind not in (QueueEntered, SurveyAnswered)
}
"""Events of which only the names of their channel, or of their channel and queue, are checked beyond the types."""


class EventDecoder:
    """Decodes the records of one log.

    Remembers the channel and queue names it has found right, so that each is checked once.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._channels: set[str] = set()
        self._queues: set[str] = set()

    def decode(self, values: Iterable[bytes | None]) -> list[AnyEvent | Rejected | Unknown]:
        """Decode and validate records in one pass; `time` (and `due`) become epoch ms."""
        events: list[AnyEvent | Rejected | Unknown] = []
        add, decode, naming = events.append, _decode, _NAMING
        earliest_ms, latest_ms = EARLIEST_MS, LATEST_MS
        max_bytes, channels, queues = self._max_bytes, self._channels, self._queues
        for value in values:
            if not value or len(value) > max_bytes:
                add(_of_wrong_size(value, max_bytes))
                continue
            try:
                event = decode(value)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                add(_why(value, error))
                continue
            at = event.time
            if type(at) is not int:
                at = event.time = epoch_ms(at)
            names = naming.get(type(event))
            if not earliest_ms <= at < latest_ms:
                add(_out_of_range(at, "$.time"))
            elif names and event.channel in channels and (names == _CHANNEL_ONLY or event.queue in queues):
                add(event)
            else:
                add(self._checked(event))
        return events

    def _checked(self, event: AnyEvent) -> AnyEvent | Rejected:
        """The event if its names are right, each of which is checked once, and what else its type asks for."""
        channel = getattr(event, "channel", None)
        if channel is not None and channel not in self._channels:
            if not _CHANNEL.fullmatch(channel):
                return _bad_name("$.channel", channel, "lower-case letters, digits, `_`, `.` and `-`")
            _remember(self._channels, channel)
        queue = getattr(event, "queue", None)
        if queue is not None and queue not in self._queues:
            if not _QUEUE.fullmatch(queue):
                return _bad_queue("$.queue", queue)
            _remember(self._queues, queue)
        if type(event) is QueueEntered and event.due is not None:
            return _with_due(event)
        if type(event) is SurveyAnswered:
            return _on_its_scale(event)
        return self._of_named_queues(event) if type(event) is AgentState and event.queues else event

    def _of_named_queues(self, event: AgentState) -> AgentState | Rejected:
        """The event if all names in its list are right."""
        for number, queue in enumerate(event.queues or ()):
            if queue not in self._queues:
                if not _QUEUE.fullmatch(queue):
                    return _bad_queue(f"$.queues[{number}]", queue)
                _remember(self._queues, queue)
        return event


def _of_wrong_size(value: bytes | None, max_bytes: int) -> Rejected:
    if not value:
        return Rejected("empty", "$", "the record has no value")
    return Rejected("oversized", "$", f"{len(value)} bytes, {max_bytes} are allowed")


def _remember(names: set[str], name: str) -> None:
    if len(names) >= _REMEMBERED:
        names.clear()
    names.add(name)


def _bad_name(path: str, name: str, allowed: str) -> Rejected:
    return Rejected("invalid_value", path, f"{name!r} is not a name here: {allowed}")


def _bad_queue(path: str, name: str) -> Rejected:
    return _bad_name(path, name, "no control characters, and no `*`, `@` or `#` in front")


def _out_of_range(at: int, path: str) -> Rejected:
    return Rejected("time_out_of_range", path, f"{at} is not within the years 2000 to 2099")


def _with_due(event: QueueEntered) -> QueueEntered | Rejected:
    due = event.due if isinstance(event.due, int) else epoch_ms(event.due)  # type: ignore[arg-type] # not None here
    if not EARLIEST_MS <= due < LATEST_MS:
        return _out_of_range(due, "$.due")
    event.due = due
    return event


def _on_its_scale(event: SurveyAnswered) -> SurveyAnswered | Rejected:
    low, high = event.scale or SCALES[event.kind]
    if not -LARGEST_SCORE <= low < high <= LARGEST_SCORE:
        return Rejected("invalid_value", "$.scale", f"[{low}, {high}] is no scale: two numbers, the lower one first")
    if event.kind == "nps" and (low, high) != SCALES["nps"]:
        return Rejected("invalid_value", "$.scale", f"[{low}, {high}]: nps is defined on [0, 10]")
    if not low <= event.score <= high:
        return Rejected("invalid_value", "$.score", f"{event.score} is not on the scale from {low} to {high}")
    return event


def epoch_ms(instant: datetime) -> int:
    """Epoch milliseconds of an aware datetime, exact (rounded down)."""
    return (instant - _EPOCH) // _MILLISECOND


def _why(value: bytes, error: Exception) -> Rejected | Unknown:
    if not isinstance(error, msgspec.ValidationError):
        return Rejected("not_json", "$", str(error))
    try:
        kind = _decode_typed(value)["type"]
    except msgspec.ValidationError as untyped:
        return _rejected(str(untyped))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:  # beyond where the first reading ended
        return Rejected("not_json", "$", str(broken))
    return _rejected(str(error)) if kind in TYPES else Unknown(kind)


def _rejected(message: str) -> Rejected:
    at = _AT_PATH.search(message)
    path = at["path"] if at else "$"
    text = message[: at.start()] if at else message
    if missing := _MISSING.search(text):
        return Rejected("missing_field", f"{path}.{missing['field']}", text)
    if path == "$" and text.startswith("Expected `object`"):
        return Rejected("not_an_object", path, text)
    return Rejected("wrong_type" if _WRONG_TYPE.match(text) else "invalid_value", path, text)
