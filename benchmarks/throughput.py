"""Events per CPU-second: the worker on Kafka, with transactions, beside a plain fold of the same topics.

    python -m benchmarks.throughput [--events 300000] [--rounds 3] [--json]

Needs Java and the jars of Apache Kafka (`make kafka`); Redis is written to where `redis-server` is on the PATH. What is
measured and what is not: `README.md` here.
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from benchmarks.broker import Broker
from benchmarks.day import PARTITIONS, TOPICS, Day, simulate
from benchmarks.following import catch_up
from benchmarks.plain import OFFERED, Measured
from benchmarks.processes import end_in_order
from tests import servers

TARGET: Final = 0.6


class Round(NamedTuple):
    """Each side once, one after the other."""

    one: Measured
    """The plain fold that decodes record by record."""
    many: Measured
    """The plain fold that decodes batch by batch."""
    worker: Measured

    @property
    def ratio(self) -> float:
        """The worker's events per CPU-second, over the plain fold's that decodes record by record, as the worker."""
        return rate(self.worker) / rate(self.one)

    @property
    def ratio_many(self) -> float:
        """The same over the plain fold that decodes whole batches."""
        return rate(self.worker) / rate(self.many)


def rate(measured: Measured) -> float:
    """Events per CPU-second."""
    return measured.records / measured.cpu_s


# --- the plain fold ---


async def run_plain(way: str, broker: Broker, topics: Sequence[str]) -> Measured:
    """In a process of its own, which measures itself."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.plain", way, broker.address, *topics, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the plain fold ended with {process.returncode}")
    return msgspec.json.decode(out, type=Measured)


# --- the worker ---


async def run_worker(broker: Broker, app: str, records: int) -> Measured:
    """From the first claim of a partition to the commit of the last fact."""
    caught = await catch_up(broker, broker.config(app, TOPICS), PARTITIONS)
    return Measured(records, caught.cost.cpu_s, caught.cost.at_s, dict(caught.totals))


# --- rounds ---


async def compare(broker: Broker, day: Day, rounds: int) -> AsyncIterator[Round]:
    """Each side in turn. Raises AssertionError when they have not counted the same."""
    topics = sorted({topic for topic, _ in day.partitions})
    broker.create_topics(broker.config("round-0", TOPICS), PARTITIONS)
    await broker.produce(day)
    for number in range(rounds):
        one = await run_plain("one", broker, topics)
        worker = await run_worker(broker, f"round-{number}", day.records)
        many = await run_plain("list", broker, topics)
        check(day, one, many, worker)
        yield Round(one, many, worker)


def check(day: Day, *sides: Measured) -> None:
    """All sides have folded every record, and say the same of every queue."""
    for side in sides:
        assert side.records == day.records, f"{side.records} records folded, {day.records} were produced"
        assert side.totals == sides[0].totals, f"{side.totals} are not {sides[0].totals}"
    assert sum(total[OFFERED] for total in sides[0].totals.values()), "nothing was offered"


# --- report ---


def lines_for_people(rounds: Sequence[Round]) -> Iterator[str]:
    yield "round  plain/CPU-s  plain, batches/CPU-s  worker/CPU-s  worker, wall s  ratio  ratio, batches"
    for number, each in enumerate(rounds, 1):
        yield (
            f"{number:5}  {rate(each.one):11,.0f}  {rate(each.many):20,.0f}  {rate(each.worker):12,.0f}"
            f"  {each.worker.wall_s:14.1f}  {each.ratio:5.2f}  {each.ratio_many:14.2f}"
        )
    for name, ratios in (("ratio", [r.ratio for r in rounds]), ("ratio, batches", [r.ratio_many for r in rounds])):
        yield f"{name}: median {statistics.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}"
    yield f"target: {TARGET}"


def as_json(number: int, each: Round) -> str:
    sides = {"plain": each.one, "plain_list": each.many, "worker": each.worker}
    costs = {name: {"cpu_s": side.cpu_s, "wall_s": side.wall_s} for name, side in sides.items()}
    ratios = {"ratio": each.ratio, "ratio_list": each.ratio_many}
    return json.dumps({"round": number, "records": each.worker.records, **costs, **ratios})


async def main(events: int, rounds: int, *, json_lines: bool) -> None:
    day = simulate(events)
    redis = servers.redis() if shutil.which("redis-server") else contextlib.nullcontext()
    with servers.kafka() as address, redis as url, tempfile.TemporaryDirectory() as directory:
        broker = Broker(address, url, Path(directory))
        done: list[Round] = []
        async for each in compare(broker, day, rounds):
            done.append(each)
            if json_lines:
                print(as_json(len(done), each), flush=True)
    if not json_lines:
        print(f"{day.records} records, Redis {'written to' if url else 'absent'}")
        print("\n".join(lines_for_people(done)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=300_000, help="events to simulate (default 300000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each side runs (default 3)")
    parser.add_argument("--json", action="store_true", help="one JSON object per round, instead of a table")
    options = parser.parse_args()
    end_in_order()
    asyncio.run(main(options.events, options.rounds, json_lines=options.json))
