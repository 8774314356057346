"""Is it faster or slower than it was? The worker beside the plain fold, and the core in memory, as ratios.

    python -m benchmarks.quick [--events 150000] [--rounds 3] [--update]

Three minutes on a machine that does nothing else. Ratios within a run are kept, not times: baseline.json holds the
median and the range of each, and a difference counts only where the ranges do not touch. `--update` makes what was
measured the new baseline.
"""

import argparse
import asyncio
import json
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

from benchmarks import calls
from benchmarks.broker import Broker
from benchmarks.day import simulate
from benchmarks.engines import ENGINES
from benchmarks.fold import Inputs, contacts, cpu_us, decode_only, facts_of, views
from benchmarks.processes import end_in_order
from benchmarks.side_by_side import Bench
from tests import servers

BASELINE: Final = Path(__file__).parent / "baseline.json"
CHUNK: Final = 20_000
PLAIN: Final = next(engine for engine in ENGINES if engine.name == "plain Python" and engine.shape == "rolling")


class Ratio(msgspec.Struct, frozen=True):
    """A figure, and how far its rounds lay apart."""

    median: float
    least: float
    most: float

    @staticmethod
    def of(rounds: Sequence[float]) -> "Ratio":
        return Ratio(*(round(value, 4) for value in (median(rounds), min(rounds), max(rounds))))

    def verdict(self, before: "Ratio") -> str:
        """Against a baseline; more is better."""
        if self.least > before.most:
            return "BETTER"
        return "WORSE" if self.most < before.least else "no difference beyond noise"


Ratios = Mapping[str, Ratio]


def core(events: int, rounds: int) -> dict[str, list[float]]:
    """The stages in memory: bare decoding's time over theirs, a ratio a round."""
    inputs = Inputs(simulate(events))
    stages = {"contacts": contacts(CHUNK), "views": views(facts_of(inputs, CHUNK), CHUNK)}
    taken: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        decoding = cpu_us(decode_only, inputs)
        for name, stage in stages.items():
            taken[f"decoding over {name}, in memory"].append(decoding / cpu_us(stage, inputs))
    return taken


async def worker(events: int, rounds: int) -> dict[str, list[float]]:
    """The worker's events per CPU-second over the plain fold's, a ratio a round; both right."""
    taken = []
    with servers.kafka() as address, servers.redis() as url, tempfile.TemporaryDirectory(prefix="bench-") as directory:
        bench = Bench(Broker(address, url, Path(directory)))
        await bench.fill(events, ["large"])
        for number in range(rounds):
            plain = await bench.peer(PLAIN, number)
            ours = await bench.ours(number)
            taken.append(plain.cost.cpu_s / ours.cost.cpu_s)
            print(f"round {number + 1}: plain {plain.cost.cpu_s:.2f} CPU-s, worker {ours.cost.cpu_s:.2f}", flush=True)
    return {f"worker over plain fold, {calls.QUEUES} queues": taken}


def main(events: int, rounds: int, *, update: bool) -> None:
    taken = {**core(events // 3, rounds), **asyncio.run(worker(events, rounds))}
    now: Ratios = {name: Ratio.of(rounds_) for name, rounds_ in taken.items()}
    before = msgspec.json.decode(BASELINE.read_bytes(), type=dict[str, Ratio]) if BASELINE.exists() else {}
    print(f"{'':42}  {'now':>24}  {'baseline':>24}")
    for name, ratio in now.items():
        known = before.get(name)
        verdict = "no baseline" if known is None else ratio.verdict(known)
        print(f"{name:42}  {_shown(ratio):>24}  {_shown(known):>24}  {verdict}")
    if update:
        kept = {name: msgspec.to_builtins(ratio) for name, ratio in now.items()}
        BASELINE.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def _shown(ratio: Ratio | None) -> str:
    return "–" if ratio is None else f"{ratio.median:.3f} ({ratio.least:.3f}–{ratio.most:.3f})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=150_000, help="events to fold (default 150000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    parser.add_argument("--update", action="store_true", help="make this the baseline")
    options = parser.parse_args()
    end_in_order()
    main(options.events, options.rounds, update=options.update)
