"""Rules, routes and dashboards in a running stack: Kafka, Redis, a worker under load, Prometheus, Alertmanager.

The tests follow each other: the stack is up, callers wait for nobody, the worker dies.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.end_to_end.centre import Centre, Worker
from tests.monitoring.grafana import asked, replaced
from tests.monitoring.stack import JOB, WITHIN_S, Stack, Told, stack, wait_for
from tests.servers import redis

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.prometheus, pytest.mark.alertmanager]

DASHBOARDS = sorted((REPOSITORY / "deploy" / "grafana").glob("*.json"))
LIMIT_S = 5
DEAF = "deaf"
"""A queue that nobody answers."""

VALUES = {"job": JOB, "channel": ".*", "queue": ".*", "window": "60m", "__rate_interval": "30s"}
NAMES = {name: f"${name}" for name in VALUES}

SETTINGS = {
    "queues": {DEAF: {"longest_wait_limit_s": LIMIT_S}},
    "ticket_targets": [
        {"metric": metric, "target": target}
        for metric, target in (
            ("first_reply", "5m"), ("next_reply", "5m"), ("requester_wait", "10m"), ("agent_work", "10m"),
            ("resolution", "20m"),
        )
    ],
}  # fmt: skip


class Running(NamedTuple):
    """All of it."""

    centre: Centre
    worker: Worker
    stack: Stack
    told: Told


@pytest.fixture(scope="module")
def running(brokers: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A worker that is fed by a simulated centre, from 40 minutes ago on."""
    directory: Path = tmp_path_factory.mktemp("monitoring")
    with redis() as redis_url, closing(small(brokers, redis_url, directory)) as made, Told() as told:
        (worker,) = made.ready_workers(1)
        targets = [f"127.0.0.1:{worker.port}"]
        with stack(made.config, targets, told.address, directory, interval="2s") as servers, simulated(made):
            yield Running(made, worker, servers, told)


def small(brokers: str, redis_url: str, directory: Path) -> Centre:
    """A centre with topics of every kind, of few partitions."""
    made = Centre(brokers, redis_url, "monitoring", directory)
    config = yaml.safe_load(made.config.read_text(encoding="utf-8"))
    del config["topics"]
    # On a machine that is busy a flush may take long: this is no test of that.
    config["kafka"] |= {"facts_partitions": 2, "session_timeout": "60s"}
    made.config.write_text(yaml.safe_dump(config | SETTINGS), encoding="utf-8")
    created = made.command("topics", "create", "--partitions", 2)
    assert created.returncode == 0, created.stderr
    return made


def simulated(made: Centre) -> subprocess.Popen[bytes]:
    """The last 40 minutes and on, with what goes wrong in life. Ends with its `with`."""
    faults = ["--disorder", "5s", "--duplicates", "0.02", "--bad", "0.02", "--staffing", "0.8"]
    command = ["simulate", "--rate", "900/h", "--backfill", "40m", "--brokers", made.brokers, *faults]
    return _Simulator([sys.executable, "-m", "streams", *command, "--config", str(made.config)], cwd=REPOSITORY)


class _Simulator(subprocess.Popen[bytes]):
    def __exit__(self, *of: object) -> None:
        self.send_signal(signal.SIGKILL)
        super().__exit__(*of)


def test_every_query_of_every_dashboard_is_answered_with_data(running):
    """All variables replaced as Grafana would; each sooner or later: at times nobody waits, or nothing is live."""
    silent = {(path.stem, *question) for path in DASHBOARDS for question in asked(json.loads(path.read_text()), NAMES)}
    assert len(silent) > 100

    def all_answered() -> bool:
        answered = [question for question in silent if any(map(running.stack.query, filled(running.stack, question)))]
        silent.difference_update(answered)
        return not silent

    try:
        wait_for(all_answered, "every query has an answer")
    except AssertionError as failure:
        failure.add_note("\n".join(map(str, sorted(silent))))
        raise


def filled(servers: Stack, question: tuple[str, str, str]) -> Iterator[str]:
    """The query for all queues, or for the busiest queue of each channel where one is looked at."""
    dashboard, _, query = question
    chosen = queues(servers) if dashboard == "queue" else [(".*", ".*")]
    for channel, queue in chosen:
        yield replaced(query, {**VALUES, "channel": channel, "queue": queue})


def queues(servers: Stack) -> list[tuple[str, str]]:
    """The busiest queue of each channel."""
    found = servers.query('topk by (channel) (1, contact_window_offered{window="60m",queue!~"[*@#].*|-"})')
    return [(each["metric"]["channel"], each["metric"]["queue"]) for each in found]


def test_who_waits_for_nobody_is_told_of(running):
    now_ms = time.time_ns() // 1_000_000
    called = {
        "v": 1, "id": "deaf-1", "type": "queue.entered", "time": now_ms, "channel": "voice", "contact": "deaf-1",
        "queue": DEAF,
    }  # fmt: skip
    assert running.centre.produce([json.dumps(called).encode()]).returncode == 0

    wait_for(lambda: running.told.of("LongestWaitOverLimit", "supervisors", queue=DEAF), "the supervisors are told")

    (told,) = running.told.of("LongestWaitOverLimit", "supervisors", queue=DEAF)[:1]
    assert (told.status, told.labels["channel"], told.labels["severity"]) == ("firing", "voice", "warning")
    assert told.annotations["description"].endswith(f"the limit {LIMIT_S} s.")
    assert told.annotations["runbook_url"] == "docs/runbooks/LongestWaitOverLimit.md"
    assert told.at - now_ms / 1_000 < WITHIN_S


def test_a_dead_worker_is_told_of_and_silences_the_queues(running):
    wait_for(lambda: active(running), "the queue's alert is there")
    running.worker.kill()

    wait_for(lambda: running.stack.alerts("ContactStreamsNoData"), "there is no data")
    wait_for(lambda: not active(running), "the queue's alert is none any more")
    silenced = of_the_deaf_queue(running)
    wait_for(lambda: running.told.of("ContactStreamsNoData", "on-call"), "whoever is on call is told")
    wait_for(lambda: running.told.of("ContactStreamsNoData", "engineers"), "the engineers are told too")

    (no_data,) = running.stack.alerts("ContactStreamsNoData")
    assert no_data["labels"]["severity"] == "critical"
    assert [each["status"]["state"] for each in silenced] == ["suppressed"]
    assert [each["status"]["inhibitedBy"] for each in silenced] == [[no_data["fingerprint"]]]


def of_the_deaf_queue(running: Running) -> list[dict]:
    return [each for each in running.stack.alerts("LongestWaitOverLimit") if each["labels"]["queue"] == DEAF]


def active(running: Running) -> bool:
    return [each["status"]["state"] for each in of_the_deaf_queue(running)] == ["active"]
