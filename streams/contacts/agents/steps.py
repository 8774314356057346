"""What an event does to an agent's state, and what is booked for it.

Time in a state is booked as steps of the levels (`facts.levels`) where it changes. Definitions: kpis.md, "Agents and
people"; where they are silent: docs/decisions, "Agents and surveys".
"""

from typing import Final

from streams.contacts.agents.state import KINDS, AgentCycle, Stint
from streams.contacts.ledger import Ledger, Outcome
from streams.contacts.lifecycle import NEVER, LifeCycle, ev_time, in_order
from streams.events import model as ev
from streams.facts.wire import NO_QUEUE, WHOLE_CHANNEL

CHANNEL: Final = "agents"
"""Agents have no channel of their own: this is theirs."""

_PRECEDENCE: Final = tuple(
    KINDS[state] for state in ("available", "break", "offered", "wrapup", "on_contact", "offline")
)
"""Of the states of one instant the last of these holds: work on one contact goes before waiting for another."""


def apply(cycle: AgentCycle, event: ev.AgentState, at: int, ledger: Ledger) -> int:
    """Let the agent be in the state from `at` on, unless something newer (or of that instant) says otherwise."""
    time, kind, current = ev_time(event), KINDS[event.state], cycle.current
    if time < at and time <= cycle.said_at:
        return Outcome.APPLIED
    tied = time == cycle.said_at and current is not None
    cycle.said_at, cycle.touched_at = time, at
    places = _places(event, ledger)
    if current is not None and (current.kind, current.places) == (kind, places):
        return Outcome.DUPLICATE
    if tied and current is not None and not _goes_before(kind, current.kind):
        return Outcome.APPLIED
    _change(cycle, Stint(kind, places, at), at, ledger)
    return Outcome.APPLIED


def fire(cycle: AgentCycle, at: int, ledger: Ledger) -> None:
    """Nothing is known any more of an agent who has been offline for so long."""
    cycle.touched_at = at
    _change(cycle, None, at, ledger)


def _goes_before(kind: int, other: int) -> bool:
    return _PRECEDENCE.index(kind) > _PRECEDENCE.index(other)


def _places(event: ev.AgentState, ledger: Ledger) -> list[str]:
    """Where the agent counts: each queue once, the groups of these queues, and all agents together."""
    queues = sorted(set(event.queues or (NO_QUEUE,)))
    return [*queues, *ledger.settings.groups_of(queues), WHOLE_CHANNEL]


def _change(cycle: AgentCycle, stint: Stint | None, at: int, ledger: Ledger) -> None:
    """End the stint that lasts, begin the new one (None: none)."""
    before = cycle.current
    if before is not None:
        before.end = at
    if stint is not None:
        cycle.stints.append(stint)
    cycle.timer_at = (stint.kept_until if stint else None) or NEVER
    if before and stint and (before.level, before.places) == (stint.level, stint.places):
        return
    _book(before, -1, at, ledger)
    _book(stint, 1, at, ledger)


def _book(stint: Stint | None, by: int, at: int, ledger: Ledger) -> None:
    """Step the level that the stint adds to, if it adds to one."""
    level = stint.level if stint else None
    if stint and level:
        for place in stint.places:
            ledger.book(place, at, level.step(by, at))


def _identify(event: ev.AgentState) -> tuple[str, str]:
    return CHANNEL, event.agent


AGENTS: Final = LifeCycle(
    code="a",
    domain="agents",
    rolls_up=False,
    events=frozenset({ev.AgentState}),
    identify=_identify,
    new=AgentCycle,
    apply=apply,
    fire=fire,
    # States of one instant are taken by id: which one holds is a matter of precedence.
    rank=in_order(ev.AgentState),
)
