"""The life cycle: every (event, state) pair has a defined outcome, and this is the list of them."""

from typing import get_args

import pytest

from streams.contacts.settings import FoldSettings
from streams.contacts.visits.state import STATES
from streams.contacts.visits.steps import TABLE
from streams.events import model
from tests.contacts.timeline import Log

BEFORE = {
    "new": "",
    "menu": "0 started",
    "waiting": "0 started · 0 enters q1",
    "talking": "0 started · 0 enters q1 · 10 answered q1 ann",
    "held": "0 started · 0 enters q1 · 10 answered q1 ann · 20 held",
    "ended": "0 started · 0 enters q1 · 10 answered q1 ann · 30 ends agent",
}
"""How a contact comes into each state."""

STEPS = (
    "started", "enters q1", "enters q2", "rings q1 ann", "misses q1 ann", "answered q1 bob",
    "answered q1 bob wait_ms=3000", "held", "resumed", "abandons q1", "abandons q1 wait_ms=3000",
    "leaves q1 timeout", "refused q1 full", "transferred blind", "ends customer", "ends agent", "wraps ann",
    "wrapped ann", "says customer", "says agent", "handed_off", "resolved",
)  # fmt: skip
"""What then happens at second 40."""


def outcome(before: str, step: str) -> str:
    """State reached, what became of the event, and what it booked where."""
    log = Log()
    if BEFORE[before]:
        log.tell(BEFORE[before])
    old = {queue: log.counts(queue) for queue in ("q1", "q2", "-")}
    outcomes, orphans = log.outcomes, log.book.stats.orphans
    log.tell(f"40 {step}")
    [became] = [name for name, n in log.outcomes.items() if n > outcomes.get(name, 0)]
    if log.book.stats.orphans > orphans:
        became = f"{became}, orphan"
    booked = "; ".join(filter(None, (difference(queue, old[queue], log.counts(queue)) for queue in old)))
    return f"{before:<8} → {log.state():<8} {became:<16} {booked}".rstrip()


def difference(queue: str, old: dict[str, int], new: dict[str, int]) -> str:
    changes = {name: new.get(name, 0) - old.get(name, 0) for name in {**old, **new}}
    booked = ", ".join(f"{name} {n:+}" for name, n in changes.items() if n)
    return f"{queue}: {booked}" if booked else ""


def test_what_happens_in_every_state(golden):
    blocks = ["\n".join([step, *(f"    {outcome(state, step)}" for state in STATES)]) for step in STEPS]

    golden("life_cycle.txt", "\n\n".join(blocks) + "\n")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("state", STATES)
def test_what_was_folded_into_the_base_is_read_again(state, step):
    """Many messages later nothing is left of the events but the state that they led to."""
    log = Log(FoldSettings(lateness_ms=1_000))
    if BEFORE[state]:
        log.tell(BEFORE[state])
    log.tell(f"40 {step}").tell(" · ".join(f"{40.5 + n / 2} says system" for n in range(30)))
    before = log.book.snapshot()

    assert len(log.book._contacts["v\x1fvoice\x1fc1"].contact.entries) < 25
    assert log.restart().book.snapshot() == before


def test_a_missed_offer_counts_where_the_contact_waits():
    log = Log().tell("0 enters q1 · 5 misses q2 ann")

    assert (log.counts("q1")["offers_missed"], log.counts("q2")) == (1, {})


def test_talk_and_hold_are_what_the_source_says():
    log = Log().tell("0 enters q1 · 10 answered q1 ann · 20 held · 30 ends agent talk_ms=7000 hold_ms=2000")

    assert (log.counts()["talk_ms"], log.counts()["hold_ms"]) == (7_000, 2_000)


@pytest.mark.parametrize(
    ("line", "hold_ms"),
    [
        ("20 held · 25 resumed · 30 held · 38 resumed · 60 ends agent", 13_000),
        ("20 held · 25 resumed · 30 held · 60 ends agent", 35_000),
        ("20 held id=a · 20 resumed id=b · 60 ends agent", 0),
    ],
    ids=["twice", "to the end", "for no time"],
)
def test_every_hold_counts(line, hold_ms):
    log = Log().tell(f"0 enters q1 · 10 answered q1 ann · {line}")

    assert (log.counts().get("hold_ms", 0), log.counts()["talk_ms"]) == (hold_ms, 50_000 - hold_ms)


def test_every_event_of_a_visit_has_its_row():
    assert set(TABLE) == set(get_args(model.VisitEvent))


@pytest.mark.parametrize("kind", TABLE, ids=lambda kind: kind.__struct_config__.tag)
def test_every_state_has_its_column(kind):
    assert len(TABLE[kind]) == len(STATES)


def test_the_steps_above_leave_no_event_out():
    log = Log()
    for step in STEPS:
        log.tell(f"0 {step} contact={step.split()[0]}")
    seen = {kind for (kind, _) in log.book.stats.outcomes}

    assert seen == {kind.__struct_config__.tag for kind in TABLE}
