"""The board's HTTP routes: the page and its numbers as server-sent events; beside them the JSON API (`api`).

`/` is the page. `/api/v1/events` sends `hello` (which build this is), `board` (everything, then changes, at most 4 a
second) and `beat` (still here). `/livez` is 200 while the process serves, and asks nobody else.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final

import msgspec
from aiohttp import web

from streams.config import Config
from streams.sinks.redis_reader import RedisReader
from streams.wallboard.api import PREFIX, Api
from streams.wallboard.board import Board
from streams.wallboard.guard import protect
from streams.wallboard.presentation import STATIC, build

PAUSE_S: Final = 0.25
"""Between two messages to a page."""

BEAT_S: Final = 5.0
"""A page that hears nothing for more than twice as long says that it is not live."""


class Changed:
    """Wakes everybody who waits for the board to change."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def set(self) -> None:
        """Wake those who wait now."""
        self._next.set()
        self._next = asyncio.Event()

    async def wait(self, timeout_s: float) -> None:
        """Return at the next change, or after `timeout_s`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._next.wait(), timeout_s)


def application(
    config: Config, board: Board, reader: RedisReader, changed: Changed, now_ms: Callable[[], int]
) -> web.Application:
    """The board's routes. Pure of signals and sockets, so that tests can serve it."""
    app = web.Application()
    closing = asyncio.Event()
    page = _Page(board, changed, now_ms, closing)
    app.router.add_get("/", page.index)
    app.router.add_get(f"{PREFIX}/events", page.events)
    Api(config, board, reader, now_ms).add_to(app)
    app.router.add_get("/livez", page.livez)
    app.router.add_static("/static", STATIC)
    protect(app, config.wallboard, time.monotonic)

    async def close(_: web.Application) -> None:
        closing.set()
        changed.set()

    app.on_shutdown.append(close)
    return app


class _Page:
    """The handlers, and what they answer from."""

    def __init__(self, board: Board, changed: Changed, now_ms: Callable[[], int], closing: asyncio.Event) -> None:
        self._board = board
        self._changed = changed
        self._now_ms = now_ms
        self._closing = closing

    async def index(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(STATIC / "index.html")

    async def livez(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Send the board as it changes until the page goes or the server ends."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            await response.write(b"retry: 2000\n\n" + _event("hello", {"now_ms": self._now_ms(), "build": build()}))
            await self._stream(response)
        return response

    async def _stream(self, response: web.StreamResponse) -> None:
        seen: int | None = None
        while not self._closing.is_set():
            if seen == self._board.version:
                await response.write(_event("beat", {"now_ms": self._now_ms()}))
            else:
                message = self._board.message(self._now_ms(), seen)
                seen = message.version
                await response.write(_event("board", message))
            await asyncio.sleep(PAUSE_S)
            if seen == self._board.version:
                await self._next_change(seen)

    async def _next_change(self, seen: int) -> None:
        """Return when the board is beyond `seen`, when it is time for a beat, or when the server ends."""
        until = time.monotonic() + BEAT_S
        while self._board.version == seen and not self._closing.is_set():
            remaining = until - time.monotonic()
            if remaining <= 0:
                return
            await self._changed.wait(remaining)


def _event(name: str, data: object) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"
