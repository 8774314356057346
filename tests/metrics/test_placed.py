"""Values that need more than a window's sums: its length and days, its queue's settings, what stood at its start."""

import pytest

from streams.facts.primitives import HISTOGRAM, H, P
from streams.metrics.catalogue import BY_ID
from streams.metrics.placed import Place
from streams.metrics.settings import Business, Staffing

HALF_HOUR_MS = 1_800_000
MINUTE_MS = 60_000
NOTHING = Business()
CALLS = {P.OFFERED: 100, P.HANDLED: 90, P.TALK_MS: 90 * 150_000, P.HOLD_MS: 90 * 10_000, P.ACW_MS: 90 * 20_000}


def value(kpi_id, bag, *, customers=None, business=NOTHING, weeks=(), first_day=None, **where):
    around = {"length_ms": None, "first_day": lambda: first_day, "staffing": Staffing(), "staffed": None, **where}
    place = Place(bag, business=business, customers=lambda: customers, weeks_before=lambda: list(weeks), **around)
    return BY_ID[kpi_id].formula.value_at(place)


class TestStaffing:
    """The worked example of the Erlang formulas: 100 calls per 30 min, average handle time 3 min."""

    def test_arrivals_are_per_hour_of_the_window(self):
        assert value("arrivals_per_hour", CALLS, length_ms=HALF_HOUR_MS) == 200
        assert value("arrivals_per_hour", CALLS) is None

    @pytest.mark.parametrize(
        ("goal", "patience_s", "needed"),
        [
            pytest.param(0.8, None, 14, id="14 agents answer 0.888350 within 20 s, 13 fewer than 0.8"),
            pytest.param(0.88834, None, 14, id="just within"),
            pytest.param(0.88836, None, 15, id="just beyond"),
            pytest.param(0.8, 300, 13, id="with those who give up, one fewer is enough"),
        ],
    )
    def test_so_many_agents_are_needed(self, goal, patience_s, needed):
        staffing = Staffing(20, goal, patience_s)

        assert value("staffing_needed", CALLS, length_ms=HALF_HOUR_MS, staffing=staffing) == needed

    @pytest.mark.parametrize(("staffed", "gap"), [(10, 4), (14, 0), (16, -2), (None, None)])
    def test_the_gap_is_what_is_missing_and_absent_where_agents_are_unknown(self, staffed, gap):
        assert value("staffing_gap", CALLS, length_ms=HALF_HOUR_MS, staffed=staffed) == gap
        assert value("staffed", CALLS, length_ms=HALF_HOUR_MS, staffed=staffed) == staffed

    @pytest.mark.parametrize(
        ("bag", "where"),
        [
            pytest.param(CALLS, {"length_ms": None}, id="a window that grows"),
            pytest.param(CALLS, {"staffing": None}, id="a roll-up"),
            pytest.param({P.OFFERED: 5}, {}, id="nothing handled: no handle time"),
            pytest.param({P.OFFERED: 5, P.HANDLED: 1}, {}, id="handled in no time"),
        ],
    )
    def test_without_an_input_there_is_no_recommendation(self, bag, where):
        where = {"length_ms": HALF_HOUR_MS, "staffed": 3, **where}

        assert value("staffing_needed", bag, **where) is None
        assert value("staffing_gap", bag, **where) is None

    def test_a_conversation_of_half_a_second_is_one(self):
        bag = {P.OFFERED: 100, P.HANDLED: 100, P.TALK_MS: 100 * 500}

        assert value("staffing_needed", bag, length_ms=HALF_HOUR_MS) == 1

    def test_without_arrivals_nobody_is_needed(self):
        assert value("staffing_needed", {P.HANDLED: 1, P.TALK_MS: 60_000}, length_ms=MINUTE_MS) == 0


def test_cost_is_that_of_an_hour_by_the_time_handled():
    """Two conversations, 6 and 12 minutes, at 30.00 an hour: 3.00 and 6.00."""
    bag = {P.HANDLED_AT_COST: 2, P.HANDLE_COST: 18 * MINUTE_MS * 3_000}

    assert value("cost_per_contact", bag) == 450.0
    assert value("cost_per_contact", {P.HANDLED: 2, P.TALK_MS: 1}) is None


SOLD = {
    P.ORDERS: 6, P.REVENUE: 9_000, P.CUSTOMER_DAYS: 3,
    P.CUSTOMERS_LOST: 10, P.CUSTOMERS_ACQUIRED: 2, P.MARKETING_SPENT: 8_000,
}  # fmt: skip


class TestCustomers:
    @pytest.mark.parametrize(
        ("counted", "configured", "opening"),
        [
            pytest.param(200, None, 200, id="counted"),
            pytest.param(200, 50, 200, id="what was counted wins over what is configured"),
            pytest.param(None, 50, 50, id="configured"),
            pytest.param(None, None, None, id="not known"),
        ],
    )
    def test_at_the_beginning_of_the_window(self, counted, configured, opening):
        business = Business(opening_customers=configured)

        assert value("customers_opening", {}, customers=counted, business=business) == opening

    def test_who_left_and_who_stayed(self):
        bag = {P.CUSTOMERS_LOST: 10, P.CUSTOMERS_ACQUIRED: 30}

        assert value("churn_rate", bag, customers=200) == 0.05
        assert value("retention_rate", bag, customers=200) == 0.95
        assert value("churn_rate", bag) is None
        assert value("retention_rate", bag, customers=0) is None

    def test_lifetime_value(self):
        """6 orders of 3 customers, 9,000 in all: average 1,500 × 2 orders each × margin 0.4 / churn 0.05."""
        known = {"customers": 200, "first_day": 7}

        assert value("lifetime_value", SOLD, business=Business(margin=0.4), **known) == pytest.approx(24_000)
        assert value("lifetime_value_to_cost", SOLD, business=Business(margin=0.4), **known) == pytest.approx(6)
        assert value("lifetime_value", SOLD, **known) is None
        assert value("lifetime_value", {**SOLD, P.CUSTOMERS_LOST: 0}, business=Business(margin=0.4), **known) is None
        assert value("lifetime_value", SOLD, business=Business(margin=0.4), customers=200) is None

    @pytest.mark.parametrize("missing", [P.MARKETING_SPENT, P.CUSTOMERS_ACQUIRED])
    def test_lifetime_value_is_compared_with_no_cost_that_is_not_known(self, missing):
        known = {"customers": 200, "first_day": 7, "business": Business(margin=0.4)}

        assert value("lifetime_value_to_cost", {**SOLD, missing: 0}, **known) is None


#         day 10   11   12   13
#      ann   x     x         x      one before the window does not make her known in it
#      bob         x
DAYS = {
    P.CUSTOMER_DAYS: 3,  # of the days from 11 on
    HISTOGRAM * H.CUSTOMER_DAY_BEFORE + 10: 1,
    HISTOGRAM * H.CUSTOMER_DAY_BEFORE + 11: 1,
}


class TestDistinct:
    def test_whose_day_before_is_in_the_window_is_counted_there(self):
        assert value("customers_ordering", DAYS, first_day=11) == 2

    def test_other_windows_have_no_such_count(self):
        assert value("customers_ordering", DAYS) is None

    def test_training_is_shared_by_those_who_got_it(self):
        bag = {P.TRAINING_SPENT: 900, P.AGENT_DAYS: 3, HISTOGRAM * H.AGENT_DAY_BEFORE + 11: 1}

        assert value("training_per_agent", bag, first_day=11) == 450
        assert value("training_per_agent", bag) is None
        assert value("training_per_agent", {}, first_day=11) is None


class TestVolume:
    @pytest.mark.parametrize(
        ("before", "ratio"),
        [
            pytest.param([5, 10, 20, 100], 2.0, id="the median of four is the middle of the two in the middle"),
            pytest.param([10, 15, 100], 2.0, id="of three the one in the middle"),
            pytest.param([0, 0, 0, 40], None, id="usually nothing: nothing to compare with"),
            pytest.param([], None, id="no week on record"),
        ],
    )
    def test_is_compared_with_the_weeks_before(self, before, ratio):
        assert value("volume_ratio", {P.COMPLAINTS: 30}, weeks=[{P.COMPLAINTS: n} for n in before]) == ratio
