"""Both stages wired in memory: a simulated hour comes out as it went in."""

import json
from collections import Counter
from zlib import crc32

import pytest

from streams.books import MemoryRecord
from streams.contacts.settings import FoldSettings
from streams.facts.primitives import LEFT_REASONS, REJECTED_REASONS
from streams.metrics.settings import Variants
from streams.pipeline import Pipeline
from streams.sources.routing import Router
from streams.sources.simulator import SimulationSettings, Simulator
from streams.windows.settings import WindowSettings

TOPICS = {"calls": ["voice"], "chats": ["chat"]}
PARTITIONS = 3
HOUR_MS = 3_600_000


def records(**settings):
    """(source, record) of a simulated hour, in order of arrival."""
    simulation = SimulationSettings(seed=4, duration_ms=HOUR_MS, rate_per_hour=900, **settings)
    router, offsets, found = Router(TOPICS), Counter(), []
    for arrival in Simulator(simulation).events():
        route = router.route(arrival.line)
        partitions = range(PARTITIONS) if route.broadcast else [crc32(route.key or b"") % PARTITIONS]
        for source in ((topic, partition) for topic in route.topics for partition in partitions):
            found.append((source, MemoryRecord(offsets[source], arrival.arrival_ms, route.key, arrival.line)))
            offsets[source] += 1
    return found


def pipeline():
    return Pipeline(FoldSettings(), WindowSettings(whole_log=True), Variants())


def fed(some, batch=10_000):
    line = pipeline()
    for begin in range(0, len(some), batch):
        line.feed(some[begin : begin + batch])
    return line


def values(line, window="all"):
    """(channel, queue) → KPI → value at the pipeline's own clock."""
    return {(view.channel, view.queue): view.windows[window] for view in line.views(line.clock)}


@pytest.fixture(scope="module")
def bad_hour():
    """An hour with everything that goes wrong on the way."""
    return records(disorder_ms=30_000, duplicate_share=0.05, bad_share=0.05)


@pytest.fixture(scope="module")
def after(bad_hour):
    return fed(bad_hour)


def test_what_became_of_the_records_sums_to_the_records(bad_hour, after):
    assert sum(after.outcomes.values()) == len(bad_hour)
    assert after.outcomes.keys() >= {"applied", "duplicate", "rejected"}
    assert sum(after.rejections.values()) == after.outcomes["rejected"]


def test_what_was_not_taken_is_a_dead_letter(after):
    refused = sum(after.outcomes.get(name, 0) for name in ("rejected", "unknown", "too_late"))

    assert len(after.dead_letters) == refused > 0


def test_a_visit_is_published_once(after):
    published = Counter((visit["channel"], visit["contact"], visit["visit"]) for visit in visits(after))

    assert set(published.values()) == {1}


def visits(line):
    return [json.loads(output.value) for output in line.visits]


def test_the_visits_sum_to_the_numbers(after):
    outcomes = Counter((visit["channel"], visit["queue"], visit["outcome"]) for visit in visits(after))
    numbers = values(after)
    counted = {
        (channel, queue, outcome): kpis[outcome]
        for (channel, queue), kpis in numbers.items()
        for outcome in ("answered", "abandoned", "flowed_out", "rejected")
        if queue != "*" and kpis[outcome]
    }

    assert counted == outcomes
    assert {outcome for _, _, outcome in outcomes} >= {"answered", "abandoned", "flowed_out"}


def test_the_waits_of_the_visits_sum_to_the_means(after):
    for (channel, queue), kpis in values(after).items():
        waits = [
            visit["wait_ms"]
            for visit in visits(after)
            if visit["outcome"] == "answered" and visit["channel"] == channel and queue in ("*", visit["queue"])
        ]

        assert kpis["asa"] == (pytest.approx(sum(waits) / len(waits) / 1_000) if waits else None)


def test_who_came_in_went_out(after):
    """After the last heartbeat nobody waits: the centre has served those in hand to their end."""
    for kpis in values(after).values():
        assert kpis["offered"] == kpis["answered"] + kpis["abandoned"] + kpis["flowed_out"]
    assert {view.live["waiting"] for view in after.views(after.clock)} == {0}


def test_the_parts_sum_to_the_whole(after):
    numbers = values(after)

    for channel in ("voice", "chat"):
        queues = [kpis for (theirs, queue), kpis in numbers.items() if theirs == channel and queue != "*"]
        for kpi in ("offered", "answered", "abandoned", "flowed_out", "handled", "contacts", "transfers", "replies"):
            assert numbers[channel, "*"][kpi] == sum(kpis[kpi] for kpis in queues)
    for kpis in numbers.values():
        assert kpis["flowed_out"] == sum(kpis[f"flowed_out_{reason}"] for reason in LEFT_REASONS)
        assert kpis["rejected"] == sum(kpis[f"rejected_{reason}"] for reason in REJECTED_REASONS)


def test_what_goes_wrong_on_the_way_changes_no_number(after):
    assert values(after) == values(fed(records()))


@pytest.mark.parametrize("batch", [1_000, 137])
def test_the_size_of_batches_does_not_show(bad_hour, after, batch):
    again = fed(bad_hour, batch)

    assert values(again) == values(after)
    assert sorted(output.value for output in again.visits) == sorted(output.value for output in after.visits)


def test_before_anything_there_is_nothing():
    line = pipeline()

    assert (line.clock, line.views(0), line.visits, line.dead_letters, dict(line.outcomes)) == (0, [], [], [], {})
