"""From a fault to the notification, with all intervals as shipped: `python -m tests.monitoring.measure`.

Needs Kafka, Redis, Prometheus and Alertmanager, and takes some minutes; what it printed stands in docs/alerts.md.
"""

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.end_to_end.centre import Centre
from tests.monitoring.stack import Told, stack, wait_for
from tests.monitoring.test_stack import DEAF, LIMIT_S, simulated, small
from tests.servers import kafka, redis

DESK = "desk"
"""A queue whose only agent goes home."""


def main() -> None:
    """Print what happened and how many seconds later somebody was told."""
    with (
        tempfile.TemporaryDirectory() as home,
        kafka() as brokers,
        redis() as redis_url,
        closing(small(brokers, redis_url, Path(home))) as centre,
        Told() as told,
    ):
        (worker,) = centre.ready_workers(1)
        with stack(centre.config, [f"127.0.0.1:{worker.port}"], told.address, Path(home)) as servers, simulated(centre):
            wait_for(lambda: servers.query('contact_streams_live{channel="voice"} == 1'), "the calls are live")
            callers_wait(centre, told)
            with stopped("redis-server"):
                show("Redis stood still", time.time(), told, "ContactStreamsSinkDown", "on-call")
            with stopped("kafka.Kafka"):
                began = time.time()
                show("Kafka stood still", began, told, "ContactStreamsCatchingUp", "on-call")
                show("Kafka stood still", began, told, "ContactStreamsCheckpointOld", "engineers")
            wait_for(lambda: servers.query('contact_streams_live{channel="voice"} == 1'), "the calls are live again")
            worker.kill()
            show("the only worker was killed", time.time(), told, "ContactStreamsNoData", "on-call")


def callers_wait(centre: Centre, told: Told) -> None:
    """In a queue that nobody answers, and in one whose agent has gone."""
    began = time.time()
    at = int(began * 1_000)
    gone = [
        event(state, at - 1 + n, type="agent.state", agent="ann", state=state, queues=[DESK])
        for n, state in enumerate(("available", "offline"))
    ]
    callers = [
        event(queue, at, type="queue.entered", channel="voice", contact=queue, queue=queue) for queue in (DEAF, DESK)
    ]
    assert centre.produce([*gone, *callers]).returncode == 0
    show(f"a caller had waited for longer than {LIMIT_S} s", began + LIMIT_S, told, "LongestWaitOverLimit",
         "supervisors", queue=DEAF)  # fmt: skip
    show("a caller came, and nobody was staffed", began, told, "NobodyStaffed", "on-call", queue=DESK)


@contextmanager
def stopped(word: str) -> Iterator[None]:
    """A server of this process does nothing for a while."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="utf-8").split()
    (server,) = (int(pid) for pid in children if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(server, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server, signal.SIGCONT)


def event(name: str, at: int, **fields: object) -> bytes:
    return json.dumps({"v": 1, "id": f"measured-{name}", "time": at, **fields}).encode()


def show(fault: str, since: float, told: Told, alert: str, receiver: str, **labels: str) -> None:
    wait_for(lambda: told.of(alert, receiver, **labels), fault)
    took_s = told.of(alert, receiver, **labels)[0].at - since
    sys.stdout.write(f"{took_s:5.0f} s after {fault}: {alert}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
