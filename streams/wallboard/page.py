"""The board's HTTP routes: the page, its numbers as server-sent events, and the same as JSON.

`/` is the page. `/events` sends `board` (everything, then changes, at most 4 a second) and `beat` (still here).
`/api/state` is everything, once; `/api/presentation` labels, units, thresholds and targets. `/livez` is 200 while the
process serves, and asks nobody else.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from aiohttp import web

from streams.config import Config
from streams.wallboard.board import Board
from streams.wallboard.presentation import presentation

STATIC: Final = Path(__file__).parent / "static"

PAUSE_S: Final = 0.25
"""Between two messages to a page."""

BEAT_S: Final = 5.0
"""A page that hears nothing for more than twice as long says that it is not live."""

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


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


def application(config: Config, board: Board, changed: Changed, now_ms: Callable[[], int]) -> web.Application:
    """The board's routes. Pure of signals and sockets, so that tests can serve it."""
    app = web.Application()
    closing = asyncio.Event()
    page = _Page(config, board, changed, now_ms, closing)
    app.router.add_get("/", page.index)
    app.router.add_get("/events", page.events)
    app.router.add_get("/api/state", page.state)
    app.router.add_get("/api/presentation", page.presentation)
    app.router.add_get("/livez", page.livez)
    app.router.add_static("/static", STATIC)
    app.on_response_prepare.append(_add_headers)

    async def close(_: web.Application) -> None:
        closing.set()
        changed.set()

    app.on_shutdown.append(close)
    return app


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


class _Page:
    """The handlers, and what they answer from."""

    def __init__(
        self, config: Config, board: Board, changed: Changed, now_ms: Callable[[], int], closing: asyncio.Event
    ) -> None:
        self._presentation = msgspec.json.encode(presentation(config))
        self._board = board
        self._changed = changed
        self._now_ms = now_ms
        self._closing = closing

    async def index(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(STATIC / "index.html")

    async def state(self, _: web.Request) -> web.Response:
        return _json(msgspec.json.encode(self._board.message(self._now_ms())))

    async def presentation(self, _: web.Request) -> web.Response:
        return _json(self._presentation)

    async def livez(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Send the board as it changes until the page goes or the server ends."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            await response.write(b"retry: 2000\n\n")
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


def _json(body: bytes) -> web.Response:
    response = web.Response(body=body, content_type="application/json", charset="utf-8")
    response.enable_compression()
    return response


def _event(name: str, data: object) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"
