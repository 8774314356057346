"""What must hold between the numbers themselves, whatever happens in the centre."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.properties.histories import STARTS, Event, Sent, centres, channels, delayed, lives, punctual
from tests.properties.wiring import RULES, Centre
from tests.reference.rules import QueueRules, Rules
from tests.reference.windows import PANE_MS, pane

ROLLING = ("1m", "5m", "15m", "30m", "60m", "all")
SUMS = ("offered", "answered", "abandoned", "flowed_out", "evicted", "rejected", "handled", "transfers", "contacts",
        "answered_in_target", "short_abandoned", "first_responses", "replies", "bot_contained")  # fmt: skip


def end_of_pane(at: int) -> int:
    """Windows hold whole panes, live values an instant: where both mean the same."""
    return (pane(at) + 1) * PANE_MS - 1


@st.composite
def clean_starts(draw) -> list[Sent]:
    """Contacts seen from their beginning, events on time or a little delayed."""
    return draw(delayed(draw(centres(draw(channels), lives))))


@given(clean_starts(), st.sampled_from((0, 5_000, 3_600_000, 4 * 3_600_000)))
def test_everybody_offered_is_somewhere(sent: list[Sent], pause: int):
    """offered = answered + abandoned + flowed out + evicted + waiting, at every instant after a clean start."""
    assume(sent)
    centre, now = Centre(), 0
    for one in punctual([one.event for one in sent if one.event["type"] != "heartbeat"]):
        centre.feed([one])
        now = end_of_pane(one.arrives)
        check_sum(centre, one.channel, now)
    check_sum(centre, sent[0].channel, end_of_pane(now + pause))


def check_sum(centre: Centre, channel: str, now: int) -> None:
    values = centre.values(channel, now)
    for queue in {queue for queue, _ in values if not queue.startswith("#")}:
        ends = sum(values[queue, "all"][kpi] for kpi in ("answered", "abandoned", "flowed_out", "evicted"))

        assert values[queue, "all"]["offered"] == ends + values[queue, "live"]["waiting"], queue


@given(clean_starts())
def test_queues_sum_to_their_channel(sent: list[Sent]):
    assume(sent)
    centre = Centre()
    centre.feed(sent)
    values = centre.values(sent[0].channel, sent[-1].arrives)
    queues = {queue for queue, _ in values if queue[0] not in "*@#"}
    asked = [(window, kpi) for window in ROLLING for kpi in SUMS] + [
        ("live", "waiting"),
        ("live", "waiting_over_target"),
    ]

    for window, kpi in asked if values else ():
        assert values["*", window][kpi] == sum(values[queue, window][kpi] for queue in queues), (window, kpi)


@given(clean_starts())
def test_queues_sum_to_their_groups(sent: list[Sent]):
    assume(sent)
    centre = Centre()
    centre.feed(sent)
    values = centre.values(sent[0].channel, sent[-1].arrives)
    asked = [(window, kpi) for window in ROLLING for kpi in SUMS] + [("live", "waiting")]

    for group, queues in RULES.groups.items():
        shown = [queue for queue in queues if (queue, "live") in values]
        assert ((f"@{group}", "live") in values) == bool(shown)
        for window, kpi in asked if shown else ():
            assert values[f"@{group}", window][kpi] == sum(values[queue, window][kpi] for queue in shown), (group, kpi)


def with_target(target_ms: int) -> Centre:
    return Centre(Rules(defaults=QueueRules(target_ms=target_ms), max_age_ms=RULES.max_age_ms, partitions=1))


@given(clean_starts(), st.lists(st.integers(0, 400_000), min_size=2, max_size=2).map(sorted))
def test_service_level_never_falls_as_the_target_grows(sent: list[Sent], targets: list[int]):
    assume(sent)
    levels = []
    for target in targets:
        centre = with_target(target)
        centre.feed(sent)
        levels.append(centre.values(sent[0].channel, sent[-1].arrives).get(("*", "all"), {}))
    low, high = levels

    for variant in ("strict", "answered_only", "ignore_short", "abandons_met", "with_flow_out"):
        kpi = f"service_level_{variant}"
        assert (low.get(kpi) is None) == (high.get(kpi) is None)
        assert (low.get(kpi) or 0) <= (high.get(kpi) or 0), variant


@pytest.mark.parametrize("variant", ["answered_only", "ignore_short", "abandons_met"])
@given(sent=clean_starts())
def test_no_variant_is_stricter_than_strict(variant: str, sent: list[Sent]):
    assume(sent)
    centre = Centre()
    centre.feed(sent)

    for (_, window), values in centre.values(sent[0].channel, sent[-1].arrives).items():
        if window != "live" and None not in (values["service_level_strict"], values[f"service_level_{variant}"]):
            assert values[f"service_level_{variant}"] >= values["service_level_strict"]


@st.composite
def empty_to_empty(draw) -> list[Sent]:
    """Visits that are answered or abandoned, and nobody waits before the first or after the last."""
    visits = draw(
        st.lists(st.tuples(st.integers(0, 600_000), st.integers(1, 300_000), st.booleans()), min_size=1, max_size=8)
    )
    return punctual([event for i, visit in enumerate(visits) for event in visit_of(f"c{i}", *visit)])


def visit_of(contact: str, entered: int, wait: int, answered: bool) -> list[Event]:
    start = STARTS[0] + entered
    base: dict[str, Any] = {"v": 1, "channel": "voice", "contact": contact, "queue": "q"}
    end = {"type": "agent.connected", "agent": "ann"} if answered else {"type": "queue.abandoned"}
    return [
        {**base, "id": f"{contact}#0", "type": "queue.entered", "time": start},
        {**base, "id": f"{contact}#1", **end, "time": start + wait},
    ]


@given(empty_to_empty())
def test_littles_law_over_an_empty_to_empty_period(sent: list[Sent]):
    """Time-average of `waiting` = arrival rate × mean wait, exactly."""
    centre, area, before = Centre(), 0, sent[0].arrives
    for one in sent:
        # Nothing begins or ends between two events: `waiting` just before this one held since the last.
        area += (one.arrives - before) * centre.values("voice", one.arrives).get(("*", "live"), {}).get("waiting", 0)
        before = one.arrives
        centre.feed([one])
    period = sent[-1].arrives - sent[0].arrives
    values = centre.values("voice", sent[-1].arrives)["*", "all"]
    arrival_rate = Fraction(values["offered"], period)
    mean_wait_ms = Fraction(values["wait_avg"] * 1000).limit_denominator(10_000)

    assert Fraction(area, period) == arrival_rate * mean_wait_ms
