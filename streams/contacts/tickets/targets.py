"""Service-level targets: when they are applied, which clock they run on, when they are due, and how they end.

Each cycle of a target is an instance: activate → (pause ⇄ resume) → fulfil or breach. It ends, and is booked, at its
fulfilment or at its due time, whichever is first; what is fulfilled at the due time is met. Definitions: kpis.md,
"Tickets", "Clocks".
"""

from collections.abc import Iterable
from typing import Final

from streams.calendars.clock import CALENDAR_TIME, Clock
from streams.calendars.clock import NEVER as TOO_FAR
from streams.contacts.ledger import Ledger
from streams.contacts.lifecycle import NEVER
from streams.contacts.settings import TargetRule
from streams.contacts.tickets.state import BACKLOG, Instance, TicketCycle, rank_of
from streams.facts.primitives import sla_ended, sla_met

FIRST_REPLY: Final = "first_reply"
NEXT_REPLY: Final = "next_reply"
UNTIL_SOLVED: Final = ("requester_wait", "agent_work", "resolution")

_RUNNING: Final = ("new", "open", "pending", "on_hold")
"""Statuses in which a clock may run: a done ticket is in nobody's care."""


def activate(cycle: TicketCycle, targets: Iterable[str], time: int, at: int, ledger: Ledger) -> None:
    """Cycles of the targets begin at `time`, if they are not under way."""
    for target in targets:
        if target not in cycle.instances:
            cycle.instances[target] = Instance(time)
            _apply_rule(cycle, target, time, at, ledger)


def fulfil(cycle: TicketCycle, targets: Iterable[str], at: int, ledger: Ledger) -> None:
    """Cycles of the targets are over: met, unless their due time has passed."""
    for target in targets:
        instance = cycle.instances.pop(target, None)
        if instance is not None and instance.target_ms is not None and not instance.breached:
            bag = {sla_ended(target, instance.priority): 1, sla_met(target, instance.priority): 1}
            ledger.book(cycle.queue, at, bag)


def withdraw(cycle: TicketCycle, targets: Iterable[str]) -> None:
    """Cycles of the targets are over without an outcome: nobody waits for it any more."""
    for target in targets:
        cycle.instances.pop(target, None)


def apply_anew(cycle: TicketCycle, time: int, at: int, ledger: Ledger) -> None:
    """Queue or priority have changed: the rule that holds from now on counts, with the time used so far."""
    for target, instance in cycle.instances.items():
        if not instance.breached:
            _apply_rule(cycle, target, time, at, ledger)


def go_on(cycle: TicketCycle, time: int, at: int, ledger: Ledger) -> None:
    """The status has changed: clocks pause or run."""
    for target in cycle.instances:
        _set_due(cycle, target, time, at, ledger)


def next_breach(cycle: TicketCycle) -> int:
    """The first instant after a due time, epoch ms; `NEVER` where none is due."""
    if cycle.phase != BACKLOG:
        return NEVER
    pending = (i.due_at for i in cycle.instances.values() if i.due_at is not None and not i.breached)
    return min(pending, default=NEVER - 1) + 1


def breach(cycle: TicketCycle, at: int, ledger: Ledger) -> None:
    """The due times before `at` have passed: these instances have ended, each at its own."""
    for target, instance in cycle.instances.items():
        if instance.due_at is not None and instance.due_at < at and not instance.breached:
            _book_breach(cycle, target, instance.due_at, ledger)


def used_ms(cycle: TicketCycle, target: str, until: int, ledger: Ledger) -> int:
    """Time on the target's clock since its activation, pauses left out."""
    instance = cycle.instances[target]
    pauses = ledger.settings.ticket_pauses.get(target, ())
    running = [status for status in _RUNNING if status not in pauses]
    return cycle.spent_ms(running, instance.since, until, _clock(instance.calendar, ledger))


def _book_breach(cycle: TicketCycle, target: str, at: int, ledger: Ledger) -> None:
    instance = cycle.instances[target]
    instance.breached, instance.due_at = True, at
    ledger.book(cycle.queue, at, {sla_ended(target, instance.priority): 1})


def _apply_rule(cycle: TicketCycle, target: str, time: int, at: int, ledger: Ledger) -> None:
    rule = _rule(cycle, target, time, ledger)
    instance = cycle.instances[target]
    instance.priority = rank_of(cycle.priority)
    instance.target_ms = None if rule is None else rule.target_ms
    instance.calendar = ledger.thresholds(cycle.queue).calendar if rule and rule.business else None
    _set_due(cycle, target, time, at, ledger)


def _set_due(cycle: TicketCycle, target: str, time: int, at: int, ledger: Ledger) -> None:
    """When it is due as things stand; a target that is exceeded as it is applied is breached there and then."""
    instance = cycle.instances[target]
    if instance.breached:
        return
    instance.due_at = None
    if instance.target_ms is None:
        return
    left_ms = instance.target_ms - used_ms(cycle, target, time, ledger)
    if left_ms < 0:
        _book_breach(cycle, target, at, ledger)
    elif cycle.status in _RUNNING and cycle.status not in ledger.settings.ticket_pauses.get(target, ()):
        due_at = _clock(instance.calendar, ledger).due_at(time, left_ms)
        if due_at < at:
            _book_breach(cycle, target, at, ledger)
        elif due_at < TOO_FAR:
            instance.due_at = due_at


def _rule(cycle: TicketCycle, target: str, time: int, ledger: Ledger) -> TargetRule | None:
    """The rule that holds for the ticket at `time`: one that names its queue before one that does not, then one that
    names its priority, then the latest.
    """
    has_calendar = ledger.thresholds(cycle.queue).calendar is not None
    holding = [
        rule
        for rule in ledger.settings.ticket_targets
        if rule.metric == target
        and rule.from_ms <= time
        and (rule.queues is None or cycle.queue in rule.queues)
        and (rule.priority is None or rule.priority == _priority(cycle))
        and (has_calendar or not rule.business)
    ]
    return max(holding, key=_precedence, default=None)


def _precedence(rule: TargetRule) -> tuple[bool, bool, int]:
    return rule.queues is not None, rule.priority is not None, rule.from_ms


def _priority(cycle: TicketCycle) -> str:
    return "normal" if cycle.priority is None else cycle.priority.lower()


def _clock(calendar: str | None, ledger: Ledger) -> Clock:
    """A calendar that is configured no more leaves the time around the clock."""
    return CALENDAR_TIME if calendar is None else ledger.calendars.get(calendar, CALENDAR_TIME)
