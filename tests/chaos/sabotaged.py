"""Short runs of workers without one of the guarantees: what the suite finds."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tests.chaos.campaign import Campaign, Fault, Plan, campaign
from tests.chaos.faults import sigkill, sleeper

PLAN: Final = Plan(rate=600, workers=2, partitions=2, patience_s=30, deadline_s=45, settle_s=45)


def time_passes(run: Campaign) -> None:
    run.rest(15)


def all_killed_thrice(run: Campaign) -> None:
    """Stage 1 knows the events that come again, stage 2 has to rely on its offset: each kill must hit its flush."""
    for _ in range(3):
        for worker in run.running():
            run.kill(worker)
        run.tend()
        run.until_ready(run.centre.workers[-1])
        run.rest(6)


FAULT_FOR: Final[Mapping[str, Fault]] = MappingProxyType(
    {
        "fencing off": sleeper,
        "offset outside the transaction": all_killed_thrice,
        "trim after a seek off": time_passes,
        "fetches dropped under back-pressure": time_passes,
        "progress faked": sigkill,
        "going back": time_passes,
        "dropped fetches": time_passes,
    }
)
"""Sabotage or occasion → what brings it to light."""


def findings(which: str, directory: Path) -> list[str]:
    """Which guarantees do not hold in a run of workers so changed."""
    plan = PLAN._replace(program=("tests.chaos.sabotage", which))
    with campaign(plan, directory) as run:
        run.inject(which, FAULT_FOR[which])
        return run.judged().broken
