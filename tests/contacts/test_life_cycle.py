"""The life cycle: every (event, state) pair has a defined outcome, and this is the list of them."""

from typing import get_args

import pytest

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
