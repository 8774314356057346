"""A simulated call centre of 261 days whose every call says whether it was answered in time, against its own flag."""

import csv
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from streams.contacts.settings import FoldSettings, Thresholds
from streams.metrics.settings import Variants
from streams.pipeline import Pipeline
from streams.sources.replay import Replay
from streams.sources.routing import Router
from streams.windows.settings import WindowSettings

TARGET_MS = 60_000
DAY_MS = 86_400_000
PARTITIONS = 4


class Call(NamedTuple):
    """One row. Times are epoch ms; the stated lengths differ from the differences of the rounded times by a second."""

    contact: str
    day: int
    started_at: int
    answered_at: int
    ended_at: int
    wait_ms: int
    service_ms: int
    meets_standard: bool


def call(row: dict[str, str]) -> Call:
    started_at, answered_at, ended_at = (
        instant(row["date"], row[column]) for column in ("call_started", "call_answered", "call_ended")
    )
    return Call(
        row["call_id"],
        started_at // DAY_MS,
        started_at,
        answered_at,
        ended_at,
        int(row["wait_length"]) * 1000,
        int(row["service_length"]) * 1000,
        row["meets_standard"] == "TRUE",
    )


def instant(date: str, clock: str) -> int:
    return round(datetime.strptime(f"{date} {clock}", "%m/%d/%Y %I:%M:%S %p").replace(tzinfo=UTC).timestamp() * 1000)


def events(call: Call) -> Iterator[dict[str, Any]]:
    """Entered, answered, ended: with the lengths that the row states."""
    steps: list[tuple[str, int, dict[str, Any]]] = [
        ("queue.entered", call.started_at, {"queue": "service"}),
        ("agent.connected", call.answered_at, {"queue": "service", "agent": "any", "wait_ms": call.wait_ms}),
        ("contact.ended", call.ended_at, {"by": "customer", "talk_ms": call.service_ms, "hold_ms": 0}),
    ]
    for what, at, fields in steps:
        head = {"v": 1, "id": f"{call.contact}:{what}", "type": what, "time": at}
        yield {**head, "channel": "voice", "contact": call.contact, **fields}


@pytest.fixture(scope="module")
def calls(shared_data) -> list[Call]:
    path = shared_data / "simulated_call_centre.csv.gz"
    if not path.exists():
        pytest.skip(f"no {path.name} in the real data beside the repository")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as rows:
        return [call(row) for row in csv.DictReader(rows)]


@pytest.fixture(scope="module")
def snapshots(calls):
    """The queue's view at the last instant of each day with calls, and a day after the last."""
    ordered = sorted((event for call in calls for event in events(call)), key=lambda event: event["time"])
    lines = [json.dumps(event).encode() for event in ordered]
    ends = [(day + 1) * DAY_MS - 1 for day in {call.day for call in calls}]
    line = Pipeline(
        FoldSettings(defaults=Thresholds(target_ms=TARGET_MS)),
        WindowSettings(windows=("today",), whole_log=True),
        Variants(),
    )
    chunks = (lines[begin : begin + 5_000] for begin in range(0, len(lines), 5_000))
    run = Replay(Router({"calls": ["voice"]}), line, PARTITIONS).run(chunks, [*ends, max(ends) + DAY_MS])
    return {at: view for at, views in run for view in views if view.queue == "service"}


def test_the_whole_log_is_what_its_own_flag_says(calls, snapshots):
    whole = snapshots[max(snapshots)].windows["all"]

    assert sum(call.meets_standard for call in calls) == 47_481
    assert {kpi: whole[kpi] for kpi in ("offered", "answered", "answered_in_target", "abandoned", "handled")} == {
        "offered": 51_708, "answered": 51_708, "answered_in_target": 47_481, "abandoned": 0, "handled": 51_708,
    }  # fmt: skip
    assert whole["service_level"] == whole["service_level_strict"] == 47_481 / 51_708
    assert whole["asa"] == pytest.approx(17.035, abs=5e-4)
    assert whole["asa"] == pytest.approx(sum(call.wait_ms for call in calls) / 51_708 / 1000, rel=1e-12)
    assert whole["talk_avg"] == pytest.approx(sum(call.service_ms for call in calls) / 51_708 / 1000, rel=1e-12)


def test_each_day_is_what_its_own_flags_say(calls, snapshots):
    """By day: how many were answered, how many of them in time, and how long they waited in all."""
    answered = Counter(call.answered_at // DAY_MS for call in calls)
    in_time = Counter(call.answered_at // DAY_MS for call in calls if call.meets_standard)
    waited_ms: Counter[int] = Counter()
    for one in calls:
        waited_ms[one.answered_at // DAY_MS] += one.wait_ms
    expected = {day: (n, in_time[day], waited_ms[day], in_time[day] / n) for day, n in answered.items()}

    days = {at // DAY_MS: view.windows["today"] for at, view in snapshots.items() if at // DAY_MS in answered}

    assert len(expected) == 261
    assert {day: figures(today) for day, today in days.items()} == expected


def figures(today) -> tuple[int, int, int, float]:
    waited_ms = round(today["asa"] * today["answered"] * 1000)
    return today["answered"], today["answered_in_target"], waited_ms, today["service_level"]


def test_nobody_waits_when_the_day_is_over(snapshots):
    assert {view.live["waiting"] for view in snapshots.values()} == {0}
    assert snapshots[max(snapshots)].windows["today"]["answered"] == 0
