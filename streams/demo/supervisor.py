"""Starts the parts of the demo, notices when one ends, and ends them all."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from streams.demo.leash import leashed
from streams.errors import ContactStreamsError

T = TypeVar("T")

LOOK_S: Final = 0.05
PATIENCE_S: Final = 10.0
"""A part that has not ended so long after SIGTERM is killed."""

TAIL_LINES: Final = 15


class Stopped(Exception):
    """The demo was told to end."""


class Part(NamedTuple):
    """A running process with its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        """Everything it has written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def why(self) -> str:
        """How it ended, with the last lines it wrote."""
        lines = "\n".join(f"  {line}" for line in self.said().splitlines()[-TAIL_LINES:])
        return f"the {self.name} ended with exit code {self.process.returncode}\n{lines}".rstrip()


class Supervisor:
    """Keeps the parts together: all of them run, or none."""

    def __init__(self, home: Path, *, stopped: Callable[[], bool]) -> None:
        """`home` takes the logs; `stopped()` is asked often, and ends any waiting."""
        self._home = home
        self._stopped = stopped
        self._parts: list[Part] = []

    def start(self, name: str, command: Sequence[str], environ: Mapping[str, str]) -> Part:
        """Start a part in a session of its own, so that Ctrl-C reaches it only through its supervisor."""
        log = self._home / f"{name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(  # noqa: S603 (the commands are ours)
                leashed(command),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=dict(environ),
                start_new_session=True,
            )
        part = Part(name, process, log)
        self._parts.append(part)
        return part

    def wait(self, ready: Callable[[], T | None], what: str, timeout_s: float) -> T:
        """The first truthy result. Raises Stopped, or ContactStreamsError when a part ends or time runs out."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self._look()
            if found := ready():
                return found
            time.sleep(LOOK_S)
        raise ContactStreamsError(f"{what} within {timeout_s:g} s", hint="is the machine very busy? Try again")

    def watch(self) -> None:
        """Return never: raises Stopped, or ContactStreamsError when a part ends."""
        while True:
            self._look()
            time.sleep(4 * LOOK_S)

    def _look(self) -> None:
        if self._stopped():
            raise Stopped
        for part in self._parts:
            if part.process.poll() is not None:
                raise ContactStreamsError(part.why())

    def stop(self) -> None:
        """End all parts, the last started first: each may still need those before it."""
        for part in reversed(self._parts):
            part.process.terminate()
            try:
                part.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                part.process.kill()
                part.process.wait()
        self._parts.clear()
