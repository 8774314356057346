"""Nothing lost, nothing counted twice, nothing stale shown as live: real servers, real faults, in a few minutes."""

import pytest

from tests.chaos.campaign import Plan, campaign
from tests.chaos.centres import LINES
from tests.chaos.faults import ROUND
from tests.chaos.report import report

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.timeout(900)]

RATE = 1_000
"""Events a second: few enough for a machine that has other things to do."""

SHORT = (
    "worker killed (SIGKILL)",
    "Redis killed, restarted empty",
    "worker suspended past its session",
    "broker restarted",
    "rolling restart (SIGTERM)",
)


def test_a_run_with_faults_is_what_a_run_without_would_be(tmp_path, record_property):
    plan = Plan(seed=1, rate=RATE, workers=2, partitions=2, patience_s=60)
    with campaign(plan, tmp_path) as run:
        for fault in SHORT:
            run.inject(fault, ROUND[fault])
        verdict = run.judged()
    record_property("report", report(plan, run.injected, verdict, run.ends))

    assert verdict.wrong == []
    assert verdict.records > 20_000
    assert verdict.visits.expected > 2_000
    assert verdict.compared_totals > len(LINES)
    assert verdict.looks["right"] >= len(LINES)
    assert verdict.values > 1_000
