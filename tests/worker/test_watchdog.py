"""A worker that stands still ends, with what it was doing on stderr: whoever started it starts it again."""

import json
import time
from types import SimpleNamespace

import pytest
from faust.types import TP

from streams.worker import watchdog
from streams.worker.keeper import Claim
from streams.worker.opening import Opening
from streams.worker.settings import Patience
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


class Owner:
    """A keeper whose partition has records that nobody folds."""

    tp = TP("calls", 0)

    def __init__(self) -> None:
        self.claim: Claim | None = Claim(None, 1, 0)
        self.opening = Opening()

    def position(self) -> int:
        return 100

    def records_wait(self) -> bool:
        return True

    def chunks_wait(self) -> bool:
        return False


class Watched(list):
    """Keepers of which the watchdog thinks what it does of real ones; no broker makes a restore last for so long."""

    assigned = True


@pytest.fixture
def stalled(monkeypatch):
    """`stalled(at)`: what the watchdog says at that second of the one keeper."""
    keepers = Watched([Owner()])
    app = SimpleNamespace(consumer=None)
    watched = watchdog.Watchdog(app, keepers, Patience(records_s=30, restore_s=600), fail=None)

    def look(at: float) -> str:
        monkeypatch.setattr(watchdog, "time", SimpleNamespace(monotonic=lambda: at))
        return str(watched._stalled_partition() or "")

    look.keepers = keepers
    return look


def test_records_may_wait_for_so_long_and_no_longer(stalled):
    assert [stalled(at) for at in (0, 30)] == ["", ""]
    assert "none was handed over for 30 s" in stalled(31)


def test_whoever_takes_a_partition_over_finds_records_that_wait(stalled):
    """A large state takes a while to restore: that they waited before says nothing of the new owner."""
    (owner,) = stalled.keepers
    assert stalled(0) == ""
    owner.claim = None
    assert [stalled(at) for at in (10, 100)] == ["", ""]
    owner.claim = Claim(None, 2, 0)

    assert [stalled(at) for at in (101, 131)] == ["", ""]
    assert "none was handed over" in stalled(132)


def test_nobody_folds_in_a_rebalance(stalled):
    assert stalled(0) == ""
    stalled.keepers.assigned = False
    assert stalled(20) == ""
    stalled.keepers.assigned = True

    assert [stalled(at) for at in (100, 130)] == ["", ""]
    assert "none was handed over" in stalled(131)


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
