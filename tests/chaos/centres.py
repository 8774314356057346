"""A simulated centre: seeded contacts, each event ahead of its time by a little.

An event is sent `AHEAD_MS` before it happens, and none happens in the last second of a pane. So in that second nothing
that is still on its way can belong to the pane: whatever is shown as of then has one right value, however far each
partition was read. (The worker folds an event as it comes; only one that is 5 s ahead of its append time is clamped.)
"""

import heapq
import random
from collections.abc import Iterator
from typing import Final, NamedTuple

AHEAD_MS: Final = 3_000
PANE_MS: Final = 5_000
BUSY_MS: Final = 4_000
"""Of each pane."""
HEARTBEAT_EVERY_MS: Final = 1_000

QUEUES: Final = {"voice": ("billing", "sales", "support"), "chat": ("web",)}
TOPICS: Final = {"voice": "calls", "chat": "chats"}
LINES: Final = tuple((channel, queue) for channel, queues in QUEUES.items() for queue in (*queues, "*"))
"""(channel, queue) of everything that is shown."""

EVENTS_PER_CONTACT: Final = 4.6
REPEATED: Final = 0.02
DELAYED: Final = 0.05
LONGEST_DELAY_MS: Final = 500


class Sending(NamedTuple):
    """An event on its way."""

    send_at: int
    """Epoch ms."""
    number: int
    topic: str
    key: bytes | None
    """None: to every partition."""
    value: bytes


class Simulated:
    """Contacts from an instant on, in the order in which their events are sent. Equal seeds, equal contacts."""

    def __init__(self, seed: int, rate: float, start_ms: int) -> None:
        """`rate`: events a second."""
        self._dice = random.Random(seed)
        self._contacts_per_ms = rate / EVENTS_PER_CONTACT / 1_000
        self._arrival = float(start_ms)
        self._heartbeat = start_ms
        self._contacts = 0
        self._sent = 0
        self._pushed = 0
        self._waiting: list[Sending] = []

    def until(self, send_at: int) -> Iterator[Sending]:
        """All that is sent up to that instant (epoch ms) and was not yielded before."""
        while self._arrival - AHEAD_MS <= send_at:
            self._new_contact(int(self._arrival))
            self._arrival += self._dice.expovariate(self._contacts_per_ms)
        while self._heartbeat - AHEAD_MS <= send_at:
            self._beat(self._heartbeat)
            self._heartbeat += HEARTBEAT_EVERY_MS
        while self._waiting and self._waiting[0].send_at <= send_at:
            yield heapq.heappop(self._waiting)

    def _beat(self, at: int) -> None:
        for topic in TOPICS.values():
            value = f'{{"v":1,"id":"beat {at}","type":"heartbeat","time":{at},"source":"simulated"}}'
            self._push(at - AHEAD_MS, topic, None, value.encode())

    def _new_contact(self, at: int) -> None:
        self._contacts += 1
        dice = self._dice
        channel = "voice" if dice.random() < 0.8 else "chat"
        contact = f"{channel[0]}{self._contacts}"
        queue = dice.choice(QUEUES[channel])
        at = self._visit(channel, contact, queue, at)
        if at and channel == "voice" and dice.random() < 0.06:
            to = dice.choice(QUEUES[channel])
            self._event(
                channel, contact, "contact.transferred", at, f'"kind":"blind","queue":"{queue}","to_queue":"{to}"'
            )
            at = self._visit(channel, contact, to, at + 200)
        if at:
            self._event(channel, contact, "contact.ended", at, '"by":"customer"')

    def _visit(self, channel: str, contact: str, queue: str, at: int) -> int:
        """When the conversation is over; 0: there is none."""
        dice, where = self._dice, f'"queue":"{queue}"'
        self._event(channel, contact, "queue.entered", at, where)
        patience, wait = dice.expovariate(1 / 40_000), min(dice.expovariate(1 / 6_000), 60_000)
        if patience < wait:
            self._event(channel, contact, "queue.abandoned", at + int(patience), where)
            return 0
        at += int(wait)
        agent = f'{where},"agent":"agent {dice.randrange(40)}"'
        self._event(channel, contact, "agent.offered", at - min(int(wait), 2_000), agent)
        self._event(channel, contact, "agent.connected", at, agent)
        talk = int(min(dice.expovariate(1 / 12_000), 60_000)) + 2_000
        if channel == "chat":
            self._messages(contact, at, talk)
        elif dice.random() < 0.15:
            self._event(channel, contact, "contact.held", at + talk // 4, "")
            self._event(channel, contact, "contact.resumed", at + talk // 2, "")
        return at + talk

    def _messages(self, contact: str, at: int, talk: int) -> None:
        for part, author in enumerate(("agent", "customer", "agent"), 1):
            self._event("chat", contact, "message.added", at + talk * part // 5, f'"author":"{author}"')

    def _event(self, channel: str, contact: str, kind: str, at: int, more: str) -> None:
        """Sent now and then twice, now and then after what happened later."""
        self._sent += 1
        pane = at // PANE_MS * PANE_MS
        at = pane + (at - pane) * BUSY_MS // PANE_MS
        value = (
            f'{{"v":1,"id":"{self._sent}","type":"{kind}","time":{at},"channel":"{channel}","contact":"{contact}"'
            f"{',' + more if more else ''}}}"
        ).encode()
        delay = self._dice.randrange(LONGEST_DELAY_MS) if self._dice.random() < DELAYED else 0
        self._push(at - AHEAD_MS + delay, TOPICS[channel], contact.encode(), value)
        if self._dice.random() < REPEATED:
            self._push(at - AHEAD_MS + LONGEST_DELAY_MS, TOPICS[channel], contact.encode(), value)

    def _push(self, send_at: int, topic: str, key: bytes | None, value: bytes) -> None:
        self._pushed += 1
        heapq.heappush(self._waiting, Sending(send_at, self._pushed, topic, key, value))
