"""`contact-streams top`: the board in a terminal, and without one."""

import json
import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from tests.servers import free_port, redis
from tests.wallboard.writing import Writer, now_ms

GIVE_UP_S = 60
GOOD = {"waiting": 0, "service_level:30m": 0.95, "abandon_rate:30m": 0.0, "answered:30m": 50, "abandoned:30m": 0}


@pytest.fixture(scope="module")
def server():
    with redis() as url:
        yield url


@pytest.fixture
def writer(server):
    writer = Writer(server)
    writer.client.flushall()
    with writer:
        yield writer


def top(url, *arguments):
    """(exit code, what it printed, what it complained of), without a terminal."""
    command = [sys.executable, "-m", "streams", "top", *arguments]
    environ = {**os.environ, "CONTACT_STREAMS_REDIS__URL": url}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=GIVE_UP_S, check=False)
    return done.returncode, done.stdout, done.stderr


def told(url, *arguments):
    code, out, _ = top(url, "--once", "--json", *arguments)
    assert code == 0
    return json.loads(out)


@pytest.mark.redis
class TestOnce:
    def test_prints_a_breach_first_with_a_sign_and_a_word(self, server, writer):
        writer.keep("voice", "aaa", GOOD)
        writer.keep("voice", "zzz", {**GOOD, "service_level:30m": 0.2})

        code, out, _ = top(server)

        rows = [line.split() for line in out.splitlines() if "voice" in line]
        assert code == 0
        assert [row[1:4] for row in rows] == [["zzz", "⬣", "breach"], ["aaa", "✓", "on"]]
        assert "20.0 % ⬣" in out

    def test_null_is_a_dash(self, server, writer):
        writer.keep("voice", "empty", {"waiting": 0})

        [row] = [line.split() for line in top(server)[1].splitlines() if "empty" in line]

        assert row == ["voice", "empty", "·", "quiet", "0", "–", "–", "–", "–", "–", "–"]

    def test_tickets_have_a_table_of_their_own(self, server, writer):
        writer.keep("ticket", "desk", {"backlog": 31, "sla_breached_open": 5, "first_response_p90:30m": 3_700.0})

        [row] = [line.split() for line in top(server)[1].splitlines() if "desk" in line]

        assert row[:9] == ["ticket", "desk", "⬣", "breach", "31", "5", "⬣", "–", "1:01:40"]

    def test_the_same_as_json(self, server, writer):
        written = writer.write("voice", "billing", GOOD)
        writer.keep("agents", "billing", {"agents_available": 2, "agents_staffed": 7})

        [queue] = told(server)["queues"]

        assert (queue["queue"], queue["status"], queue["as_of_ms"]) == ("billing", "good", written)
        assert queue["values"]["service_level"] == 0.95
        assert (queue["values"]["agents_available"], queue["values"]["agents_staffed"]) == (2, 7)
        assert queue["values"]["asa"] is None

    def test_what_is_old_is_not_judged(self, server, writer):
        writer.write("voice", "behind", {**GOOD, "service_level:30m": 0.1}, as_of_ms=now_ms() - 60_000, ttl_ms=90_000)

        [queue] = told(server)["queues"]

        assert queue["status"] == "catching"
        assert "catching up −" in top(server)[1]

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            pytest.param(["--channel", "chat"], ["north"], id="a channel"),
            pytest.param(["--queues", "SOUTH,nor*", "--channel", "voice"], ["north", "south"], id="names"),
            pytest.param(
                ["--channel", "voice", "--order", "waiting"], ["west", "north", "south"], id="most waiting first"
            ),
        ],
    )
    def test_only_what_is_asked_for_in_the_order_asked_for(self, server, writer, arguments, expected):
        for queue, waiting in (("north", 2), ("south", 1), ("west", 3)):
            writer.keep("voice", queue, {**GOOD, "waiting": waiting})
        writer.keep("chat", "north", GOOD)

        assert [queue["queue"] for queue in told(server, *arguments)["queues"]] == expected

    def test_a_window_that_is_not_there_is_refused_with_those_that_are(self, server):
        code, _, complaint = top(server, "--window", "7m", "--once")

        assert code == 2
        assert "one of 1m, 5m" in complaint


def test_without_redis_once_fails_and_says_so():
    code, out, _ = top(f"redis://127.0.0.1:{free_port()}/0", "--once")

    assert code == 1
    assert "Redis does not answer" in out


@pytest.mark.redis
def test_in_a_terminal_it_goes_on_and_ends_with_ctrl_c(server, writer):
    writer.keep("voice", "moving", {**GOOD, "waiting": 41})
    ours, theirs = pty.openpty()
    # What runs in the background of a script inherits that it is not to hear Ctrl-C.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "streams", "top", "--interval", "0.2"]
    environ = {**os.environ, "CONTACT_STREAMS_REDIS__URL": server, "TERM": "xterm", "COLUMNS": "140", "LINES": "40"}
    process = subprocess.Popen(command, env=environ, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    try:
        _read_until(ours, " 41 ")
        writer.keep("voice", "moving", {**GOOD, "waiting": 42})
        _read_until(ours, " 42 ")

        process.send_signal(signal.SIGINT)

        assert process.wait(GIVE_UP_S) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _read_until(terminal, text):
    seen, deadline = "", time.monotonic() + GIVE_UP_S
    while text not in seen:
        assert time.monotonic() < deadline, seen
        seen += os.read(terminal, 65_536).decode(errors="replace")
