"""A queue that theory knows goes through the pipeline: what comes out is what the formulas say.

The run is cut into batches; the mean over them lies within its confidence interval of the value of the formula.
"""

import math
from itertools import pairwise
from statistics import mean, stdev
from typing import NamedTuple

import pytest

from streams.metrics.erlang import ErlangA, ErlangC
from tests.queueing.queues import START_MS, Queue, of_queue, pipeline, replayed

CALLS = 20_000
BATCHES = 24
WARM_UP_MS = 2 * 3_600_000
TARGET_S = 20
T_QUANTILE = 2.807
"""Student's t, two-sided 99 %, 23 degrees of freedom."""

ENDLESS = [Queue(10, 14), Queue(4, 6, aht_s=60)]
IMPATIENT = [Queue(10, 14, patience_s=300), Queue(10, 9, patience_s=120)]


class Sums(NamedTuple):
    """What the window `all` counts, waits and talk in seconds."""

    answered: float
    in_target: float
    abandoned: float
    waited_by_answered: float
    waited: float
    talked: float


def sums(snapshot) -> Sums:
    values = of_queue(snapshot).windows["all"]
    outcomes = values["answered"] + values["abandoned"]
    return Sums(
        values["answered"],
        values["answered_in_target"],
        values["abandoned"],
        values["asa"] * values["answered"],
        values["wait_avg"] * outcomes,
        values["talk_avg"] * values["handled"],
    )


def batches(queue: Queue, seed: int) -> tuple[float, list[Sums]]:
    """Length of a batch in seconds, and what each of them adds to the window `all`."""
    calls = queue.calls(CALLS, seed)
    last_arrival = max(event["time"] for event in calls if event["type"] == "queue.entered")
    length_ms = (last_arrival - START_MS - WARM_UP_MS) // BATCHES
    cuts = [START_MS + WARM_UP_MS + number * length_ms for number in range(BATCHES + 1)]
    totals = [sums(snapshot) for snapshot in replayed(pipeline(), calls, cuts)]
    added = [Sums(*(now - then for then, now in zip(*both, strict=True))) for both in pairwise(totals)]
    return length_ms / 1000, added


def assert_mean(values: list[float], expected: float, precision: float) -> None:
    """The mean over batches is as expected, within its confidence interval, and that is narrow enough to tell.

    `precision`: the share of the value that half the interval is less than. Waits vary most: few customers wait long.
    """
    half = T_QUANTILE * stdev(values) / math.sqrt(len(values))

    assert mean(values) == pytest.approx(expected, abs=half)
    assert half < precision * expected


def name(queue: Queue) -> str:
    return f"{queue.erlangs}-erlangs-{queue.agents}-agents"


@pytest.mark.parametrize("queue", ENDLESS, ids=name)
def test_a_queue_that_everybody_waits_in_is_as_erlang_c_says(queue):
    theory = ErlangC(queue.erlangs, queue.agents, queue.aht_s)
    length_s, found = batches(queue, seed=11)

    assert sum(batch.abandoned for batch in found) == 0
    assert_mean([b.in_target / b.answered for b in found], theory.service_level(TARGET_S), 0.1)
    assert_mean([b.waited_by_answered / b.answered for b in found], theory.asa_s, 0.5)
    assert_mean([b.talked / length_s / queue.agents for b in found], theory.occupancy, 0.05)


@pytest.mark.parametrize("queue", IMPATIENT, ids=name)
def test_a_queue_that_customers_leave_is_as_erlang_a_says(queue):
    theory = ErlangA(queue.erlangs, queue.agents, queue.aht_s, queue.patience_s)
    length_s, found = batches(queue, seed=12)

    assert_mean([b.in_target / (b.answered + b.abandoned) for b in found], theory.service_level(TARGET_S), 0.1)
    assert_mean([b.abandoned / (b.answered + b.abandoned) for b in found], theory.abandon_probability, 0.4)
    assert_mean([b.waited_by_answered / b.answered for b in found], theory.asa_s, 0.5)
    assert_mean([b.waited / (b.answered + b.abandoned) for b in found], theory.wait_avg_s, 0.5)
    assert_mean([b.talked / length_s / queue.agents for b in found], theory.occupancy, 0.05)
