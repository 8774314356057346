"""Stores to write to: a real Redis, and the embedded one of the demo."""

import contextlib
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Protocol

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.servers import free_port


class Store(Protocol):
    """A Redis that can go away and come back at the same address, empty."""

    url: str

    def start(self) -> None: ...
    def stop(self) -> None: ...


class RedisServer:
    """redis-server without persistence."""

    def __init__(self) -> None:
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._home: tempfile.TemporaryDirectory[str]
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        program = shutil.which("redis-server") or "redis-server"
        # A folder of its own: a master writes a file for its replicas, and whoever starts there next would load it.
        self._home = tempfile.TemporaryDirectory(prefix="redis-")
        command = [program, "--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--dir", self._home.name]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_until_up(self.url)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None
            self._home.cleanup()


class EmbeddedServer:
    """fakeredis behind a socket: what the demo takes where there is no redis-server."""

    def __init__(self) -> None:
        self._port = free_port()
        self._server = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        fakeredis = pytest.importorskip("fakeredis")
        pytest.importorskip("lupa")
        self._server = fakeredis.TcpFakeServer(("127.0.0.1", self._port), server_type="redis", bind_and_activate=True)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        wait_until_up(self.url)

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


def wait_until_up(url: str) -> None:
    with Redis.from_url(url) as client:
        for _ in range(200):
            with contextlib.suppress(RedisError):
                client.ping()
                return
            time.sleep(0.05)
    raise RuntimeError(f"nothing answers at {url}")


@pytest.fixture
def redis_server() -> Iterator[Store]:
    """A real one of this test alone. Mark the test with `redis`."""
    server = RedisServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(
    params=[pytest.param(RedisServer, marks=pytest.mark.redis, id="redis"), pytest.param(EmbeddedServer, id="embedded")]
)
def store(request) -> Iterator[Store]:
    """Each kind in turn."""
    server = request.param()
    server.start()
    yield server
    server.stop()
