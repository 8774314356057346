"""Follows Redis for a terminal: reads at intervals, prints what `terminal` makes of it."""

import asyncio
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, NamedTuple

import msgspec
from rich.console import Console
from rich.live import Live

from streams.config import Config
from streams.sinks.redis import DOWN, connect
from streams.sinks.redis_keys import Keys
from streams.sinks.redis_reader import RedisReader
from streams.wallboard.board import Board, Message
from streams.wallboard.hours import Hours
from streams.wallboard.presentation import SHOWN, Presentation, fields, presentation
from streams.wallboard.terminal import Choice, lines, render

_PLAIN_WIDTH: Final = 160
"""Columns where there is no terminal to ask."""


class Watch(NamedTuple):
    """How to look."""

    interval_s: float
    once: bool
    as_json: bool


def top(config: Config, choice: Choice, watch: Watch) -> int:
    """Print until Ctrl-C, or once; 1: it was once, and Redis did not answer."""
    console = Console(width=None if sys.stdout.isatty() else _PLAIN_WIDTH)
    # without a terminal there is nothing to draw over: only JSON goes on, a line at each interval
    once = watch.once or not (console.is_terminal or watch.as_json)
    try:
        return asyncio.run(_Top(config, choice, watch._replace(once=once), console).run())
    except KeyboardInterrupt:
        return 0


class _Top:
    def __init__(self, config: Config, choice: Choice, watch: Watch, console: Console) -> None:
        self._client = connect(config.redis.url, config.redis.login())
        self._reader = RedisReader(self._client, Keys(config.redis.prefix))
        self._fields = fields(config)
        self._board = Board(SHOWN, _now_ms(), opens=Hours(config).opens)
        self._presentation: Presentation = presentation(config)
        self._choice = choice
        self._watch = watch
        self._console = console

    async def run(self) -> int:
        drawing = not (self._watch.once or self._watch.as_json)
        live: AbstractContextManager[Any] = (
            Live(console=self._console, screen=True, auto_refresh=False) if drawing else nullcontext()
        )
        try:
            with live as screen:
                while True:
                    message = await self._read()
                    self._show(message, screen)
                    if self._watch.once:
                        return 0 if message.link.connected else 1
                    await asyncio.sleep(self._watch.interval_s)
        finally:
            await self._client.aclose()

    async def _read(self) -> Message:
        try:
            self._board.put(await self._reader.views(_now_ms(), self._fields), _now_ms())
            self._board.connected(_now_ms())
        except DOWN:
            self._board.lost(_now_ms(), "redis")
        return self._board.message(_now_ms())

    def _show(self, message: Message, screen: Live | None) -> None:
        found = lines(message, self._presentation, self._choice)
        if self._watch.as_json:
            told = {"now_ms": message.now_ms, "window": self._choice.window, "link": message.link, "queues": found}
            sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
            sys.stdout.flush()
            return
        drawn = render(found, message, self._presentation, self._choice.window)
        if screen is None:
            self._console.print(drawn)
        else:
            screen.update(drawn, refresh=True)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
