"""One run of one peer: started, watched, judged by what it wrote, and only then timed."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.broker import Broker
from benchmarks.engines import Engine
from benchmarks.processes import Cost, cost, peak_mb
from benchmarks.truth import NUMBERS, Numbers, WindowKey

STARTED_WITHIN_S: Final = 300.0
RIGHT_WITHIN_S: Final = 1_800.0
RIGHT_WITHIN_CPU_S: Final = 400.0
"""Of its own: a machine that is busy with other things must not make an engine wrong."""
POLL_MS: Final = 50
STAYS_RIGHT_S: Final = 1.5
"""A result that an update makes wrong after all is wrong."""
SHOWN: Final = 3


class WrongResults(Exception):
    """The engine did not come to what the log says; its time does not count."""


class Run(NamedTuple):
    """What an engine took for its input."""

    records: int
    cost: Cost
    peak_mb: int


class _Result(msgspec.Struct, gc=False):
    queue: str
    end: int
    offered: int
    answered: int
    abandoned: int
    wait_ms: int
    diff: int = 1
    """Pathway's: −1 takes back what it wrote before."""


class Results:
    """What a peer has written so far, beside what is right."""

    def __init__(self, right: Mapping[WindowKey, Numbers]) -> None:
        self._right = right
        self._wrong = set(right)
        self._last: dict[WindowKey, Numbers] = {}

    @property
    def complete(self) -> bool:
        """Whether every window that must be there is right."""
        return not self._wrong

    def take(self, values: list[bytes]) -> None:
        """Read results; a later one of the same window wins."""
        for value in values:
            result = _RESULT.decode(value)
            if result.diff < 0:
                continue
            key = (result.queue, result.end)
            self._last[key] = (result.offered, result.answered, result.abandoned, result.wait_ms)
            if self._last[key] == self._right.get(key):
                self._wrong.discard(key)
            elif key in self._right:
                self._wrong.add(key)

    def differences(self) -> str:
        """Some of what is wrong, for a person."""
        some = sorted(self._wrong)[:SHOWN]
        lines = (f"{key}: {self._last.get(key)} instead of {self._right[key]}" for key in some)
        counted = f"{len(self._wrong)} of {len(self._right)} windows are not right"
        return f"{counted} ({', '.join(NUMBERS)}): {'; '.join(lines)}"


_RESULT: Final = msgspec.json.Decoder(_Result)


async def run_peer(
    engine: Engine, broker: Broker, source: str, sink: str, records: int, right: Mapping[WindowKey, Numbers]
) -> Run:
    """CPU time from the first record to the last right result. Raises WrongResults, TimeoutError, RuntimeError."""
    broker.create_topic(sink)
    with tempfile.TemporaryDirectory(prefix="peer-") as directory:
        command = engine.command(broker.address, source, sink, Path(directory), records)
        log = broker.directory / f"{sink}.log"
        async with _started(command, log) as process, _reading(broker.address, sink) as reader:
            await _first(process, log)
            start = cost(process.pid)
            results = Results(right)
            end = await _until_right(process, reader, results, log)
            return Run(records, end.since(start), peak_mb(process.pid))


@contextlib.asynccontextmanager
async def _started(command: list[str], log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            cwd=log.parent,
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def _reading(brokers: str, sink: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(bootstrap_servers=brokers, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(sink, 0)])
        yield consumer
    finally:
        await consumer.stop()


async def _first(process: asyncio.subprocess.Process, log: Path) -> None:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(STARTED_WITHIN_S):
            while line := await process.stdout.readline():
                if line.strip() == b"first":
                    return
    except TimeoutError:
        raise RuntimeError(f"no record within {STARTED_WITHIN_S:.0f} s: {_log(log)}") from None
    raise RuntimeError(_ended(process, log))


async def _until_right(
    process: asyncio.subprocess.Process, reader: AIOKafkaConsumer, results: Results, log: Path
) -> Cost:
    deadline = time.monotonic() + RIGHT_WITHIN_S
    while not results.complete:
        if process.returncode is not None:
            raise RuntimeError(_ended(process, log))
        if time.monotonic() > deadline or cost(process.pid).cpu_s > RIGHT_WITHIN_CPU_S:
            raise WrongResults(results.differences())
        await _take(reader, results)
    end = cost(process.pid)
    until = time.monotonic() + STAYS_RIGHT_S
    while time.monotonic() < until:
        await _take(reader, results)
    if not results.complete:
        raise WrongResults(results.differences())
    return end


async def _take(reader: AIOKafkaConsumer, results: Results) -> None:
    fetched: Mapping[Any, Any] = await reader.getmany(timeout_ms=POLL_MS)
    for records in fetched.values():
        results.take([record.value for record in records])


def _ended(process: asyncio.subprocess.Process, log: Path) -> str:
    return f"it ended with {process.returncode}: {_log(log)}"


def _log(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-2000:]
