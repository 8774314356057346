"""The life of a ticket: customers write, clerks come to it sooner or later, ask back, wait for others, solve it."""

import math
from collections.abc import Generator
from typing import Final

from streams.sources.simulator.centre import HOUR_MS, MINUTE_MS, TICKET
from streams.sources.simulator.clock import Clock, Process
from streams.sources.simulator.contact import Contact, Event
from streams.sources.simulator.demand import Demand
from streams.sources.simulator.dice import Dice
from streams.sources.simulator.settings import SimulationSettings

QUEUES: Final = ("billing", "billing", "support", "support", "support", "returns")
"""Each as often as it is written to."""
PRIORITIES: Final = ("low", "normal", "normal", "normal", "high", "urgent", None)
CLERKS: Final = {"billing": ("ida", "jon"), "support": ("kim", "lea", "max"), "returns": ("nia",)}

_FIRST_MS: Final = 12 * MINUTE_MS
"""Mean time until a clerk comes to a new ticket."""
_WORK_MS: Final = 8 * MINUTE_MS
_CUSTOMER_MS: Final = 40 * MINUTE_MS
"""Mean time that a customer takes to answer."""
_OTHERS_MS: Final = 60 * MINUTE_MS
"""Mean time on hold: somebody else has to do something."""
_AGAIN_MS: Final = 90 * MINUTE_MS
"""Mean time until a customer finds that it was no solution."""
_CLOSE_MS: Final = 24 * HOUR_MS


class _AfterHours(Exception):
    """Nobody works any more."""


class Tickets:
    """Tickets and those who work on them. Their chances are their own: with tickets or without, calls are the same."""

    def __init__(self, clock: Clock, journal: list[Event], demand: Demand, settings: SimulationSettings) -> None:
        self._clock = clock
        self._journal = journal
        self._demand = demand
        self._settings = settings
        self._dice = Dice(f"{settings.seed}/tickets", settings.speed)
        self._end_ms = math.inf if settings.duration_ms is None else settings.start_ms + settings.duration_ms
        self._run_name = f"{settings.start_ms // 1000:x}.{settings.seed}"

    def arrive(self) -> Process:
        """New tickets, at the rate of the moment. Those in hand at the end stay in the backlog."""
        settings, demand, dice = self._settings, self._demand, self._dice
        gap_ms = HOUR_MS / (settings.rate_per_hour * settings.ticket_share * demand.peak)
        number, at = 0, float(self._clock.now)
        while True:
            at += dice.gap(gap_ms)
            if at >= self._end_ms:
                return
            yield int(at) - self._clock.now
            if dice.fraction() * demand.peak < demand.factor(self._clock.now, phase=1.2):
                number += 1
                name = f"ticket-{self._run_name}-{number}"
                customer = int(dice.fraction() * 1_000)
                contact = Contact(self._clock, self._journal, channel=TICKET, name=name, customer=customer)
                self._clock.start(self._live(contact))

    def _live(self, ticket: Contact) -> Process:
        dice = self._dice
        queue = dice.choose(QUEUES)
        clerk = dice.choose(CLERKS[queue])
        by_agent = dice.chance(0.05)
        told = {"priority": dice.choose(PRIORITIES), "by_agent": by_agent or None}
        said = {name: value for name, value in told.items() if value is not None}
        ticket.note("ticket.created", queue=queue, customer=f"customer-{ticket.customer}", **said)
        try:
            yield from self._pause(dice.around(_FIRST_MS))
            if dice.chance(0.04):
                ticket.note(dice.choose(("ticket.merged", "ticket.merged", "ticket.deleted")))
                return
            ticket.note("ticket.updated", status="open", agent=clerk)
            if dice.chance(0.08):
                queue, clerk = yield from self._hand_on(ticket, queue)
            yield from self._work(ticket, clerk)
            while dice.chance(0.12):
                yield from self._pause(dice.around(_AGAIN_MS))
                yield from self._ask(ticket)
                yield from self._work(ticket, clerk)
            yield from self._pause(dice.fixed(_CLOSE_MS))
            ticket.note("ticket.updated", status="closed")
        except _AfterHours:
            return

    def _hand_on(self, ticket: Contact, queue: str) -> Generator[int, None, tuple[str, str]]:
        """To the next queue, half of the times as an escalation: queue and clerk from now on."""
        dice = self._dice
        other = dice.choose([name for name in CLERKS if name != queue])
        clerk = dice.choose(CLERKS[other])
        yield from self._pause(dice.around(_WORK_MS))
        if dice.chance(0.5):
            ticket.note("ticket.escalated", level=2, queue=other)
        else:
            ticket.note("ticket.updated", queue=other, agent=clerk)
        return other, clerk

    def _work(self, ticket: Contact, clerk: str) -> Process:
        """From open to solved, by way of questions and of others' work."""
        dice = self._dice
        while True:
            yield from self._pause(dice.around(_WORK_MS))
            if dice.chance(0.1):
                ticket.note("message.added", author="agent", public=False, agent=clerk)
                yield from self._wait(ticket, "on_hold", _OTHERS_MS)
                ticket.note("ticket.updated", status="open")
                continue
            ticket.note("message.added", author="agent", public=True, agent=clerk)
            if dice.chance(0.55):
                break
            yield from self._wait(ticket, "pending", _CUSTOMER_MS)
            yield from self._ask(ticket)
        if dice.chance(0.05):
            yield from self._pause(dice.between(1_000, 20_000))
            ticket.note("ticket.updated", priority=dice.choose(("high", "urgent")))
        yield from self._pause(dice.between(1_000, 30_000))
        ticket.note("ticket.updated", status="solved")

    def _wait(self, ticket: Contact, status: str, mean_ms: float) -> Process:
        yield from self._pause(self._dice.between(1_000, 10_000))
        ticket.note("ticket.updated", status=status)
        yield from self._pause(self._dice.around(mean_ms))

    def _ask(self, ticket: Contact) -> Process:
        """The customer writes, and the ticket is open again."""
        ticket.note("message.added", author="customer")
        yield from self._pause(self._dice.between(1, 500))
        ticket.note("ticket.updated", status="open")

    def _pause(self, duration_ms: int) -> Process:
        """Raises _AfterHours where the simulation ends meanwhile."""
        if self._clock.now + duration_ms >= self._end_ms:
            raise _AfterHours
        yield duration_ms
