"""Everything side by side: the worker, a plain fold, and what people would use instead; one broker, one run.

    python -m benchmarks.side_by_side [--events 1000000] [--rounds 3] [--only NAME…]

Needs Java, Maven, `make kafka`, redis-server; fetches the peers on first use (`install`). Every engine's results are
compared with a count of the log itself before its time counts. Writes results/side_by_side.json; `report` makes
RESULTS.md of it.
"""

import argparse
import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import calls, truth
from benchmarks.broker import Broker
from benchmarks.engines import ENGINES, OUR_WORK, OURS, SHAPES, SHARES, Engine, Size, version_of
from benchmarks.following import catch_up
from benchmarks.install import install
from benchmarks.peering import Run, WrongResults, run_peer
from benchmarks.processes import end_in_order
from benchmarks.results import save
from benchmarks.truth import Truth
from tests import servers

ALL_WINDOWS: Final = "all windows"


class Bench:
    """The inputs on a broker, and how each engine is run on them."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._truths: dict[Size, Truth] = {}

    async def fill(self, events: int, sizes: Iterable[Size]) -> None:
        """Produce the inputs, and count them."""
        for size in sizes:
            prefix = f"{size}-"
            config = self._broker.config("fill", {calls.TOPIC: [calls.CHANNEL]}, prefix)
            self._broker.create_topics(config, calls.PARTITIONS)
            await self._broker.produce(calls.simulate(round(events * SHARES[size])), prefix)
            self._truths[size] = truth.read(self._broker.address, f"{prefix}{calls.TOPIC}")

    async def peer(self, engine: Engine, number: int) -> Run:
        """One run of a peer. Raises as `run_peer`."""
        known = self._truths[engine.size]
        right = known.windows(engine.shape, closed=engine.closed)
        if not right:
            raise WrongResults(f"nothing to compare: no window of {known.records} events is closed for everybody")
        source = f"{engine.size}-{calls.TOPIC}"
        return await run_peer(engine, self._broker, source, f"{engine.id}-{number}", known.records, right)

    async def ours(self, number: int) -> Run:
        """One run of the worker. Raises WrongResults when its counters are not right."""
        known = self._truths["large"]
        config = self._broker.config(f"ours-{number}", {calls.TOPIC: [calls.CHANNEL]}, "large-")
        caught = await catch_up(self._broker, config, calls.PARTITIONS)
        right = {f"{calls.CHANNEL}/{queue}": list(numbers) for queue, numbers in known.totals.items()}
        if caught.totals != right:
            wrong = [queue for queue in right if caught.totals.get(queue) != right[queue]]
            raise WrongResults(f"{len(wrong)} of {len(right)} queues are not right, {wrong[:1]}")
        return Run(known.records, caught.cost, caught.peak_mb)


async def main(events: int, rounds: int, only: list[str]) -> None:
    wanted = [engine for engine in ENGINES if not only or engine.name in only]
    absent = {runtime: install(runtime) for runtime in sorted({engine.runtime for engine in wanted})}
    runs: defaultdict[str, list[Run]] = defaultdict(list)
    failed: dict[str, str] = {}
    with servers.kafka() as address, servers.redis() as url, tempfile.TemporaryDirectory(prefix="bench-") as directory:
        bench = Bench(Broker(address, url, Path(directory)))
        await bench.fill(events, sorted({"large", *(engine.size for engine in wanted)}))
        for number in range(rounds):
            for engine in wanted:
                if reason := absent[engine.runtime]:
                    failed[engine.id] = f"not to be had here: {reason}"
                elif engine.id not in failed:
                    await _measure(engine.id, bench.peer(engine, number), runs, failed)
                _save(wanted, runs, failed)
            if not only or OURS in only:
                await _measure(OURS, bench.ours(number), runs, failed)
                _save(wanted, runs, failed)


def _save(wanted: Sequence[Engine], runs: Mapping[str, Sequence[Run]], failed: Mapping[str, str]) -> None:
    """What there is so far: a run that is broken off leaves that behind."""
    rows = [_row(OURS, ALL_WINDOWS, OUR_WORK, runs.get(OURS, ()), failed.get(OURS))]
    rows += [_row(e.name, SHAPES[e.shape], e.work, runs.get(e.id, ()), failed.get(e.id)) for e in wanted]
    save("side_by_side", {"queues": calls.QUEUES, "rows": [row for row in rows if row["rates"] or row["failed"]]})


async def _measure(name: str, run: Awaitable[Run], runs: defaultdict[str, list[Run]], failed: dict[str, str]) -> None:
    """One run; what fails is reported and not tried again."""
    try:
        done = await run
    except (WrongResults, TimeoutError, RuntimeError) as failure:
        failed[name] = f"{type(failure).__name__}: {str(failure)[-1500:]}"
        print(f"{name:28} {failed[name]}", flush=True)
    else:
        runs[name].append(done)
        rate = done.records / done.cost.cpu_s
        print(
            f"{name:28} {done.records:9,} events {done.cost.cpu_s:7.2f} CPU-s {done.cost.at_s:6.1f} s"
            f" {rate:9,.0f} events/CPU-s {done.peak_mb:6,} MiB",
            flush=True,
        )


def _row(name: str, shape: str, work: str, runs: Sequence[Run], failed: str | None) -> dict[str, Any]:
    return {
        "engine": name,
        "version": version_of(name),
        "shape": shape,
        "work": work,
        "events": runs[0].records if runs else 0,
        "rates": [round(run.records / run.cost.cpu_s) for run in runs],
        "peak_mb": max((run.peak_mb for run in runs), default=0),
        "failed": failed,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000, help="events of the large input (default 1000000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each engine runs (default 3)")
    parser.add_argument("--only", nargs="*", default=[], help="names of engines, as in the table")
    options = parser.parse_args()
    end_in_order()
    asyncio.run(main(options.events, options.rounds, options.only))
