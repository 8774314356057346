"""The oracle for calls and chats: keeps every event, recomputes every number at any instant.

    reference = Reference(Rules(), "voice")
    reference.send({"id": "1", "type": "queue.entered", "time": 0, "contact": "c", "queue": "q"})   # "applied"
    reference.window("q", "5m", now=10_000)["offered"]                                              # 1

Cost is the whole history at every question; that is the point.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.reference import kpis, staffing, windows
from tests.reference.life import APPLIED, Event, Fact, Life, walk
from tests.reference.murmur import partition_of
from tests.reference.rules import Rules

WHOLE_CHANNEL = "*"
CLAMP_MS = 5_000
FAR = 1 << 62


@dataclass
class Contact:
    """All events of one contact, and which of its ids were seen."""

    partition: int
    events: list[Event] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)

    def last_at(self) -> int:
        return max(event["at"] for event in self.events)


class Reference:
    """All events of one channel's topic."""

    def __init__(self, rules: Rules, channel: str) -> None:
        self.rules = rules
        self.channel = channel
        self.watermarks: dict[int, int] = {}
        self.alive: dict[str, Contact] = {}
        self.forgotten: list[Contact] = []
        self.clamped = 0
        self.repeated_ids = 0
        self.negative_waits = 0

    # What becomes of a record

    def send(self, event: dict[str, Any], appended_at: int | None = None) -> str:
        """Take one valid event; returns applied, duplicate, late or too_late."""
        if event["type"] == "heartbeat":
            for partition in range(self.rules.partitions):
                self.rise(partition, event["time"])
            return APPLIED
        partition = partition_of(event["contact"], self.rules.partitions)
        watermark = self.watermarks.get(partition)
        outcome = self.take(self.clamped_event(event, appended_at), partition, watermark)
        self.rise(partition, self.clamp(event["time"], appended_at, count=False))
        return outcome

    def outcomes(self, arrived: list[str]) -> Counter[str]:
        """What has become of the records, given what each was on arrival (`send`).

        Transitions already made are judged by time, not by arrival: an event that comes before others may turn one of
        them into the repetition.
        """
        judged = [what for contact in self.contacts() for what in self.walk(contact)[1].values()]
        repeated = judged.count("duplicate") + self.repeated_ids
        counts = Counter(arrived)
        in_time = counts.pop(APPLIED, 0) + counts.pop("duplicate", 0)
        return +(counts + Counter({APPLIED: in_time - repeated, "duplicate": repeated}))

    def clamped_event(self, event: Event, appended_at: int | None) -> Event:
        at = self.clamp(event["time"], appended_at)
        return dict(event, time=at, at=at)

    def clamp(self, at: int, appended_at: int | None, *, count: bool = True) -> int:
        if appended_at is None or at <= appended_at + CLAMP_MS:
            return at
        self.clamped += count
        return appended_at

    def rise(self, partition: int, at: int) -> None:
        self.watermarks[partition] = max(at, self.watermarks.get(partition, at))

    def take(self, event: Event, partition: int, watermark: int | None) -> str:
        contact = self.known(event["contact"], watermark)
        late = watermark is not None and event["at"] < watermark - self.rules.lateness_ms
        if contact is None and late:
            return "too_late"
        if contact is None:
            contact = self.alive[event["contact"]] = Contact(partition)
        if late:
            contact.events.append(dict(event, at=watermark, late=True))
            return "late"
        if event["id"] in contact.ids:
            self.repeated_ids += 1
            return "duplicate"
        contact.ids.add(event["id"])
        contact.events.append(event)
        return "duplicate" if self.walk(contact)[1][event["id"]] == "duplicate" else APPLIED

    def known(self, contact_id: str, watermark: int | None) -> Contact | None:
        contact = self.alive.get(contact_id)
        if contact is None or watermark is None or watermark <= self.forget_at(contact, watermark):
            return contact
        self.forgotten.append(self.alive.pop(contact_id))
        return None

    def forget_at(self, contact: Contact, watermark: int) -> int:
        """Watermark beyond which nobody remembers the contact."""
        life = self.walk(contact)[0]
        life.evict(watermark)
        expires_at = life.expires_at()
        return FAR if expires_at is None else expires_at + self.rules.lateness_ms

    # What is true at an instant

    def walk(self, contact: Contact, until: int | None = None) -> tuple[Life, dict[str, str]]:
        seen = [event for event in contact.events if until is None or event["at"] <= until]
        return walk(self.rules, self.channel, seen)

    def contacts(self) -> list[Contact]:
        return [*self.forgotten, *self.alive.values()]

    def at(self, now: int) -> "Instant":
        """Everything that is true at `now`."""
        return Instant(self, now)

    def window(self, queue: str, window: str, now: int) -> dict[str, kpis.Number | None]:
        return self.at(now).window(queue, window)

    def live(self, queue: str, now: int) -> dict[str, kpis.Number | None]:
        return self.at(now).live(queue)


class Instant:
    """All that is counted and all that lasts at `now`. Counted: the panes up to that of `now`."""

    def __init__(self, reference: Reference, now: int) -> None:
        self.now = now
        self.rules = reference.rules
        self.facts: list[Fact] = []
        """A ghost's end is among them once `now` or the watermark has reached it."""
        self.lives: list[Life] = []
        """Each contact as it is at `now`: what happened later has not happened."""
        for contact in reference.contacts():
            life, _ = reference.walk(contact)
            life.evict(max(now, reference.watermarks[contact.partition]))
            self.facts += life.facts + life.arrivals()
            then, _ = reference.walk(contact, until=now)
            then.evict(now)
            self.lives.append(then)

    def queues(self) -> set[str]:
        """Every queue that anything was ever counted for, the whole channel, every group and segment."""
        groups = {f"@{name}" for name in self.rules.groups}
        segments = {f"#{name}" for name in self.rules.segments}
        return {WHOLE_CHANNEL, *groups, *segments, *(fact.queue for fact in self.facts)}

    def waiting(self) -> list[kpis.Waiting]:
        return [
            kpis.Waiting(life.visit.queue, life.visit.since, life.visit.contact_since, life.segment)
            for life in self.lives
            if life.state == "waiting" and life.visit.begin <= self.now
        ]

    def pending(self) -> list[kpis.Pending]:
        return [
            kpis.Pending(life.visit.queue, life.clock, life.segment)
            for life in self.lives
            if life.state in ("waiting", "talking") and life.visit.begin <= self.now and life.owes_first_response
        ]

    def live(self, queue: str) -> dict[str, kpis.Number | None]:
        waiting = [row for row in self.waiting() if self.rules.holds(queue, row.queue, row.segment)]
        pending = [row for row in self.pending() if self.rules.holds(queue, row.queue, row.segment)]
        return kpis.live_values(waiting, pending, self.now, self.rules)

    def window(self, queue: str, window: str) -> dict[str, kpis.Number | None]:
        rules = self.rules.of(queue)
        zone = self.rules.timezone if queue == WHOLE_CHANNEL else rules.timezone
        first, last = windows.bounds(window, self.now, zone, self.rules.interval_ms)
        held = [fact for fact in self.facts if self.rules.holds(queue, fact.queue, fact.segment)]
        shown = [fact for fact in held if first <= fact.at <= last]
        of_contacts = kpis.window_values(
            shown, rules.service_level, self.live(queue)["waiting_over_target"], self.rules
        )
        return {**of_contacts, **self.staffing(queue, window, shown)}

    def staffing(self, queue: str, window: str, shown: list[Fact]) -> dict[str, kpis.Number | None]:
        counted = kpis.Counted(shown, self.rules)
        spent = sum(sum(counted.amounts(what)) for what in ("talk_ms", "hold_ms", "acw_ms"))
        rules = None if queue[0] in "*@#-" else self.rules.of(queue)
        length = staffing.length_ms(window, self.rules.interval_ms)
        return staffing.values(counted.count("offered"), spent, counted.count("handled"), length, rules)
