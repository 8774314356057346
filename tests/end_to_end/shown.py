"""What Redis and the scrapes show, and what they should: computed anew from every event at their own `as_of_ms`.

Both are brought into one form: queue → `Shown`, its values by window ("" for what is live) and KPI. A value that cannot
be computed has no entry.
"""

import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import pytest

from tests.end_to_end.centre import PARTITIONS, Sample
from tests.reference.life import Life
from tests.reference.rules import Rules
from tests.reference.visits import Contact, Reference

WINDOWS = ("1m", "5m", "15m", "30m", "60m", "today", "interval", "previous_interval")
LIVE = ""
STALE_MS = 3_000
"""A reader of Redis takes a hash as live while its clock − `as_of_ms` is at most this."""
PERCENTILE_ERROR = 0.011

ABOUT = ("as_of_ms", "state", "token", "worker", "heard_ms")

Values = Mapping[str, Mapping[str, float]]
"""Window → KPI → value."""


class Shown(NamedTuple):
    """A queue as it is shown somewhere."""

    as_of_ms: int
    live: bool
    values: Values


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def in_redis(hashes: Mapping[str, Mapping[str, str]], read_at: int) -> dict[str, Shown]:
    """Queue → what its hash says to a reader at `read_at`."""
    return {queue: _of_hash(found, read_at) for queue, found in hashes.items()}


def _of_hash(found: Mapping[str, str], read_at: int) -> Shown:
    as_of_ms = int(found["as_of_ms"])
    values: dict[str, dict[str, float]] = {window: {} for window in (LIVE, *WINDOWS)}
    for name, text in found.items():
        kpi, _, window = name.partition(":")
        if name not in ABOUT:
            values[window][kpi] = float(text)
    return Shown(as_of_ms, found["state"] == "live" and read_at - as_of_ms <= STALE_MS, values)


def in_scrape(samples: Iterable[Sample]) -> dict[str, Shown]:
    """Queue → what Prometheus gets of it: gauges of KPIs under the KPIs' own names."""
    as_of: dict[str, int] = {}
    live: dict[str, bool] = {}
    values: dict[str, dict[str, dict[str, float]]] = {}
    for name, labels, value in samples:
        queue = labels.get("queue", "")
        if name == "contact_streams_as_of_timestamp_seconds":
            as_of[queue] = round(value * 1000)
        elif name == "contact_streams_live":
            live[queue] = bool(value)
        elif name.startswith("contact_window_"):
            of_queue = values.setdefault(queue, {})
            of_queue.setdefault(labels["window"], {})[_kpi(name.removeprefix("contact_window_"), labels)] = value
        elif name in LIVE_GAUGES:
            values.setdefault(queue, {}).setdefault(LIVE, {})[LIVE_GAUGES[name]] = value
    windows = (LIVE, *WINDOWS)
    return {
        queue: Shown(at, live[queue], {window: values.get(queue, {}).get(window, {}) for window in windows})
        for queue, at in as_of.items()
    }


LIVE_GAUGES = {
    "contact_waiting": "waiting",
    "contact_waiting_over_target": "waiting_over_target",
    "contact_longest_wait_seconds": "longest_wait",
    "contact_longest_contact_wait_seconds": "longest_contact_wait",
    "contact_first_response_pending": "first_response_pending",
    "contact_first_response_oldest_seconds": "first_response_oldest",
}


def _kpi(quantity: str, labels: Mapping[str, str]) -> str:
    plain = quantity.removesuffix("_seconds").removesuffix("_ratio")
    variant = labels.get("variant", "configured")
    return plain if variant == "configured" else f"{plain}_{variant}"


def all_live(shown: Mapping[str, Shown], queues: set[str], since_ms: int) -> bool:
    """Whether these queues, and no other, are shown as live, each as of later than `since_ms`."""
    return shown.keys() == queues and all(found.live and found.as_of_ms > since_ms for found in shown.values())


class Remembering(Reference):
    """Walks a contact once while the same of its events are asked for. (One that waits may yet be changed.)"""

    def __init__(self, rules: Rules, channel: str) -> None:
        super().__init__(rules, channel)
        self._walked: dict[tuple[str, ...], tuple[Life, dict[str, str]]] = {}

    def walk(self, contact: Contact, until: int | None = None) -> tuple[Life, dict[str, str]]:
        seen = tuple(event["id"] for event in contact.events if until is None or event["at"] <= until)
        walked = self._walked.get(seen)
        if walked is None:
            walked = super().walk(contact, until)
            if walked[0].state != "waiting":
                self._walked[seen] = walked
        return walked


class BruteForce:
    """Every event that was sent, and what they come to at any instant."""

    def __init__(self, events: Iterable[dict]) -> None:
        self._reference = Remembering(Rules(partitions=PARTITIONS), "voice")
        self.add(events)

    def add(self, events: Iterable[dict]) -> None:
        """These were sent too."""
        for event in events:
            outcome = self._reference.send(event)
            assert outcome == "applied", event

    def differences(self, shown: Mapping[str, Shown]) -> list[str]:
        """A line for each value that is not what it should be at its own as_of."""
        instants = {at: self._reference.at(at) for at in {found.as_of_ms for found in shown.values()}}
        lines = []
        for queue, found in sorted(shown.items()):
            instant = instants[found.as_of_ms]
            for window in (LIVE, *WINDOWS):
                values = instant.window(queue, window) if window else instant.live(queue)
                expected = {kpi: value for kpi, value in values.items() if value is not None}
                lines += [
                    f"{queue} {window or 'live'} {kpi} at {found.as_of_ms}: "
                    f"shown {found.values[window].get(kpi)}, should be {expected.get(kpi)}"
                    for kpi in sorted(expected.keys() | found.values[window].keys())
                    if not _equal(kpi, found.values[window].get(kpi), expected.get(kpi))
                ]
        return lines

    def queues(self) -> set[str]:
        """Every queue that anything counts for, and `*`."""
        return self._reference.at(0).queues()


def _equal(kpi: str, shown: float | None, expected: float | None) -> bool:
    if shown is None or expected is None:
        return shown is expected
    error = PERCENTILE_ERROR if kpi.rpartition("_p")[2].isdecimal() else 1e-9
    return shown == pytest.approx(expected, rel=error, abs=1e-9)
