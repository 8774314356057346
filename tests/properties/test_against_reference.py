"""The pipeline gives, at any instant, the numbers that a model which keeps every event gives."""

from typing import Any

import pytest
from hypothesis import assume, given, note
from hypothesis import strategies as st

from tests.properties.histories import HOUR_MS, MINUTE_MS, Sent, histories, soups
from tests.properties.wiring import RULES, Centre, differences
from tests.reference.visits import Reference

AFTERWARDS = (1, 20_001, MINUTE_MS, 16 * MINUTE_MS, 61 * MINUTE_MS, 3 * HOUR_MS, 25 * HOUR_MS)
"""How long after the last event the numbers are looked at again: nothing happens, yet they change."""


def check(sent: list[Sent], batches: list[int], pauses: list[int]) -> None:
    """Feed in batches; after each, and long after the last, every number of both models is the same."""
    real, reference = Centre(), Reference(RULES, sent[0].channel)
    now, done = 0, 0
    for size, pause in zip([*batches, len(sent)], [*pauses, 0], strict=True):
        batch = sent[done : done + size]
        if not batch:
            break
        real.feed(batch)
        for one in batch:
            note(f"{one} {reference.send(one.event)}")
        done += len(batch)
        now = max(now, batch[-1].arrives + pause)

        assert differences(reference, real, now) == [], f"at {now}"

    for pause in AFTERWARDS:
        assert differences(reference, real, now + pause) == [], f"at {now + pause}, {pause} ms after the last event"


batches = st.lists(st.integers(1, 6), min_size=3, max_size=3)
pauses = st.lists(st.sampled_from((0, 0, 1, 4_999, 5_000)), min_size=3, max_size=3)


@given(histories(), batches, pauses)
def test_contacts_that_live_as_the_life_cycle_says(sent: list[Sent], batches: list[int], pauses: list[int]):
    assume(sent)
    check(sent, batches, pauses)


@given(soups(), batches, pauses)
def test_events_of_any_type_in_any_order(sent: list[Sent], batches: list[int], pauses: list[int]):
    check(sent, batches, pauses)


@given(soups(most_ms=5 * MINUTE_MS), batches, pauses)
def test_events_that_come_too_late(sent: list[Sent], batches: list[int], pauses: list[int]):
    check(sent, batches, pauses)


@pytest.mark.parametrize("kind", [histories(), soups(), soups(most_ms=5 * MINUTE_MS)], ids=["lives", "soups", "late"])
@given(data=st.data())
def test_what_becomes_of_each_record(kind: Any, data: st.DataObject):
    sent = data.draw(kind)
    real, reference = Centre(), Reference(RULES, sent[0].channel if sent else "voice")
    arrived = []
    for one in sent:
        arrived += [reference.send(one.event)] * (RULES.partitions if one.event["type"] == "heartbeat" else 1)
        note(f"{one} {arrived[-1]}")
    real.feed(sent)

    assert real.pipeline.outcomes == reference.outcomes(arrived)
