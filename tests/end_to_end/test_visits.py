"""A real day through Kafka, whatever happens to the workers: `visits` holds each finished visit once, and adds up."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.end_to_end.centre import REPOSITORY, Centre, Worker
from tests.end_to_end.days import (
    LATENESS_MS,
    by_name,
    copies,
    ending_at,
    finished_visits,
    heartbeat,
    in_disorder,
    lines,
    summed_up,
)

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

NO_QUEUE = "-"
"""What is shown of the contacts that never entered one."""

SUMMED = ("offered", "answered", "abandoned", "short_abandoned", "N_T", "A_T", "asa", "ata", "awt")


def close_the_day(bench: Centre, events: list[dict]) -> None:
    """One heartbeat for every partition, so late that all that is finished is final."""
    done = bench.produce([heartbeat(max(event["time"] for event in events) + LATENESS_MS + 1_000)])
    assert done.returncode == 0, done.stderr


def wait_for_visits(bench: Centre, count: int, within_s: float = 60) -> None:
    bench.wait(lambda: len(bench.records("visits")) >= count, within_s, f"{count} visits")


def assert_each_visit_once(bench: Centre, events: list[dict]) -> None:
    bench.settled_at()
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
    bench.settled_at()

    assert bench.outcomes()["applied"] == len(bank_events)

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
    day.settled_at()
    before = day.outcomes()
    day.produce(lines(bank_events))
    day.settled_at()
    after = day.outcomes()

    assert after["applied"] == before["applied"]
    assert sum(after.values()) == sum(before.values()) + len(bank_events)
    assert_each_visit_once(day, bank_events)


class Flow:
    """Events on their way, a share at a time, by `contact-streams produce` while the test does something else."""

    def __init__(self, bench: Centre, events: list[dict], shares: int) -> None:
        size = -(-len(events) // shares)
        self._bench = bench
        self._files = [bench.file(lines(events[start : start + size])) for start in range(0, len(events), size)]

    @contextlib.contextmanager
    def share(self) -> Iterator[None]:
        """The next share is being sent meanwhile; at the end it has been."""
        command = [sys.executable, "-m", "streams", "produce", self._files.pop(0), "--config", self._bench.config]
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            yield
            _, errors = process.communicate(timeout=60)
            assert process.returncode == 0, errors
        finally:
            process.kill()
            process.communicate()


def has_read(worker: Worker) -> int:
    """Records so far."""
    return sum(worker.outcomes().values())


def reads(bench: Centre, worker: Worker, beyond: int) -> None:
    """Until this worker has read more than that: it is in the middle of its work."""
    bench.wait(lambda: has_read(worker) > beyond, 60, "the worker reads")


def test_a_worker_killed_in_the_middle_and_started_again(bench, bank_events, golden_day):
    """SIGKILL while records flow, out of order and repeated, three times; the last time both at once."""
    events = copies(bank_events, 4)
    flow = Flow(bench, in_disorder(events, seed=3), shares=3)
    bench.ready_workers(2)
    for _ in range(2):
        victim, other = bench.by_share("calls")
        before = has_read(victim)
        with flow.share():
            reads(bench, victim, before)
            victim.kill()
            started = bench.worker()
        bench.wait_for_ready(other, started)
    busy, idle = bench.by_share("calls")
    before = has_read(busy)
    with flow.share():
        reads(bench, busy, before)
        busy.kill()
        idle.kill()
    bench.ready_workers(2)
    close_the_day(bench, events)
    wait_for_visits(bench, 4 * golden_day["*"]["offered"])

    assert_each_visit_once(bench, events)
    assert_golden(bench, golden_day, times=4)


def test_a_worker_stopped_past_its_session_and_continued(bench, bank_events, golden_day):
    """SIGSTOP in the middle: the other one takes over. What the sleeper still holds never shows, in Kafka or Redis."""
    # Of today: queues of years ago are shown for a moment only.
    events = copies(ending_at(bank_events, time.time_ns() // 1_000_000 - LATENESS_MS - 10_000), 4)
    flow = Flow(bench, events, shares=2)
    bench.ready_workers(2)
    sleeper, other = bench.by_share("calls")
    before = has_read(sleeper)
    with flow.share():
        reads(bench, sleeper, before)
        sleeper.signal(signal.SIGSTOP)
    with flow.share():
        pass
    close_the_day(bench, events)
    wait_for_visits(bench, 4 * golden_day["*"]["offered"])
    queues = {*golden_day.keys() - {"live"}, NO_QUEUE}
    taken_over = bench.first(
        bench.hashes,
        lambda found: found.keys() == queues and all(of["worker"].endswith(f":{other.pid}") for of in found.values()),
        60,
        "the other one has written every queue",
    )
    sleeper.signal(signal.SIGCONT)
    bench.back_or_ended(sleeper)
    after = bench.hashes()

    assert sleeper.ended() in (None, 1)
    assert other.ended() is None
    assert all(int(found["token"]) >= int(taken_over[queue]["token"]) for queue, found in after.items())
    assert_each_visit_once(bench, events)
    assert_golden(bench, golden_day, times=4)
