"""Each queue is measured by its own limits and costs its own rate, whatever the defaults are."""

import pytest

from streams.contacts.settings import FoldSettings, Thresholds
from streams.facts.primitives import HISTOGRAM, P
from tests.contacts.timeline import Log

STRICT = FoldSettings(queues={"strict": Thresholds(target_ms=5_000, short_abandon_ms=1_000)})
PAID = FoldSettings(queues={"paid": Thresholds(cost_per_hour=3_000)})


@pytest.mark.parametrize(
    ("line", "in_target"),
    [
        ("0 enters strict · 5 answered strict ann", ["answered_in_target"]),
        ("0 enters strict · 6 answered strict ann", []),
        ("0 enters other · 6 answered other ann", ["answered_in_target"]),
        ("0 enters strict · 1 abandons strict", ["abandoned_in_target", "short_abandoned"]),
        ("0 enters strict · 5 abandons strict", ["abandoned_in_target"]),
        ("0 enters strict · 6 abandons strict", []),
        ("0 enters other · 5 abandons other", ["abandoned_in_target", "short_abandoned"]),
    ],
)
def test_a_wait_is_measured_by_the_limits_of_its_queue(line, in_target):
    counts = Log(STRICT).tell(line).counts()

    assert [name for name in ("answered_in_target", "abandoned_in_target", "short_abandoned") if name in counts] == (
        in_target
    )


def test_a_conversation_costs_the_rate_of_its_queue_talk_and_hold_and_wrap_up():
    log = Log(PAID).tell("0 enters paid · 10 answered paid ann · 20 held · 25 resumed · 70 ends agent · 90 wrapped ann")

    assert log.counts("paid")["talk_ms"] == 55_000
    assert log.counts("paid")["hold_ms"] == 5_000
    assert log.primitive(P.HANDLED_AT_COST, "paid") == 1
    assert log.primitive(P.HANDLE_COST, "paid") == (55_000 + 5_000 + 20_000) * 3_000


def test_where_the_rate_is_not_known_nothing_costs_anything():
    log = Log(PAID).tell("0 enters other · 10 answered other ann · 70 ends agent · 90 wrapped ann")

    assert (log.primitive(P.HANDLED_AT_COST), log.primitive(P.HANDLE_COST)) == (0, 0)


def test_each_duration_stands_in_its_histogram_once():
    log = Log().tell("0 enters q1 · 10 answered q1 ann")

    assert [n for key, n in log.bins("q1").items() if key >= HISTOGRAM] == [1]
