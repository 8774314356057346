"""What the board knows: the last values of every queue, and the way they went.

A queue that Redis no longer holds stays as it was last seen: whoever looks sees its age. Every change raises
`version`; a reader that has seen version v asks for what changed since, so that a slow one costs no memory.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from streams.facts.wire import Dimension
from streams.metrics.catalogue import BY_ID
from streams.metrics.view import Number, QueueView, State
from streams.sinks.redis_keys import field, state_at

FORGET_MS: Final = 24 * 3_600_000
"""A queue that has not been heard of for so long is taken off the board."""

SAMPLE_MS: Final = 5_000
SAMPLES: Final = 360
"""Half an hour of the waiting line is remembered for each queue."""


class History(msgspec.Struct, frozen=True):
    """How many were waiting: one sample per `step_ms`, the last at step number `end`; None where it was not live."""

    step_ms: int
    end: int
    waiting: list[int | None]


class Tile(msgspec.Struct, frozen=True, omit_defaults=True):
    """One queue as the page gets it."""

    channel: str
    queue: str
    as_of_ms: int
    state: State
    values: Mapping[str, Number] | msgspec.UnsetType = msgspec.UNSET
    """Redis' field names: `<kpi id>`, `<kpi id>:<window>`. Unset: as sent before. A null is absent."""
    since_ms: Mapping[str, int] | msgspec.UnsetType = msgspec.UNSET
    """Live KPI that is an age → epoch ms it counts from, so that the page lets it rise."""
    history: History | msgspec.UnsetType = msgspec.UNSET


class Link(msgspec.Struct, frozen=True):
    """Whether Redis can be read."""

    connected: bool
    since_ms: int
    """Epoch ms of the first success, or of the last before it was lost."""
    reason: str | None = None
    """Why not, in words for the page."""


class Message(msgspec.Struct, frozen=True):
    """What a page needs to come from one version of the board to another."""

    now_ms: int
    """The server's clock: screens have clocks of their own."""
    version: int
    full: bool
    """All there is, so that what is missing is gone; else what has changed."""
    link: Link
    tiles: list[Tile]


class _Entry:
    """A queue on the board, with the version at which its values, and anything of it, last changed."""

    def __init__(self) -> None:
        self.tile: Tile | None = None
        self.changed = 0
        self.values_changed = 0
        self.waiting: deque[int | None] = deque(maxlen=SAMPLES)


class Board:
    """The memory behind the page. `shown` picks the KPIs it keeps. Pure: times are handed in."""

    def __init__(self, shown: Collection[str], now_ms: int) -> None:
        self._shown = frozenset(shown)
        self._entries: dict[Dimension, _Entry] = {}
        self._forgot = 0
        self._sampled = now_ms // SAMPLE_MS
        self.version = 1
        self.link = Link(connected=False, since_ms=now_ms, reason="not connected to Redis yet")

    def put(self, views: Iterable[QueueView]) -> None:
        """Take over what was read; queues that are not among `views` stay as they are."""
        for view in views:
            self._put(view)

    def _put(self, view: QueueView) -> None:
        dimension = Dimension(view.channel, view.queue)
        values = self._values(view)
        if not values and dimension not in self._entries:
            return  # it has other numbers than those of the board: agents, business events
        entry = self._entries.setdefault(dimension, _Entry())
        tile = Tile(view.channel, view.queue, view.as_of_ms, view.state, values, _since(view, values))
        if tile == entry.tile:
            return
        self.version += 1
        if entry.tile is None or values != entry.tile.values or tile.since_ms != entry.tile.since_ms:
            entry.values_changed = self.version
        entry.tile, entry.changed = tile, self.version

    def _values(self, view: QueueView) -> dict[str, Number]:
        values = {kpi: value for kpi, value in view.live.items() if kpi in self._shown and value is not None}
        for window, totals in view.windows.items():
            for kpi, value in totals.items():
                if kpi in self._shown and value is not None:
                    values[field(kpi, window)] = value
        return values

    def pass_time(self, now_ms: int) -> None:
        """Sample the waiting lines, one sample per step however long ago the last; forget what is long gone."""
        step = now_ms // SAMPLE_MS
        missed = min(step - self._sampled, SAMPLES)
        if missed <= 0:
            return
        self._sampled = step
        for dimension, entry in list(self._entries.items()):
            if entry.tile is None or now_ms - entry.tile.as_of_ms > FORGET_MS:
                self._forget(dimension)
                continue
            entry.waiting.extend([None] * (missed - 1))
            entry.waiting.append(_waiting(entry.tile, now_ms))

    def _forget(self, dimension: Dimension) -> None:
        del self._entries[dimension]
        self.version += 1
        self._forgot = self.version

    def connected(self, now_ms: int) -> None:
        """Redis answers."""
        if not self.link.connected:
            self._set_link(Link(connected=True, since_ms=now_ms))

    def lost(self, now_ms: int, reason: str) -> None:
        """Redis does not answer; the time of the loss is that of the first failure."""
        since_ms = now_ms if self.link.connected else self.link.since_ms
        self._set_link(Link(connected=False, since_ms=since_ms, reason=reason))

    def _set_link(self, link: Link) -> None:
        if link != self.link:
            self.link = link
            self.version += 1

    def message(self, now_ms: int, seen: int | None = None) -> Message:
        """What changed after version `seen`; everything, with history, for None or when a queue went. O(queues)."""
        full = seen is None or seen < self._forgot
        tiles = [
            self._whole(entry, entry.tile) if full else _changed(entry, entry.tile, seen or 0)
            for entry in self._entries.values()
            if entry.tile and (full or entry.changed > (seen or 0))
        ]
        at_now = [msgspec.structs.replace(tile, state=state_at(now_ms, tile.as_of_ms, tile.state)) for tile in tiles]
        return Message(now_ms, self.version, full, self.link, at_now)

    def _whole(self, entry: _Entry, tile: Tile) -> Tile:
        return msgspec.structs.replace(tile, history=History(SAMPLE_MS, self._sampled, list(entry.waiting)))


def _changed(entry: _Entry, tile: Tile, seen: int) -> Tile:
    """The tile without its values where only its time has moved on."""
    return tile if entry.values_changed > seen else Tile(tile.channel, tile.queue, tile.as_of_ms, tile.state)


def _since(view: QueueView, values: Mapping[str, Number]) -> dict[str, int]:
    """Where the clocks of the ages that are shown began: an age is `as_of` minus that."""
    return {
        kpi: view.since_ms.get(kpi, view.as_of_ms - round(1_000 * value))
        for kpi, value in values.items()
        if kpi in BY_ID and BY_ID[kpi].kind == "live_age"
    }


def _waiting(tile: Tile, now_ms: int) -> int | None:
    if tile.values is msgspec.UNSET or state_at(now_ms, tile.as_of_ms, tile.state) != "live":
        return None
    waiting = tile.values.get("waiting")
    return None if waiting is None else int(waiting)
