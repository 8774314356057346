"""The oracle for surveys: keeps every answer and looks at all of them for every question.

Written from the KPI catalogue and the event contract alone; imports nothing of `streams`. Scores stay fractions.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.reference import windows
from tests.reference.murmur import partition_of
from tests.reference.rules import Rules

Event = dict[str, Any]
Number = int | float

SCALES = {"csat": (1, 5), "nps": (0, 10), "ces": (1, 7)}
WHOLE_CHANNEL = "*"


@dataclass
class SurveysReference:
    """All answers of one channel."""

    rules: Rules
    channel: str
    answers: list[tuple[int, Event]] = field(default_factory=list)
    """(when booked, answer)."""
    ids: dict[str, set[str]] = field(default_factory=dict)
    """Contact → ids of its answers, as long as it is remembered."""
    last_at: dict[str, int] = field(default_factory=dict)
    watermarks: dict[int, int] = field(default_factory=dict)

    def send(self, event: Event) -> str:
        """Take one valid answer; returns applied, duplicate, late or too_late."""
        contact, time = event["contact"], event["time"]
        partition = partition_of(contact, self.rules.partitions)
        watermark = self.watermarks.get(partition, time)
        self.watermarks[partition] = max(watermark, time)
        self.forget(contact, watermark)
        late = time < watermark - self.rules.lateness_ms
        if late and contact not in self.ids:
            return "too_late"
        if event["id"] in self.ids.setdefault(contact, set()):
            return "duplicate"
        at = watermark if late else time
        self.ids[contact].add(event["id"])
        self.last_at[contact] = max(at, self.last_at.get(contact, at))
        self.answers.append((at, event))
        return "late" if late else "applied"

    def forget(self, contact: str, watermark: int) -> None:
        """A contact is remembered for twice the lateness, up to the watermark's second."""
        if contact in self.ids and self.last_at[contact] + 2 * self.rules.lateness_ms < watermark // 1000 * 1000:
            del self.ids[contact], self.last_at[contact]

    def queues(self) -> set[str]:
        groups = {f"@{name}" for name in self.rules.groups}
        return {WHOLE_CHANNEL, *groups, *(event.get("queue", "-") for _, event in self.answers)}

    def window(self, queue: str, window: str, now: int) -> dict[str, Number | None]:
        zone = self.rules.of(queue).timezone if queue in self.rules.queues else self.rules.timezone
        first, last = windows.bounds(window, now, zone, self.rules.interval_ms)
        members = self.rules.groups.get(queue.removeprefix("@"), [queue])
        shown = [
            event
            for at, event in self.answers
            if first <= at <= last and (queue == WHOLE_CHANNEL or event.get("queue", "-") in members)
        ]
        return {**csat(of("csat", shown)), **nps(of("nps", shown)), **ces(of("ces", shown))}


def of(kind: str, events: list[Event]) -> list[tuple[Fraction, int, int]]:
    """(score, lowest, highest) of the answers of a kind."""
    return [
        (Fraction(event["score"]), *(event.get("scale") or SCALES[kind])) for event in events if event["kind"] == kind
    ]


def csat(answers: list[tuple[Fraction, int, int]]) -> dict[str, Number | None]:
    satisfied = sum(score >= (high if high - low == 1 else high - 1) for score, low, high in answers)
    return {
        "csat_answers": len(answers),
        "csat_top_two": satisfied,
        "csat": satisfied / len(answers) if answers else None,
        "csat_mean": mean("csat", answers),
    }


def nps(answers: list[tuple[Fraction, int, int]]) -> dict[str, Number | None]:
    promoters, detractors = (sum(score in side for score, _, _ in answers) for side in ((9, 10), range(7)))
    return {
        "nps_answers": len(answers),
        "nps_promoters": promoters,
        "nps_detractors": detractors,
        "nps": (promoters - detractors) / len(answers) if answers else None,
    }


def ces(answers: list[tuple[Fraction, int, int]]) -> dict[str, Number | None]:
    return {"ces_answers": len(answers), "ces": mean("ces", answers)}


def mean(kind: str, answers: list[tuple[Fraction, int, int]]) -> float | None:
    """On the kind's own scale: 1 to 5, 1 to 7."""
    first, last = SCALES[kind]
    moved = [first + (score - low) * (last - first) / (high - low) for score, low, high in answers]
    return float(sum(moved) / len(moved)) if moved else None
