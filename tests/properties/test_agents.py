"""Agents: at any instant the pipeline gives, to the millisecond, what adding up the overlaps of all states gives."""

from typing import Any

from hypothesis import given, note
from hypothesis import strategies as st

from streams.books import MemoryRecord
from streams.contacts.book import ContactBook
from tests.properties.histories import HOUR_MS, LATENESS_MS, MINUTE_MS, STARTS, gaps
from tests.properties.keeping import Keeper
from tests.properties.keyed import Arriving, Event, Taking, arriving
from tests.properties.wiring import RULES, fold_settings, same
from tests.reference.agents import STATES, AgentsReference

AFTERWARDS = (1, 4_999, MINUTE_MS, 16 * MINUTE_MS, 61 * MINUTE_MS, 25 * HOUR_MS, 8 * 24 * HOUR_MS)
"""How long after the last event the numbers are looked at again: nothing happens, yet they change."""

QUEUES = (None, ["q1"], ["q2"], ["q1", "q2"], ["q2", "q1", "q2"], [])


@st.composite
def shifts(draw: Any, agent: str, *, tied: bool) -> list[Event]:
    """What one agent does, somewhere within a day and a half; with `tied` often several states at one instant."""
    at = draw(st.shared(st.sampled_from(STARTS), key="start"))
    at += draw(st.one_of(st.integers(0, 10 * MINUTE_MS), st.integers(0, 36 * HOUR_MS)))
    events = []
    for number in range(draw(st.integers(1, 8))):
        state, queues = draw(st.sampled_from(STATES)), draw(st.sampled_from(QUEUES))
        event = {"v": 1, "id": f"{agent}#{number}", "type": "agent.state", "time": at, "agent": agent, "state": state}
        events.append(event if queues is None else {**event, "queues": queues})
        at += draw(st.one_of(gaps(), st.just(0), st.just(0)) if tied else gaps())
    return events


@st.composite
def histories(draw: Any, *, most_ms: int = LATENESS_MS, tied: bool = False) -> list[Arriving]:
    events = [event for agent in ("ann", "bob", "cy") for event in draw(shifts(agent, tied=tied))]
    return draw(arriving(events, most_ms=most_ms))


def differences(reference: AgentsReference, real: Taking, now: int) -> list[str]:
    actual = real.values("agents", now)
    found = []
    for queue in sorted(reference.queues() | {queue for queue, _ in actual}):
        expected = {window: reference.window(queue, window, now) for window in RULES.windows}
        for window, values in {**expected, "live": reference.live(queue, now)}.items():
            theirs = actual.get((queue, window), {})
            for kpi, value in values.items():
                if not same(kpi, value, theirs.get(kpi, 0 if value == 0 else None)):
                    found.append(f"{queue} {window} {kpi}: oracle {value}, pipeline {theirs.get(kpi, 'absent')}")
            found += [f"{queue} {window} {kpi}: not in the oracle" for kpi in theirs if kpi not in values]
    return found


def check(sent: list[Arriving], batches: list[int], instants: list[int]) -> None:
    """Feed in batches; after each, at instants around it and long after the last, every number is the same."""
    real, reference = Taking(), AgentsReference(RULES)
    done = 0
    for size, offset in zip([*batches, len(sent)], [*instants, 0], strict=True):
        batch = sent[done : done + size]
        if not batch:
            break
        real.feed(batch)
        for one in batch:
            note(f"{reference.send(one.event)} +{one.arrives - one.event['time']} ms {one.event}")
        done += len(batch)
        now = batch[-1].arrives + offset

        assert differences(reference, real, now) == [], f"at {now}"

    for pause in AFTERWARDS:
        now = sent[-1].arrives + pause

        assert differences(reference, real, now) == [], f"at {now}, {pause} ms after the last event"


batches = st.lists(st.integers(1, 8), min_size=3, max_size=3)
instants = st.lists(st.one_of(st.just(0), st.integers(-2 * MINUTE_MS, 6_000)), min_size=3, max_size=3)


@st.composite
def long_histories(draw: Any) -> list[Arriving]:
    """One agent with so many changes that the older ones are folded together and forgotten on the way."""
    at = draw(st.sampled_from(STARTS))
    turns = draw(st.lists(st.tuples(st.sampled_from(STATES), st.integers(1, 40_000)), min_size=30, max_size=70))
    events = []
    for number, (state, pause) in enumerate(turns):
        event = {"v": 1, "id": f"ann#{number:02}", "type": "agent.state", "time": at, "agent": "ann"}
        events.append({**event, "state": state, "queues": QUEUES[1 + number % 3]})
        at += pause
    return draw(arriving(events))


@given(long_histories(), batches, instants)
def test_a_day_full_of_changes(sent: list[Arriving], batches: list[int], instants: list[int]):
    check(sent, [20 * size for size in batches], instants)


@given(histories(), batches, instants)
def test_states_and_time_spent_in_them(sent: list[Arriving], batches: list[int], instants: list[int]):
    check(sent, batches, instants)


@given(histories(tied=True), batches, instants)
def test_several_states_at_one_instant(sent: list[Arriving], batches: list[int], instants: list[int]):
    check(sent, batches, instants)


@given(histories(most_ms=5 * MINUTE_MS), batches, instants)
def test_states_that_come_too_late(sent: list[Arriving], batches: list[int], instants: list[int]):
    check(sent, batches, instants)


def keeper(sent: list[Arriving]) -> Keeper:
    log: list[MemoryRecord] = [one.record(offset) for offset, one in enumerate(sent)]
    return Keeper(lambda: ContactBook("agents", 0, fold_settings(RULES)), log)


fates = st.lists(st.tuples(st.integers(1, 5), st.sampled_from(("flush", "fold on", "crash", "crash"))), max_size=8)


@given(st.one_of(histories(tied=True, most_ms=5 * MINUTE_MS), long_histories()), fates)
def test_any_batches_with_any_crashes(sent: list[Arriving], fates: list[tuple[int, str]]):
    assert keeper(sent).live_through(fates) == keeper(sent).finish()


@given(st.one_of(histories(tied=True), long_histories()), st.data())
def test_any_order_in_which_nothing_is_late(sent: list[Arriving], data: st.DataObject):
    delays = data.draw(st.lists(st.integers(0, LATENESS_MS), min_size=len(sent), max_size=len(sent)))
    again = [Arriving(one.event, one.event["time"] + delay) for one, delay in zip(sent, delays, strict=True)]
    again.sort(key=lambda one: (one.arrives, one.event["id"]))

    assert keeper(again).finish() == keeper(sent).finish()
