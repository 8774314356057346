"""Simulated time as real time, on a clock that only sleeping moves."""

from streams.sources.simulator import Arrival, paced


class Wall:
    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def sleep_ms(self, duration_ms: int) -> None:
        self.now_ms += duration_ms


def play(wall: Wall, times: list[int], stopped=lambda: False) -> list[tuple[int, int]]:
    """When each arrival came, and when it was due."""
    arrivals = [Arrival(at, b"") for at in times]
    paced_arrivals = paced(arrivals, now_ms=lambda: wall.now_ms, sleep_ms=wall.sleep_ms, stopped=stopped)
    return [(wall.now_ms, arrival.arrival_ms) for arrival in paced_arrivals]


def test_what_is_past_comes_at_once_and_the_rest_when_it_is_due():
    assert play(Wall(10_000), [2_000, 9_000, 10_000, 10_500, 13_000]) == [
        (10_000, 2_000),
        (10_000, 9_000),
        (10_000, 10_000),
        (10_500, 10_500),
        (13_000, 13_000),
    ]


def test_a_stop_ends_it_even_while_it_sleeps():
    wall = Wall(0)

    assert play(wall, [0, 60_000], stopped=lambda: wall.now_ms >= 1_000) == [(0, 0)]
    assert wall.now_ms < 2_000
