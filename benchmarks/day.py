"""The events that the benchmarks fold: a simulated centre's last hours, laid out as Kafka would hold them."""

import time
from collections import defaultdict
from collections.abc import Mapping
from itertools import islice
from typing import Final, NamedTuple

from streams.sources.routing import Router, partition_of
from streams.sources.simulator import SimulationSettings, Simulator

TOPICS: Final = {"calls": ["voice"], "chats": ["chat"]}
"""Source topics of the benchmarks: both sides fold calls and chats."""
PARTITIONS: Final = 8
"""Of each source topic."""

HOURS: Final = 8
"""How far back the first event lies: a shift's backlog, so that windows and intervals are filled as in life."""
EVENTS_PER_CONTACT: Final = 8
"""Fewer than there are (about 10): the last event lies before now, and nothing is clamped."""
CLOSING_MS: Final = 60_001
"""Beyond the usual lateness: a heartbeat this long after the last event makes every visit final."""

Place = tuple[str, int]
"""(logical topic, partition)."""


class Keyed(NamedTuple):
    """A record to produce."""

    key: bytes | None
    value: bytes


class Day(NamedTuple):
    """Records of each partition, in order of time."""

    partitions: Mapping[Place, list[Keyed]]

    @property
    def records(self) -> int:
        """How many there are, heartbeats included: what both sides of a comparison fold."""
        return sum(map(len, self.partitions.values()))


def simulate(events: int) -> Day:
    """`events` events (> 0) of a centre whose size follows from it, ending shortly before now; no faults.

    O(events), about 20 µs each.
    """
    start_ms = time.time_ns() // 1_000_000 - HOURS * 3_600_000
    rate = max(1.0, events / EVENTS_PER_CONTACT / HOURS)
    settings = SimulationSettings(rate_per_hour=rate, start_ms=start_ms, heartbeats=False)
    router = Router(TOPICS)
    places: dict[Place, list[Keyed]] = defaultdict(list)
    last_ms = start_ms
    for arrival in islice(Simulator(settings).events(), events):
        route = router.route(arrival.line)
        (topic,) = route.topics
        places[topic, partition_of(route.key, PARTITIONS)].append(Keyed(route.key, arrival.line))
        last_ms = arrival.arrival_ms
    for topic in TOPICS:
        for partition in range(PARTITIONS):
            places[topic, partition].append(Keyed(None, _heartbeat(last_ms + CLOSING_MS)))
    return Day(dict(sorted(places.items())))


def _heartbeat(at_ms: int) -> bytes:
    return b'{"v":1,"id":"closing","type":"heartbeat","time":%d,"source":"benchmark"}' % at_ms
