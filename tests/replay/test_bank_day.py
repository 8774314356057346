"""A real day of a bank's call centre (Technion SEE laboratory) against values computed from its raw rows."""

import gzip
import json
from collections import defaultdict
from datetime import datetime
from pathlib import Path

import pytest

from tests.cli.commands import contact_streams

QUEUES = ("*", "IN", "NE", "NW", "PE", "PS", "TT")
TARGETS_S = (20, 30, 60, 300)
DAY = "2010-08-01"
CLOCK_TIMES = ("09:00", "10:00", "11:30", "14:00", "16:00", "20:00")

COUNTS = ("offered", "answered", "abandoned", "short_abandoned")
EXACT = {
    "asa": "asa",
    "awt": "wait_avg",
    "ata": "abandon_time_avg",
    "abandon_A1": "abandon_rate_strict",
    "abandon_A3": "abandon_rate_ignore_short",
}
PERCENTILES = {f"p{p}": f"wait_p{p}" for p in (50, 80, 90, 95, 99)}
WITHIN_TARGET = {"N_T": "answered_in_target", "A_T": "abandoned_in_target"}
SERVICE_LEVELS = {
    "V1": "service_level_strict",
    "V2": "service_level_answered_only",
    "V3_short": "service_level_ignore_short",
    "V3_T": "service_level_ignore_in_target",
    "V4": "service_level_abandons_met",
}
"""Name in the golden file → KPI id."""


@pytest.fixture(scope="module")
def day(shared_data: Path) -> Path:
    return shared_data / "bank_one_day.events.jsonl.gz"


@pytest.fixture(scope="module")
def expected(shared_data: Path):
    return json.loads((shared_data / "bank_one_day.golden.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def talk_s(day) -> dict[str, float]:
    """Queue → mean talk time by the events: from the answer to the end.

    The golden file's `talk_mean` is the raw rows' service time, which begins about a second before the queue's exit,
    and so before the answer; no event carries it.
    """
    events = [json.loads(line) for line in gzip.decompress(day.read_bytes()).splitlines()]
    answers = {event["contact"]: event for event in events if event["type"] == "agent.connected"}
    talks = defaultdict(list)
    for event in events:
        if event["type"] == "contact.ended" and (answer := answers.get(event["contact"])):
            for queue in (answer["queue"], "*"):
                talks[queue].append((event["time"] - answer["time"]) / 1000)
    return {queue: sum(times) / len(times) for queue, times in talks.items()}


def replayed(*arguments: object):
    """(at_ms, queue, window) → KPIs."""
    done = contact_streams("replay", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {(line["at_ms"], line["queue"], line["window"]): line["kpis"] for line in lines}


@pytest.fixture(scope="module", params=TARGETS_S, ids=lambda target_s: f"target-{target_s}s")
def whole_day(request, day, tmp_path_factory):
    """Target in seconds, and queue → KPIs of the whole log."""
    config = tmp_path_factory.mktemp("config") / "contact-streams.yaml"
    config.write_text(f"queues: {{defaults: {{target_s: {request.param}}}}}", encoding="utf-8")
    views = replayed(day, "--config", config)
    return request.param, {queue: kpis for (_, queue, window), kpis in views.items() if window == "all"}


@pytest.mark.parametrize("queue", QUEUES)
def test_the_whole_day(whole_day, expected, talk_s, queue):
    target_s, by_queue = whole_day
    kpis, golden = by_queue[queue], expected[queue]
    by_target = golden[f"sl{target_s}"]

    assert {name: kpis[name] for name in COUNTS} == {name: golden[name] for name in COUNTS}
    assert {kpi: kpis[kpi] for kpi in WITHIN_TARGET.values()} == {k: by_target[g] for g, k in WITHIN_TARGET.items()}
    assert {kpi: kpis[kpi] for kpi in EXACT.values()} == {
        kpi: golden[name] if golden[name] is None else pytest.approx(golden[name], rel=1e-9, abs=1e-12)
        for name, kpi in EXACT.items()
    }
    assert {kpi: kpis[kpi] for kpi in SERVICE_LEVELS.values()} == {
        kpi: pytest.approx(by_target[name], rel=1e-9, abs=1e-12) for name, kpi in SERVICE_LEVELS.items()
    }
    assert {kpi: kpis[kpi] for kpi in PERCENTILES.values()} == {
        kpi: pytest.approx(golden[name], rel=0.011) for name, kpi in PERCENTILES.items()
    }
    assert kpis["talk_avg"] == pytest.approx(talk_s[queue], rel=1e-9)
    assert kpis["talk_avg"] == pytest.approx(golden["talk_mean"], abs=1.5)
    assert kpis["service_level"] == kpis["service_level_ignore_short"]
    assert kpis["abandon_rate"] == kpis["abandon_rate_ignore_short"]


def test_no_queue_is_missing_and_none_is_made_up(whole_day):
    _, by_queue = whole_day

    assert by_queue.keys() == {*QUEUES, "-"}
    assert by_queue["-"]["offered"] == 0


@pytest.fixture(scope="module")
def through_the_day(day):
    instants = [argument for time in CLOCK_TIMES for argument in ("--at", f"{DAY}T{time}:00Z")]
    return replayed(day, *instants)


@pytest.mark.parametrize("time", CLOCK_TIMES)
def test_live_at_clock_times(through_the_day, expected, time):
    at_ms = round(datetime.fromisoformat(f"{DAY}T{time}:00+00:00").timestamp() * 1000)
    live, golden = through_the_day[at_ms, "*", "live"], expected["live"][time]

    assert (live["waiting"], live["longest_wait"]) == (golden["waiting"], golden["longest"])


def test_partitions_make_no_difference(day):
    assert replayed(day, "--partitions", 1) == replayed(day, "--partitions", 13)


def test_nothing_of_the_day_is_rejected_late_or_counted_twice(day):
    done = contact_streams("replay", day, "--strict")

    assert done.returncode == 0
    assert "8462 records: 8462 applied" in done.stderr
