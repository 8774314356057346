"""The smallest books that show whether anything is lost or doubled, and a worker that keeps them.

Stage 1 counts and sums amounts per key (value: an integer), sends the sums gathered since the last flush to `facts`,
and each record once to `visits`. Stage 2 adds up what comes. Run as a script it is a worker process:

    python -m tests.worker.toy BROKERS APP HTTP_PORT

Environment: TOY_MOCK, the broker is a mock; TOY_SLOW, folding takes time; TOY_DRAINS=s, a drain takes s seconds for
every 10,000 records; TOY_LOSES=n, every n-th chunk vanishes between fetch and fold, at most TOY_LOSES_AT_MOST of them;
TOY_PATIENCE, fields of `Patience` as JSON; TOY_FAULT, what breaks once records have come (`FAULTS`); TOY_CLOCK, the
wall clock is set an hour ahead, then back.
"""

import asyncio
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence

from streams.books import EVERY_PARTITION, META_KEY, Flush, Output, Reading, Record
from streams.errors import ContactStreamsError
from streams.worker.app import Worker, run_worker
from streams.worker.settings import Patience, WorkerSettings
from streams.worker.transport import BatchConsumer, Transport

PROGRESS = b"\x00progress"
FAULT_AFTER_S = 3.0
"""The watchdog must have seen what runs before it can see that it has ended."""
Sums = dict[bytes, list[int]]


class ToyBook:
    """Counts and sums per key; subclasses say what a record adds and what a flush sends."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.offset = 0
        self.pending = 0
        self.settings_changed = False
        self.sums: Sums = defaultdict(lambda: [0, 0])
        self.changed: set[bytes] = set()
        self.outputs: list[Output] = []

    def fold(self, records: Sequence[Record]) -> None:
        for record in records:
            if record.offset < self.offset:
                continue
            self.offset = record.offset + 1
            self.pending += 1
            self.add(record)

    def add(self, record: Record) -> None:
        raise NotImplementedError

    def count(self, key: bytes, n: int, amount: int) -> None:
        self.sums[key][0] += n
        self.sums[key][1] += amount
        self.changed.add(key)

    def drain(self, reading: Reading) -> Flush:
        rows = {key: json.dumps(self.sums[key]).encode() for key in self.changed}
        outputs, self.outputs, self.changed, self.pending = self.outputs, [], set(), 0
        return Flush(rows, outputs, json.dumps([self.offset]).encode(), self.offset)

    def restore(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        for key, value in rows:
            if key == META_KEY:
                (self.offset,) = json.loads(value)
            else:
                self.sums[key] = json.loads(value)

    def snapshot(self) -> bytes:
        return json.dumps({key.decode(): value for key, value in sorted(self.sums.items())}).encode()


class ToyContactBook(ToyBook):
    def __init__(self, partition: int) -> None:
        super().__init__(partition)
        self.gathered: Sums = defaultdict(lambda: [0, 0])

    def fold(self, records: Sequence[Record]) -> None:
        super().fold(records)
        if "TOY_SLOW" in os.environ:
            time.sleep(len(records) * 20e-6)

    def add(self, record: Record) -> None:
        amount = int(record.value)
        self.count(record.key, 1, amount)
        self.gathered[record.key][0] += 1
        self.gathered[record.key][1] += amount
        self.outputs.append(Output("visits", record.key, b"%d:%d" % (self.partition, record.offset)))

    def drain(self, reading: Reading) -> Flush:
        time.sleep(self.pending / 10_000 * float(os.environ.get("TOY_DRAINS", "0")))
        gathered, self.gathered = self.gathered, defaultdict(lambda: [0, 0])
        self.outputs += [Output("facts", key, json.dumps(sums).encode()) for key, sums in gathered.items()]
        progress = json.dumps([self.partition, self.offset, reading.caught_up, reading.lag]).encode()
        self.outputs.append(Output("facts", PROGRESS, progress, (), EVERY_PARTITION))
        return super().drain(reading)


class ToyViewBook(ToyBook):
    def __init__(self, partition: int) -> None:
        super().__init__(partition)
        self.progress: dict[int, list] = {}

    def add(self, record: Record) -> None:
        if record.key == PROGRESS:
            progress = json.loads(record.value)
            self.progress[progress[0]] = [*progress, record.timestamp]
        else:
            self.count(record.key, *json.loads(record.value))


class Shown:
    """A sink that keeps the last tick for `/metrics`: what the view books hold, as JSON."""

    def __init__(self) -> None:
        self.body = b"{}"

    async def start(self) -> None:
        pass

    async def tick(self, now_ms: int, owned) -> None:
        self.body = json.dumps(
            {
                str(partition): {
                    "sums": json.loads(claim.book.snapshot()),
                    "progress": claim.book.progress,
                    "token": claim.token,
                    "claimed_at": claim.claimed_at,
                    "now": now_ms,
                }
                for partition, claim in owned.items()
            }
        ).encode()

    async def stop(self) -> None:
        pass


class LossyConsumer(BatchConsumer):
    """Loses chunks, as Faust does when a partition is taken out of the live set at the wrong moment."""

    chunks = 0
    lost = 0

    async def getmany(self, timeout: float):  # noqa: ASYNC109
        every, at_most = int(os.environ["TOY_LOSES"]), int(os.environ.get("TOY_LOSES_AT_MOST", "1000"))
        async for tp, message in super().getmany(timeout):
            self.chunks += 1
            if self.chunks % every == 0 and self.lost < at_most:
                self.lost += 1
            else:
                yield tp, message


class FaultyConsumer(BatchConsumer):
    """Works until the first records have come; soon after that `TOY_FAULT` happens."""

    broken = False

    async def _getmany(self, *args, **kwargs):
        fetched = await super()._getmany(*args, **kwargs)
        if fetched and os.environ["TOY_FAULT"] == "late":
            await asyncio.sleep(1.5)
        return fetched

    async def getmany(self, timeout: float):  # noqa: ASYNC109
        async for tp, message in super().getmany(timeout):
            if not self.broken:
                self.broken = True
                asyncio.get_running_loop().call_later(FAULT_AFTER_S, FAULTS[os.environ["TOY_FAULT"]], self)
            if os.environ["TOY_FAULT"] != "starve":
                yield tp, message


def hang(_: FaultyConsumer) -> None:
    time.sleep(600)


def hang_thread(consumer: FaultyConsumer) -> None:
    consumer._thread.thread_loop.call_soon_threadsafe(time.sleep, 600)


def end_task(consumer: FaultyConsumer) -> None:
    for task in consumer.app._fetcher._futures:
        task.cancel()


class WrongClock:
    """A wall clock that somebody sets: for two seconds right, for two an hour ahead, then an hour behind."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._time = time.time

    def time(self) -> float:
        since_s = time.monotonic() - self._began
        return self._time() + (0 if since_s < 2 else 3_600 if since_s < 4 else -3_600)

    def time_ns(self) -> int:
        return int(self.time() * 1e9)


FAULTS = {
    "starve": lambda consumer: None,
    "late": lambda consumer: None,
    "flow": lambda consumer: consumer.stop_flow(),
    "task": end_task,
    "thread": hang_thread,
    "loop": hang,
}


def main(brokers: str, app: str, port: str) -> int:
    if "TOY_LOSES" in os.environ:
        Transport.Consumer = LossyConsumer
    if "TOY_CLOCK" in os.environ:
        clock = WrongClock()
        time.time, time.time_ns = clock.time, clock.time_ns
    if "TOY_FAULT" in os.environ:
        Transport.Consumer = FaultyConsumer
    shown = Shown()
    settings = WorkerSettings(
        brokers=tuple(brokers.split(",")),
        sources=("calls",),
        app=app,
        topic_prefix=f"{app}.",
        check_crcs="TOY_MOCK" not in os.environ,
        session_timeout_s=6.0,
        patience=Patience(**json.loads(os.environ.get("TOY_PATIENCE", "{}"))),
        http_port=int(port),
    )
    worker = Worker(
        settings,
        make_contact_book=lambda _, partition: ToyContactBook(partition),
        make_view_book=ToyViewBook,
    )
    worker.show([shown], metrics=lambda: shown.body)
    return run_worker(worker)


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except ContactStreamsError as error:
        sys.exit(f"{error} {error.hint}")
