"""A worker's garbage collector never goes through what is old: with millions of contacts that would take seconds."""

import subprocess
import sys

from tests.worker.rig import REPOSITORY

GROWING = """
import gc
from streams.worker.compose import spare_the_old

spare_the_old()
gc.collect()
before = [generation["collections"] for generation in gc.get_stats()]
state = [[number] for number in range(5_000_000)]
young, middle, old = (after["collections"] - was for after, was in zip(gc.get_stats(), before))
print(young > 10, middle > 2, old, gc.get_freeze_count() > 3_000_000)

cycle = [[]]
cycle[0].append(cycle)
del cycle
print(gc.collect(1) > 0)
"""


def test_only_new_objects_are_looked_at():
    result = subprocess.run(
        [sys.executable, "-c", GROWING], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )

    assert result.stdout.splitlines() == ["True True 0 True", "True"], result.stderr
