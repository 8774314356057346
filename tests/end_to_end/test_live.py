"""The real day as if it ended now: what is shown is what the events come to, at its own as_of, while time goes on."""

import signal
from collections.abc import Callable, Iterable
from typing import NamedTuple

import pytest

from tests.end_to_end.centre import Centre, Worker
from tests.end_to_end.days import ending_at, lines
from tests.end_to_end.shown import LIVE, BruteForce, Shown, in_redis, in_scrape, now_ms

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

FALLS_WITHIN_S = 90
"""What was counted in the last minute has left the window 1m by then."""

PROOF_AGES_MS = 1_500
"""A partition says that it is caught up by a fetch response that may be so old."""


class Today(NamedTuple):
    """A centre whose day ends now, with one contact that goes on waiting."""

    bench: Centre
    workers: list[Worker]
    brute_force: BruteForce

    def in_redis(self) -> dict[str, Shown]:
        return in_redis(self.bench.hashes(), now_ms())

    def in_scrapes(self) -> dict[str, Shown]:
        """Of all workers that are awake; each queue is shown by one of them."""
        return shown_by(worker for worker in self.workers if worker.get("/livez")[0])

    def all_live(self) -> bool:
        queues = self.brute_force.queues()
        return all(
            {queue for queue, found in shown.items() if found.live} == queues
            for shown in (self.in_redis(), self.in_scrapes())
        )

    def wait_until_live(self, within_s: float = 60) -> None:
        self.bench.wait(self.all_live, within_s, f"every queue is live; Redis {self.in_redis()}")


def shown_by(workers: Iterable[Worker]) -> dict[str, Shown]:
    shown: dict[str, Shown] = {}
    for worker in workers:
        of_worker = in_scrape(worker.scrape())

        assert not shown.keys() & of_worker.keys()

        shown |= of_worker
    return shown


def event(at: int, kind: str, contact: str, **more: str) -> dict:
    identity = {"v": 1, "id": f"{contact} {kind}", "type": kind, "time": at}
    return {**identity, "channel": "voice", "contact": contact, **more}


def waits_on(at: int, contact: str) -> list[dict]:
    """A contact that nobody answers."""
    return [event(at, "queue.entered", contact, queue="NW")]


def last_minute(end_ms: int, name: str) -> list[dict]:
    """An answer, an abandon, and a contact that goes on waiting, the oldest 10 s ago."""
    return [
        event(end_ms - 10_000, "queue.entered", f"{name} 1", queue="PS"),
        event(end_ms - 9_000, "queue.entered", f"{name} 2", queue="NE"),
        *waits_on(end_ms - 8_000, f"{name} 3"),
        event(end_ms - 5_000, "agent.connected", f"{name} 1", queue="PS", agent="AVI"),
        event(end_ms - 2_000, "queue.abandoned", f"{name} 2", queue="NE"),
        event(end_ms, "contact.ended", f"{name} 1", by="customer"),
    ]


@pytest.fixture(scope="module")
def today(make_centre, bank_events) -> Today:
    """Two workers, and nothing new once the day has been sent."""
    bench = make_centre()
    workers = bench.ready_workers(2)
    end_ms = now_ms()
    events = sorted([*ending_at(bank_events, end_ms), *waits_on(end_ms, "first")], key=lambda event: event["time"])
    done = bench.produce(lines(events))
    assert done.returncode == 0, done.stderr
    made = Today(bench, workers, BruteForce(events))
    bench.wait(lambda: bench.outcomes().get("applied") == len(events), 60, "everything is folded")
    made.wait_until_live()
    return made


def test_redis_and_scrapes_are_what_the_events_come_to(today):
    read_at = now_ms()
    redis, scrapes = today.in_redis(), today.in_scrapes()

    assert redis.keys() == scrapes.keys() == today.brute_force.queues()
    assert all(read_at - found.as_of_ms <= 3_000 for found in redis.values())
    assert today.brute_force.differences(redis) == []
    assert today.brute_force.differences(scrapes) == []


def test_values_go_on_without_any_event(today):
    """Windows rise with what happens and fall without; the longest wait rises: at each look they are right."""
    events = last_minute(now_ms(), "more")
    today.bench.produce(lines(events))
    today.brute_force.add(events)
    known_at = now_ms() + PROOF_AGES_MS
    seen: list[Shown] = []

    def looked(enough: Callable[[int], bool]) -> bool:
        """Whether enough were offered in the last minute; all that must know of the events is compared."""
        shown = {queue: found for queue, found in today.in_redis().items() if found.live}

        assert differences_since(today, shown, known_at) == []

        found = "*" in shown and enough(shown["*"].values["1m"]["offered"])
        if found:
            seen.append(shown["*"])
        return found

    # The contact that the day ends with may still be in the window too.
    today.bench.wait(lambda: looked(lambda offered: offered >= 3), 30, "what happened is shown")
    today.bench.wait(lambda: looked(lambda offered: offered == 0), FALLS_WITHIN_S, "it leaves the window")
    first, last = seen[0].values[LIVE], seen[-1].values[LIVE]

    assert (first["waiting"], last["waiting"]) == (2, 2)
    assert last["longest_wait"] - first["longest_wait"] == pytest.approx((seen[-1].as_of_ms - seen[0].as_of_ms) / 1000)
    assert last["longest_wait"] > 50
    assert today.brute_force.differences(today.in_scrapes()) == []


def differences_since(today: Today, shown: dict[str, Shown], since_ms: int) -> list[str]:
    return today.brute_force.differences({queue: found for queue, found in shown.items() if found.as_of_ms >= since_ms})


def test_nothing_is_shown_as_live_while_a_worker_is_stopped(today):
    """Every queue is catching up, or gone, until the partitions are taken over; what is shown as live is right."""
    today.wait_until_live()
    sleeper, other = today.bench.by_share("calls")
    sleeper.signal(signal.SIGSTOP)
    today.bench.wait(lambda: not any(found.live for found in today.in_redis().values()), 8, "Redis says so")
    caught = shown_by([other])

    assert not any(found.live for found in caught.values())
    assert all(not any(found.values.values()) for found in caught.values())

    today.bench.wait(lambda: taken_over(today, other), 60, "the other worker shows all queues as live")
    redis, scrape = today.in_redis(), shown_by([other])

    assert redis.keys() == scrape.keys() == today.brute_force.queues()
    assert today.brute_force.differences(redis) == []
    assert today.brute_force.differences(scrape) == []

    tokens = {queue: int(found["token"]) for queue, found in today.bench.hashes().items()}
    sleeper.signal(signal.SIGCONT)
    today.bench.wait(lambda: sleeper.ended() is not None or sleeper.ready(), 60, "the sleeper ends or is back")
    today.bench.wait(lambda: all(found.live for found in today.in_redis().values()), 60, "all is live again")

    assert sleeper.ended() in (None, 1)
    assert all(int(found["token"]) >= tokens[queue] for queue, found in today.bench.hashes().items())
    assert today.brute_force.differences(today.in_redis()) == []


def taken_over(today: Today, other: Worker) -> bool:
    queues = today.brute_force.queues()
    shown = today.in_redis(), shown_by([other])

    for of_sink in shown:
        live = {queue: found for queue, found in of_sink.items() if found.live}
        assert today.brute_force.differences(live) == []

    return all({queue for queue, found in of_sink.items() if found.live} == queues for of_sink in shown)
