"""Calls, chats, tickets, agents and surveys through Kafka and two workers, one of them killed: what a replay says.

The replay folds the same lines without a broker, and takes its views at the instants that Redis shows.
"""

import json
import signal
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from tests.cli.commands import contact_streams_here
from tests.end_to_end.centre import Centre
from tests.end_to_end.shown import ABOUT

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

CHANNELS = {"voice", "chat", "ticket", "agents"}
SETTINGS = {
    "timezone": "Europe/Berlin",
    "calendars": {"office": {"timezone": "Europe/Berlin", "week": {"daily": ["00:00-12:00", "12:30-24:00"]}}},
    "queues": {"defaults": {"calendar": "office"}},
    "ticket_targets": [
        {"metric": "first_reply", "target": "10m", "from": "2020-01-01"},
        {"metric": "resolution", "target": "20m", "clock": "business", "from": "2020-01-01"},
    ],
}

Values = Mapping[str, float]


@pytest.fixture
def centre(bench: Centre) -> Centre:
    """With all the topics that there are by default."""
    config = yaml.safe_load(bench.config.read_text())
    del config["topics"]
    bench.config.write_text(yaml.safe_dump(config | SETTINGS), encoding="utf-8")
    bench.create_topics()
    return bench


def simulated(directory: Path) -> Path:
    """Forty minutes that end a while before now."""
    file = directory / "centre.jsonl"
    start = datetime.fromtimestamp(time.time() - 3 * 3_600, UTC).isoformat()
    done = contact_streams_here(
        "simulate", "--rate", "300/h", "--duration", "40m", "--start", start, "--no-heartbeats", "--out", file
    )
    assert done.returncode == 0, done.stderr
    return file


def in_redis(centre: Centre) -> dict[tuple[str, str], dict[str, str]]:
    """(channel, queue) → hash, of the lines that are live."""
    prefix = f"{centre.name}:view:"
    keys = [key.removeprefix(prefix).split(":", 1) for key in centre.redis.scan_iter(f"{prefix}*", count=1_000)]
    found = {(channel, queue): centre.redis.hgetall(f"{prefix}{channel}:{queue}") for channel, queue in keys}
    return {line: fields for line, fields in found.items() if fields.get("state") == "live"}


def by_replay(centre: Centre, file: Path, instants: set[int]) -> dict[tuple[int, str, str], Values]:
    """(instant, channel, queue) → field as in Redis → value."""
    asked = [word for at in sorted(instants) for word in ("--at", str(at))]
    done = contact_streams_here("replay", file, "--json", "--config", centre.config, *asked)
    assert done.returncode == 0, done.stderr
    found: dict[tuple[int, str, str], dict[str, float]] = {}
    for line in map(json.loads, done.stdout.splitlines()):
        window = "" if line["window"] == "live" else f":{line['window']}"
        values = {f"{kpi}{window}": value for kpi, value in line["kpis"].items() if value is not None}
        found.setdefault((line["at_ms"], line["channel"], line["queue"]), {}).update(values)
    return found


def differences(centre: Centre, file: Path, settled_at: int) -> list[str]:
    """What Redis shows otherwise than the replay, of all lines that are live and know everything."""
    shown = in_redis(centre)
    missing = CHANNELS - {channel for channel, _ in shown}
    early = [line for line, fields in shown.items() if int(fields["as_of_ms"]) <= settled_at]
    if missing or early:
        return [f"not there: {missing}, not yet: {early}"]
    said = by_replay(centre, file, {int(fields["as_of_ms"]) for fields in shown.values()})
    return [
        f"{channel} {queue} {field}: {fields.get(field)}, by replay {expected.get(field)}"
        for (channel, queue), fields in shown.items()
        for expected in [said[int(fields["as_of_ms"]), channel, queue]]
        for field in sorted((fields.keys() | expected.keys()) - set(ABOUT))
        if ":all" not in field and _number(fields.get(field)) != pytest.approx(expected.get(field), rel=1e-9)
    ]


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def test_redis_shows_of_every_kind_what_a_replay_says(centre, tmp_path):
    file = simulated(tmp_path)
    victim, _ = centre.ready_workers(2)
    assert centre.command("produce", file).returncode == 0
    victim.signal(signal.SIGKILL)
    victim.wait(10)
    settled_at = centre.settled_at()

    # The numbers of surveys have an instant of their own: a look may fall between two panes.
    looks = centre.first(lambda: differences(centre, file, settled_at), lambda found: found == [], 90, "all agree")

    assert looks == []
    assert {"backlog", "sla_breached_open"} <= in_redis(centre)["ticket", "*"].keys()
    assert float(in_redis(centre)["agents", "*"]["agents_staffed"]) > 0
