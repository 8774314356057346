"""The worker's small HTTP server: `/livez`, `/readyz`, `/metrics`.

Alive: the event loop turns and nothing has failed; never a question of Kafka or Redis, or a restart storm follows every
outage. Ready: the partitions are there, restored and moving, and the sinks are well; the body is JSON and says what of
that is missing, and how each partition is.
"""

import asyncio
import gzip
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from aiohttp import web

from streams.errors import ConnectionFailed
from streams.security.http import Credentials, demand, warn_if_open
from streams.security.tls import server_context

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
METRICS: Final = "/metrics"
SMALL: Final = 1_400
"""Bytes that fit into one packet anyway."""

Problems = Callable[[], list[str]]
"""What is wrong now, a line each; empty: nothing."""
Answer = Callable[[web.Request], Awaitable[web.Response]]

log = logging.getLogger(__name__)


class PartitionState(msgspec.Struct, frozen=True):
    """How a partition of an input is."""

    topic: str
    partition: int
    state: str
    """restoring, behind or live."""
    lag: int | None = None
    """Records that wait; None: not known."""


class Readiness(msgspec.Struct, frozen=True):
    """The body of `/readyz`."""

    ready: bool
    problems: list[str] = []
    """What is missing; nothing when ready."""
    partitions: list[PartitionState] = []


class HealthServer:
    """Serves from `start` to `stop`."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        dead: Problems,
        readiness: Callable[[], Readiness],
        metrics: Callable[[], bytes],
        credentials: Credentials = Credentials(),  # noqa: B008 (immutable)
        certificate: tuple[str, str] | None = None,
    ) -> None:
        """`metrics` renders the body of `/metrics`; it is called in a thread.

        `/metrics` asks for `credentials`; the probes do not, since who probes knows no secrets. `certificate`: PEM
        files of it and of its key; None: no TLS.
        """
        self._host = host
        self._port = port
        self._metrics = metrics
        self._credentials = credentials
        self._certificate = certificate
        app = web.Application(middlewares=[demand(credentials, METRICS)])
        app.router.add_get("/livez", _alive(dead))
        app.router.add_get("/readyz", _ready(readiness))
        app.router.add_get(METRICS, self._scrape)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)

    @property
    def port(self) -> int:
        """The port that is listened on, once started."""
        return int(self._runner.addresses[0][1])

    async def start(self) -> None:
        """Listen. Raises ConnectionFailed when the port is taken, ConfigError when the certificate cannot be used."""
        tls = None if self._certificate is None else server_context(*self._certificate, "metrics")
        warn_if_open(log, METRICS, self._host, self._credentials, tls=tls is not None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port, ssl_context=tls).start()
        except OSError as exc:
            raise ConnectionFailed(
                f"cannot listen on {self._host}:{self._port}: {exc.strerror}",
                hint="set another metrics.port (CONTACT_STREAMS_METRICS__PORT); each worker of a machine needs its own",
            ) from exc

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _scrape(self, request: web.Request) -> web.Response:
        zipped = "gzip" in request.headers.get("Accept-Encoding", "")
        body, encoding = await asyncio.get_running_loop().run_in_executor(None, self._render, zipped)
        return web.Response(body=body, headers={"Content-Type": TEXT, **encoding})

    def _render(self, zipped: bool) -> tuple[bytes, dict[str, str]]:  # noqa: FBT001 (for an executor)
        body = self._metrics()
        if not zipped or len(body) < SMALL:
            return body, {}
        return gzip.compress(body, compresslevel=1), {"Content-Encoding": "gzip"}


def _alive(problems: Problems) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        found = problems()
        return web.Response(text="\n".join(found or ["ok"]) + "\n", status=503 if found else 200)

    return answer


def _ready(readiness: Callable[[], Readiness]) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        now = readiness()
        body = msgspec.json.encode(now) + b"\n"
        return web.Response(body=body, status=200 if now.ready else 503, content_type="application/json")

    return answer
