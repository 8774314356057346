"""One contact: who it is, and the writing down of what happens to it."""

from typing import Any, NamedTuple

from streams.sources.simulator.centre import SOURCES
from streams.sources.simulator.clock import Clock, Process


class Event(NamedTuple):
    """A canonical event when it happens, before it is sent."""

    at: int
    fields: dict[str, Any]


class Contact:
    """A call or a chat. Events are numbered in the order of their times: `<contact>#1`, `#2` …"""

    __slots__ = ("_clock", "_count", "_journal", "answers", "channel", "customer", "id", "process", "visits")

    process: Process

    def __init__(self, clock: Clock, journal: list[Event], *, channel: str, name: str, customer: int) -> None:
        self._clock = clock
        self._journal = journal
        self._count = 0
        self.channel = channel
        self.id = name
        self.customer = customer
        self.visits = 0
        self.answers = 0

    def note(self, what: str, /, **fields: Any) -> None:
        """Write down an event of now: its type and what it says."""
        self._count += 1
        now = self._clock.now
        event = {
            "v": 1,
            "id": f"{self.id}#{self._count}",
            "type": what,
            "time": now,
            "channel": self.channel,
            "contact": self.id,
            "source": SOURCES[self.channel],
            **fields,
        }
        self._journal.append(Event(now, event))
