"""The way from an event to its arrival: delay, repetition, breakage, and the bytes."""

import heapq
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from streams.sources.simulator.contact import Event
from streams.sources.simulator.dice import Dice
from streams.sources.simulator.faults import broken
from streams.sources.simulator.settings import SimulationSettings

REPEATED_WITHIN_MS = 5_000


class Arrival(NamedTuple):
    """One record as it comes in."""

    arrival_ms: int
    """Epoch ms; never falls from one arrival to the next."""
    line: bytes
    """The JSON of the event, without a line feed; `routing.Router` says where it goes."""


class Way:
    """Carries the events of one centre, which come in the order of their times.

    Its chances are its own: with faults or without, the same events happen.
    """

    def __init__(self, settings: SimulationSettings) -> None:
        self._settings = settings
        self._dice = Dice(f"{settings.seed}/way")
        self._encode = msgspec.json.Encoder().encode

    def carry(self, events: Iterable[Event]) -> Iterator[Arrival]:
        """Arrivals in the order they arrive. Holds back what is on its way: at most what the longest delay takes."""
        settings = self._settings
        if not (settings.disorder_ms or settings.duplicate_share or settings.bad_share):
            encode = self._encode
            for at, fields in events:
                yield Arrival(at, encode(fields))
            return
        yield from self._deliver(events)

    def _deliver(self, events: Iterable[Event]) -> Iterator[Arrival]:
        under_way: list[tuple[int, int, Arrival]] = []
        count = 0
        for event in events:
            while under_way and under_way[0][0] <= event.at:
                yield heapq.heappop(under_way)[2]
            for arrival in self._send(event):
                count += 1
                heapq.heappush(under_way, (arrival.arrival_ms, count, arrival))
        while under_way:
            yield heapq.heappop(under_way)[2]

    def _send(self, event: Event) -> Iterator[Arrival]:
        """What becomes of one event: itself, at times again, at times with a broken record beside it."""
        at, fields = event
        line = self._encode(fields)
        if fields["type"] == "heartbeat":  # proves that the way is open: takes no time, is never broken
            yield Arrival(at, line)
            return
        settings, dice = self._settings, self._dice
        disorder_ms = settings.disorder_ms
        yield Arrival(at + self._delay(disorder_ms), line)
        if dice.chance(settings.duplicate_share):
            yield Arrival(at + self._delay(max(disorder_ms, REPEATED_WITHIN_MS)), line)
        if dice.chance(settings.bad_share):
            yield Arrival(at + self._delay(disorder_ms), broken(fields, dice))

    def _delay(self, longest_ms: int) -> int:
        """Mostly short, at times nearly the longest."""
        return int(self._dice.fraction() ** 3 * longest_ms)
