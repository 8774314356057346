"""The whole demo, as somebody starts it."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

GIVE_UP_S = 90


@contextlib.contextmanager
def demo(*arguments):
    command = [sys.executable, "-m", "streams", "demo", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def children(pid):
    """Process ids started by `pid`, theirs included."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found += [int(stat.parent.name), *children(int(stat.parent.name))]
    return found


def running(pid):
    """Whether the process is there and has not ended (it may wait for somebody to notice)."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def text(url):
    with urllib.request.urlopen(url, timeout=10) as response:
        return response.read().decode()


def state(address):
    return json.loads(text(f"{address}api/v1/board"))


def until(condition):
    deadline = time.monotonic() + GIVE_UP_S
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.2)
    raise AssertionError("it did not happen")


def live_tiles(address):
    return {(tile["channel"], tile["queue"]): tile for tile in state(address)["tiles"] if tile["state"] == "live"}


def full(address):
    """Live tiles, once both channels show an hour that is filled in, and tickets and agents are there."""
    tiles = live_tiles(address)
    voice, chat, tickets, agents = (
        tiles.get((channel, "*"), {"values": {}})["values"] for channel in ("voice", "chat", "ticket", "agents")
    )
    offered = all(values.get("offered:60m", 0) > 100 for values in (voice, chat))
    return tiles if offered and tickets.get("backlog", 0) > 10 and agents.get("agents_staffed", 0) > 10 else None


def moved(before, after):
    """Whether what is counted has changed: not only the ages, which rise by themselves."""
    counted = ("offered:60m", "answered:60m", "abandoned:60m")
    both = [(before[key]["values"], after[key]["values"]) for key in before.keys() & after.keys()]
    return any(old.get(count) != new.get(count) for old, new in both for count in counted)


@pytest.mark.skipif(sys.platform != "linux", reason="looks for its children in /proc")
def test_the_board_is_full_and_moving_and_all_of_it_ends_with_a_signal():
    with demo("--port", "0") as process:
        address = re.fullmatch(r"board +(http://127\.0\.0\.1:\d+/)\n", process.stdout.readline())[1]
        metrics = re.fullmatch(r"metrics +(http://\S+/metrics)\n", process.stdout.readline())[1]

        before = until(lambda: full(address))
        until(lambda: moved(before, live_tiles(address)))
        until(lambda: "contact_offered_total{" in text(metrics))
        parts = children(process.pid)
        assert len(parts) >= 5

        process.send_signal(signal.SIGTERM)

        assert process.wait(GIVE_UP_S) == 0
        assert not [pid for pid in parts if Path(f"/proc/{pid}").exists()]


def command_of(pid: int) -> str:
    """Its command line; empty when it has ended meanwhile, as those do that only prepare something."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except FileNotFoundError:
        return ""


@pytest.mark.skipif(sys.platform != "linux", reason="looks for its children in /proc")
def test_a_part_that_dies_ends_the_demo_and_is_named():
    with demo("--port", "0") as process:
        process.stdout.readline()
        parts = children(process.pid)
        wallboard = next(pid for pid in parts if "\0wallboard" in command_of(pid))

        os.kill(wallboard, signal.SIGKILL)

        assert process.wait(GIVE_UP_S) == 1
        assert "error: the wallboard ended with exit code -9" in process.stderr.read()
        assert not [pid for pid in parts if Path(f"/proc/{pid}").exists()]


@pytest.mark.skipif(sys.platform != "linux", reason="looks for its children in /proc")
def test_nothing_is_left_when_the_demo_itself_is_killed():
    with demo("--port", "0") as process:
        process.stdout.readline()
        parts = children(process.pid)

        process.kill()

        until(lambda: not [pid for pid in parts if running(pid)])


def test_a_taken_port_is_an_error_with_a_hint():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with demo("--port", str(port)) as process:
            _, told = process.communicate(timeout=GIVE_UP_S)

    assert process.returncode == 1
    assert f"error: port {port} is taken" in told
    assert f"hint: choose another for the board: contact-streams demo --port {port + 1}" in told
