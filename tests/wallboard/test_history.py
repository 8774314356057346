"""The samples behind a sparkline."""

import pytest

from streams.wallboard.history import SAMPLE_MS, SAMPLES, Track

T = 1_800_000_000_000


def samples(track):
    return track.history().series.get("waiting", [])


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        pytest.param([1], [1], id="one step"),
        pytest.param([0.5, 1, 1.5], [1], id="one sample per step"),
        pytest.param([1, 4], [1, None, None, 2], id="nothing is known of steps that were missed"),
    ],
)
def test_a_sample_per_step(times, expected):
    track = Track(T, ["waiting"])
    for number, step in enumerate(times, start=1):
        track.sample(T + int(step * SAMPLE_MS), {"waiting": min(number, 2) if len(times) == 2 else 1})

    assert samples(track) == expected


def test_a_clock_that_was_set_back_takes_no_samples():
    track = Track(T, ["waiting"])
    track.sample(T + 2 * SAMPLE_MS, {"waiting": 1})
    track.sample(T, {"waiting": 9})

    assert samples(track) == [None, 1]


def test_a_value_is_good_for_a_minute_only():
    track = Track(T, ["waiting"])

    track.fill("waiting", {T - 10 * SAMPLE_MS: 4})

    assert samples(track)[-11:] == [4, 4, 4, 4, 4, *[None] * 6]


def test_a_field_that_never_was_there_has_no_line():
    track = Track(T, ["waiting", "backlog"])
    track.sample(T + SAMPLE_MS, {"waiting": 1})

    assert set(track.history().series) == {"waiting"}


def test_an_hour_is_kept():
    track = Track(T, ["waiting"])
    track.fill("waiting", {T - step * SAMPLE_MS: step for step in range(2 * SAMPLES)})

    assert SAMPLES * SAMPLE_MS == 3_600_000
    assert len(samples(track)) == SAMPLES
