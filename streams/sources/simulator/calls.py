"""The life of a call: menu, queue, conversation, hold, transfer, callback, and a customer who tries again."""

from collections.abc import Callable, Generator
from typing import Final, Literal

from streams.sources.simulator.clock import Process
from streams.sources.simulator.contact import Contact
from streams.sources.simulator.demand import Demand
from streams.sources.simulator.floor import Desk, Line
from streams.sources.simulator.people import Choice, Leaving, Option, People

MOST_VISITS: Final = 5
"""A call is not passed on any more after as many visits."""

RING_MS: Final = 3_000
CALLBACK_PATIENCE_MS: Final = 2 * 3_600_000

CallAgain = Callable[[Line, int, int], None]
"""Lets a customer call once more: queue, customer, after how many ms."""


class Calls:
    """The calls of one centre."""

    def __init__(self, people: People, demand: Demand, call_again: CallAgain) -> None:
        self._people = people
        self._clock = people.clock
        self._dice = people.dice
        self._demand = demand
        self._call_again = call_again

    def live(self, contact: Contact, line: Line) -> Process:
        """A call from the first moment to its end."""
        contact.note("contact.started", customer=f"customer-{contact.customer}")
        yield self._dice.between(2_000, 45_000)
        if self._dice.chance(0.05):
            contact.note("contact.ended", by="customer")
            return
        stop: Line | None = line
        while stop is not None:
            stop = yield from self._stop(contact, stop)

    def _stop(self, contact: Contact, line: Line) -> Choice:
        """One queue, and what comes of it."""
        opened = self._demand.opened(line.plan, self._clock.now)
        if self._people.refused(contact, line, opened=opened):
            yield self._dice.between(300, 2_000)
            contact.note("contact.ended", by="system")
            return None
        result = yield from self._queue(contact, line)
        if isinstance(result, Desk):
            return (yield from self._talk(contact, line, result))
        return (yield from self._gone(contact, line, result))

    def _queue(self, contact: Contact, line: Line) -> Generator[int, None, Desk | Leaving]:
        """Wait, and wait for the call back if one was asked for."""
        people, dice = self._people, self._dice
        result = yield from people.visit(contact, line, self._options(contact, line), RING_MS)
        if result != "callback":
            return result
        yield dice.between(500, 2_000)
        patience: list[Option] = [(dice.fixed(CALLBACK_PATIENCE_MS), "withdrawn")]
        return (yield from people.visit(contact, line, patience, RING_MS, dice.between(180_000, 1_200_000)))

    def _options(self, contact: Contact, line: Line) -> list[Option]:
        dice, plan = self._dice, line.plan
        options: list[Option] = [(dice.exponential(plan.patience_s * 1000), "abandoned")]
        if plan.timeout_s is not None:
            options.append((dice.fixed(plan.timeout_s * 1000), "timeout"))
        if dice.chance(0.2) and contact.visits < MOST_VISITS:
            options.append((dice.between(20_000, 100_000), dice.choose(("callback", "voicemail", "key"))))
        return options

    def _gone(self, contact: Contact, line: Line, leaving: Leaving) -> Choice:
        """After a visit without an answer: on to another queue, or the end."""
        dice, lines = self._dice, self._people.floor.lines
        yield dice.between(200, 3_000)
        if leaving == "timeout" and line.plan.overflow is not None:
            return lines[contact.channel, line.plan.overflow]
        if leaving == "key":
            return dice.choose([other for other in lines.values() if other.plan.channel == contact.channel])
        if leaving == "abandoned":
            if dice.chance(0.3):
                self._call_again(line, contact.customer, dice.between(60_000, 1_200_000))
            contact.note("contact.ended", by="customer")
            return None
        if leaving != "withdrawn":
            yield dice.between(5_000, 60_000)  # speaking to the voicemail
        contact.note("contact.ended", by="customer" if leaving == "voicemail" else "system")
        return None

    def _talk(self, contact: Contact, line: Line, desk: Desk) -> Choice:
        """The conversation: the queue it is transferred to, or None when it is over."""
        dice, clock = self._dice, self._clock
        began_at = clock.now
        talk_ms = dice.around(line.plan.talk_s * 1000)
        held_ms = 0
        if dice.chance(0.15):
            yield max(1, talk_ms // 3)
            held_ms += yield from self._hold(contact, dice.around(40_000))
            talk_ms -= talk_ms // 3
        yield max(1, talk_ms)
        transferred = contact.visits < MOST_VISITS and dice.chance(0.08)
        if transferred:
            kind: Literal["blind", "attended"] = "attended" if dice.chance(0.5) else "blind"
            if kind == "attended":
                yield from self._hold(contact, dice.around(25_000))
                yield dice.between(1_000, 4_000)
            target = self._people.transfer(contact, line, kind)
            clock.start(self._people.wrap_up(contact, line, desk))
            yield dice.between(1_000, 3_000)
            return target
        lengths = {"talk_ms": clock.now - began_at - held_ms, "hold_ms": held_ms} if contact.answers == 1 else {}
        by = "customer" if dice.chance(0.6) else "agent"
        contact.note("contact.ended", by=by, resolved=dice.chance(0.8), **lengths)
        self._people.surveys.ask(contact, line, desk)
        clock.start(self._people.wrap_up(contact, line, desk))
        return None

    def _hold(self, contact: Contact, hold_ms: int) -> Generator[int, None, int]:
        """Hold the call: how long it was held, ms."""
        contact.note("contact.held")
        yield hold_ms
        contact.note("contact.resumed")
        return hold_ms
