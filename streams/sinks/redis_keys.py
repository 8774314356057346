"""Names and contents of what stands in Redis: keys, hash fields, messages. The contract with any reader.

    {prefix}:view:{channel}:{queue}      hash: `<kpi id>` (live), `<kpi id>:<window>`, as_of_ms, state, token, worker,
                                         heard_ms (time of the newest event of the channel's sources)
    {prefix}:recent:{channel}:{queue}    list of JSON {contact, left_at, wait_ms}: its last 20 abandoned visits,
                                         newest first
    {prefix}:waiting:{channel}:{queue}   list of JSON {since, contact}: who waits (tickets: for a first response), at
                                         most 20, the longest wait first
    {prefix}:overdue:{channel}:{queue}   list of JSON {due_at, contact, target}: targets past due, at most 20
    {prefix}:minutes:{channel}:{queue}   list of JSON {at, counts, waiting}: each minute of the last hour
    {prefix}:intervals:{channel}:{queue} list of JSON {at, values}: the last 16 intervals of the local day
    {prefix}:waits:{channel}:{queue}     list of JSON {up_to_s, count}: waits of the answered (tickets: first responses)
                                         in the longest rolling window, by length
    {prefix}:queues                      sorted set of `{channel}:{queue}`, score: when last written, Redis' clock in ms
    {prefix}:due                         sorted set of JSON {channel, contact, queue, target}: of each queue the targets
                                         of its tickets that are due next, at most 20; score: when, epoch ms
    {prefix}:due:{channel}:{queue}       set of the members of `{prefix}:due` that this queue has written
    {prefix}:changes                     pub/sub, one JSON `Change` for each hash written
    {prefix}:fence:{app}:{partition}     largest token that wrote for this facts partition; never expires
    {prefix}:owner                       `{app}@{cluster id}`: whose prefix this is; never expires

A channel's name holds no colon, a queue's may.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, cast, get_args

import msgspec

from streams.facts.wire import Dimension
from streams.metrics.catalogue import CATALOGUE
from streams.metrics.view import Number, QueueView, State
from streams.windows.dimension import Due

STALE_MS: Final = 3_000
"""A reader takes a hash as live while its own clock and `as_of_ms` differ by at most this."""

ListName = Literal["recent", "waiting", "overdue", "minutes", "intervals", "waits"]
"""The lists that stand beside a queue's hash."""

_ABOUT_THE_VIEW: Final = frozenset({"as_of_ms", "state", "token", "worker", "heard_ms"})
_AGES: Final = tuple(kpi.id for kpi in CATALOGUE if kpi.kind == "live_age")


class Change(msgspec.Struct, frozen=True):
    """Message of `{prefix}:changes`: this queue's hash was written."""

    channel: str
    queue: str
    as_of_ms: int
    state: State


class Keys(NamedTuple):
    """The keys under one prefix."""

    prefix: str

    def view(self, queue: Dimension) -> str:
        return f"{self.prefix}:view:{member(queue)}"

    def list(self, name: ListName, queue: Dimension) -> str:
        return f"{self.prefix}:{name}:{member(queue)}"

    def fence(self, app: str, partition: int) -> str:
        return f"{self.prefix}:fence:{app}:{partition}"

    @property
    def queues(self) -> str:
        return f"{self.prefix}:queues"

    @property
    def due(self) -> str:
        return f"{self.prefix}:due"

    @property
    def changes(self) -> str:
        return f"{self.prefix}:changes"

    @property
    def owner(self) -> str:
        return f"{self.prefix}:owner"


def member(queue: Dimension) -> str:
    """A queue's name in `{prefix}:queues`."""
    return f"{queue.channel}:{queue.queue}"


def parse_member(name: str) -> Dimension:
    """Inverse of `member`."""
    channel, queue = name.split(":", 1)
    return Dimension(channel, queue)


def due_member(view: QueueView, due: Due) -> str:
    """A target in `{prefix}:due`."""
    named = {"channel": view.channel, "contact": due.contact, "queue": view.queue, "target": due.target}
    return msgspec.json.encode(named).decode()


def field(kpi_id: str, window: str | None = None) -> str:
    """Hash field of a KPI, live or in a window."""
    return f"{kpi_id}:{window}" if window else kpi_id


def parse_view(queue: Dimension, fields: Mapping[str, str], now_ms: int) -> QueueView:
    """The view that a hash holds, its state as it is at `now_ms`. A KPI that is null has no entry."""
    as_of_ms = int(fields["as_of_ms"])
    live: dict[str, Number | None] = {}
    windows: dict[str, dict[str, Number | None]] = {}
    for name, text in fields.items():
        kpi_id, _, window = name.partition(":")
        if window:
            windows.setdefault(window, {})[kpi_id] = _number(text)
        elif name not in _ABOUT_THE_VIEW:
            live[kpi_id] = _number(text)
    return QueueView(
        channel=queue.channel,
        queue=queue.queue,
        as_of_ms=as_of_ms,
        state=state_at(now_ms, as_of_ms, fields["state"]),
        live=live,
        windows=windows,
        since_ms={kpi_id: as_of_ms - round(age * 1000) for kpi_id in _AGES if (age := live.get(kpi_id)) is not None},
        heard_ms=int(fields["heard_ms"]) if "heard_ms" in fields else None,
    )


def state_at(now_ms: int, as_of_ms: int, written: str) -> State:
    """`written` is as of writing: what was live then is `catching_up` once its as_of is too old."""
    if written not in get_args(State) or abs(now_ms - as_of_ms) > STALE_MS:
        return "catching_up"
    return cast("State", written)


def _number(text: str) -> Number:
    return int(text) if text.lstrip("-").isdecimal() else float(text)
