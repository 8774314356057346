"""The oracle for agents: keeps every event, finds each agent's states anew at every question, adds up overlaps.

    reference = AgentsReference(Rules())
    reference.send({"id": "1", "time": 0, "agent": "ann", "state": "available", "queues": ["q"]})
    reference.live("q", now=10_000)["agents_available"]                                             # 1

Written from the KPI catalogue and the event contract alone; imports nothing of `streams`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from tests.reference import windows
from tests.reference.murmur import partition_of
from tests.reference.rules import Rules

Event = dict[str, Any]
Number = int | float

STATES = ("available", "offered", "on_contact", "wrapup", "break", "offline")
BUSY = ("on_contact", "wrapup")
STRENGTH = {"offline": 5, "on_contact": 4, "wrapup": 3, "offered": 2, "break": 1, "available": 0}
"""Of the states of one instant the strongest holds."""
WEEK_MS = 7 * 86_400_000
"""Nobody is counted offline for longer."""
WHOLE_CHANNEL = "*"
NO_QUEUE = "-"


@dataclass(frozen=True)
class Stretch:
    """A time in one state: [begin, end)."""

    state: str
    queues: frozenset[str]
    begin: int
    end: float

    def overlap_ms(self, begin: int, end: int) -> int:
        return int(max(0, min(self.end, end) - max(self.begin, begin)))


@dataclass
class AgentsReference:
    """All events of the topic `agents`."""

    rules: Rules
    events: dict[str, list[Event]] = field(default_factory=dict)
    watermarks: dict[int, int] = field(default_factory=dict)

    def send(self, event: Event) -> str:
        """Take one valid event; returns applied, duplicate (of its id), late or too_late."""
        agent, time = event["agent"], event["time"]
        partition = partition_of(agent, self.rules.partitions)
        watermark = self.watermarks.get(partition, time)
        self.watermarks[partition] = max(watermark, time)
        late = time < watermark - self.rules.lateness_ms
        if late and agent not in self.events:
            return "too_late"
        known = self.events.setdefault(agent, [])
        if any(event["id"] == one["id"] for one in known):
            return "duplicate"
        known.append({**event, "at": watermark if late else time, "late": late})
        return "late" if late else "applied"

    def stretches(self) -> Iterator[Stretch]:
        """Every time of every agent in a state."""
        for events in self.events.values():
            said = list(_said(events))
            for (begin, event), (end, _) in zip(said, [*said[1:], (float("inf"), None)], strict=True):
                state = event["state"]
                last = min(end, begin + WEEK_MS) if state == "offline" else end
                yield Stretch(state, frozenset(event.get("queues") or [NO_QUEUE]), begin, last)

    def of(self, queue: str) -> list[Stretch]:
        """Those that count for a queue, a group or all: an agent in two queues of a group counts there once."""
        members = set(self.rules.groups.get(queue.removeprefix("@"), [queue]))
        return [one for one in self.stretches() if queue == WHOLE_CHANNEL or members & one.queues]

    def queues(self) -> set[str]:
        named = {queue for one in self.stretches() for queue in one.queues}
        return {WHOLE_CHANNEL, *(f"@{name}" for name in self.rules.groups), *named}

    def zone(self, queue: str) -> str:
        return self.rules.of(queue).timezone if queue in self.rules.queues else self.rules.timezone

    def live(self, queue: str, now: int) -> dict[str, Number]:
        states = [one.state for one in self.of(queue) if one.begin <= now < one.end]
        return {
            "agents_staffed": sum(state != "offline" for state in states),
            **{f"agents_{state}": states.count(state) for state in STATES},
        }

    def window(self, queue: str, window: str, now: int) -> dict[str, Number | None]:
        first, last = windows.bounds(window, now, self.zone(queue), self.rules.interval_ms)
        end = min(last + 1, now)
        busy = sum(one.overlap_ms(first, end) for one in self.of(queue) if one.state in BUSY)
        available = sum(one.overlap_ms(first, end) for one in self.of(queue) if one.state == "available")
        return {
            "occupancy": busy / (busy + available) if busy + available else None,
            "agents_busy_s": busy / 1000,
            "agents_available_s": available / 1000,
        }


def _said(events: list[Event]) -> Iterator[tuple[int, Event]]:
    """(from when, event) of each state an agent was in: the strongest of each instant; of the late, what was news."""
    in_order = sorted(events, key=lambda event: (event["at"], event["late"]))
    newest, state = -1, None
    for (at, late), tied in groupby(in_order, key=lambda event: (event["at"], event["late"])):
        for event in tied if late else [min(tied, key=_strongest_first)]:
            if event["time"] > newest:
                newest = event["time"]
                same = state is not None and (event["state"], _queues(event)) == state
                state = (event["state"], _queues(event))
                if not same:
                    yield at, event


def _strongest_first(event: Event) -> tuple[int, int, str]:
    return -STRENGTH[event["state"]], len(event["id"]), event["id"]


def _queues(event: Event) -> set[str]:
    return set(event.get("queues") or [NO_QUEUE])
