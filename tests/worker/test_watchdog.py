"""A worker that stands still ends, with what it was doing on stderr: whoever started it starts it again."""

import json
import time

import pytest

from tests.worker.rig import Rig, open_transaction, wait_until

pytestmark = pytest.mark.kafka

LOGGED = {"Thread 0x", "File "}
"""A thread's stack, as Python writes it."""


def ended(bench: Rig, worker) -> str:
    """What the worker has written until it ended with exit code 1."""
    wait_until(lambda: worker.ended() is not None, 60, bench.logs)

    assert worker.ended() == 1

    return bench.logs()


@pytest.mark.parametrize(
    ("fault", "patience", "said"),
    [
        pytest.param("starve", {"records_s": 2}, "none was handed over for 2 s", id="no record comes"),
        pytest.param("flow", {"flow_s": 2}, "fetching has been switched off for 2 s", id="nothing is fetched"),
        pytest.param("thread", {"flow_s": 5}, "the consumer's thread has not moved for 5 s", id="the consumer hangs"),
        pytest.param("task", {}, "a task of Fetcher has ended", id="a task of Faust has ended"),
        pytest.param("loop", {"loop_s": 2}, "Timeout (0:00:02)!", id="the event loop does not turn"),
    ],
)
def test_it_ends_when(bench, fault, patience, said):
    bench.send(100)
    worker = bench.worker(TOY_FAULT=fault, TOY_PATIENCE=json.dumps(patience))
    if fault != "loop":
        wait_until(lambda: worker.get("/livez")[0] == 200, 40, bench.logs)
    bench.send(100)
    log = ended(bench, worker)

    assert said in log
    assert all(text in log for text in LOGGED), log


def test_records_that_end_a_long_silence_are_waited_for(bench):
    """For a moment they are known and not yet folded: then it is not the silence that counts."""
    worker = bench.worker(TOY_FAULT="late", TOY_PATIENCE=json.dumps({"records_s": 4}))
    for _ in range(2):
        bench.send(100)
        bench.wait_for_totals(worker, within_s=120)
        time.sleep(5)

    assert worker.ended() is None
    assert bench.each_once()


def test_it_ends_when_a_restore_hangs_and_readiness_says_what_it_waits_for(bench):
    """Somebody else's open transaction in the changelog: nothing behind it can be read, the worker's claim neither."""
    worker = bench.worker()
    bench.send(100)
    bench.wait_for_totals(worker)
    worker.kill()
    with open_transaction(bench, f"{bench.app}-state-calls", partition=0):
        worker = bench.worker(TOY_PATIENCE=json.dumps({"restore_s": 4}))
        said = wait_for_one_problem(bench, worker)
        alive = worker.get("/livez")[0]
        log = ended(bench, worker)

    assert alive == 200
    assert said["problems"][0].startswith(f"{bench.topic('calls')} 0: restoring for ")
    assert "reading its changelog" in said["problems"][0]
    assert {"topic": bench.topic("calls"), "partition": 0, "state": "restoring", "lag": None} in said["partitions"]
    assert "nothing moved for 4 s" in log

    worker = bench.worker()
    bench.wait_for_totals(worker)

    assert bench.each_once()


def wait_for_one_problem(bench: Rig, worker) -> dict:
    """What `/readyz` says once one thing alone is missing."""
    looks: list[dict] = []

    def one() -> bool:
        status, body = worker.get("/readyz")
        if status == 503:
            looks[:] = [json.loads(body)]
        return status == 503 and len(looks[0]["problems"]) == 1 and len(looks[0]["partitions"]) == 6

    wait_until(one, 40, lambda: f"{looks}\n{bench.logs()}")
    return looks[0]
