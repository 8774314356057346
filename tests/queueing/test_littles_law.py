"""Little's law over a period that begins and ends empty: time-average of `waiting` = arrival rate × mean wait, exactly.

`waiting` is what the pipeline shows at every instant at which anything happens; between two of them nothing changes.
"""

import json
from fractions import Fraction
from itertools import pairwise

import pytest

from tests.queueing.queues import Queue, of_queue, pipeline, replayed

CALLS = 700
QUIET_MS = 120_000
"""Longer than `lateness`: the watermark passes the last call, and all visits are final."""


@pytest.fixture(
    scope="module",
    params=[Queue(10, 11), Queue(10, 9, patience_s=200), Queue(3, 2, aht_s=45, patience_s=30)],
    ids=["everybody waits", "some leave", "most wait, many leave"],
)
def period(request):
    """(line, instants, waiting at each of them)"""
    calls = request.param.calls(CALLS, seed=7)
    instants = sorted({event["time"] for event in calls})
    at_last = {"v": 1, "id": "beat", "type": "heartbeat", "time": instants[-1] + QUIET_MS, "source": "theory"}
    line = pipeline()
    snapshots = list(replayed(line, [*calls, at_last], [*instants, instants[-1] + QUIET_MS]))
    views = [of_queue(snapshot) for snapshot in snapshots]
    return line, instants, [view.live["waiting"] for view in views], views[-1].windows["all"]


def test_the_time_average_of_waiting_is_arrival_rate_times_mean_wait(period):
    _, instants, waiting, whole = period
    length_ms = instants[-1] - instants[0]
    waited_ms = sum(now * (until - since) for now, (since, until) in zip(waiting, pairwise(instants), strict=False))
    arrival_rate = Fraction(whole["offered"], length_ms)
    mean_wait_ms = Fraction(round(whole["wait_avg"] * 1000 * CALLS), CALLS)

    assert waiting[-1] == 0
    assert whole["offered"] == whole["answered"] + whole["abandoned"] == CALLS
    assert Fraction(waited_ms, length_ms) == arrival_rate * mean_wait_ms > 0


def test_the_visits_waited_as_long_as_the_queue_was_seen_waiting(period):
    line, instants, waiting, _ = period
    visits = [json.loads(output.value) for output in line.visits]
    steps = pairwise(instants)

    assert len(visits) == CALLS
    assert sum(visit["wait_ms"] for visit in visits) == sum(
        now * (until - since) for now, (since, until) in zip(waiting, steps, strict=False)
    )


def test_at_every_instant_as_many_wait_as_have_entered_and_not_left(period):
    line, instants, waiting, _ = period
    visits = [json.loads(output.value) for output in line.visits]

    for at, shown in list(zip(instants, waiting, strict=False))[::37]:
        assert shown == sum(visit["entered_at"] <= at < visit["left_at"] for visit in visits)
