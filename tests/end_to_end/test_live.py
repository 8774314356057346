"""The real day as if it ended now: what is shown is what the events come to, at its own as_of, while time goes on."""

import signal
from collections.abc import Iterable
from typing import NamedTuple

import pytest

from tests.end_to_end.centre import Centre, Worker
from tests.end_to_end.days import ending_at, lines
from tests.end_to_end.shown import LIVE, BruteForce, Shown, all_live, in_redis, in_scrape, now_ms

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

FALLS_WITHIN_S = 90
"""What was counted in the last minute has left the window 1m by then."""

OLD_MS = 30_000
"""What happened so long ago is soon out of the window 1m, and not yet late."""


class Today(NamedTuple):
    """A centre whose day has just ended, with one contact that goes on waiting."""

    bench: Centre
    workers: list[Worker]
    brute_force: BruteForce

    def in_redis(self) -> dict[str, Shown]:
        return in_redis(self.bench.hashes(), now_ms())

    def in_scrapes(self) -> dict[str, Shown]:
        """Of all workers that are awake; each queue is shown by one of them."""
        return shown_by(worker for worker in self.workers if worker.get("/livez")[0])

    def live_in_redis(self, since_ms: int) -> dict[str, Shown]:
        """Every queue, live and later than `since_ms`."""
        queues = self.brute_force.queues()
        return self.bench.first(
            self.in_redis, lambda shown: all_live(shown, queues, since_ms), 60, "every queue is live in Redis"
        )

    def live_in_scrapes(self, since_ms: int) -> dict[str, Shown]:
        """As `live_in_redis`, by the scrapes."""
        queues = self.brute_force.queues()
        return self.bench.first(
            self.in_scrapes, lambda shown: all_live(shown, queues, since_ms), 60, "every queue is live in one scrape"
        )


def shown_by(workers: Iterable[Worker]) -> dict[str, Shown]:
    """What they show together; nothing if two show the same queue: between the two scrapes it has moved."""
    shown: dict[str, Shown] = {}
    for worker in workers:
        of_worker = in_scrape(worker.scrape())
        if shown.keys() & of_worker.keys():
            return {}
        shown |= of_worker
    return shown


def event(at: int, kind: str, contact: str, **more: str) -> dict:
    identity = {"v": 1, "id": f"{contact} {kind}", "type": kind, "time": at}
    return {**identity, "channel": "voice", "contact": contact, **more}


def waits_on(at: int, contact: str) -> list[dict]:
    """A contact that nobody answers."""
    return [event(at, "queue.entered", contact, queue="NW")]


def last_minute(end_ms: int, name: str) -> list[dict]:
    """An answer, an abandon, and a contact that goes on waiting; they came within two seconds, `OLD_MS` ago."""
    came_ms = end_ms - OLD_MS
    return [
        event(came_ms, "queue.entered", f"{name} 1", queue="PS"),
        event(came_ms + 1_000, "queue.entered", f"{name} 2", queue="NE"),
        *waits_on(came_ms + 2_000, f"{name} 3"),
        event(end_ms - 5_000, "agent.connected", f"{name} 1", queue="PS", agent="AVI"),
        event(end_ms - 2_000, "queue.abandoned", f"{name} 2", queue="NE"),
        event(end_ms, "contact.ended", f"{name} 1", by="customer"),
    ]


@pytest.fixture(scope="module")
def today(make_centre, bank_events) -> Today:
    """Two workers, and nothing new once the day has been sent."""
    bench = make_centre()
    workers = bench.ready_workers(2)
    end_ms = now_ms() - OLD_MS
    events = sorted([*ending_at(bank_events, end_ms), *waits_on(end_ms, "first")], key=lambda event: event["time"])
    done = bench.produce(lines(events))
    assert done.returncode == 0, done.stderr
    return Today(bench, workers, BruteForce(events))


def test_redis_and_scrapes_are_what_the_events_come_to(today):
    settled_at = today.bench.settled_at()
    redis, scrapes = today.live_in_redis(settled_at), today.live_in_scrapes(settled_at)

    assert today.brute_force.differences(redis) == []
    assert today.brute_force.differences(scrapes) == []


def test_values_go_on_without_any_event(today):
    """Windows rise with what happens and fall without; the longest wait rises: at each look they are right."""
    events = last_minute(now_ms(), "more")
    today.bench.produce(lines(events))
    today.brute_force.add(events)
    settled_at = today.bench.settled_at()
    first = today.live_in_redis(settled_at)["*"]

    def looked() -> dict[str, Shown]:
        """All that is live in Redis; it is right."""
        shown = {queue: found for queue, found in today.in_redis().items() if found.live}

        assert today.brute_force.differences(shown) == []

        return shown

    def left(shown: dict[str, Shown]) -> bool:
        return "*" in shown and shown["*"].values["1m"]["offered"] == 0

    last = today.bench.first(looked, left, FALLS_WITHIN_S, "all of it leaves the window")["*"]
    waited_s = last.values[LIVE]["longest_wait"] - first.values[LIVE]["longest_wait"]

    # The contact that the day ends with may still be in the window too.
    assert first.values["1m"]["offered"] >= 3
    assert (first.values[LIVE]["waiting"], last.values[LIVE]["waiting"]) == (2, 2)
    assert waited_s == pytest.approx((last.as_of_ms - first.as_of_ms) / 1000)
    assert last.values[LIVE]["longest_wait"] > 50
    assert today.brute_force.differences(today.live_in_scrapes(settled_at)) == []


def test_nothing_is_shown_as_live_while_a_worker_is_stopped(today):
    """Every queue is catching up, or gone, until the partitions are taken over; what is shown as live is right."""
    settled_at = today.bench.settled_at()
    today.live_in_redis(settled_at)
    sleeper, other = today.bench.by_share("calls")
    sleeper.signal(signal.SIGSTOP)
    _, scrape = today.bench.first(
        lambda: (today.in_redis(), shown_by([other])),
        lambda shown: shown[1] and not any(found.live for of_sink in shown for found in of_sink.values()),
        8,
        "Redis and the other worker's scrape say so",
    )

    assert not any(any(found.values.values()) for found in scrape.values())

    today.bench.first(
        lambda: right(today, today.in_redis(), shown_by([other])),
        lambda shown: all(all_live(of_sink, today.brute_force.queues(), settled_at) for of_sink in shown),
        60,
        "the other worker shows all queues as live",
    )
    tokens = {queue: int(found["token"]) for queue, found in today.bench.hashes().items()}
    sleeper.signal(signal.SIGCONT)
    today.bench.back_or_ended(sleeper)
    after = today.live_in_redis(now_ms())

    assert sleeper.ended() in (None, 1)
    assert all(int(found["token"]) >= tokens[queue] for queue, found in today.bench.hashes().items())
    assert today.brute_force.differences(after) == []


def right(today: Today, *shown: dict[str, Shown]) -> tuple[dict[str, Shown], ...]:
    """What is shown, with all of it that is live compared."""
    for of_sink in shown:
        live = {queue: found for queue, found in of_sink.items() if found.live}

        assert today.brute_force.differences(live) == []

    return shown
