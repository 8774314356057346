"""Simulated time as real time: arrivals when they are due."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from streams.sources.simulator.arrivals import Arrival

LONGEST_SLEEP_MS: Final = 200
"""How late a stop can be noticed."""


def paced(
    arrivals: Iterable[Arrival],
    *,
    now_ms: Callable[[], int],
    sleep_ms: Callable[[int], None],
    stopped: Callable[[], bool],
) -> Iterator[Arrival]:
    """Each arrival once `now_ms()` has come to its time, those of the past at once; ends early when `stopped()`.

    A simulation that starts an hour before now so gives that hour as fast as it is taken, and then goes on live.
    """
    for arrival in arrivals:
        while not stopped() and (ahead_ms := arrival.arrival_ms - now_ms()) > 0:
            sleep_ms(min(ahead_ms, LONGEST_SLEEP_MS))
        if stopped():
            return
        yield arrival
