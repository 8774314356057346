"""The parts of the demo run together or not at all, whatever ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streams.demo.leash import leashed, watch
from streams.demo.supervisor import Stopped, Supervisor
from streams.errors import ContactStreamsError

GIVE_UP_S = 30
SLEEP = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(300)"]
FAIL = [sys.executable, "-c", "import sys; print('the last words'); sys.exit(7)"]


@pytest.fixture
def supervisor(tmp_path):
    supervisor = Supervisor(tmp_path, stopped=lambda: False)
    yield supervisor
    supervisor.stop()


def ended(pid):
    """Whether the process is gone, or only waits for its parent to notice."""
    deadline = time.monotonic() + GIVE_UP_S
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_part_that_ends_is_named_with_its_code_and_last_words(supervisor):
    supervisor.start("steady", SLEEP, os.environ)
    supervisor.start("worker", FAIL, os.environ)

    with pytest.raises(ContactStreamsError) as failure:
        supervisor.watch()

    assert str(failure.value) == "the worker ended with exit code 7\n  the last words"


def test_stop_ends_all_parts(supervisor):
    parts = [supervisor.start(name, SLEEP, os.environ) for name in ("one", "two")]
    for part in parts:
        supervisor.wait(part.said, "it did not start", GIVE_UP_S)

    supervisor.stop()

    assert all(ended(part.process.pid) for part in parts)


def test_a_request_to_end_ends_the_waiting(tmp_path):
    supervisor = Supervisor(tmp_path, stopped=lambda: True)

    with pytest.raises(Stopped):
        supervisor.wait(lambda: None, "never", GIVE_UP_S)


def test_waiting_for_a_part_that_does_not_come_ends_with_a_reason(supervisor):
    supervisor.start("mute", SLEEP, os.environ)

    with pytest.raises(ContactStreamsError, match="the part did not start within"):
        supervisor.wait(lambda: None, "the part did not start", timeout_s=0.2)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the leash looks by itself, see below")
def test_a_part_ends_with_its_parent_even_when_that_is_killed():
    keeper = (
        "import subprocess, time; from streams.demo.leash import leashed\n"
        f"print(subprocess.Popen(leashed({SLEEP!r}), stdout=subprocess.DEVNULL).pid, flush=True); time.sleep(300)"
    )
    with subprocess.Popen([sys.executable, "-c", keeper], stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        _until_it_is(pid, "time.sleep")

        os.kill(parent.pid, signal.SIGKILL)

        assert ended(pid)


def test_a_leash_whose_parent_is_gone_ends_the_command():
    code = watch(parent=-1, command=SLEEP)

    assert code == -signal.SIGKILL


def test_a_leash_gives_the_commands_exit_code():
    result = subprocess.run(leashed(FAIL), capture_output=True, check=False, timeout=GIVE_UP_S)

    assert result.returncode == 7


def _until_it_is(pid, words):
    """The leash has become the command."""
    deadline = time.monotonic() + GIVE_UP_S
    while words not in Path(f"/proc/{pid}/cmdline").read_text() or "leash" in Path(f"/proc/{pid}/cmdline").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
