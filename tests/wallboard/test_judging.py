"""Good, to be watched, or a breach: what the server says, and that the page says the same."""

import json

import pytest

from streams.config import Config
from streams.metrics.catalogue import BY_ID
from streams.wallboard.judging import Threshold, judge, judge_queue, thresholds
from streams.wallboard.presentation import SHOWN, shown_kpi

USUAL = thresholds(Config().queue("any"))
W = "30m"


@pytest.mark.parametrize(
    ("kpi", "value", "expected"),
    [
        pytest.param("service_level", 0.8, "good", id="the goal itself is met"),
        pytest.param("service_level", 0.7999, "warn", id="below the goal"),
        pytest.param("service_level", 0.5999, "bad", id="far below"),
        pytest.param("longest_wait", 59.9, "good", id="not long yet"),
        pytest.param("longest_wait", 60, "warn", id="long"),
        pytest.param("longest_wait", 180, "bad", id="too long"),
        pytest.param("longest_wait", None, "none", id="nobody waits"),
        pytest.param("waiting", 1_000, "none", id="no threshold"),
        pytest.param("agents_on_contact", 5, "none", id="neither good nor bad"),
    ],
)
def test_a_number_is_judged_by_its_threshold(kpi, value, expected):
    assert judge(value, kpi, USUAL.get(kpi)) == expected


def test_the_configured_goal_and_limits_move_both_ends():
    config = Config(queues={"vip": {"service_level_goal": 0.9, "longest_wait_limit_s": 60, "abandon_rate_limit": 0.04}})

    found = thresholds(config.queue("vip"))

    assert found["service_level"] == Threshold(0.9, 0.675)
    assert found["longest_wait"] == Threshold(20, 60)
    assert found["abandon_rate"] == Threshold(0.02, 0.04)


@pytest.mark.parametrize(
    ("values", "staffed", "expected"),
    [
        pytest.param({}, None, "none", id="nothing to judge"),
        pytest.param({"longest_wait": 5}, None, "good", id="one good number"),
        pytest.param({"longest_wait": 61, f"service_level:{W}": 0.5, f"answered:{W}": 5}, None, "bad", id="the worst"),
        pytest.param({f"service_level:{W}": 0.0, f"answered:{W}": 4}, None, "none", id="too few visits for a share"),
        pytest.param({f"service_level:{W}": 0.0, f"answered:{W}": 3, f"abandoned:{W}": 2}, None, "bad", id="enough"),
        pytest.param(
            {"longest_wait": 5, f"service_level:{W}": 0.0, f"answered:{W}": 4}, None, "none", id="not on target either"
        ),
        pytest.param({"waiting": 1}, 0, "bad", id="somebody waits and nobody is staffed"),
        pytest.param({"waiting": 0}, 0, "none", id="nobody waits and nobody is staffed"),
        pytest.param({"waiting": 1}, None, "none", id="nothing is known of agents"),
        pytest.param({"sla_breached_open": 1}, None, "warn", id="a target past due"),
    ],
)
def test_a_queue_comes_to_its_worst_number(values, staffed, expected):
    assert judge_queue(values, USUAL, W, staffed) == expected


@pytest.mark.browser
@pytest.mark.redis
def test_the_page_judges_as_the_server_does(open_board):
    values = [None, 0, 0.039, 0.04, 0.05, 0.1, 0.5, 0.6, 0.79, 0.8, 0.9, 1, 5, 59, 60, 180, 1_000]
    kpis = [BY_ID[kpi] for kpi in SHOWN]
    cases = [(kpi, value, USUAL.get(kpi.id)) for kpi in kpis for value in values]
    told = json.dumps([[_as_sent(kpi), value, threshold] for kpi, value, threshold in cases])

    found = open_board().evaluate(
        f"async () => {{ const {{ judge }} = await import('/static/judge.js'); "
        f"return {told}.map(([kpi, value, threshold]) => judge(value, kpi, threshold)) }}"
    )

    assert found == [judge(value, kpi.id, threshold) for kpi, value, threshold in cases]


def _as_sent(kpi):
    shown = shown_kpi(kpi)
    return {"id": shown.id, "good": shown.good, "warn": shown.warn, "bad": shown.bad}
