"""Processes under measurement, looked at from outside: CPU time from /proc, no help of their own."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """What a process has taken since it began."""

    cpu_s: float
    """User and system, all threads; of children too."""
    at_s: float
    """Monotonic clock."""

    def since(self, earlier: "Cost") -> "Cost":
        return Cost(self.cpu_s - earlier.cpu_s, self.at_s - earlier.at_s)


def cost(pid: int) -> Cost:
    """What a process and its children, living and ended, have taken so far, to 10 ms. Raises ProcessLookupError."""
    try:
        own = _cpu_s(pid)
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
    return Cost(own + sum(map(_of_child, _descendants(pid))), time.monotonic())


def peak_mb(pid: int) -> int:
    """The most memory that a process has had at a time (resident), MiB; 0 when it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except FileNotFoundError:
        return 0
    peak = next((line for line in status.splitlines() if line.startswith("VmHWM")), "VmHWM: 0 kB")
    return int(peak.split()[1]) >> 10


def _of_child(pid: int) -> float:
    try:
        return _cpu_s(pid)
    except FileNotFoundError:
        return 0.0  # it has ended: its parent's figure has it


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / _TICKS_PER_S


def _descendants(pid: int) -> Iterator[int]:
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in file.read_text(encoding="ascii").split()]
        except FileNotFoundError:
            continue  # a thread that has ended
        for child in children:
            yield child
            yield from _descendants(child)


def end_in_order() -> None:
    """Let SIGTERM raise SystemExit, so that servers and peers are ended with the program that started them."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
