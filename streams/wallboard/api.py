"""The JSON API, version 1: what the page is made of, for other boards and scripts.

Every path is read-only. Names of queues may hold any character, so they are query parameters. What the API says is
written down in `openapi`; a change that would break a reader gets a new version beside this one.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from streams.config import Config
from streams.facts.wire import NO_QUEUE, Dimension
from streams.metrics.catalogue import BY_ID, CATALOGUE
from streams.metrics.settings import Variants
from streams.metrics.view import Number
from streams.sinks.redis import DOWN
from streams.sinks.redis_reader import RedisReader
from streams.wallboard.board import Board, Link, Message, Tile
from streams.wallboard.explanation import Explanation, explain
from streams.wallboard.history import History
from streams.wallboard.judging import Judgement, Threshold, judge_queue
from streams.wallboard.presentation import Presentation, ShownKpi, presentation, shown_kpi

PREFIX: Final = "/api/v1"
AGENTS: Final = "agents"


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a request, or with the board."""

    error: str
    hint: str


class QueueLine(msgspec.Struct, frozen=True):
    """One queue in short."""

    channel: str
    queue: str
    state: str
    here: bool
    as_of_ms: int
    status: Judgement
    """What its numbers come to: none, good, warn, bad. `none` where it is not live."""
    opens_ms: int | None


class Queues(msgspec.Struct, frozen=True):
    """All queues on the board, roll-ups among them."""

    now_ms: int
    window: str
    """By which ratios were judged."""
    link: Link
    queues: list[QueueLine]


class WaitingContact(msgspec.Struct, frozen=True):
    """A contact that waits; its id and nothing else of it."""

    contact: str
    since: int


class LostContact(msgspec.Struct, frozen=True):
    """An abandoned visit."""

    contact: str
    left_at: int
    wait_ms: int


class DueTarget(msgspec.Struct, frozen=True):
    """A target of a ticket."""

    contact: str
    target: str
    due_at: int


class MinuteOf(msgspec.Struct, frozen=True):
    """What was counted in a minute."""

    at: int
    counts: dict[str, int]
    waiting: int | None = None


class IntervalOf(msgspec.Struct, frozen=True):
    """A row of the interval table."""

    at: int
    values: dict[str, Number | None]


class ShareOf(msgspec.Struct, frozen=True):
    """How many waited at most so long, and longer than the share before."""

    up_to_s: float | None
    count: int


class QueueDetail(msgspec.Struct, frozen=True):
    """One queue with all that stands behind its numbers."""

    now_ms: int
    channel: str
    queue: str
    state: str
    here: bool
    as_of_ms: int
    heard_ms: int | None
    opens_ms: int | None
    live: dict[str, Number]
    windows: dict[str, dict[str, Number]]
    history: History
    waiting: list[WaitingContact]
    recent: list[LostContact]
    due: list[DueTarget]
    overdue: list[DueTarget]
    minutes: list[MinuteOf]
    intervals: list[IntervalOf]
    waits: list[ShareOf]


class Catalogue(msgspec.Struct, frozen=True):
    """Every KPI there is."""

    kpis: list[ShownKpi]


class _Refused(Exception):
    def __init__(self, status: int, error: str, hint: str) -> None:
        self.status = status
        self.problem = Problem(error, hint)


class Api:
    """The handlers."""

    def __init__(self, config: Config, board: Board, reader: RedisReader, now_ms: Callable[[], int]) -> None:
        self._windows = tuple(config.windows)
        self._variants: Variants = config.variants()
        self._board = board
        self._reader = reader
        self._now_ms = now_ms
        self._presentation: Presentation = presentation(config)

    def add_to(self, app: web.Application) -> None:
        """Register every route; `events` is the page's."""
        for name in ("board", "queues", "queue", "explain", "catalogue", "presentation", "openapi.json"):
            app.router.add_get(f"{PREFIX}/{name}", self._answering(getattr(self, name.partition(".")[0])))

    def _answering(self, handler: Callable[[web.Request], Any]) -> Callable[[web.Request], Any]:
        async def answer(request: web.Request) -> web.Response:
            try:
                return _json(await handler(request))
            except _Refused as refused:
                return _json(refused.problem, refused.status)
            except DOWN:
                return _json(Problem("Redis does not answer", "the board goes on trying"), 503)

        return answer

    async def board(self, request: web.Request) -> Message:
        """Everything that a page gets first; `channel` picks one."""
        message = self._board.message(self._now_ms())
        channel = request.query.get("channel")
        if channel is None:
            return message
        return msgspec.structs.replace(message, tiles=[tile for tile in message.tiles if tile.channel == channel])

    async def queues(self, request: web.Request) -> Queues:
        window = self._window(request)
        message = self._board.message(self._now_ms())
        staffed = {tile.queue: _value(tile, "agents_staffed") for tile in message.tiles if tile.channel == AGENTS}
        lines = [self._line(tile, window, staffed.get(tile.queue)) for tile in message.tiles if tile.queue != NO_QUEUE]
        return Queues(message.now_ms, window, message.link, lines)

    def _line(self, tile: Tile, window: str, staffed: Number | None) -> QueueLine:
        values = {} if tile.values is msgspec.UNSET else tile.values
        live = tile.state == "live" and tile.channel != AGENTS
        status: Judgement = judge_queue(values, self._of(tile.queue), window, staffed) if live else "none"
        return QueueLine(
            tile.channel, tile.queue, tile.state, tile.here, tile.as_of_ms, status=status, opens_ms=tile.opens_ms
        )

    def _of(self, queue: str) -> dict[str, Threshold]:
        return self._presentation.queues.get(queue, self._presentation.defaults).thresholds

    async def queue(self, request: web.Request) -> QueueDetail:
        """One queue: all its KPIs and what stands behind them. 404 when it is not on the board."""
        dimension, now_ms = self._dimension(request), self._now_ms()
        tile = self._board.tile(dimension, now_ms)
        if tile is None:
            raise _Refused(404, f"no queue {dimension.queue!r} of {dimension.channel!r}", f"{PREFIX}/queues lists them")
        view = await self._reader.view(dimension.channel, dimension.queue, now_ms)
        lists = await self._reader.lists(dimension)
        return QueueDetail(
            now_ms=now_ms,
            channel=tile.channel,
            queue=tile.queue,
            state=tile.state,
            here=tile.here,
            as_of_ms=tile.as_of_ms,
            heard_ms=tile.heard_ms,
            opens_ms=tile.opens_ms,
            live=_known(view.live) if view else {},
            windows={name: _known(values) for name, values in view.windows.items()} if view else {},
            history=tile.history if tile.history is not msgspec.UNSET else History(0, 0, {}),
            due=msgspec.convert(await self._reader.due(dimension), list[DueTarget]),
            waiting=msgspec.convert(lists["waiting"], list[WaitingContact]),
            recent=msgspec.convert(lists["recent"], list[LostContact]),
            overdue=msgspec.convert(lists["overdue"], list[DueTarget]),
            minutes=msgspec.convert(lists["minutes"], list[MinuteOf]),
            intervals=msgspec.convert(lists["intervals"], list[IntervalOf]),
            waits=msgspec.convert(lists["waits"], list[ShareOf]),
        )

    async def explain(self, request: web.Request) -> Explanation:
        """A number with its formula, numerator and denominator."""
        dimension, window = self._dimension(request), self._window(request)
        kpi = BY_ID.get(request.query.get("kpi", ""))
        if kpi is None:
            raise _Refused(400, "name a KPI of the catalogue: kpi=service_level", f"{PREFIX}/catalogue lists them")
        view = await self._reader.view(dimension.channel, dimension.queue, self._now_ms())
        return explain(view, dimension.channel, dimension.queue, kpi, window, self._variants.of(dimension.queue))

    async def catalogue(self, _: web.Request) -> Catalogue:
        return Catalogue([shown_kpi(kpi) for kpi in CATALOGUE])

    async def presentation(self, _: web.Request) -> Presentation:
        return self._presentation

    async def openapi(self, _: web.Request) -> dict[str, Any]:
        from streams.wallboard.openapi import document  # noqa: PLC0415 (it describes what is here)

        return document()

    def _dimension(self, request: web.Request) -> Dimension:
        try:
            return Dimension(request.query["channel"], request.query["queue"])
        except KeyError as error:
            hint = f"for example {request.path}?channel=voice&queue=billing"
            raise _Refused(400, f"the query lacks {error}", hint) from error

    def _window(self, request: web.Request) -> str:
        window = request.query.get("window", self._presentation.window)
        if window not in self._windows:
            raise _Refused(400, f"{window!r} is no window of this centre", f"one of {', '.join(self._windows)}")
        return window


def _value(tile: Tile, name: str) -> Number | None:
    return None if tile.values is msgspec.UNSET else tile.values.get(name)


def _known(values: Any) -> dict[str, Number]:
    return {name: value for name, value in values.items() if value is not None}


def _json(content: object, status: int = 200) -> web.Response:
    body = msgspec.json.encode(content)
    response = web.Response(body=body, status=status, content_type="application/json", charset="utf-8")
    response.enable_compression()
    return response
