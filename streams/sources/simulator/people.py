"""What calls and chats have in common: a visit of a queue, and what an agent does after a contact."""

from collections.abc import Generator, Sequence
from typing import Final, Literal

from streams.sources.simulator.clock import PARKED, Clock, Process
from streams.sources.simulator.contact import Contact
from streams.sources.simulator.dice import Dice
from streams.sources.simulator.floor import Desk, Floor, Line, Ticket
from streams.sources.simulator.surveys import Surveys

Leaving = Literal["abandoned", "timeout", "key", "callback", "voicemail", "withdrawn", "closed", "full"]
"""How a contact leaves a queue without an answer."""

Option = tuple[int, Leaving]
"""After how many ms of waiting a contact leaves, and how; the earliest option of a visit is the one that counts."""

Choice = Generator[int, None, Line | None]
"""A part of a contact's life: sleeps, and at the end the queue that comes next, or None when all is over."""

MISSED_SHARE: Final = 0.04
"""Share of offers that the agent does not answer."""

SILENT_SHARE: Final = 0.1
"""Share of abandons that the source tells by the contact's end alone."""


class People:
    """What happens between customers and agents, on one floor."""

    def __init__(self, clock: Clock, dice: Dice, floor: Floor, surveys: Surveys) -> None:
        self.clock = clock
        self.dice = dice
        self.floor = floor
        self.surveys = surveys

    def visit(
        self, contact: Contact, line: Line, options: Sequence[Option], ring_ms: float, due_in_ms: int | None = None
    ) -> Generator[int, None, Desk | Leaving]:
        """Wait in a queue until an agent answers or the first of `options` comes: the agent's desk, or how it left.

        `ring_ms` is the mean time of ringing; with `due_in_ms` it is a callback, offered to nobody before that time.
        """
        contact.visits += 1
        fields = {"priority": "high"} if self.dice.chance(0.03) else {}
        if contact.customer % 10 < 3:
            fields["segment"] = ("gold", "trial", "standard")[contact.customer % 10]
        entered_at = self.clock.now
        if due_in_ms is None:
            contact.note("queue.entered", queue=line.plan.name, **fields)
        else:
            due = entered_at + due_in_ms
            contact.note("queue.entered", queue=line.plan.name, callback=True, due=due, **fields)
            yield due_in_ms
            entered_at = due
        after_ms, leaving = min(options)
        ticket = Ticket(line, contact.process, entered_at, entered_at + after_ms)
        return (yield from self._wait(contact, ticket, leaving, ring_ms))

    def _wait(
        self, contact: Contact, ticket: Ticket, leaving: Leaving, ring_ms: float
    ) -> Generator[int, None, Desk | Leaving]:
        again = False
        while True:
            self.floor.wait(ticket, again=again)
            yield PARKED
            if ticket.desk is None:
                self.floor.give_up(ticket)
                break
            answered = yield from self._ring(contact, ticket, ticket.desk, ring_ms)
            if answered:
                return ticket.desk
            if self.clock.now >= ticket.leave_at:
                break
            again = True
        self._leave(contact, ticket, leaving)
        return leaving

    def _ring(self, contact: Contact, ticket: Ticket, desk: Desk, ring_ms: float) -> Generator[int, None, bool]:
        """Offer the contact to an agent: True when answered, False when missed or the contact left meanwhile."""
        queue, agent = ticket.line.plan.name, desk.agent.name
        contact.note("agent.offered", queue=queue, agent=agent)
        self.floor.engage(desk, "offered")
        missed = self.dice.chance(MISSED_SHARE)
        rings_for = self.dice.fixed(15_000) if missed else self.dice.around(ring_ms, 0.5)
        remaining = max(1, ticket.leave_at - self.clock.now)
        if remaining <= rings_for:
            yield remaining
            self.clock.start(self._pause(desk, 1))
            return False
        yield rings_for
        if missed:
            contact.note("agent.missed", queue=queue, agent=agent, ring_ms=rings_for)
            self.floor.engage(desk, "break")
            self.clock.start(self._pause(desk, self.dice.between(20_000, 60_000)))
            yield 1
            return False
        wait = {"wait_ms": self.clock.now - ticket.entered_at} if contact.channel == "voice" else {}
        contact.answers += 1
        contact.note("agent.connected", queue=queue, agent=agent, **wait)
        self.floor.engage(desk, "on_contact")
        return True

    def _leave(self, contact: Contact, ticket: Ticket, leaving: Leaving) -> None:
        queue = ticket.line.plan.name
        waited = self.clock.now - ticket.entered_at
        if leaving != "abandoned":
            contact.note("queue.left", queue=queue, reason=leaving, wait_ms=waited)
        elif not self.dice.chance(SILENT_SHARE):
            contact.note("queue.abandoned", queue=queue, wait_ms=waited)

    def refused(self, contact: Contact, line: Line, *, opened: bool) -> Leaving | None:
        """Why the queue does not take the contact, or None when it does."""
        if opened and not line.full:
            return None
        reason: Leaving = "full" if opened else "closed"
        contact.note("queue.rejected", queue=line.plan.name, reason=reason)
        return reason

    def transfer(self, contact: Contact, line: Line, kind: Literal["blind", "attended"]) -> Line:
        """Pass the contact on to another queue of its channel, now and then to the same again."""
        lines = [other for other in self.floor.lines.values() if other.plan.channel == contact.channel]
        target = self.dice.choose(lines)
        contact.note("contact.transferred", queue=line.plan.name, kind=kind, to_queue=target.plan.name)
        return target

    def wrap_up(self, contact: Contact, line: Line, desk: Desk) -> Process:
        """What the agent still does when the contact is over, or with somebody else; then the desk is free."""
        dice, clock, agent = self.dice, self.clock, desk.agent.name
        self.floor.engage(desk, "wrapup")
        yield dice.between(200, 900)
        if dice.chance(0.8):
            started_at = clock.now
            contact.note("wrapup.started", agent=agent)
            yield dice.around(line.plan.wrapup_s * 1000)
            contact.note("wrapup.ended", agent=agent, acw_ms=clock.now - started_at)
        self.floor.release(desk)

    def _pause(self, desk: Desk, pause_ms: int) -> Process:
        """Keep the desk from new contacts for a while."""
        yield pause_ms
        self.floor.release(desk)
