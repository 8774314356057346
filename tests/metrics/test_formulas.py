"""Values from sums: the definitions, and null where nothing can be computed."""

import pytest

from streams.facts.bins import Bins
from streams.facts.primitives import H, P
from streams.facts.wire import RowKind
from streams.metrics.catalogue import BY_ID, CATALOGUE
from streams.metrics.formulas import Count, Mean, Quantile, Ratio


class Rows:
    """Rows at an instant: how many, how many over target, the earliest clocks."""

    def __init__(self, open_=0, over=0, earliest=None, earliest_contact=None):
        self._counts = {False: open_, True: over}
        self._earliest = {False: earliest, True: earliest_contact}

    def count(self, kind, *, over_target=False, **_which):
        return self._counts[over_target]

    def earliest(self, kind, *, of_contact=False):
        return self._earliest[of_contact]


NOBODY = Rows()

CLASSIC = {
    P.ANSWERED: 1000, P.ABANDONED: 60, P.ANSWERED_IN_TARGET: 860, P.ABANDONED_IN_TARGET: 20, P.SHORT_ABANDONED: 10,
    P.FLOWED_OUT: 40, P.WAIT_ANSWERED_MS: 12_000_000, P.WAIT_ABANDONED_MS: 1_800_000, P.HANDLED: 950,
    P.TALK_MS: 190_000_000, P.HOLD_MS: 9_500_000, P.ACW_MS: 19_000_000, P.FIRST_RESPONSES: 4,
    P.FIRST_RESPONSE_MS: 100_000, P.FIRST_RESPONSES_IN_TARGET: 3, P.REPLIES: 2, P.REPLY_MS: 50_000,
    P.CONTACTS: 2000, P.BOT_CONTAINED: 500,
}  # fmt: skip
"""The classic example, with more around it."""


SHARES = [kpi for kpi in CATALOGUE if isinstance(kpi.formula, Ratio | Mean | Quantile)]
"""Ratios, means and percentiles."""


def value(kpi_id, bag, rows=NOBODY):
    return BY_ID[kpi_id].formula.value(bag, rows)


@pytest.mark.parametrize(
    ("kpi_id", "expected"),
    [
        ("service_level_strict", 860 / 1060),
        ("service_level_answered_only", 0.860),
        ("service_level_ignore_short", 860 / 1050),
        ("service_level_ignore_in_target", 860 / 1040),
        ("service_level_abandons_met", 880 / 1060),
        ("service_level_short_met", 870 / 1060),
        ("service_level_with_flow_out", 860 / 1100),
        ("service_level_live", 860 / 1050),
        ("abandon_rate_ignore_short", 50 / 1050),
        ("abandon_rate_strict", 60 / 1060),
        ("abandon_rate_with_flow_out", 60 / 1100),
        ("abandon_rate_short_met", 50 / 1060),
        ("asa", 12.0),
        ("wait_avg", 13_800 / 1060),
        ("wait_per_answered", 13.8),
        ("abandon_time_avg", 30.0),
        ("aht", 218_500 / 950),
        ("talk_avg", 200.0),
        ("hold_avg", 10.0),
        ("acw_avg", 20.0),
        ("first_response_avg", 25.0),
        ("first_response_within_target", 0.75),
        ("reply_avg", 25.0),
        ("deflection_rate", 0.25),
        ("answered", 1000),
        ("abandoned_in_target", 20),
    ],
)
def test_the_classic_example(kpi_id, expected):
    assert value(kpi_id, CLASSIC) == pytest.approx(expected, rel=1e-12)


def test_who_waits_longer_than_the_target_now_is_a_miss_already():
    assert value("service_level_live", CLASSIC, Rows(open_=50, over=30)) == 860 / 1080


def test_a_miss_that_waits_is_all_there_is():
    assert value("service_level_live", {}, Rows(open_=1, over=1)) == 0.0


@pytest.mark.parametrize("kpi", SHARES, ids=lambda kpi: kpi.id)
def test_of_nothing_there_is_no_ratio_no_mean_and_no_percentile(kpi):
    assert kpi.formula.value({}, NOBODY) is None


@pytest.mark.parametrize("kpi", [kpi for kpi in CATALOGUE if isinstance(kpi.formula, Count)], ids=lambda kpi: kpi.id)
def test_of_nothing_the_count_is_zero(kpi):
    assert kpi.formula.value({}, NOBODY) == 0


@pytest.mark.parametrize("kpi_id", ["service_level_ignore_short", "abandon_rate_ignore_short"])
def test_nothing_but_short_abandons_is_nothing(kpi_id):
    assert value(kpi_id, {P.ABANDONED: 3, P.SHORT_ABANDONED: 3}) is None


def test_zero_waits_are_part_of_the_mean():
    assert value("asa", {P.ANSWERED: 2, P.WAIT_ANSWERED_MS: 0}) == 0.0


@pytest.mark.parametrize(("percent", "expected_s"), [(50, 5), (80, 8), (90, 9), (95, 10), (99, 10)])
def test_percentiles_are_in_seconds(percent, expected_s):
    bins = Bins()
    bag = {bins.key(H.WAIT_ANSWERED, second * 1_000): 1 for second in range(1, 11)}

    assert value(f"wait_p{percent}", bag) == pytest.approx(expected_s, rel=0.011)


def test_each_percentile_reads_its_own_histogram():
    bins = Bins()
    bag = {bins.key(H.WAIT_ANSWERED, 1_000): 1, bins.key(H.FIRST_RESPONSE, 2_000): 1, bins.key(H.REPLY, 3_000): 1}

    assert [value(kpi_id, bag) for kpi_id in ("wait_p50", "first_response_p50", "reply_p90")] == pytest.approx(
        [1, 2, 3], rel=0.011
    )


def test_what_is_live_comes_from_the_rows():
    rows = Rows(open_=3, over=1, earliest=10, earliest_contact=5)

    assert value("waiting", {}, rows) == 3
    assert value("waiting_over_target", {}, rows) == 1
    assert BY_ID["longest_wait"].formula.since_ms(rows) == 10
    assert BY_ID["longest_contact_wait"].formula.since_ms(rows) == 5
    assert BY_ID["longest_wait"].formula.since_ms(NOBODY) is None
    assert BY_ID["first_response_oldest"].formula.kind == RowKind.FIRST_RESPONSE
