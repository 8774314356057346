"""Recorded events as lines, moved in time, multiplied; and the visits that they come to, by brute force."""

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from operator import itemgetter

LATENESS_MS = 60_000
TARGET_MS = 20_000
SHORT_MS = 5_000
REPEATED = 0.05


def lines(events: Iterable[dict]) -> list[bytes]:
    return [json.dumps(event).encode() for event in events]


def heartbeat(at: int) -> bytes:
    """For every partition: `produce` sees to that."""
    return lines([{"v": 1, "id": f"heartbeat {at}", "type": "heartbeat", "time": at, "source": "bank"}])[0]


def ending_at(events: Sequence[dict], end_ms: int) -> list[dict]:
    """The same events, all as much later, so that the last one happens at `end_ms`."""
    by_ms = end_ms - max(event["time"] for event in events)
    return [{**event, "time": event["time"] + by_ms} for event in events]


def copies(events: Sequence[dict], count: int) -> list[dict]:
    """`count` centres that have the very same day, their contacts named apart, in time."""
    return [
        {**event, "id": f"{number}/{event['id']}", "contact": f"{number}/{event['contact']}"}
        for event in events
        for number in range(count)
    ]


def in_disorder(events: Iterable[dict], seed: int) -> list[dict]:
    """As a bad network delivers them: up to half the lateness out of order, some of them twice. None is late."""
    dice = random.Random(seed)
    arrivals = [(event["time"] + dice.randrange(LATENESS_MS // 2), event) for event in events]
    arrivals += [(at + dice.randrange(1_000), event) for at, event in arrivals if dice.random() < REPEATED]
    return [event for _, event in sorted(arrivals, key=itemgetter(0))]


def finished_visits(events: Iterable[dict]) -> list[dict]:
    """What `visits` must hold, by contact: each of the day's contacts visits one queue at most."""
    by_contact: dict[str, dict[str, dict]] = defaultdict(dict)
    for event in events:
        by_contact[event["contact"]][event["type"]] = event
    return sorted((_visit(of) for of in by_contact.values() if "queue.entered" in of), key=by_name)


def by_name(visit: dict) -> str:
    return visit["contact"]


def _visit(events: dict[str, dict]) -> dict:
    entered, answer = events["queue.entered"], events.get("agent.connected")
    left = answer or events["queue.abandoned"]
    return {
        "contact": entered["contact"],
        "visit": 1,
        "channel": "voice",
        "queue": entered["queue"],
        "outcome": "answered" if answer else "abandoned",
        "reason": None,
        "entered_at": entered["time"],
        "left_at": left["time"],
        "booked_at": left["time"],
        "wait_ms": left["time"] - entered["time"],
        "talk_ms": events["contact.ended"]["time"] - left["time"] if answer else None,
        "hold_ms": 0 if answer else None,
        "agent": left.get("agent"),
    }


def summed_up(visits: Iterable[dict]) -> dict[str, dict]:
    """Queue, and `*` → counts and means of its visits, under the golden file's names."""
    by_queue: dict[str, list[dict]] = defaultdict(list)
    for visit in visits:
        for queue in (visit["queue"], "*"):
            by_queue[queue].append(visit)
    return {queue: _sums(of) for queue, of in by_queue.items()}


def _sums(visits: list[dict]) -> dict:
    answered = [visit["wait_ms"] for visit in visits if visit["outcome"] == "answered"]
    abandoned = [visit["wait_ms"] for visit in visits if visit["outcome"] == "abandoned"]
    return {
        "offered": len(visits),
        "answered": len(answered),
        "abandoned": len(abandoned),
        "short_abandoned": sum(wait <= SHORT_MS for wait in abandoned),
        "N_T": sum(wait <= TARGET_MS for wait in answered),
        "A_T": sum(wait <= TARGET_MS for wait in abandoned),
        "asa": _mean_s(answered),
        "ata": _mean_s(abandoned),
        "awt": _mean_s(answered + abandoned),
    }


def _mean_s(waits_ms: list[int]) -> float | None:
    return sum(waits_ms) / len(waits_ms) / 1000 if waits_ms else None
