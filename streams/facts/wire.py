"""The `facts` topic: deltas of dimensions, coalesced per flush, and the progress of each source partition.

A dimension is (channel, queue, domain); queue `*` is the whole channel. A record's key is `dimension_key(...)` or
`PROGRESS_KEY`, its value msgpack; all of one queue's name, whatever the channel and domain, goes to one partition.
All of it is internal to one app: the outside reads `visits`, Redis and Prometheus.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from streams.facts.primitives import Bag

PANE_MS: Final = 5_000
"""Width of a pane: pane = event time // PANE_MS."""

PROGRESS_KEY: Final = b"\x00progress"

PROOF_MS: Final = 1_000
"""So long after a look at the log it still says something about now."""

LARGEST_VALUE: Final = 512_000
"""Bytes: a larger delta is split, a larger dead letter cut."""

WHOLE_CHANNEL: Final = "*"
ROLL_UPS: Final = ("*", "@", "#")
"""Beginnings of the names of roll-ups: the whole channel, a group, a segment."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_UNPRINTABLE: Final = "\ufffd"
NO_QUEUE: Final = "-"
"""The queue of contacts that never enter one."""


def group_queue(name: str) -> str:
    """The queue under which a group of queues is shown."""
    return f"@{name}"


def segment_queue(name: str) -> str:
    """The queue under which a segment is shown."""
    return f"#{name}"


def agent_queue(name: str) -> str:
    """The queue under which what one agent has handled is shown: a name that no queue, group or segment can have."""
    return f"*{_CONTROL.sub(_UNPRINTABLE, name)}"


def is_agent(queue: str) -> bool:
    """Whether it is one agent's."""
    return queue.startswith(WHOLE_CHANNEL) and queue != WHOLE_CHANNEL


def is_segment(queue: str) -> bool:
    """Whether it is a segment's or an agent's: what is in it is in other queues too."""
    return queue.startswith(("#", "*"))


class Dimension(NamedTuple):
    """What numbers are kept for."""

    channel: str
    queue: str
    domain: str = ""
    """Which part of the queue's numbers: "" its contacts, else the topic whose progress it follows (`surveys` …)."""


def dimension_key(dimension: Dimension) -> bytes:
    """Record key of a dimension: names may hold any printable character, so the separator is not one."""
    return "\x1f".join(dimension).encode()


def parse_dimension(key: bytes) -> Dimension:
    """Inverse of `dimension_key`."""
    return Dimension(*key.decode().split("\x1f", 2))


def row_id(contact: str, row: str) -> str:
    """Id of a contact's row within a dimension."""
    return f"{contact}\x1f{row}"


def contact_of(row_id: str) -> str:
    """The contact that a row is of."""
    return row_id.rsplit("\x1f", 1)[0]


class RowKind:
    """What a row counts while it is open."""

    WAITING: Final = 1
    FIRST_RESPONSE: Final = 2
    BACKLOG: Final = 10
    TARGET: Final = 11
    """A target of a ticket whose clock runs, or that is breached and not fulfilled."""
    AGENT_AVAILABLE: Final = 40
    AGENT_OFFERED: Final = 41
    AGENT_ON_CONTACT: Final = 42
    AGENT_WRAPUP: Final = 43
    AGENT_BREAK: Final = 44
    AGENT_OFFLINE: Final = 45
    CUSTOMERS: Final = 60
    """A count of customers in force; `group` is how many there are."""


class Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Something that lasts: counted at t iff `begin` ≤ t < `end`. Times in epoch ms."""

    kind: int
    begin: int
    end: int | None
    """None: open."""
    since: int
    """Start of the clock shown (`longest_wait`, `first_response_oldest`)."""
    contact_since: int
    """Start of the contact's clock (`longest_contact_wait`)."""
    target_ms: int
    """Over target once t − since is larger; of a `TARGET`: due soon, so long before it is due."""
    evict_at: int | None
    """A waiting row still open then is a ghost: the view leaves it out from that moment on and counts `EVICTED` in
    that pane, until the fold has booked it and closed the row."""
    lost_wait_ms: int | None = None
    """Of a waiting row that ended as an abandon: the wait. Stage 2 remembers the last of them, for the supervisor."""
    group: int = 0
    """Of the backlog the priority (index in `PRIORITIES`), of a target which (index in `TARGETS`)."""
    due_at: int | None = None
    """Of a target: when it is due, of a breached one when it was."""
    overdue: int | None = None
    """Of a target: the primitive that the view counts in the pane of `due_at` once that has passed, until the fold has
    booked it and this is None."""


class Delta(msgspec.Struct, array_like=True, gc=False):
    """What one flush of one source partition adds to one dimension."""

    panes: dict[int, Bag]
    """pane → bag to add (counts may be negative: a correction)."""
    rows: dict[str, Row | None]
    """row id → its new content; None: it never was. An id is `row_id(...)`."""


class Progress(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How far stage 1 has come in one source partition (rule 7 of the architecture)."""

    topic: str
    """Logical topic, without prefix."""
    partition: int
    offset: int
    """Next offset to fold."""
    watermark: int
    """Largest clamped event time folded, epoch ms; 0 before the first."""
    lag: int
    appended_at: int
    """Append time of the last folded record, epoch ms; 0 before the first."""
    caught_up: bool
    proved_at: int | None = None
    """When that was proved, by the broker's clock (epoch ms); None: nothing comes between the proof and the log."""

    def reached(self, appended_at: int | None) -> int:
        """Everything that was appended up to then is folded (epoch ms). `appended_at`: of this record itself.

        A worker that is held up on the way, stopped perhaps, appends long after it has looked: what came in meanwhile
        it does not know of.
        """
        if not self.caught_up or appended_at is None:
            return self.appended_at
        if self.proved_at is None:
            return appended_at
        return max(self.appended_at, min(appended_at, self.proved_at + PROOF_MS))


_encoder = msgspec.msgpack.Encoder()
_delta_decoder = msgspec.msgpack.Decoder(Delta)
_progress_decoder = msgspec.msgpack.Decoder(Progress)

encode = _encoder.encode


def encode_deltas(delta: Delta) -> Iterator[bytes]:
    """The delta's value, cut into several where it would be too large."""
    value = encode(delta)
    if len(value) <= LARGEST_VALUE or len(delta.panes) + len(delta.rows) <= 1:
        yield value
        return
    panes, rows = list(delta.panes.items()), list(delta.rows.items())
    middle_pane, middle_row = len(panes) // 2, len(rows) // 2
    yield from encode_deltas(Delta(dict(panes[:middle_pane]), dict(rows[:middle_row])))
    yield from encode_deltas(Delta(dict(panes[middle_pane:]), dict(rows[middle_row:])))


def decode_delta(value: bytes) -> Delta:
    return _delta_decoder.decode(value)


def decode_progress(value: bytes) -> Progress:
    return _progress_decoder.decode(value)
