"""The soak: `make soak`. Two hours of load without faults; memory, open files and Redis keys must stay as they are.

python -m tests.chaos.soak --minutes 120 --rate 3000 --report build/soak.md
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Final, NamedTuple

from tests.chaos.campaign import Campaign, Plan, campaign
from tests.end_to_end.centre import REPOSITORY
from tests.servers import free_port

LOOK_EVERY_S: Final = 5.0
FLAT: Final = 0.05
"""How much more memory the last quarter may take than the one before."""
MORE_FILES: Final = 5


class Look(NamedTuple):
    """A process at a moment."""

    rss_mb: float
    files: int


class Board:
    """`contact-streams wallboard` with one reader of its stream."""

    def __init__(self, config: Path, log: Path) -> None:
        self.port = free_port()
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "streams", "wallboard", "--config", str(config)],
                cwd=REPOSITORY,
                env={**os.environ, "CONTACT_STREAMS_WALLBOARD__PORT": str(self.port)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _read(self) -> None:
        """As a browser does: it comes back when the stream breaks off."""
        while self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/events", timeout=30) as stream:
                    while stream.readline():
                        pass
            except OSError:
                time.sleep(1)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def main() -> int:
    """0: everything stayed as it was, and every guarantee held; 1: not so."""
    asked = _arguments()
    plan = Plan(rate=asked.rate, workers=asked.workers)
    with tempfile.TemporaryDirectory(prefix="soak-") as directory, campaign(plan, Path(directory)) as run:
        board = Board(run.centre.config, Path(directory) / "board.log")
        try:
            looks, keys = _watch(run, board, asked.minutes * 60)
        finally:
            board.kill()
        verdict = run.judged()
    findings = [*_growing(looks, keys), *verdict.wrong]
    text = _report(asked, looks, keys, findings, verdict.records / max(verdict.seconds, 1))
    asked.report.parent.mkdir(parents=True, exist_ok=True)
    asked.report.write_text(text, encoding="utf-8")
    sys.stderr.write(f"{text}\n")
    return 1 if findings else 0


def _arguments() -> Namespace:
    parser = ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--rate", type=float, default=3_000, help="events a second")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--report", type=Path, default=Path("build/soak.md"))
    return parser.parse_args()


def _watch(run: Campaign, board: Board, seconds: float) -> tuple[Mapping[str, list[Look]], list[int]]:
    """Process → looks, and Redis keys at each look."""
    watched = {f"worker {number}": worker.pid for number, worker in enumerate(run.running(), 1)} | {"board": board.pid}
    looks: dict[str, list[Look]] = {name: [] for name in watched}
    keys: list[int] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for name, pid in watched.items():
            looks[name].append(_look(pid))
        keys.append(run.centre.redis.dbsize())
        time.sleep(LOOK_EVERY_S)
    return looks, keys


def _look(pid: int) -> Look:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return Look(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, len(list(Path(f"/proc/{pid}/fd").iterdir())))


def _quarter(values: Sequence[float], number: int) -> Sequence[float]:
    """The quarter 0 … 3."""
    length = len(values)
    return values[number * length // 4 : (number + 1) * length // 4]


def _growth(looks: Sequence[Look]) -> float:
    """How much more memory the last quarter took than the one before."""
    rss = [look.rss_mb for look in looks]
    return mean(_quarter(rss, 3)) / mean(_quarter(rss, 2)) - 1


def _growing(looks: Mapping[str, list[Look]], keys: Sequence[int]) -> list[str]:
    """What did not stay as it was in the last half."""
    found = [f"memory of {name} grew by {_growth(of):.1%}" for name, of in looks.items() if abs(_growth(of)) > FLAT]
    for name, of in looks.items():
        files = [look.files for look in of]
        if max(_quarter(files, 3)) > max(_quarter(files, 1)) + MORE_FILES:
            found.append(f"{name} has {max(_quarter(files, 3))} files open, {max(_quarter(files, 1))} earlier")
    if max(_quarter(keys, 3)) > max(_quarter(keys, 1)):
        found.append(f"Redis has {max(_quarter(keys, 3))} keys, {max(_quarter(keys, 1))} earlier")
    return found


def _report(
    asked: Namespace, looks: Mapping[str, list[Look]], keys: Sequence[int], findings: Sequence[str], rate: float
) -> str:
    head = "| process | RSS in MB, by quarters of the time | grew in the last half by | open files at the end |\n"
    rows = [_row(name, of) for name, of in looks.items()]
    return (
        f"# Soak, {time.strftime('%Y-%m-%d')}\n\n"
        f"- {asked.minutes:g} minutes, {rate:,.0f} events a second ({asked.rate:,.0f} asked for)\n"
        f"- Redis keys: {max(keys)} at most, {keys[-1]} at the end\n"
        f"- verdict: {'; '.join(findings) or 'everything stayed as it was, and every guarantee held'}\n\n"
        f"{head}|---|---|--:|--:|\n{''.join(rows)}"
    )


def _row(name: str, looks: Sequence[Look]) -> str:
    rss = [look.rss_mb for look in looks]
    quarters = ", ".join(f"{mean(_quarter(rss, number)):.0f}" for number in range(4))
    return f"| {name} | {quarters} | {_growth(looks):.1%} | {looks[-1].files} |\n"


if __name__ == "__main__":
    sys.exit(main())
