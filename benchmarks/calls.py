"""Small events, three per call, as every engine here can fold them: what the comparison with the peers runs on.

    entered a queue · answered or abandoned, with the wait · ended

Keyed by queue, so that no peer has to shuffle records through Kafka first; a contact centre keys by contact, and a
peer's program would pay for that. Within a partition events are in order of time: nobody needs grace for late ones.
"""

import heapq
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

from benchmarks.day import Day, Keyed, Place
from streams.sources.routing import partition_of

TOPIC: Final = "calls"
CHANNEL: Final = "voice"
PARTITIONS: Final = 4
QUEUES: Final = 100
EVENTS_PER_S: Final = 1_000
"""Of event time."""
WAIT_S: Final = 20.0
TALK_S: Final = 60.0
"""Means; exponential."""
ABANDONED: Final = 0.15
BEGINNING_MS: Final = 60_000
"""At first nobody waits or talks: it takes half a minute more until all events are there."""


class _Event(NamedTuple):
    at: int
    number: int
    """Breaks ties."""
    queue: str
    value: bytes


def simulate(events: int, queues: int = QUEUES, events_per_s: float = EVENTS_PER_S, start_ms: int | None = None) -> Day:
    """`events` events (> 0) from `start_ms` (epoch) on; None: ending shortly before now. O(events), 15 µs each."""
    start = start_ms or round(time.time_ns() // 1_000_000 - events * 1_000 / events_per_s - BEGINNING_MS)
    places: dict[Place, list[Keyed]] = defaultdict(list)
    partition = {f"queue-{n}": partition_of(b"queue-%d" % n, PARTITIONS) for n in range(queues)}
    for event in _in_order(start, events, list(partition), events_per_s):
        places[TOPIC, partition[event.queue]].append(Keyed(event.queue.encode(), event.value))
    return Day(dict(sorted(places.items())))


def _in_order(start: int, events: int, queues: list[str], events_per_s: float) -> Iterator[_Event]:
    chance = random.Random(1)
    ahead: list[_Event] = []
    at, number, given = float(start), 0, 0
    while given < events:
        at += chance.expovariate(events_per_s / 3) * 1_000
        number += 1
        for event in _call(number, round(at), chance.choice(queues), chance):
            heapq.heappush(ahead, event)
        while ahead and ahead[0].at <= at and given < events:
            given += 1
            yield heapq.heappop(ahead)


def _call(number: int, at: int, queue: str, chance: random.Random) -> Iterator[_Event]:
    wait = round(chance.expovariate(1 / WAIT_S) * 1000)
    head = f'"time":%d,"channel":"{CHANNEL}","contact":"call-{number}"'
    left, ended = at + wait, at + wait
    if chance.random() < ABANDONED:
        outcome = f'"type":"queue.abandoned",{head},"queue":"{queue}","wait_ms":{wait}'
    else:
        agent = f"agent-{number % 997}"
        outcome = f'"type":"agent.connected",{head},"queue":"{queue}","agent":"{agent}","wait_ms":{wait}'
        ended += round(chance.expovariate(1 / TALK_S) * 1000)
    bodies = (
        (at, f'"type":"queue.entered",{head},"queue":"{queue}"'),
        (left, outcome),
        (ended, f'"type":"contact.ended",{head},"by":"customer"'),
    )
    for step, (time_ms, body) in enumerate(bodies):
        value = f'{{"v":1,"id":"{number}-{step}",' + body % time_ms + "}"
        yield _Event(time_ms, number * 3 + step, queue, value.encode())
