"""A run: a centre under load, faults one after another, a reader of Redis beside it; at the end all workers stop.

    with campaign(plan, directory) as run:
        for fault in faults:
            run.inject(fault)
        verdict = run.judged()

The campaign is also what a supervisor (systemd, Kubernetes) is to the workers: one that has ended is started again.
"""

import contextlib
import logging
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from tests.chaos.centres import AHEAD_MS, LINES, PANE_MS, TOPICS
from tests.chaos.judge import Verdict, judge
from tests.chaos.load import Load
from tests.chaos.samples import Sampler
from tests.chaos.servers import Brokers, Server, brokers, store
from tests.end_to_end.centre import Centre, Worker

STEADY_S: Final = 4.0
"""So long everything must have been live after a fault before the next one comes."""
LATENESS_S: Final = 10
ENDS_WITHIN_S: Final = 60

log = logging.getLogger(__name__)


class Plan(NamedTuple):
    """How large a run is."""

    seed: int = 1
    rate: float = 2_000
    """Events a second."""
    workers: int = 3
    partitions: int = 4
    """Of each source topic, and of the facts."""
    session_s: int = 10
    brokers: int = 1
    patience_s: float = 90
    """How long after a fault everything may take to be live again before the campaign goes on regardless."""
    deadline_s: float = 400
    """How long the campaign waits for everything to be live before its first fault."""
    settle_s: float = 400
    """How long it may take at the end until all is folded and shown."""
    program: tuple[str, ...] = ("streams",)
    """What the workers are: a module, and what it takes before the command."""


class Injected(NamedTuple):
    """A fault, and what it did."""

    fault: str
    at: int
    """Epoch ms."""
    until: int
    """When the next one may come, epoch ms."""
    records: int
    """That Kafka took between the two."""
    live_after_s: float | None
    """Seconds until everything was live again for good; 0: it never ceased to be; None: not within the patience."""
    workers: int
    """That run afterwards."""


Fault = Callable[["Campaign"], None]


class Campaign:
    """What faults are injected into."""

    def __init__(self, plan: Plan, centre: Centre, kafka: Brokers, redis: Server, directory: Path) -> None:
        self.plan = plan
        self.centre = centre
        self.kafka = kafka
        self.redis = redis
        self.injected: list[Injected] = []
        self.size = plan.workers
        """Workers that there should be."""
        self.ends: list[int] = []
        """Exit codes of workers that ended without being told to."""
        self._directory = directory
        self._told: set[int] = set()
        self._mourned: set[int] = set()
        self.sampler = Sampler(centre.redis_url, centre.name)
        self.load = Load(centre.brokers, centre.topic(""), plan.partitions, plan.rate, plan.seed)

    # What faults are made of

    def running(self) -> list[Worker]:
        return self.centre.running()

    def busiest(self) -> Worker:
        """The worker with the most partitions."""
        return max(self.running(), key=lambda worker: sum(worker.owned(topic) for topic in (*TOPICS.values(), "facts")))

    def end(self, worker: Worker) -> None:
        """Tell it to stop; it must do so cleanly."""
        self._told.add(worker.pid)
        worker.signal(signal.SIGTERM)
        code = worker.wait(ENDS_WITHIN_S)
        if code != 0:
            self.ends.append(code)

    def kill(self, worker: Worker) -> None:
        self._told.add(worker.pid)
        worker.kill()

    def tend(self) -> None:
        """Start again what has ended."""
        for worker in self.centre.workers:
            code = worker.ended()
            if code is not None and worker.pid not in self._told | self._mourned:
                self._mourned.add(worker.pid)
                self.ends.append(code)
                log.info("%s has ended with %d", worker.log.name, code)
        while len(self.running()) < self.size:
            self.centre.worker()

    def rest(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)

    def until_ready(self, worker: Worker) -> None:
        """Wait until it is, or has ended, or the patience is over."""
        deadline = time.monotonic() + self.plan.patience_s
        while not worker.ready() and worker.ended() is None and time.monotonic() < deadline:
            time.sleep(0.2)

    # The run

    def begin(self) -> None:
        """Workers, load and reader; returns when everything is live, or is not in time."""
        self.tend()
        self.sampler.start()
        if not self._seen_live(_now_ms(), self.plan.deadline_s):
            log.warning("not live within %.0f s\n%s", self.plan.deadline_s, self.centre.logs())

    def inject(self, name: str, fault: Fault) -> Injected:
        """Do it, and wait until everything is live again."""
        at, taken = _now_ms(), self.load.taken
        fault(self)
        live_after_s = self._live_again(at)
        until = _now_ms()
        done = Injected(name, at, until, self.load.taken - taken, live_after_s, len(self.running()))
        self.injected.append(done)
        log.info("%d: %s: %d records, live after %s s", len(self.injected), name, done.records, live_after_s)
        return done

    def _live_again(self, since: int) -> float | None:
        """Seconds from `since` until every line was live for good; None: not within the patience."""
        began = _now_ms()
        while True:
            self.tend()
            dark_at = max(self.sampler.dark_at, since)
            if self.sampler.looked_at - max(dark_at, began) >= STEADY_S * 1_000:
                return (dark_at - since) / 1_000
            if _now_ms() - began > self.plan.patience_s * 1_000:
                return None
            time.sleep(0.1)

    def judged(self) -> Verdict:
        """End the load, let the workers fold what there is, end them, and judge what they have left behind."""
        self.load.finish()
        # By then nothing is on its way: every value is certain.
        finished = self._seen_live(_now_ms() + AHEAD_MS + PANE_MS, self.plan.settle_s)
        self.sampler.stop()
        last = self.running()
        for worker in last:
            worker.signal(signal.SIGTERM)
        codes = [worker.wait(ENDS_WITHIN_S) for worker in last]
        self.ends += [code for code in codes if code != 0]
        verdict = judge(self.centre, self.sampler.samples, self.load.refused)
        if not finished and verdict.unfinished is None:
            verdict.unfinished = f"not all was live within {self.plan.settle_s} s of the end\n{self.centre.logs()}"
        return verdict

    def _seen_live(self, since: int, within_s: float) -> bool:
        """Wait until of every line all values have been seen live, as of an instant after `since`; or not in time."""
        missing, seen = set(LINES), 0
        deadline = time.monotonic() + within_s
        while missing:
            self.tend()
            new, seen = self.sampler.samples[seen:], len(self.sampler.samples)
            missing -= {sample.line for sample in new if sample.whole and sample.live and sample.as_of_ms > since}
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True

    def close(self) -> None:
        self.sampler.stop()
        self.load.kill()
        self.centre.close()


@contextlib.contextmanager
def campaign(plan: Plan, directory: Path) -> Iterator[Campaign]:
    """With brokers, Redis and topics of its own; begun. Everything ends with it."""
    with brokers(directory, plan.brokers) as kafka, store(directory) as (redis, url):
        centre = Centre(kafka.addresses, url, "chaos", directory)
        _configure(centre, plan)
        centre.program = plan.program
        done = centre.command("topics", "create", "--partitions", plan.partitions, "--replication", plan.brokers)
        assert done.returncode == 0, done.stderr
        run = Campaign(plan, centre, kafka, redis, directory)
        try:
            run.begin()
            yield run
        finally:
            run.close()


def _configure(centre: Centre, plan: Plan) -> None:
    config = yaml.safe_load(centre.config.read_text())
    config["kafka"]["session_timeout"] = f"{plan.session_s}s"
    config["kafka"]["facts_partitions"] = plan.partitions
    config["lateness"] = f"{LATENESS_S}s"
    config["topics"] = {topic: [channel] for channel, topic in TOPICS.items()}
    centre.config.write_text(yaml.safe_dump(config), encoding="utf-8")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
