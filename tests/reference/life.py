"""The life of one contact, walked from its first event to its last. Times in epoch ms, durations in ms."""

import copy
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.reference.opening_hours import open_ms
from tests.reference.rules import Rules

Event = dict[str, Any]

APPLIED, DUPLICATE, ORPHAN, LATE = "applied", "duplicate", "orphan", "late"

OUTCOMES = ("agent.connected", "queue.abandoned", "queue.left", "contact.transferred", "contact.ended")
"""Events that prove how a waiting or a conversation ended."""

RANK = (
    "contact.started", "bot.handed_off", "bot.resolved",
    "queue.left", "queue.abandoned", "queue.rejected", "agent.missed", "agent.offered", "agent.connected",
    "contact.held", "contact.resumed", "message.added", "contact.transferred", "queue.entered",
    "contact.ended", "wrapup.started", "wrapup.ended",
)  # fmt: skip
"""Who goes first among events of the same instant that are all possible, or all impossible."""


class Fact(NamedTuple):
    """`amount` of `what` counts for `queue` at `at`."""

    at: int
    queue: str
    what: str
    amount: int = 1
    segment: str | None = None
    """What the contact's segment was known to be then."""


@dataclass
class Visit:
    """One stay in one queue, and the conversation it led to."""

    number: int
    queue: str
    entered_at: int
    begin: int
    """Where waiting began: the entry, or the time a callback is due."""
    since: int
    """Where the wait is counted from."""
    contact_since: int
    """Where the contact began."""
    offered_at: int | None = None
    """None: its entry was not seen."""
    counted: bool = True
    """False: an outcome without entry and without `wait_ms`, so there is nothing to count."""
    outcome: str | None = None
    reason: str | None = None
    left_at: int | None = None
    booked_at: int | None = None
    wait_ms: int | None = None
    agent: str | None = None
    held_since: int | None = None
    held_ms: int = 0
    talk_since: int | None = None
    """When the answer was booked."""
    talk_end: int | None = None
    talk_ms: int | None = None
    hold_ms: int | None = None
    wrapup_start: int | None = None
    wrapped: bool = False
    segment: str | None = None
    """That of the contact when it was offered."""
    segmented: bool = False


@dataclass
class Life:
    """State of one contact, and the facts that its events prove."""

    rules: Rules
    channel: str
    facts: list[Fact] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    state: str = "idle"
    """idle, waiting, talking or ended."""
    since: int | None = None
    """Its start, or its first event; None before that."""
    time: int = 0
    """When the event at hand happened; it is booked at its `at`, which is later if it came too late."""
    last_at: int = 0
    ended_at: int = 0
    started: bool = False
    entered_once: bool = False
    handed_off: bool = False
    contained: bool = False
    clock: int | None = None
    """Start of the human clock; None: a bot talks, or all is over."""
    responded: bool = False
    segment: str | None = None
    """The first that an event has named."""
    reply_since: int | None = None
    negative_waits: int = 0

    @property
    def visit(self) -> Visit | None:
        return self.visits[-1] if self.visits else None

    @property
    def queue(self) -> str:
        """The queue that the contact is in, waiting or talking; `-` when it is in none."""
        return self.visit.queue if self.state in ("waiting", "talking") else "-"

    @property
    def owes_first_response(self) -> bool:
        return self.clock is not None and not self.responded

    @property
    def max_age_ms(self) -> int:
        return self.rules.max_age_ms[self.channel]

    def arrivals(self) -> list[Fact]:
        """A visit is offered when it begins to wait; a callback that ends before it is due, when it ends."""
        offered = [visit for visit in self.visits if visit.offered_at is not None]
        return [Fact(visit.offered_at, visit.queue, "offered", segment=visit.segment) for visit in offered]

    def book(self, at: int, what: str, amount: int = 1, queue: str | None = None) -> None:
        self.facts.append(Fact(at, queue if queue is not None else self.queue, what, amount))

    def evict(self, now: int) -> None:
        """A visit that has waited for the maximum age at `now` is a ghost, from that moment on.

        And a conversation whose end has not come for a day is nobody's care any more: it stays answered.
        """
        if self.state == "talking" and now >= self.visit.talk_since + self.rules.conversation_max_ms:
            self.last_at = self.visit.talk_since + self.rules.conversation_max_ms
            self.state = "idle"
        if self.state != "waiting" or now < self.visit.begin + self.max_age_ms:
            return
        at = self.last_at = self.visit.begin + self.max_age_ms
        self.visit.outcome, self.visit.left_at, self.visit.booked_at = "evicted", at, at
        self.facts.append(Fact(at, self.queue, "evicted", segment=self.segment))
        self.state = "idle"

    def expires_at(self) -> int | None:
        """Up to when an event belongs to this life of the contact; None: as long as it is in a queue's care."""
        if self.state in ("waiting", "talking"):
            return None
        if self.state == "idle":
            return self.last_at + max(self.max_age_ms, self.rules.wrapup_max_ms)
        kept = self.last_at + self.rules.lateness_ms
        open_work = any(visit.outcome == "answered" and not visit.wrapped for visit in self.visits)
        return max(kept, self.ended_at + self.rules.wrapup_max_ms) if open_work else kept

    def begin_anew(self) -> None:
        """The same name, another contact: what was counted stays counted."""
        fresh = Life(self.rules, self.channel, self.facts + self.arrivals(), negative_waits=self.negative_waits)
        self.__dict__.update(fresh.__dict__)

    def apply(self, event: Event) -> str:
        """Let `event` happen; returns what it was: applied, duplicate or orphan."""
        at = event["at"]
        self.evict(at)
        expires_at = self.expires_at()
        if self.since is not None and expires_at is not None and at > expires_at:
            self.begin_anew()
        if self.since is None:
            self.since = at
        self.last_at, self.time = at, event["time"]
        booked = len(self.facts)
        outcome = LATE if event.get("late") and not self.takes_late(event) else self.happen(event)
        self.learn_segment(event, booked)
        return outcome

    def learn_segment(self, event: Event, booked: int) -> None:
        """What is booked counts under the segment as far as it is known then: the facts from `booked` on."""
        if self.segment is None and event.get("segment") in self.rules.segments:
            self.segment = event["segment"]
        self.facts[booked:] = [fact._replace(segment=self.segment) for fact in self.facts[booked:]]
        for visit in self.visits:
            if visit.offered_at is not None and not visit.segmented:
                visit.segment, visit.segmented = self.segment, True

    def takes_late(self, event: Event) -> bool:
        """A late event opens nothing and undoes nothing; an outcome that it alone proves counts."""
        kind, visit = event["type"], self.visit
        if kind == "wrapup.ended":
            return True
        if kind not in OUTCOMES:
            return False
        if self.state == "waiting":
            return event["time"] >= visit.begin
        if self.state == "talking":
            return event["time"] >= visit.left_at
        return kind == "contact.ended" and self.state == "idle"

    def happen(self, event: Event) -> str:
        return getattr(self, "on_" + event["type"].replace(".", "_"))(event, event["at"])

    def would(self, event: Event) -> str:
        """What `event` would be, without letting it happen."""
        return copy.deepcopy(self).apply(event)

    # The contact

    def on_contact_started(self, event: Event, at: int) -> str:
        if self.started and self.state != "ended":
            return DUPLICATE
        if self.state == "ended":
            self.responded = self.contained = self.handed_off = self.entered_once = False
            self.clock, self.state = None, "idle"
        self.started = True
        self.book(at, "contacts", queue="-")
        if not self.entered_once:
            self.since = at
        if not self.entered_once and not self.handed_off and not event.get("bot", False):
            self.clock = at
        return APPLIED

    def on_contact_ended(self, event: Event, at: int) -> str:
        if self.state == "ended":
            return DUPLICATE
        if self.state == "waiting" and event["by"] == "customer":
            self.leave(at, "abandoned", None)
        elif self.state == "waiting":
            self.leave(at, "flowed_out", None, reason="withdrawn")
        elif self.state == "talking":
            self.end_talk(at, event.get("talk_ms"), event.get("hold_ms"))
        self.state, self.ended_at = "ended", at
        self.clock = self.reply_since = None
        return APPLIED

    def on_contact_transferred(self, event: Event, at: int) -> str:
        if self.state != "talking":
            talked = any(visit.outcome == "answered" for visit in self.visits)
            return DUPLICATE if talked and self.state != "waiting" else ORPHAN
        self.book(at, "transfers")
        self.end_talk(at, None, None)
        return APPLIED

    # The queue

    def on_queue_entered(self, event: Event, at: int) -> str:
        queue = event["queue"]
        if self.adoptable(queue, at):
            self.adopt(at, event)
            return APPLIED
        if self.state == "waiting":
            if self.visit.queue == queue:
                return DUPLICATE
            self.leave(at, "flowed_out", None, reason="transfer")
        elif self.state == "talking":
            self.end_talk(at, None, None)
        self.enter(queue, at, event)
        return APPLIED

    def enter(self, queue: str, at: int, event: Event) -> None:
        due = event.get("due") if event.get("callback") else None
        begin = max(at, due) if due is not None else at
        since = at if self.rules.of(queue).count_callback_delay else begin
        self.visits.append(Visit(len(self.visits) + 1, queue, at, begin, since, self.since, offered_at=begin))
        self.state = "waiting"
        self.entered(at, event)

    def entered(self, at: int, event: Event) -> None:
        if event.get("callback"):
            self.book(at, "callbacks", queue=self.visit.queue)
        if not self.started and not self.entered_once and not self.handed_off:
            self.clock = at
        self.entered_once = True

    def adoptable(self, queue: str, at: int) -> bool:
        """Whether the entry only looks later than the outcome because two clocks disagree."""
        visit = self.visit
        if visit is None or visit.offered_at is not None or visit.queue != queue:
            return False
        talk_is_over = visit.outcome == "answered" and self.state != "talking"
        return not talk_is_over and at - visit.left_at <= self.rules.lateness_ms

    def adopt(self, at: int, event: Event) -> None:
        visit = self.visit
        visit.entered_at = visit.begin = visit.since = visit.offered_at = at
        self.entered(at, event)
        if not visit.counted:
            self.count_wait(visit, at, 0)

    def on_queue_abandoned(self, event: Event, at: int) -> str:
        return self.on_leaving(event, at, "abandoned", None)

    def on_queue_left(self, event: Event, at: int) -> str:
        return self.on_leaving(event, at, "flowed_out", event["reason"])

    def on_leaving(self, event: Event, at: int, outcome: str, reason: str | None) -> str:
        if self.state == "waiting":
            self.leave(at, outcome, event.get("wait_ms"), reason=reason)
            self.state = "idle"
            return APPLIED
        last = self.visit
        if last is not None and last.queue == event["queue"] and last.outcome in (outcome, "evicted"):
            return DUPLICATE
        if self.state == "talking":
            return DUPLICATE
        self.orphan_outcome(event, at, outcome, reason)
        return ORPHAN

    def on_queue_rejected(self, event: Event, at: int) -> str:
        reason = event["reason"].replace(" ", "_")
        reason = reason if reason in ("full", "closed", "no_agents") else "other"
        self.book(at, "rejected", queue=event["queue"])
        self.book(at, "rejected_" + reason, queue=event["queue"])
        return APPLIED

    def leave(self, at: int, outcome: str, wait_ms: int | None, reason: str | None = None) -> None:
        """End the waiting visit. The caller sets the next state."""
        visit = self.visit
        visit.outcome, visit.reason, visit.left_at = outcome, reason, self.time
        visit.offered_at = min(visit.begin, at)
        self.count_outcome(visit, at, self.wait(visit, wait_ms))

    def wait(self, visit: Visit, wait_ms: int | None) -> int:
        """The source's own wait wins; a clock that ran backwards gives 0."""
        waited = self.time - visit.since if wait_ms is None else wait_ms
        self.negative_waits += waited < 0
        return max(0, waited)

    def count_outcome(self, visit: Visit, at: int, wait_ms: int) -> None:
        if visit.outcome == "flowed_out":
            visit.booked_at, visit.wait_ms = at, wait_ms
            self.book(at, "flowed_out", queue=visit.queue)
            self.book(at, "flowed_out_" + visit.reason, queue=visit.queue)
        else:
            self.count_wait(visit, at, wait_ms)

    def count_wait(self, visit: Visit, at: int, wait_ms: int) -> None:
        """Book an answer or an abandon with its wait: the amount of the fact."""
        visit.booked_at, visit.wait_ms = at, wait_ms
        self.book(at, visit.outcome, wait_ms, queue=visit.queue)

    def orphan_outcome(self, event: Event, at: int, outcome: str, reason: str | None) -> None:
        """Nobody waits, yet somebody was answered or left: count what the event proves alone."""
        wait_ms = event.get("wait_ms")
        visit = Visit(len(self.visits) + 1, event["queue"], at, at, at, self.since)
        visit.counted = outcome == "flowed_out" or wait_ms is not None
        visit.outcome, visit.reason, visit.left_at = outcome, reason, at
        self.visits.append(visit)
        if visit.counted:
            self.count_outcome(visit, at, max(0, wait_ms or 0))

    # The agent

    def on_agent_offered(self, event: Event, at: int) -> str:
        return APPLIED if self.state == "waiting" else ORPHAN

    def on_agent_missed(self, event: Event, at: int) -> str:
        waiting = self.state == "waiting"
        self.book(at, "offers_missed", queue=self.visit.queue if waiting else event["queue"])
        return APPLIED if waiting else ORPHAN

    def on_agent_connected(self, event: Event, at: int) -> str:
        if self.state == "talking":
            return DUPLICATE
        found = self.state
        if found == "waiting":
            self.leave(at, "answered", event.get("wait_ms"))
        else:
            given_up = self.visit is not None and self.visit.outcome == "evicted"
            self.orphan_outcome(dict(event, wait_ms=None) if given_up else event, at, "answered", None)
        self.visit.agent, self.visit.talk_since = event["agent"], at
        self.state = "talking"
        return APPLIED if found == "waiting" else ORPHAN

    def on_contact_held(self, event: Event, at: int) -> str:
        if self.state != "talking":
            return ORPHAN
        if self.visit.held_since is not None:
            return DUPLICATE
        self.visit.held_since = self.time
        return APPLIED

    def on_contact_resumed(self, event: Event, at: int) -> str:
        if self.state != "talking":
            return ORPHAN
        if self.visit.held_since is None:
            return DUPLICATE
        self.visit.held_ms += self.time - self.visit.held_since
        self.visit.held_since = None
        return APPLIED

    def end_talk(self, at: int, talk_ms: int | None, hold_ms: int | None) -> None:
        visit = self.visit
        if visit.held_since is not None:
            visit.held_ms += self.time - visit.held_since
            visit.held_since = None
        visit.talk_end = self.time
        visit.hold_ms = max(0, visit.held_ms if hold_ms is None else hold_ms)
        visit.talk_ms = max(0, self.time - visit.left_at - visit.hold_ms if talk_ms is None else talk_ms)
        self.book(at, "handled")
        self.book(at, "talk_ms", visit.talk_ms)
        self.book(at, "hold_ms", visit.hold_ms)
        self.state = "idle"

    def on_wrapup_started(self, event: Event, at: int) -> str:
        visit = self.conversation(event["agent"])
        if visit is None:
            return self.without_conversation()
        if visit.wrapup_start is not None:
            return DUPLICATE
        visit.wrapup_start = self.time
        return APPLIED

    def on_wrapup_ended(self, event: Event, at: int) -> str:
        visit = self.conversation(event["agent"])
        if visit is None:
            return self.without_conversation()
        start = next((t for t in (visit.wrapup_start, visit.talk_end) if t is not None), at)
        acw_ms = event.get("acw_ms", event["time"] - start)
        self.book(at, "acw_ms", max(0, acw_ms), queue=visit.queue)
        visit.wrapped = True
        return APPLIED

    def conversation(self, agent: str) -> Visit | None:
        """The latest conversation of `agent`, else of anybody, whose after-contact work is not over."""
        open_ones = [v for v in self.visits if v.outcome == "answered" and not v.wrapped]
        own = [v for v in open_ones if v.agent == agent]
        return (own or open_ones or [None])[-1]

    def without_conversation(self) -> str:
        return DUPLICATE if any(v.wrapped for v in self.visits) else ORPHAN

    # Bots and messages

    def on_bot_handed_off(self, event: Event, at: int) -> str:
        self.handed_off, self.clock, self.responded, self.reply_since = True, at, False, None
        return APPLIED

    def on_bot_resolved(self, event: Event, at: int) -> str:
        if self.contained:
            return DUPLICATE
        if self.handed_off or self.visits:
            return APPLIED
        self.contained = True
        self.book(at, "bot_contained", queue=event.get("queue") or "-")
        return APPLIED

    def on_message_added(self, event: Event, at: int) -> str:
        if self.clock is None:
            return APPLIED
        if event["author"] == "customer":
            if self.responded and self.reply_since is None:
                self.reply_since = at
        elif event["author"] == "agent" and event.get("public", True):
            self.human_message(at)
        return APPLIED

    def human_message(self, at: int) -> None:
        if not self.responded:
            self.book(at, "first_response", max(0, at - self.clock))
            if self.rules.of(self.queue).opening_hours:
                business_ms = open_ms(self.clock, at, self.rules.of(self.queue))
                self.book(at, "first_response_business", business_ms)
            self.responded = True
        elif self.reply_since is not None:
            self.book(at, "reply", at - self.reply_since)
            self.reply_since = None


def order(event: Event) -> tuple[int, int, str]:
    """Rank among events of the same instant."""
    return RANK.index(event["type"]), len(event["id"]), event["id"]


def walk(rules: Rules, channel: str, events: list[Event]) -> tuple[Life, dict[str, str]]:
    """Walk `events` in time; of the same instant, the first that is possible goes first.

    Returns the contact at the end and what each event (by id) was.
    """
    life, outcomes = Life(rules, channel), {}
    for at in sorted({event["at"] for event in events}):
        together = sorted((event for event in events if event["at"] == at and not event.get("late")), key=order)
        while together:
            possible = (i for i, event in enumerate(together) if len(together) == 1 or life.would(event) == APPLIED)
            event = together.pop(next(possible, 0))
            outcomes[event["id"]] = life.apply(event)
        for event in events:
            if event["at"] == at and event.get("late"):
                life.apply(event)
    return life, outcomes
