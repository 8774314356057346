"""The process that serves the board: follows Redis, answers HTTP, ends at a signal."""

import asyncio
import logging
import signal
import sys
import time
from typing import Final

from aiohttp import web

from streams.config import Config
from streams.config.access import WallboardConfig
from streams.errors import ConnectionFailed
from streams.security.http import warn_if_open
from streams.security.tls import server_context
from streams.sinks.redis import connect
from streams.sinks.redis_keys import Keys
from streams.sinks.redis_reader import RedisReader
from streams.wallboard.board import Board
from streams.wallboard.follower import Follower
from streams.wallboard.hours import Hours
from streams.wallboard.page import Changed, application
from streams.wallboard.presentation import SHOWN, fields, sampled

SHUTDOWN_S: Final = 2.0
AGAIN_S: Final = 0.5


def run(config: Config) -> int:
    """Serve the board until SIGTERM or SIGINT; the exit code. Raises ConnectionFailed when the port is taken."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    return asyncio.run(_serve(config, logging.getLogger("streams.wallboard")))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def _serve(config: Config, log: logging.Logger) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    served = config.wallboard
    warn_if_open(log, "the board", served.host, served.credentials(), tls=served.certificate() is not None)
    client = connect(config.redis.url, config.redis.login())
    keys, changed = Keys(config.redis.prefix), Changed()
    board = Board(SHOWN, _now_ms(), sampled=sampled(config), opens=Hours(config).opens)
    follower = Follower(client, keys, board, fields(config), now_ms=_now_ms, changed=changed.set, log=log)
    app = application(config, board, RedisReader(client, keys), changed, _now_ms)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        address = await _listen(runner, config.wallboard)
        sys.stdout.write(f"board: {address}\n")
        sys.stdout.flush()
        return await follow_until(stop, follower)
    finally:
        await runner.cleanup()
        await client.aclose()


async def follow_until(stop: asyncio.Event, follower: Follower) -> int:
    """Follow Redis until told to stop: 0. What ends the follower ends the board."""
    following = asyncio.create_task(follower.run())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((following, stopping), return_when=asyncio.FIRST_COMPLETED)
    if following.done():
        await following
    # A cancellation may be lost in the Redis client, where it meets a time-out: it is said again.
    while not (following.done() and stopping.done()):
        following.cancel()
        stopping.cancel()
        await asyncio.wait((following, stopping), timeout=AGAIN_S)
    return 0


async def _listen(runner: web.AppRunner, config: WallboardConfig) -> str:
    """Bind; the board's address. Port 0 takes a free one."""
    host, port, certificate = config.host, config.port, config.certificate()
    tls = None if certificate is None else server_context(*certificate, "wallboard")
    try:
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
    except OSError as error:
        raise ConnectionFailed(
            f"the board cannot listen on {host}:{port}: {error.strerror or error}",
            hint="choose another port: wallboard.port, CONTACT_STREAMS_WALLBOARD__PORT",
        ) from error
    bound = runner.addresses[0][1]
    return f"http{'s' if tls else ''}://{f'[{host}]' if ':' in host else host}:{bound}/"
