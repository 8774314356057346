"""The board's server as a process, with a real Redis."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest

from streams.wallboard.server import follow_until
from tests.servers import free_port, redis
from tests.wallboard.writing import Writer, now_ms

GIVE_UP_S = 30


@contextlib.contextmanager
def wallboard(redis_url, port=0, config_file=None):
    """A running board: (its process, its address)."""
    environ = {
        **os.environ,
        "CONTACT_STREAMS_REDIS__URL": redis_url,
        "CONTACT_STREAMS_WALLBOARD__PORT": str(port),
    }
    configured = [] if config_file is None else ["--config", str(config_file)]
    command = [sys.executable, "-m", "streams", "wallboard", *configured]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process, process.stdout.readline().removeprefix("board: ").strip()
    finally:
        process.kill()
        process.communicate()


def get(url):
    with urllib.request.urlopen(url, timeout=GIVE_UP_S) as response:
        return response.status, dict(response.headers), response.read().decode()


def state(address):
    return json.loads(get(f"{address}api/v1/board")[2])


def until(condition):
    deadline = time.monotonic() + GIVE_UP_S
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def messages(address):
    """Server-sent events as (name, data), for as long as somebody asks. A quiet board sends beats between."""
    with urllib.request.urlopen(f"{address}api/v1/events", timeout=GIVE_UP_S) as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        name = None
        for raw in stream:
            line = raw.decode().rstrip("\n")
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield name, json.loads(line.removeprefix("data: "))


@pytest.fixture(scope="module")
def redis_url():
    with redis() as url:
        yield url


@pytest.fixture(scope="module")
def address(redis_url):
    with wallboard(redis_url) as (_, address):
        yield address


@pytest.fixture
def writer(redis_url):
    writer = Writer(redis_url)
    writer.client.flushall()
    return writer


def tile(message, queue):
    return next((tile for tile in message["tiles"] if tile["queue"] == queue), None)


@pytest.mark.redis
def test_a_page_gets_everything_then_changes(address, writer):
    writer.write("voice", "first", {"waiting": 2, "offered:30m": 7})
    until(lambda: tile(state(address), "first"))
    stream = messages(address)

    name, hello = next(stream)
    assert (name, len(hello["build"])) == ("hello", 12)
    name, message = next(stream)
    assert (name, message["full"]) == ("board", True)
    assert tile(message, "first")["values"] == {"waiting": 2, "offered:30m": 7}

    written = writer.write("voice", "first", {"waiting": 3, "offered:30m": 8})
    tiles = (tile(data, "first") for name, data in stream if name == "board")
    changed = next(change for change in tiles if change and change["as_of_ms"] == written)
    assert changed["values"] == {"waiting": 3, "offered:30m": 8}


@pytest.mark.redis
def test_a_value_that_became_null_goes(address, writer):
    writer.write("voice", "nulls", {"waiting": 1, "service_level:5m": 0.5})
    until(lambda: tile(state(address), "nulls"))

    written = writer.write("voice", "nulls", {"waiting": 1})

    found = until(lambda: (seen := tile(state(address), "nulls"))["as_of_ms"] == written and seen)
    assert found["values"] == {"waiting": 1}


@pytest.mark.redis
def test_a_queue_that_expired_is_shown_from_memory_as_catching_up(address, writer):
    written = writer.write("voice", "expiring", {"waiting": 4})
    until(lambda: tile(state(address), "expiring"))
    writer.expire("voice", "expiring")
    until(lambda: not writer.client.exists("cs:view:voice:expiring"))

    found = until(lambda: (seen := tile(state(address), "expiring"))["state"] == "catching_up" and seen)

    assert (found["as_of_ms"], found["values"]) == (written, {"waiting": 4})


@pytest.mark.redis
def test_queue_names_hold_any_characters(address, writer):
    name = "a:b <script>\"'& ü"
    writer.write("voice", name, {"waiting": 1})

    assert until(lambda: tile(state(address), name))["channel"] == "voice"


@pytest.mark.redis
def test_a_quiet_board_still_says_that_it_is_there(address, writer):
    names = (name for name, _ in messages(address))

    assert "beat" in names


@pytest.mark.redis
@pytest.mark.parametrize("path", ["", "api/v1/board", "api/v1/presentation", "static/main.js", "livez"])
def test_every_answer_allows_nothing_from_elsewhere(address, path):
    _, headers, _ = get(f"{address}{path}")

    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.redis
def test_the_page_names_no_other_host_and_has_no_inline_script(address):
    _, _, page = get(address)

    assert "http://" not in page
    assert "https://" not in page
    assert page.count("<script") == page.count('<script type="module" src="/static/')
    assert "style=" not in page


@pytest.mark.redis
def test_labels_units_and_thresholds_come_from_the_catalogue(address):
    from streams.metrics.catalogue import BY_ID

    presentation = json.loads(get(f"{address}api/v1/presentation")[2])

    for kpi in presentation["kpis"].values():
        row = BY_ID[kpi["id"]]
        assert (kpi["unit"], kpi["warn"], kpi["bad"], kpi["help"]) == (row.unit, row.warn, row.bad, row.help)
    assert presentation["defaults"]["service_level"] == "ignore short"
    assert presentation["windows"][0] == "1m"


@pytest.mark.redis
def test_nothing_but_reading_is_allowed(address):
    request = urllib.request.Request(f"{address}api/v1/board", method="POST", data=b"")

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=GIVE_UP_S)

    assert refused.value.code == 405


@pytest.mark.redis
def test_files_outside_the_page_are_not_served(address):
    host, port = address.removeprefix("http://").rstrip("/").split(":")
    with socket.create_connection((host, int(port)), timeout=GIVE_UP_S) as plain:
        plain.sendall(b"GET /static/../server.py HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

        assert b" 404 " in plain.recv(100) or b" 403 " in plain.recv(100)


@pytest.mark.redis
def test_redis_lost_and_back_is_said():
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(contextlib.ExitStack())
        url = first.enter_context(redis())
        _, address = stack.enter_context(wallboard(url))
        Writer(url).write("voice", "billing", {"waiting": 1})
        until(lambda: tile(state(address), "billing"))

        first.close()

        link = until(lambda: not (link := state(address)["link"])["connected"] and link)
        assert link["reason"] == "redis"
        assert link["since_ms"] <= now_ms()
        assert tile(state(address), "billing")["values"] == {"waiting": 1}


def test_without_redis_the_board_lives_and_says_so():
    with wallboard(f"redis://127.0.0.1:{free_port()}/0") as (_, address):
        assert get(f"{address}livez")[0] == 200
        assert until(lambda: state(address)["link"]["reason"] == "redis")


def test_sigterm_ends_it_cleanly_although_a_page_is_open():
    with wallboard(f"redis://127.0.0.1:{free_port()}/0") as (process, address):
        opened = threading.Event()

        def look():
            with contextlib.suppress(OSError):
                for _ in messages(address):
                    opened.set()

        page = threading.Thread(target=look, daemon=True)
        page.start()
        assert opened.wait(GIVE_UP_S)

        process.send_signal(signal.SIGTERM)

        assert process.wait(GIVE_UP_S) == 0
        page.join(GIVE_UP_S)


def test_it_ends_although_the_redis_client_loses_a_cancellation():
    told = asyncio.Event()

    class Forgetful:
        async def run(self):
            told.set()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(GIVE_UP_S)
            await asyncio.sleep(GIVE_UP_S)

    async def story():
        async with asyncio.timeout(GIVE_UP_S / 2):
            return await follow_until(told, Forgetful())

    assert asyncio.run(story()) == 0


def test_a_taken_port_is_an_error_with_a_hint():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environ = {**os.environ, "CONTACT_STREAMS_WALLBOARD__PORT": str(taken.getsockname()[1])}
        command = [sys.executable, "-m", "streams", "wallboard"]
        result = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=GIVE_UP_S)

    assert result.returncode == 1
    assert "error: the board cannot listen on" in result.stderr
    assert "hint: choose another port" in result.stderr
