"""A real day through Kafka, whatever happens to the workers: `visits` holds each finished visit once, and adds up."""

import signal
import subprocess
import sys
import threading

import pytest

from tests.end_to_end.centre import REPOSITORY, Centre, Worker
from tests.end_to_end.days import (
    LATENESS_MS,
    by_name,
    copies,
    finished_visits,
    heartbeat,
    in_disorder,
    lines,
    summed_up,
)

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

SUMMED = ("offered", "answered", "abandoned", "short_abandoned", "N_T", "A_T", "asa", "ata", "awt")
SLICES = 6


def close_the_day(bench: Centre, events: list[dict]) -> None:
    """One heartbeat for every partition, so late that all that is finished is final."""
    done = bench.produce([heartbeat(max(event["time"] for event in events) + LATENESS_MS + 1_000)])
    assert done.returncode == 0, done.stderr


def wait_for_visits(bench: Centre, count: int, within_s: float = 60) -> None:
    bench.wait(lambda: len(bench.records("visits")) >= count, within_s, f"{count} visits")


def all_folded(bench: Centre) -> bool:
    """Whether the offsets that the group has committed are the ends of the logs: nothing more can come."""
    lags = [
        sample.value
        for worker in bench.workers
        if worker.ended() is None
        for sample in worker.scrape()
        if sample.name == "contact_streams_lag_records"
    ]
    return bool(lags) and not any(lags)


def assert_each_visit_once(bench: Centre, events: list[dict]) -> None:
    bench.wait(lambda: all_folded(bench), 30, "everything is folded")
    visits = bench.visits()
    named = [(visit["contact"], visit["visit"]) for visit in visits]

    assert len(named) == len(set(named))
    assert sorted(visits, key=by_name) == finished_visits(events)


def assert_golden(bench: Centre, golden_day: dict, times: int = 1) -> None:
    """Counts are `times` the golden ones, means are the golden ones."""
    sums = summed_up(bench.visits())
    queues = sorted(golden_day.keys() - {"live"})
    golden = {queue: {**golden_day[queue], **golden_day[queue]["sl20"]} for queue in queues}

    assert sorted(sums) == queues
    for queue in queues:
        assert {name: sums[queue][name] for name in SUMMED} == {
            name: _expected(golden[queue][name], times) for name in SUMMED
        }, queue


def _expected(value: float | None, times: int) -> object:
    if isinstance(value, int):
        return value * times
    return value if value is None else pytest.approx(value, rel=1e-9)


@pytest.fixture(scope="module")
def day(make_centre, bank_events) -> Centre:
    """The real day through two workers, not closed yet."""
    bench = make_centre()
    bench.ready_workers(2)
    done = bench.produce(lines(bank_events))
    assert done.returncode == 0, done.stderr
    assert f"{len(bank_events)} records sent to {bench.topic('calls')}" in done.stdout
    bench.wait(lambda: bench.outcomes().get("applied") == len(bank_events), 60, "everything is folded")
    return bench


def test_a_real_day_through_two_workers(day, bank_events, golden_day):
    """Without the heartbeat the last minute of each partition may still change; with it, all is final."""
    before = len(day.records("visits"))
    close_the_day(day, bank_events)
    wait_for_visits(day, golden_day["*"]["offered"])

    assert before < golden_day["*"]["offered"]
    assert_each_visit_once(day, bank_events)
    assert_golden(day, golden_day)


def test_the_same_day_a_second_time_makes_no_visit(day, bank_events):
    """A producer that starts again from the beginning: each record is known, late or too late."""
    close_the_day(day, bank_events)
    day.wait(lambda: all_folded(day), 30, "the day is closed")
    before = sum(day.outcomes().values())
    applied = day.outcomes()["applied"]
    day.produce(lines(bank_events))
    day.wait(lambda: sum(day.outcomes().values()) == before + len(bank_events), 60, "everything is read")

    assert day.outcomes()["applied"] == applied
    assert_each_visit_once(day, bank_events)


class Flow(threading.Thread):
    """`contact-streams produce`, slice after slice, while the test does something else."""

    def __init__(self, bench: Centre, events: list[dict]) -> None:
        super().__init__(daemon=True)
        size = -(-len(events) // SLICES)
        self._files = [bench.file(lines(events[start : start + size])) for start in range(0, len(events), size)]
        self._config = bench.config
        self.failed: list[bytes] = []
        self.start()

    def run(self) -> None:
        for file in self._files:
            command = [sys.executable, "-m", "streams", "produce", str(file), "--config", str(self._config)]
            done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, timeout=60, check=False)
            if done.returncode:
                self.failed.append(done.stderr)

    def finish(self) -> None:
        self.join(120)

        assert not self.is_alive()
        assert not self.failed


def read_since(bench: Centre, worker: Worker, more_than: int) -> None:
    """Until this worker has read something more: it is in the middle of its work."""
    bench.wait(lambda: sum(worker.outcomes().values()) > more_than, 60, "the worker reads")


def test_a_worker_killed_in_the_middle_and_started_again(bench, bank_events, golden_day):
    """SIGKILL while records flow, out of order and repeated, three times; the last time both at once."""
    events = copies(bank_events, 4)
    first, second = bench.ready_workers(2)
    flow = Flow(bench, in_disorder(events, seed=3))
    read_since(bench, first, 0)
    first.kill()
    third = bench.worker()
    read_since(bench, second, sum(second.outcomes().values()))
    second.kill()
    fourth = bench.worker()
    bench.wait(lambda: third.ready() and fourth.ready(), 60, "the new workers share the partitions")
    third.kill()
    fourth.kill()
    bench.ready_workers(2)
    flow.finish()
    close_the_day(bench, events)
    wait_for_visits(bench, 4 * golden_day["*"]["offered"])

    assert_each_visit_once(bench, events)
    assert_golden(bench, golden_day, times=4)


def test_a_worker_stopped_past_its_session_and_continued(bench, bank_events, golden_day):
    """SIGSTOP in the middle: the other one takes over. What the sleeper still holds never shows, in Kafka or Redis."""
    events = copies(bank_events, 4)
    sleeper, other = bench.ready_workers(2)
    flow = Flow(bench, events)
    read_since(bench, sleeper, 0)
    sleeper.signal(signal.SIGSTOP)
    flow.finish()
    close_the_day(bench, events)
    wait_for_visits(bench, 4 * golden_day["*"]["offered"])
    tokens = owners(bench)
    sleeper.signal(signal.SIGCONT)
    bench.wait(lambda: sleeper.ended() is not None or sleeper.ready(), 60, "the sleeper ends or is a member again")
    bench.wait(other.ready, 60, "the other one is ready")

    assert sleeper.ended() in (None, 1)
    assert other.ended() is None
    assert all(owner >= tokens[queue] for queue, owner in owners(bench).items())
    assert_each_visit_once(bench, events)
    assert_golden(bench, golden_day, times=4)


def owners(bench: Centre) -> dict[str, int]:
    """Queue → fencing token of whoever wrote it last."""
    return {queue: int(found["token"]) for queue, found in bench.hashes().items()}
