"""Strategies: lives of contacts, and the order in which their events arrive. Times in epoch ms.

`histories()` are contacts that live as the life cycle says, disturbed on their way (delays up to `LATENESS_MS`,
repeats); `soups()` are events of any type in any order at any time.
"""

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from streams.books import MemoryRecord

Event = dict[str, Any]
Draw = Any

LATENESS_MS = 60_000
SECOND_MS = 1_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
MAX_AGE_MS = {"voice": 2 * HOUR_MS, "chat": 3 * HOUR_MS}
"""Shorter than in life, so that ghosts turn up in short histories."""
WRAPUP_MAX_MS = 600_000

QUEUES = ("q1", "q2")
AGENTS = ("ann", "bob")
REASONS = ("timeout", "key", "empty", "full", "closed", "transfer", "voicemail", "callback", "withdrawn", "bot")
TOPICS = {"voice": "calls", "chat": "chats"}

STARTS = (
    1_774_738_800_000,  # 2026-03-28 23:00 UTC: midnight in Berlin, the day of 23 hours begins
    1_774_745_100_000,  # 2026-03-29 00:45 UTC: the hour that Berlin skips
    1_792_878_900_000,  # 2026-10-24 21:55 UTC: Berlin's day of 25 hours is about to begin
    1_792_889_100_000,  # 2026-10-25 00:45 UTC: the hour that Berlin lives twice
    1_790_000_000_000,  # any other instant
)
"""Where histories begin."""


@dataclass(frozen=True)
class Sent:
    """An event and the moment it is appended."""

    event: Event
    arrives: int
    channel: str

    def __repr__(self) -> str:
        fields = {key: value for key, value in self.event.items() if key not in ("v", "channel", "contact")}
        return f"+{self.arrives - self.event['time']} ms {fields}"

    @property
    def topic(self) -> str:
        return TOPICS[self.channel]

    def record(self, offset: int = 0) -> MemoryRecord:
        """The log's record; in a file there is no append time."""
        key = self.event.get("contact", "heartbeat").encode()
        return MemoryRecord(offset, None, key, json.dumps(self.event).encode())


def heartbeat(at: int, channel: str) -> Sent:
    """The source is alive, though nothing happens."""
    return Sent({"v": 1, "id": f"beat-{at}", "type": "heartbeat", "time": at, "source": "test"}, at, channel)


def gaps() -> st.SearchStrategy[int]:
    """Time between two events of a contact, ms: often a threshold, sometimes hours."""
    return st.one_of(
        st.sampled_from((1, 4_999, 5_000, 5_001, 19_999, 20_000, 20_001, 30_000, 60_000)),
        st.integers(1, 3 * MINUTE_MS),
        st.integers(1, 3 * MINUTE_MS),
        st.integers(MINUTE_MS, 20 * MINUTE_MS),
    )


class Teller:
    """Tells the life of one contact, event by event, each later than the one before."""

    def __init__(self, draw: Draw, contact: str, channel: str, at: int) -> None:
        self.draw = draw
        self.contact = contact
        self.channel = channel
        self.at = at
        self.events: list[Event] = []
        self.segment = self.one_of(None, None, None, "gold", "gold", "trial", "not shown")
        self.unknown_until = self.one_of(0, 0, 0, 0, 1, 2, 4)
        """So many events do not name the segment."""

    def say(self, kind: str, /, **fields: Any) -> None:
        self.at += self.draw(gaps())
        self.say_at(self.at, kind, **fields)

    def say_at(self, at: int, kind: str, /, **fields: Any) -> None:
        number = f"{self.contact}#{len(self.events)}"
        base = {"v": 1, "id": number, "type": kind, "time": at, "channel": self.channel, "contact": self.contact}
        if len(self.events) >= self.unknown_until:
            fields["segment"] = self.segment
        self.events.append({**base, **{key: value for key, value in fields.items() if value is not None}})

    def one_of(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def maybe(self) -> bool:
        return self.draw(st.booleans())

    def maybe_ms(self) -> int | None:
        return self.one_of(None, None, 0, 5_000, 20_000, 20_001, 123_456)

    def live(self) -> list[Event]:
        """Start, bot, up to three visits, end."""
        bot = self.one_of(False, False, True)
        if self.one_of(True, True, True, False):
            self.say("contact.started", bot=bot or None)
        if bot and self.by_bot():
            return self.events
        for _ in range(self.one_of(1, 1, 2, 3, 0)):
            if not self.visit():
                return self.events
        if self.maybe():
            self.end()
        return self.events

    def by_bot(self) -> bool:
        """Whether the bot kept the contact."""
        if self.maybe():
            self.say("message.added", author="bot")
        if self.maybe():
            self.say("bot.handed_off", queue=self.one_of(*QUEUES))
            return False
        self.say("bot.resolved", queue=self.one_of(None, None, "q1"))
        self.end()
        return True

    def visit(self) -> bool:
        """One visit; whether the contact goes on."""
        queue = self.one_of(*QUEUES)
        if self.one_of(False, False, False, True):
            self.say("queue.rejected", queue=queue, reason=self.one_of("full", "closed", "no_agents", "flood"))
            return True
        self.enter(queue)
        for _ in range(self.one_of(0, 0, 1, 2)):
            self.while_waiting(queue)
        return self.outcome(queue)

    def enter(self, queue: str) -> None:
        # the offer of a callback may be moved, and is then its segment's only if it was so at first
        if not self.unknown_until and self.one_of(False, False, False, False, True):
            due = self.one_of(None, self.at + 30_000, self.at + 300_000, self.at - 1_000)
            self.say("queue.entered", queue=queue, callback=True, due=due)
        else:
            self.say("queue.entered", queue=queue)

    def while_waiting(self, queue: str) -> None:
        agent = self.one_of(*AGENTS)
        kind = self.one_of("offered", "missed", "message")
        if kind == "message":
            self.message()
            return
        self.say("agent.offered", queue=queue, agent=agent)
        if kind == "missed":
            self.say("agent.missed", queue=queue, agent=agent, ring_ms=self.one_of(None, 15_000))

    def outcome(self, queue: str) -> bool:
        outcome = self.one_of("answered", "answered", "answered", "abandoned", "left", "moved", "ended", "ghost")
        if outcome == "answered":
            return self.talk(queue)
        if outcome == "abandoned":
            self.say("queue.abandoned", queue=queue, wait_ms=self.maybe_ms())
        elif outcome == "left":
            self.say("queue.left", queue=queue, reason=self.one_of(*REASONS), wait_ms=self.maybe_ms())
        elif outcome == "ended":
            self.end()
        return outcome in ("abandoned", "left", "moved")

    def talk(self, queue: str) -> bool:
        agent = self.one_of(*AGENTS)
        self.say("agent.connected", queue=queue, agent=agent, wait_ms=self.maybe_ms())
        for _ in range(self.one_of(0, 0, 1, 2, 3)):
            self.while_talking()
        ending = self.one_of("ended", "ended", "transferred", "never")
        if ending == "ended":
            self.end()
        elif ending == "transferred":
            self.say("contact.transferred", kind=self.one_of("blind", "attended"), queue=queue)
        if ending != "never":
            self.wrap_up(agent)
        return ending == "transferred"

    def while_talking(self) -> None:
        if self.one_of(False, False, True):
            self.say("contact.held")
            if self.maybe():
                self.say("contact.resumed")
        else:
            self.message()

    def message(self) -> None:
        author = self.one_of("customer", "agent", "agent", "bot", "system")
        public = self.one_of(None, None, True, False) if author == "agent" else None
        self.say("message.added", author=author, public=public)

    def end(self) -> None:
        by = self.one_of("customer", "agent", "system")
        self.say("contact.ended", by=by, talk_ms=self.maybe_ms(), hold_ms=self.one_of(None, None, 3_000))

    def wrap_up(self, agent: str) -> None:
        kind = self.one_of("none", "both", "ended", "measured")
        if kind == "both":
            self.say_soon("wrapup.started", agent=agent)
        if kind != "none":
            self.say_soon("wrapup.ended", agent=agent, acw_ms=7_000 if kind == "measured" else None)

    def say_soon(self, kind: str, /, **fields: Any) -> None:
        """After-contact work ends before anybody stops to wait for it."""
        self.at += self.draw(st.integers(1, MINUTE_MS))
        self.say_at(self.at, kind, **fields)


@st.composite
def lives(draw: Draw, channel: str, contact: str) -> list[Event]:
    """A contact that lives as the life cycle says, somewhere within a day and a half."""
    start = draw(st.shared(st.sampled_from(STARTS), key="start"))
    offset = draw(st.one_of(st.integers(0, 10 * MINUTE_MS), st.integers(0, HOUR_MS), st.integers(0, 36 * HOUR_MS)))
    return Teller(draw, contact, channel, start + offset).live()


@st.composite
def scattered(draw: Draw, channel: str, contact: str) -> list[Event]:
    """A contact with events of any type in any order, at distinct times within some minutes."""
    start = draw(st.shared(st.sampled_from(STARTS), key="start"))
    teller = Teller(draw, contact, channel, start + draw(st.integers(0, 5 * MINUTE_MS)))
    for _ in range(draw(st.integers(1, 9))):
        kind = draw(st.sampled_from(sorted(ANYTHING)))
        teller.say(kind, **{name: draw(values) for name, values in ANYTHING[kind].items()})
    return teller.events


_QUEUE = st.sampled_from(QUEUES)
_AGENT = st.sampled_from(AGENTS)
_MAYBE_MS = st.sampled_from((None, None, 0, 5_000, 20_000, 40_000))

ANYTHING: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "contact.started": {"bot": st.sampled_from((None, False, True))},
    "queue.entered": {"queue": _QUEUE, "callback": st.sampled_from((None, None, True))},
    "agent.offered": {"queue": _QUEUE, "agent": _AGENT},
    "agent.missed": {"queue": _QUEUE, "agent": _AGENT},
    "agent.connected": {"queue": _QUEUE, "agent": _AGENT, "wait_ms": _MAYBE_MS},
    "contact.held": {},
    "contact.resumed": {},
    "queue.abandoned": {"queue": _QUEUE, "wait_ms": _MAYBE_MS},
    "queue.left": {"queue": _QUEUE, "reason": st.sampled_from(REASONS), "wait_ms": _MAYBE_MS},
    "queue.rejected": {"queue": _QUEUE, "reason": st.sampled_from(("full", "flood"))},
    "contact.transferred": {"kind": st.sampled_from(("blind", "attended"))},
    "contact.ended": {"by": st.sampled_from(("customer", "agent")), "talk_ms": _MAYBE_MS, "hold_ms": _MAYBE_MS},
    "wrapup.started": {"agent": _AGENT},
    "wrapup.ended": {"agent": _AGENT, "acw_ms": _MAYBE_MS},
    "message.added": {
        "author": st.sampled_from(("customer", "agent", "bot", "system")),
        "public": st.sampled_from((None, True, False)),
    },
    "bot.handed_off": {"queue": st.sampled_from((None, *QUEUES))},
    "bot.resolved": {"queue": st.sampled_from((None, *QUEUES))},
}
"""Every event of calls and chats with fields drawn at random."""


def punctual(events: list[Event]) -> list[Sent]:
    """Everything arrives when it happens."""
    return sorted((Sent(event, event["time"], event["channel"]) for event in events), key=_arrival)


@st.composite
def delayed(draw: Draw, events: list[Event], *, most_ms: int = LATENESS_MS) -> list[Sent]:
    """Everything arrives up to `most_ms` after it happened, some of it twice.

    With `most_ms` at most the lateness nothing is late: whatever arrived before has happened before this arrives.
    """
    delays = st.one_of(st.just(0), st.integers(0, most_ms))
    repeats = draw(st.lists(st.sampled_from(events), max_size=3)) if events else []
    sent = [Sent(event, event["time"] + draw(delays), event["channel"]) for event in [*events, *repeats]]
    beats = draw(st.lists(st.tuples(st.sampled_from(sent), gaps()), max_size=2)) if sent else []
    sent += [heartbeat(one.event["time"] + gap, one.channel) for one, gap in beats]
    return sorted(sent, key=_arrival)


def _arrival(sent: Sent) -> tuple[int, str]:
    return sent.arrives, sent.event["id"]


def centres(channel: str, kind: Any = lives, most: int = 4) -> st.SearchStrategy[list[Event]]:
    """All events of up to `most` contacts."""
    per_contact = [kind(channel, f"{channel[0]}{i}") for i in range(most)]
    several = st.integers(1, most).flatmap(lambda n: st.tuples(*per_contact[:n]))
    return several.map(lambda contacts: [event for events in contacts for event in events])


channels = st.sampled_from(("voice", "chat"))


@st.composite
def histories(draw: Draw, kind: Any = lives, *, most_ms: int = LATENESS_MS) -> list[Sent]:
    """What arrives at one topic, in order of arrival."""
    events = draw(centres(draw(channels), kind))
    return draw(delayed(events, most_ms=most_ms))


def soups(*, most_ms: int = LATENESS_MS) -> st.SearchStrategy[list[Sent]]:
    """Events of any type in any order."""
    return histories(scattered, most_ms=most_ms)
