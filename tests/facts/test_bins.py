"""Histogram bins: a percentile is off by at most 1.1 %, a configured edge is exact, bins always add up."""

import math
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.facts.bins import EDGES, GROWTH, Bins, counts, quantile_ms, up_to
from streams.facts.primitives import HISTOGRAM, H, P

YEAR_MS = 365 * 86_400_000
WAIT, REPLY = H.WAIT_ANSWERED, H.REPLY

durations = st.one_of(st.integers(0, 5_000), st.integers(0, YEAR_MS), st.sampled_from(EDGES[:1_000]))
quantiles = st.sampled_from((0.01, 0.5, 0.8, 0.9, 0.95, 0.99, 1.0))
bounded = settings(max_examples=100, deadline=None, derandomize=True)


def bag_of(waits, exact_ms=()):
    bins = Bins(exact_ms)
    return dict(Counter(bins.key(WAIT, wait) for wait in waits))


def nearest_rank(waits, q):
    return sorted(waits)[max(1, math.ceil(round(q * len(waits), 9))) - 1]


@bounded
@given(durations)
def test_one_duration_comes_back_within_its_promise(wait):
    assert quantile_ms(bag_of([wait]), WAIT, 0.5) == pytest.approx(wait, rel=0.011, abs=0)


@pytest.mark.parametrize("edge", EDGES[1:1_300:100])
def test_the_promise_holds_on_both_sides_of_an_edge(edge):
    for wait in (edge - 1, edge, edge + 1):
        assert quantile_ms(bag_of([wait]), WAIT, 1.0) == pytest.approx(wait, rel=0.011, abs=0)


@bounded
@given(st.lists(durations, min_size=1, max_size=50), quantiles)
def test_quantiles_are_the_nearest_rank(waits, q):
    assert quantile_ms(bag_of(waits), WAIT, q) == pytest.approx(nearest_rank(waits, q), rel=0.011, abs=0)


@bounded
@given(st.lists(durations, max_size=50), st.sets(st.integers(0, YEAR_MS), max_size=5))
def test_counting_up_to_a_configured_edge_is_exact(waits, edges):
    bag = bag_of(waits, edges)

    for edge in edges:
        assert up_to(bag, WAIT, edge) == sum(wait <= edge for wait in waits)


@bounded
@given(st.lists(durations, min_size=1), st.lists(durations, min_size=1), st.integers(0, YEAR_MS), quantiles)
def test_bins_under_different_settings_add_up(before, after, edge, q):
    bag = Counter(bag_of(before))
    bag.update(bag_of(after, [edge]))

    assert sum(n for _, n in counts(bag, WAIT)) == len(before) + len(after)
    assert quantile_ms(bag, WAIT, q) == pytest.approx(nearest_rank([*before, *after], q), rel=0.011, abs=0)


@pytest.mark.parametrize(
    ("waits_s", "q", "expected_s"),
    [
        pytest.param([1, 2, 3, 4, 5], 0.8, 4, id="0.8 of 5 is rank 4, not 5"),
        pytest.param([1, 2, 3, 4, 5], 0.5, 3, id="the middle one"),
        pytest.param([1, 2, 3, 4], 0.5, 2, id="of an even number the lower"),
        pytest.param([1, 2], 0.99, 2, id="the last"),
        pytest.param([7], 0.01, 7, id="never rank 0"),
        pytest.param([0, 0, 0, 9], 0.5, 0, id="no wait at all"),
    ],
)
def test_ranks(waits_s, q, expected_s):
    bag = bag_of([1_000 * wait for wait in waits_s])

    assert quantile_ms(bag, WAIT, q) == pytest.approx(1_000 * expected_s, rel=0.011, abs=0)


def test_nothing_has_no_quantile():
    assert quantile_ms({}, WAIT, 0.5) is None


def test_what_was_taken_back_has_no_quantile():
    assert quantile_ms({Bins().key(WAIT, 5): 0}, WAIT, 0.5) is None


def test_a_longer_duration_than_any_counts_in_the_last_bin():
    assert Bins().key(WAIT, 10**15) == Bins().key(WAIT, EDGES[-1])


def test_histograms_share_a_bag_and_do_not_meet():
    bins = Bins()
    bag = {bins.key(WAIT, 5): 2, bins.key(REPLY, 5): 3, P.ANSWERED: 7}

    assert (counts(bag, WAIT), counts(bag, REPLY), counts(bag, H.FIRST_RESPONSE)) == ([(5, 2)], [(5, 3)], [])


def test_a_bin_is_named_by_its_upper_edge():
    assert Bins([20_000]).key(WAIT, 20_000) == HISTOGRAM * WAIT + 20_000


def test_edges_grow_by_the_promised_share():
    assert all(high <= max(low + 1, low * GROWTH) for low, high in pairwise(EDGES))
    assert EDGES[:4] == (0, 1, 2, 3)
    assert EDGES[-1] < HISTOGRAM
