"""Workers come and go while Prometheus scrapes and boards read: what is shown is right, or not shown as live."""

import signal
import threading
import time
from typing import Self

import pytest

from tests.end_to_end.centre import Centre, Sample, Worker
from tests.end_to_end.days import lines
from tests.end_to_end.shown import LIVE, in_redis, now_ms
from tests.end_to_end.test_ends_and_outages import arrivals

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

CONTACTS = 600


class Watch:
    """Scrapes a worker and reads Redis, again and again, until it is stopped."""

    def __init__(self, bench: Centre, worker: Worker) -> None:
        self.scrapes: list[list[Sample]] = []
        self.refused: list[int] = []
        """Status of each scrape that failed."""
        self.live: list[float] = []
        """Contacts that wait, whenever Redis showed all of the channel as live."""
        self.tokens: dict[str, list[int]] = {}
        """Queue → the tokens it was written under, in order."""
        self._bench, self._worker = bench, worker
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(look,)) for look in (self._scrape, self._read)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _run(self, look) -> None:
        while not self._stopped.wait(0.1):
            look()

    def _scrape(self) -> None:
        status, _ = self._worker.get("/metrics")
        if status != 200:
            self.refused.append(status)
        self.scrapes.append(self._worker.scrape())

    def _read(self) -> None:
        hashes = self._bench.hashes()
        whole = in_redis(hashes, now_ms()).get("*")
        if whole is not None and whole.live:
            self.live.append(whole.values[LIVE]["waiting"])
        for queue, fields in hashes.items():
            self.tokens.setdefault(queue, []).append(int(fields["token"]))


def values(scrape: list[Sample], name: str) -> dict[str, float]:
    """Queue → value."""
    return {sample.labels["queue"]: sample.value for sample in scrape if sample.name == name}


def test_scrapes_and_redis_while_a_worker_comes_and_goes(bench):
    (stays,) = bench.ready_workers(1)
    events = arrivals(CONTACTS, "early")
    bench.produce(lines(events))
    bench.wait(lambda: values(stays.scrape(), "contact_waiting").get("*") == CONTACTS, 90, "they wait")
    bench.wait(lambda: [*in_redis(bench.hashes(), now_ms())], 20, "Redis has them")
    with Watch(bench, stays) as watch:
        comes = bench.worker()
        bench.wait_for_ready(comes, stays)
        bench.wait(lambda: comes.owned("facts") and stays.owned("facts"), 40, "both show something")
        comes.signal(signal.SIGTERM)

        assert comes.wait(15) == 0

        began_ms = now_ms()
        bench.first(
            lambda: in_redis(bench.hashes(), now_ms()).get("*"),
            lambda whole: whole is not None and whole.live and whole.as_of_ms > began_ms,
            90,
            "the one that stays shows all of it",
        )
        bench.wait(lambda: values(stays.scrape(), "contact_waiting").get("*") == CONTACTS, 90, "in its scrape too")
        time.sleep(1)

    shown = [values(scrape, "contact_waiting") for scrape in watch.scrapes]
    totals = [values(scrape, "contact_offered_total") for scrape in watch.scrapes]

    assert watch.refused == []
    assert {waiting["*"] for waiting in shown if "*" in waiting} == {CONTACTS}
    assert set(watch.live) == {CONTACTS}
    assert all(tokens == sorted(tokens) for tokens in watch.tokens.values())
    assert falls(totals) == []


def falls(scrapes: list[dict[str, float]]) -> list[str]:
    """Each time that a counter of one process has fallen."""
    highest: dict[str, float] = {}
    found = []
    for scrape in scrapes:
        for queue, total in scrape.items():
            if total < highest.get(queue, 0):
                found.append(f"{queue}: {highest[queue]} → {total}")
            highest[queue] = max(total, highest.get(queue, 0))
    return found
