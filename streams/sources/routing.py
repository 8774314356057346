"""Which topic a line of canonical JSON belongs to, and by which key.

    agent.state            → `agents`, key = agent
    survey.answered        → `surveys`, key = contact
    business events        → `business`, key = customer, else source
    everything else        → the topic that the configuration feeds from its channel, key = contact
    heartbeat              → every partition of every configured topic (unless it is not valid)

A channel that no topic names goes where its like goes: tickets and mails to `tickets`, written conversations to
`chats`, the rest to `calls`; where that topic is not configured, to the first that is. A line that cannot be routed
(no JSON, no key) goes to `calls`, or the first topic, without a key: the worker dead-letters it there, so nothing is
lost.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from struct import unpack_from
from typing import Any, Final, NamedTuple, get_args

import msgspec

from streams.events.decode import EventDecoder, epoch_ms
from streams.events.model import EARLIEST_MS, LATEST_MS, AgentState, BusinessEvents, Heartbeat, Instant, SurveyAnswered

HEARTBEAT: Final = Heartbeat.__struct_config__.tag
AGENT_STATE: Final = AgentState.__struct_config__.tag
SURVEY_ANSWERED: Final = SurveyAnswered.__struct_config__.tag
BUSINESS: Final = frozenset(event.__struct_config__.tag for event in get_args(BusinessEvents))

_LIKE: Final = {
    "ticket": "tickets",
    "email": "tickets",
    "chat": "chats",
    "social": "chats",
    "sms": "chats",
    "messaging": "chats",
    "whatsapp": "chats",
}
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_DEFAULT_TOPIC: Final = "calls"
_CACHED_KEYS: Final = 1 << 16


class _Head(msgspec.Struct, gc=False):
    """The few fields of an event that decide where it goes."""

    type: str | None = None
    channel: str | None = None
    contact: str | None = None
    agent: str | None = None
    customer: str | None = None
    source: str | None = None
    time: Instant | None = None
    append_time: int | None = msgspec.field(default=None, name="_ts")


class Route(NamedTuple):
    """Where a line goes."""

    topics: tuple[str, ...]
    """Logical topics: one, but for a heartbeat."""
    key: bytes | None
    broadcast: bool
    """Whether every partition of these topics gets it."""
    at: int | None
    """Event time, epoch ms; None: it says none that an event may have."""
    appended_at: int | None
    """Append time that the line carries (`_ts`), epoch ms; None: none."""


class Router:
    """Routes lines for one configuration of topics."""

    def __init__(self, topics: Mapping[str, Sequence[str]]) -> None:
        """Take the topics of the configuration: logical name → channels."""
        self._topics = tuple(topics)
        self._by_channel: dict[str | None, tuple[str, ...]] = {
            channel: (topic,) for topic, channels in topics.items() for channel in channels
        }
        self._decode: Callable[[bytes], _Head] = msgspec.json.Decoder(_Head).decode
        self._lost = self._known(_DEFAULT_TOPIC)

    def route(self, line: bytes) -> Route:
        """Where the line goes. Never fails: what cannot be read goes where it is dead-lettered."""
        try:
            head = self._decode(line)
        except _UNREADABLE:
            head = _leniently(line)
        at = _event_time(head.time)
        if head.type == HEARTBEAT and _is_heartbeat(line):
            return Route(self._topics, None, True, at, head.append_time)  # noqa: FBT003 (the hot path: no keywords)
        topics, key = self._place(head)
        if not key:
            return Route(self._lost, None, False, at, head.append_time)  # noqa: FBT003
        return Route(topics, key.encode(), False, at, head.append_time)  # noqa: FBT003

    def _place(self, head: _Head) -> tuple[tuple[str, ...], str | None]:
        """Topic and key of anything but a heartbeat."""
        kind = head.type
        if kind == AGENT_STATE:
            return ("agents",), head.agent
        if kind == SURVEY_ANSWERED:
            return ("surveys",), head.contact
        if kind in BUSINESS:
            return ("business",), head.customer or head.source
        return self._by_channel.get(head.channel) or self._like(head.channel), head.contact

    def _like(self, channel: str | None) -> tuple[str, ...]:
        """The topic for a channel that no topic names."""
        return self._known(_LIKE.get(channel or "", _DEFAULT_TOPIC))

    def _known(self, topic: str) -> tuple[str, ...]:
        """The topic if it is configured, else the first that is."""
        return (topic,) if topic in self._topics else self._topics[:1]


def _is_heartbeat(line: bytes) -> bool:
    """Whether it is a valid one: one that will be rejected is not multiplied."""
    return type(EventDecoder(len(line)).decode([line])[0]) is Heartbeat


def _leniently(line: bytes) -> _Head:
    """What can be read of a line of which some field is wrong: an event must not change its book for that."""
    try:
        event: Any = msgspec.json.decode(line)
    except _UNREADABLE:
        return _Head()
    if not isinstance(event, dict):
        return _Head()
    texts = {name: event[name] for name in _Head.__struct_fields__[:6] if isinstance(event.get(name), str)}
    return _Head(**texts)


def _event_time(time: Instant | None) -> int | None:
    at = time if time is None or isinstance(time, int) else epoch_ms(time)
    return at if at is not None and EARLIEST_MS <= at < LATEST_MS else None


@lru_cache(maxsize=_CACHED_KEYS)
def partition_of(key: bytes | None, partitions: int) -> int:
    """Partition as Kafka's clients choose it; without a key, 0. Contacts recur: the last ones are remembered."""
    return 0 if key is None else (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(key: bytes) -> int:
    """Unsigned 32-bit hash of a key, as in `org.apache.kafka.common.utils.Utils`. O(len(key)), about 3 µs.

    Written here because importing kafka-python's takes longer than many a replay.
    """
    m, mask, whole = 0x5BD1E995, 0xFFFFFFFF, len(key) // 4
    h = 0x9747B28C ^ len(key)
    for word in unpack_from(f"<{whole}I", key):
        k = word * m & mask
        h = h * m & mask ^ (k ^ k >> 24) * m & mask
    if rest := key[4 * whole :]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15
