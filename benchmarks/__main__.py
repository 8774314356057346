"""Every benchmark, one after the other, and the page that says what came out.

    python -m benchmarks [NAME…] [--quickly]

What fails is said and does not keep the others from running. `--quickly`: small inputs and one round, to see that all
of it works.
"""

import argparse
import subprocess
import sys
import time
from typing import Final

from benchmarks import report

PROGRAMS: Final[dict[str, tuple[str, ...]]] = {
    "side_by_side": ("--events", "100000", "--rounds", "1"),
    "traffic": ("--events", "10000"),
    "growth": ("--events", "20000", "--rounds", "1", "--open", "10000"),
    "latency": ("--seconds", "40"),
    "scrape": ("--samples", "30000", "--rounds", "1"),
    "redis_cost": ("--queues", "100", "--ticks", "3"),
}
"""Module → its arguments with `--quickly`."""


def main(names: list[str], *, quickly: bool) -> int:
    """Run them; returns the exit code."""
    failed = []
    for name in names or PROGRAMS:
        began = time.monotonic()
        print(f"== {name}", flush=True)
        arguments = PROGRAMS[name] if quickly else ()
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *arguments], check=False).returncode:
            failed.append(name)
        print(f"-- {time.monotonic() - began:.0f} s", flush=True)
    report.write()
    print(f"written: {report.RESULTS}" + (f"; failed: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"some of them only: {', '.join(PROGRAMS)}")
    parser.add_argument("--quickly", action="store_true", help="small inputs and one round")
    options = parser.parse_args()
    sys.exit(main(options.names, quickly=options.quickly))
