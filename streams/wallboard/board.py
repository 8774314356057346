"""What the board knows: the last values of every queue, and the way they went in the last hour.

A queue that Redis no longer holds stays as it was last seen: whoever looks sees its age. Every change raises
`version`; a reader that has seen version v asks for what changed since, so that a slow one costs no memory.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

import msgspec

from streams.facts.wire import Dimension
from streams.metrics.catalogue import BY_ID
from streams.metrics.view import Number, QueueView, State
from streams.sinks.redis_keys import field, state_at
from streams.wallboard.history import History, Track

FORGET_MS: Final = 24 * 3_600_000
"""A queue that has not been heard of for so long is taken off the board."""

Opens = Callable[[str, int], int | None]
"""(queue, now) → when it opens, epoch ms; 0: it will not; None: it is open."""


class Tile(msgspec.Struct, frozen=True, omit_defaults=True):
    """One queue as the page gets it."""

    channel: str
    queue: str
    as_of_ms: int
    """The instant that the values are true for."""
    state: State
    """live, or catching_up: what is shown is not of now."""
    here: bool
    """Whether somebody writes the queue: false, it is shown from memory."""
    heard_ms: int | None = None
    """Time of the newest event of the channel's sources."""
    opens_ms: int | None = None
    """The queue is closed by its calendar until then; 0: for good. Absent: it is open, or has no calendar."""
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
    """Why not: `starting` or `redis`, for the page to put in words."""


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

    def __init__(self, now_ms: int, sampled: Collection[str]) -> None:
        self.tile: Tile | None = None
        self.changed = 0
        self.values_changed = 0
        self.track = Track(now_ms, sampled)


class Board:
    """The memory behind the page. Pure: times are handed in."""

    def __init__(
        self,
        shown: Collection[str],
        now_ms: int,
        *,
        sampled: Collection[str] = ("waiting",),
        opens: Opens | None = None,
    ) -> None:
        """`shown`: the KPIs it keeps; `sampled`: the fields whose way it remembers."""
        self._shown = frozenset(shown)
        self._sampled = tuple(sampled)
        self._opens = opens or (lambda _queue, _now: None)
        self._entries: dict[Dimension, _Entry] = {}
        self._forgot = 0
        self.version = 1
        self.link = Link(connected=False, since_ms=now_ms, reason="starting")

    @property
    def known(self) -> Collection[Dimension]:
        """The queues on the board."""
        return self._entries.keys()

    def put(self, views: Iterable[QueueView], now_ms: int) -> None:
        """Take over all that was read; queues that are not among `views` stay as they were."""
        seen = {self._put(view, now_ms) for view in views}
        for dimension in self._entries.keys() - seen:
            entry = self._entries[dimension]
            if entry.tile is not None and entry.tile.here:
                self._set(entry, msgspec.structs.replace(entry.tile, here=False))

    def _put(self, view: QueueView, now_ms: int) -> Dimension:
        dimension = Dimension(view.channel, view.queue)
        values = self._values(view)
        if not values and dimension not in self._entries:
            return dimension  # it has other numbers than those of the board: surveys, business events
        entry = self._entries.get(dimension)
        if entry is None:
            entry = self._entries[dimension] = _Entry(now_ms, self._sampled)
        tile = Tile(
            view.channel,
            view.queue,
            view.as_of_ms,
            view.state,
            here=True,
            heard_ms=view.heard_ms,
            opens_ms=self._opens(view.queue, now_ms),
            values=values,
            since_ms=_since(view, values),
        )
        self._set(entry, tile)
        return dimension

    def _set(self, entry: _Entry, tile: Tile) -> None:
        if tile == entry.tile:
            return
        self.version += 1
        if entry.tile is None or (tile.values, tile.since_ms) != (entry.tile.values, entry.tile.since_ms):
            entry.values_changed = self.version
        entry.tile, entry.changed = tile, self.version

    def _values(self, view: QueueView) -> dict[str, Number]:
        values = {kpi: value for kpi, value in view.live.items() if kpi in self._shown and value is not None}
        for window, totals in view.windows.items():
            for kpi, value in totals.items():
                if kpi in self._shown and value is not None:
                    values[field(kpi, window)] = value
        return values

    def fill(self, queue: Dimension, name: str, samples: Mapping[int, int]) -> None:
        """What a sampled field was before the board began: epoch ms → value. It never changes what was sampled."""
        entry = self._entries.get(queue)
        if entry is not None:
            entry.track.fill(name, samples)
            self.version += 1
            self._forgot = self.version  # whoever has seen the queue gets everything anew, its past included

    def pass_time(self, now_ms: int) -> None:
        """Sample what is sampled; forget what is long gone."""
        for dimension, entry in list(self._entries.items()):
            tile = entry.tile
            if tile is None or now_ms - tile.as_of_ms > FORGET_MS:
                self._forget(dimension)
            else:
                live = state_at(now_ms, tile.as_of_ms, tile.state) == "live"
                entry.track.sample(now_ms, tile.values if live and tile.values is not msgspec.UNSET else {})

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
        return Message(now_ms, self.version, full, self.link, [_at(tile, now_ms) for tile in tiles])

    def tile(self, queue: Dimension, now_ms: int) -> Tile | None:
        """One queue as it is at `now_ms`, with the whole history; None: it is not on the board."""
        entry = self._entries.get(queue)
        if entry is None or entry.tile is None:
            return None
        return _at(msgspec.structs.replace(entry.tile, history=entry.track.history()), now_ms)

    def _whole(self, entry: _Entry, tile: Tile) -> Tile:
        return msgspec.structs.replace(tile, history=entry.track.history(self._sampled_of(tile)))

    def _sampled_of(self, tile: Tile) -> Collection[str]:
        """What a tile of the page draws: the first of the sampled fields that it has."""
        values = {} if tile.values is msgspec.UNSET else tile.values
        return tuple(name for name in self._sampled if name in values and ":" not in name)[:1]


def _at(tile: Tile, now_ms: int) -> Tile:
    return msgspec.structs.replace(tile, state=state_at(now_ms, tile.as_of_ms, tile.state))


def _changed(entry: _Entry, tile: Tile, seen: int) -> Tile:
    """The tile without its values where only its time has moved on."""
    if entry.values_changed > seen:
        return tile
    return msgspec.structs.replace(tile, values=msgspec.UNSET, since_ms=msgspec.UNSET)


def _since(view: QueueView, values: Mapping[str, Number]) -> dict[str, int]:
    """Where the clocks of the ages that are shown began: an age is `as_of` minus that."""
    return {
        kpi: view.since_ms.get(kpi, view.as_of_ms - round(1_000 * value))
        for kpi, value in values.items()
        if kpi in BY_ID and BY_ID[kpi].kind == "live_age"
    }
