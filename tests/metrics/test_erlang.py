"""Staffing formulas: worked values, the steady state summed directly in fractions, limits and monotonicity."""

import math
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyworkforce.queuing import ErlangC as Workforce

from streams.metrics.erlang import ErlangA, ErlangC, agents_needed, erlang_b

MINUTE_S = 60
AHT_S = 3 * MINUTE_S
PATIENCE_S = 5 * MINUTE_S

bounded = settings(max_examples=40, deadline=None, derandomize=True)
loads = st.floats(0.1, 60)
crews = st.integers(1, 70)
targets_s = st.floats(0, 300)
patiences_s = st.floats(5, 3_000)


def test_the_worked_example_of_erlang_c():
    """100 calls per 30 min, AHT 3 min, 14 agents."""
    queue = ErlangC(100 * AHT_S / (30 * MINUTE_S), 14, AHT_S)

    assert queue.erlangs == 10
    assert queue.wait_probability == pytest.approx(0.174132, abs=5e-7)
    assert queue.service_level(20) == pytest.approx(0.888350, abs=5e-7)
    assert queue.occupancy == pytest.approx(0.714286, abs=5e-7)
    assert queue.asa_s == pytest.approx(queue.wait_probability * AHT_S / 4)


def test_the_worked_example_of_erlang_a():
    """The same with a mean patience of 5 min."""
    queue = ErlangA(10, 14, AHT_S, PATIENCE_S)

    assert queue.wait_probability == pytest.approx(0.14526, abs=5e-6)
    assert queue.abandon_probability == pytest.approx(0.013984, abs=5e-7)


# --- against others ---


def weights(load: Fraction, agents: int, patience: Fraction | None, places: int) -> list[Fraction]:
    """Steady state of the birth-death chain with 0, 1 … customers, not normalised; patience in handle times."""
    found = [Fraction(1)]
    for customers in range(1, agents + places + 1):
        leaving = min(customers, agents) + (max(0, customers - agents) / patience if patience else 0)
        found.append(found[-1] * load / leaving)
    return found


def sum_within(first_rate: float, terms: int, time: float) -> float:
    """P(S ≤ time), S the sum of `terms` independent exponentials of rates r, r+1, r+2 …: e^−S is Beta(r, terms)."""
    beyond, term = 0.0, math.exp(-time * first_rate)
    for i in range(terms):
        beyond += term
        term *= -math.expm1(-time) * (first_rate + i) / (i + 1)
    return 1 - beyond


def by_sums(load: Fraction, agents: int, patience: Fraction, target: Fraction, places: int = 250):
    """(P(wait), P(abandon), mean wait of the answered, service level) in handle times, straight from the chain."""
    chain = weights(load, agents, patience, places)
    whole, ahead = sum(chain), chain[agents:]
    abandoned = sum(n * weight for n, weight in enumerate(ahead)) / patience / load / whole
    x = agents * patience
    answered = waited = Fraction(0)
    within = 0.0
    for n, weight in enumerate(ahead):
        stays = x / (x + n + 1)  # of one who finds n ahead, the patience outlives n + 1 departures
        answered += weight * stays
        waited += weight * stays * patience * sum(1 / (x + i) for i in range(1, n + 2))
        within += float(weight * stays / whole) * sum_within(float(x + 1), n + 1, float(target / patience))
    at_once = sum(chain[:agents]) / whole
    asa = waited / whole / (at_once + answered / whole)
    return float(sum(ahead) / whole), float(abandoned), float(asa), float(at_once) + within


@pytest.mark.parametrize(
    ("erlangs", "agents", "patience_s", "target_s"),
    [
        pytest.param(10, 14, 300, 20, id="the worked example"),
        pytest.param(10, 10, 180, 30, id="as many agents as erlangs"),
        pytest.param(10, 6, 60, 20, id="far too few agents"),
        pytest.param(Fraction(1, 3), 1, 600, 20, id="one agent"),
        pytest.param(25, 30, 30, 60, id="customers in a hurry"),
    ],
)
def test_erlang_a_is_the_steady_state_of_the_queue(erlangs, agents, patience_s, target_s):
    queue = ErlangA(float(erlangs), agents, AHT_S, patience_s)
    waits, abandons, asa, service_level = by_sums(
        Fraction(erlangs), agents, Fraction(patience_s, AHT_S), Fraction(target_s, AHT_S)
    )

    assert queue.wait_probability == pytest.approx(waits, rel=1e-12)
    assert queue.abandon_probability == pytest.approx(abandons, rel=1e-12)
    assert queue.asa_s == pytest.approx(asa * AHT_S, rel=1e-12)
    assert queue.service_level(target_s) == pytest.approx(service_level, rel=1e-9)


@pytest.mark.parametrize(("erlangs", "agents"), [(1, 2), (10, 14), (10, 11), (40, 47), (Fraction(1, 7), 3)])
def test_erlang_c_is_the_steady_state_of_the_queue(erlangs, agents):
    load = Fraction(erlangs)
    chain = weights(load, agents, None, 0)
    waiting = chain[-1] / (1 - load / agents)  # the places behind form a geometric series
    expected = waiting / (sum(chain[:-1]) + waiting)

    assert ErlangC(float(load), agents, AHT_S).wait_probability == pytest.approx(float(expected), rel=1e-13)
    assert erlang_b(float(load), agents) == pytest.approx(float(chain[-1] / sum(chain)), rel=1e-13)


@bounded
@given(loads, st.integers(1, 20), targets_s)
def test_erlang_c_agrees_with_pyworkforce(erlangs, spare, target_s):
    agents = math.floor(erlangs) + spare
    queue = ErlangC(erlangs, agents, AHT_S)
    other = Workforce(transactions=erlangs, aht=AHT_S, interval=AHT_S, asa=max(target_s, 1e-9))

    assert queue.wait_probability == pytest.approx(other.waiting_probability(agents), rel=1e-9)
    assert queue.service_level(target_s) == pytest.approx(other.service_level(agents), rel=1e-9, abs=1e-12)
    assert queue.occupancy == pytest.approx(other.achieved_occupancy(agents))


@pytest.mark.parametrize("goal", [0.5, 0.8, 0.9, 0.99])
@pytest.mark.parametrize("calls", [10, 100, 333, 1_000])
def test_agents_needed_agrees_with_pyworkforce(calls, goal):
    other = Workforce(transactions=calls, aht=3, interval=30, asa=20 / 60)

    assert agents_needed(calls * 3 / 30, AHT_S, 20, goal) == other.required_positions(service_level=goal)["positions"]


# --- limits ---


@bounded
@given(loads, st.integers(1, 20), targets_s)
def test_with_endless_patience_erlang_a_is_erlang_c(erlangs, spare, target_s):
    agents = math.ceil(erlangs) + spare
    patient, endless = ErlangA(erlangs, agents, AHT_S, 1e9), ErlangC(erlangs, agents, AHT_S)

    assert patient.wait_probability == pytest.approx(endless.wait_probability, rel=1e-4)
    assert patient.service_level(target_s) == pytest.approx(endless.service_level(target_s), abs=1e-5)
    assert patient.asa_s == pytest.approx(endless.asa_s, rel=1e-3)
    assert patient.abandon_probability < 1e-4


@bounded
@given(loads, crews)
def test_with_no_patience_who_cannot_be_answered_at_once_is_lost(erlangs, agents):
    hurried = ErlangA(erlangs, agents, AHT_S, 1e-6)

    assert hurried.abandon_probability == pytest.approx(erlang_b(erlangs, agents), rel=1e-3)
    assert hurried.asa_s == pytest.approx(0, abs=1e-5)


def test_with_too_few_agents_the_queue_of_erlang_c_grows_without_end():
    queue = ErlangC(10, 10, AHT_S)

    assert (queue.wait_probability, queue.service_level(20), queue.asa_s, queue.occupancy) == (1, 0, math.inf, 1)


def test_without_agents_everybody_leaves():
    queue = ErlangA(10, 0, AHT_S, PATIENCE_S)

    assert queue.wait_probability == 1
    assert queue.abandon_probability == pytest.approx(1)
    assert (queue.service_level(20), queue.asa_s, queue.occupancy) == (0, None, None)
    assert ErlangC(10, 0, AHT_S).occupancy is None


@pytest.mark.parametrize("agents", [100, 5_000, 9_900, 10_000, 10_100, 20_000])
def test_ten_thousand_erlangs_neither_overflow_nor_underflow(agents):
    """Ten thousand erlangs: what is answered and what is lost is bounded by simple flows."""
    queue = ErlangA(10_000, agents, AHT_S, PATIENCE_S)

    assert 0 <= queue.service_level(20) <= min(1, agents / 10_000) + 1e-9
    assert max(0, 1 - agents / 10_000) - 1e-9 <= queue.abandon_probability <= 1
    assert queue.occupancy <= 1 + 1e-9
    assert 0 <= ErlangC(10_000, agents, AHT_S).wait_probability <= 1


def test_ten_thousand_erlangs_need_few_agents_more():
    """The square-root rule: the surplus is some multiple of √10,000."""
    endless = agents_needed(10_000, AHT_S, 20, 0.8)
    patient = agents_needed(10_000, AHT_S, 20, 0.8, PATIENCE_S)

    assert 10_000 < endless < 10_100
    assert 8_000 < patient < 10_000


# --- laws ---


@bounded
@given(loads, crews, patiences_s, targets_s)
def test_probabilities_are_probabilities(erlangs, agents, patience_s, target_s):
    queue = ErlangA(erlangs, agents, AHT_S, patience_s)

    for share in (queue.wait_probability, queue.abandon_probability, queue.service_level(target_s)):
        assert 0 <= share <= 1 + 1e-12
    assert queue.occupancy == pytest.approx(erlangs * (1 - queue.abandon_probability) / agents)
    assert queue.service_level(0) == pytest.approx(1 - queue.wait_probability, abs=1e-9)
    assert queue.service_level(1e6) == pytest.approx(1 - queue.abandon_probability, abs=1e-9)


@bounded
@given(loads, crews, patiences_s, targets_s)
def test_one_agent_more_serves_better(erlangs, agents, patience_s, target_s):
    some, more = ErlangA(erlangs, agents, AHT_S, patience_s), ErlangA(erlangs, agents + 1, AHT_S, patience_s)

    assert more.wait_probability <= some.wait_probability + 1e-12
    assert more.abandon_probability <= some.abandon_probability + 1e-12
    assert more.service_level(target_s) >= some.service_level(target_s) - 1e-9
    assert ErlangC(erlangs, agents + 1, AHT_S).service_level(target_s) >= (
        ErlangC(erlangs, agents, AHT_S).service_level(target_s) - 1e-12
    )


@bounded
@given(loads, crews, patiences_s, targets_s, st.floats(1, 60))
def test_a_longer_target_is_met_more_often(erlangs, agents, patience_s, target_s, longer_s):
    queue, endless = ErlangA(erlangs, agents, AHT_S, patience_s), ErlangC(erlangs, agents, AHT_S)

    assert queue.service_level(target_s + longer_s) >= queue.service_level(target_s) - 1e-9
    assert endless.service_level(target_s + longer_s) >= endless.service_level(target_s)


@bounded
@given(loads, targets_s, st.floats(0.3, 0.99), st.none() | patiences_s)
def test_agents_needed_is_the_least_number_that_meets_the_goal(erlangs, target_s, goal, patience_s):
    def met(agents: int) -> bool:
        queue = ErlangA(erlangs, agents, AHT_S, patience_s) if patience_s else ErlangC(erlangs, agents, AHT_S)
        return queue.service_level(target_s) >= goal

    agents = agents_needed(erlangs, AHT_S, target_s, goal, patience_s)

    assert met(agents)
    assert agents == 1 or not met(agents - 1)


def test_without_load_nobody_is_needed():
    assert agents_needed(0, AHT_S, 20, 0.8) == agents_needed(0, AHT_S, 20, 0.8, PATIENCE_S) == 0


@pytest.mark.parametrize("goal", [-1, 0, 1, 1.5])
def test_a_goal_that_no_number_of_agents_makes_certain_is_an_error(goal):
    with pytest.raises(ValueError, match="between 0 and 1"):
        agents_needed(10, AHT_S, 20, goal)


@bounded
@given(loads, crews)
def test_who_waits_for_ever_waits_longer_on_average(erlangs, agents):
    assume(agents > erlangs + 0.01)

    assert ErlangA(erlangs, agents, AHT_S, PATIENCE_S).asa_s <= ErlangC(erlangs, agents, AHT_S).asa_s
