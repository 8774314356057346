"""The life of a chat: a bot, a queue, messages to and fro, notes among agents, transfer."""

from collections.abc import Generator
from typing import Final

from streams.sources.simulator.clock import Process
from streams.sources.simulator.contact import Contact
from streams.sources.simulator.floor import Desk, Line
from streams.sources.simulator.people import Choice, Option, People

MOST_VISITS: Final = 4
"""A chat is not passed on any more after as many visits."""

BOT_SHARE: Final = 0.6
"""Share of chats that a bot takes first."""

ACCEPT_MS: Final = 4_000
THINK_MS: Final = 40_000
"""Mean time a customer takes to answer."""
REPLY_MS: Final = 35_000
"""Mean time an agent takes to answer."""
REST_MS: Final = 100_000
"""Mean length of a chat beside its rounds: first reply, second thoughts, goodbyes, silence."""


class Chats:
    """The chats of one centre."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._clock = people.clock
        self._dice = people.dice

    def live(self, contact: Contact, line: Line) -> Process:
        """A chat from the first message to its end."""
        bot = self._dice.chance(BOT_SHARE)
        contact.note("contact.started", customer=f"customer-{contact.customer}", bot=bot)
        yield self._dice.between(500, 5_000)
        contact.note("message.added", author="customer")
        if bot:
            handed_off = yield from self._with_bot(contact, line)
            if not handed_off:
                return
        yield self._dice.between(100, 1_500)
        stop: Line | None = line
        while stop is not None:
            stop = yield from self._stop(contact, stop)

    def _with_bot(self, contact: Contact, line: Line) -> Generator[int, None, bool]:
        """Talk to the bot: True when it hands over to people, False when the chat is over."""
        dice = self._dice
        while True:
            yield dice.between(300, 1_500)
            contact.note("message.added", author="bot")
            if dice.chance(0.4):
                break
            yield dice.around(20_000)
            contact.note("message.added", author="customer")
        yield dice.around(8_000)
        fate = dice.fraction()
        if fate < 0.4:
            contact.note("bot.resolved")
            yield dice.between(500, 2_000)
            contact.note("contact.ended", by="system", resolved=True)
        elif fate < 0.5:
            contact.note("contact.ended", by="customer")
        else:
            contact.note("bot.handed_off", queue=line.plan.name)
            return True
        return False

    def _stop(self, contact: Contact, line: Line) -> Choice:
        """One queue, and what comes of it."""
        plan, dice = line.plan, self._dice
        options: list[Option] = [(dice.exponential(plan.patience_s * 1000), "abandoned")]
        if plan.timeout_s is not None:
            options.append((dice.fixed(plan.timeout_s * 1000), "timeout"))
        result = yield from self._people.visit(contact, line, options, ACCEPT_MS)
        if isinstance(result, Desk):
            return (yield from self._talk(contact, line, result))
        yield dice.between(200, 2_000)
        contact.note("contact.ended", by="customer" if result == "abandoned" else "system")
        return None

    def _talk(self, contact: Contact, line: Line, desk: Desk) -> Choice:
        """The conversation: the queue it is transferred to, or None when it is over."""
        people, dice = self._people, self._dice
        yield from self._exchange(contact, line, desk.agent.name)
        if contact.visits < MOST_VISITS and dice.chance(0.06):
            target = people.transfer(contact, line, "blind")
            people.floor.release(desk)  # no wrap-up: an agent with other desks could be wrapping up and chatting again
            yield dice.between(300, 2_000)
            return target
        by = dice.choose(("customer", "agent", "agent", "system"))
        if by == "system":
            yield dice.fixed(180_000)  # nobody has written any more
        contact.note("contact.ended", by=by, resolved=dice.chance(0.75))
        people.surveys.ask(contact, line, desk)
        self._clock.start(people.wrap_up(contact, line, desk))
        return None

    def _exchange(self, contact: Contact, line: Line, agent: str) -> Generator[int, None, None]:
        """Messages to and fro; now and then the customer is gone before the first reply, or writes twice."""
        dice = self._dice
        if dice.chance(0.02):
            yield dice.between(3_000, 60_000)
            return
        yield from self._reply(contact, agent)
        over = (THINK_MS + REPLY_MS) / (line.plan.talk_s * 1000 - REST_MS)
        while True:
            yield dice.around(THINK_MS)
            contact.note("message.added", author="customer")
            if dice.chance(0.15):
                yield dice.between(2_000, 15_000)
                contact.note("message.added", author="customer")
            yield from self._reply(contact, agent)
            if dice.chance(over):
                break
        yield dice.between(2_000, 20_000)

    def _reply(self, contact: Contact, agent: str) -> Generator[int, None, None]:
        """The agent's answer, at times after a note that the customer does not see."""
        dice = self._dice
        if dice.chance(0.06):
            yield dice.around(REPLY_MS / 2)
            contact.note("message.added", author="agent", public=False, agent=agent)
        yield dice.around(REPLY_MS)
        contact.note("message.added", author="agent", public=True, agent=agent)
