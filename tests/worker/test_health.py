"""The probes and the scrape, as an orchestrator and Prometheus see them."""

import asyncio
import gzip
import json

import aiohttp
import pytest

from streams.errors import ConnectionFailed
from streams.worker.health import HealthServer, PartitionState, Readiness


def _partition(state: str, lag: int | None) -> dict:
    return {"topic": "calls", "partition": 0, "state": state, "lag": lag}


READY = Readiness(ready=True, partitions=[PartitionState("calls", 0, "live", 0)])
UNREADY = Readiness(
    ready=False, problems=["Redis is away"], partitions=[PartitionState("calls", 0, "restoring")]
)  # fmt: skip


def _ask(path: str, *, dead=(), readiness=READY, body=b"", headers=None):
    async def run():
        server = HealthServer(
            "127.0.0.1", 0, dead=lambda: list(dead), readiness=lambda: readiness, metrics=lambda: body
        )
        await server.start()
        try:
            async with aiohttp.ClientSession(auto_decompress=False) as client:
                url = f"http://127.0.0.1:{server.port}{path}"
                async with client.get(url, headers=headers or {"Accept-Encoding": "identity"}) as answer:
                    return answer.status, await answer.read(), answer.headers
        finally:
            await server.stop()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "wrong", "status", "body"),
    [
        pytest.param("/livez", {}, 200, b"ok\n", id="alive"),
        pytest.param("/livez", {"dead": ["failed: X"]}, 503, b"failed: X\n", id="failed"),
        pytest.param("/livez", {"readiness": UNREADY}, 200, b"ok\n", id="an outage kills nobody"),
    ],
)
def test_alive(path, wrong, status, body):
    assert _ask(path, **wrong)[:2] == (status, body)


@pytest.mark.parametrize(
    ("readiness", "status", "body"),
    [
        pytest.param(
            READY,
            200,
            {"ready": True, "problems": [], "partitions": [_partition("live", 0)]},
            id="ready",
        ),
        pytest.param(
            UNREADY,
            503,
            {"ready": False, "problems": ["Redis is away"], "partitions": [_partition("restoring", None)]},
            id="what is missing",
        ),
    ],
)
def test_readiness_says_why(readiness, status, body):
    answer = _ask("/readyz", readiness=readiness)

    assert (answer[0], json.loads(answer[1])) == (status, body)
    assert answer[2]["Content-Type"].startswith("application/json")


def test_a_scrape_is_text():
    status, body, headers = _ask("/metrics", body=b"up 1\n")

    assert (status, body) == (200, b"up 1\n")
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_a_large_scrape_is_zipped_for_who_takes_it():
    text = b"contact_waiting 1\n" * 1_000
    _, body, headers = _ask("/metrics", body=text, headers={"Accept-Encoding": "gzip"})

    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body) == text


def test_a_taken_port_is_said():
    async def run():
        first = HealthServer("127.0.0.1", 0, dead=list, readiness=lambda: READY, metrics=bytes)
        await first.start()
        try:
            second = HealthServer("127.0.0.1", first.port, dead=list, readiness=lambda: READY, metrics=bytes)
            with pytest.raises(ConnectionFailed, match="cannot listen"):
                await second.start()
            await second.stop()
        finally:
            await first.stop()

    asyncio.run(run())
