"""What happens to events on their way: late, twice, broken; never more than was asked for."""

from collections import Counter
from itertools import pairwise

import pytest

from streams.events.decode import EventDecoder, Rejected, Unknown
from tests.simulator.history import arrivals, decoded

LARGEST = 256 * 1024


@pytest.fixture(scope="module")
def smooth():
    return arrivals(seed=8)


def test_without_disorder_everything_arrives_at_once_in_the_order_of_time(smooth):
    assert [arrival.arrival_ms for arrival in smooth] == [event["time"] for event in decoded(smooth)]
    assert all(earlier.arrival_ms <= later.arrival_ms for earlier, later in pairwise(smooth))


def test_disorder_changes_the_order_within_its_bound(smooth):
    late = arrivals(seed=8, disorder_ms=30_000)
    delays = [arrival.arrival_ms - event["time"] for arrival, event in zip(late, decoded(late), strict=True)]
    times = [event["time"] for event in decoded(late)]

    assert sorted(arrival.line for arrival in late) == sorted(arrival.line for arrival in smooth)
    assert all(earlier.arrival_ms <= later.arrival_ms for earlier, later in pairwise(late))
    assert 0 <= min(delays) <= max(delays) <= 30_000
    assert max(delays) > 25_000
    assert times != sorted(times)


def test_heartbeats_are_never_late():
    late = arrivals(seed=8, disorder_ms=30_000, duplicate_share=0.5, bad_share=0.5)
    beats = [a for a in late if b'"type":"heartbeat"' in a.line]

    assert [beat.arrival_ms for beat in beats] == [event["time"] for event in decoded(beats)]
    assert len({beat.line for beat in beats}) == len(beats)


def test_duplicates_are_the_same_bytes_at_about_the_share_asked_for(smooth):
    repeated = Counter(arrival.line for arrival in arrivals(seed=8, duplicate_share=0.1))

    assert set(repeated) == {arrival.line for arrival in smooth}
    assert set(repeated.values()) == {1, 2}
    assert sum(times == 2 for times in repeated.values()) == pytest.approx(0.1 * len(smooth), rel=0.2)


def test_bad_records_come_in_addition_at_about_the_share_asked_for_and_are_all_refused(smooth):
    good = {arrival.line for arrival in smooth}
    bad = [arrival.line for arrival in arrivals(seed=8, bad_share=0.1) if arrival.line not in good]
    outcomes = EventDecoder(LARGEST).decode(bad)
    reasons = Counter(
        outcome.reason if isinstance(outcome, Rejected) else type(outcome).__name__ for outcome in outcomes
    )

    assert len(bad) == pytest.approx(0.1 * len(smooth), rel=0.2)
    assert all(isinstance(outcome, Rejected | Unknown) for outcome in outcomes)
    assert set(reasons) >= {"not_json", "missing_field", "wrong_type", "time_out_of_range", "Unknown"}
