"""The oracle for tickets: keeps every event, recomputes every number at any instant. Times in epoch ms.

    desk = Tickets(TicketRules(), "email")
    desk.send({"id": "1", "type": "ticket.created", "time": 0, "contact": "t", "queue": "q"})
    desk.window("q", "all", now=10_000)["created"]      # 1

It looks at a ticket from outside: what stood in its fields before and after each event (`Snapshot`), and then at each
target's cycles within that line (`promises`). Cost is the whole history at every question.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.reference import windows
from tests.reference.kpis import Number, age_s
from tests.reference.opening_hours import is_open, open_ms
from tests.reference.rules import MINUTE_MS, QueueRules
from tests.reference.ticket_kpis import window_values
from tests.reference.ticket_rules import DAY_MS, PRIORITIES, TARGETS, Fact, Promise, TicketRules

Event = dict[str, Any]

FAR = 1 << 62
DONE = ("solved", "closed")
UNTIL_SOLVED = TARGETS[2:]
DURATIONS = {"requester_wait": ("new", "open", "on_hold"), "agent_work": ("new", "open")}
ORDER = (
    "ticket.created", "message.added", "ticket.escalated", "ticket.merged", "ticket.deleted", "ticket.updated",
)  # fmt: skip
"""Of events of one instant."""


@dataclass(frozen=True)
class Snapshot:
    """A ticket's fields from `at` on."""

    at: int
    queue: str = "-"
    agent: str | None = None
    priority: str | None = None
    status: str | None = None
    created_at: int | None = None
    seen_at: int = 0
    gone: bool = False
    level: Any = None
    human_since: int | None = None
    responded_at: int | None = None
    asked_at: int | None = None

    @property
    def in_backlog(self) -> bool:
        return not self.gone and self.status is not None and self.status not in DONE

    @property
    def rank(self) -> str:
        name = (self.priority or "normal").lower()
        return name if name in PRIORITIES else "other"


@dataclass
class Cycle:
    """One cycle of a target within a ticket's line."""

    target: str
    begin: int
    """Index of the snapshot that activates it."""
    end: int | None = None
    """Index of the snapshot that ends it; None: it goes on."""
    fulfilled: bool = False


@dataclass(frozen=True)
class Applied:
    """A promise as it was given: by the hours of a queue, at a priority."""

    promise: Promise
    queue: str
    rank: str


@dataclass(frozen=True)
class Open:
    """A target that is owed at an instant."""

    queue: str
    due_at: int


class Line:
    """One ticket: its snapshots in order, and all that is counted for it."""

    def __init__(self, rules: TicketRules) -> None:
        self.rules = rules
        self.snapshots: list[Snapshot] = []
        self.facts: list[Fact] = []
        self.cycles: list[Cycle] = []
        self.solves = 0

    # --- events ---

    def tell(self, event: Event) -> None:
        before = self.snapshots[-1] if self.snapshots else Snapshot(event["time"], seen_at=event["time"])
        after = replace(before, at=event["time"])
        if not before.gone or event["type"] == "ticket.created":
            after = getattr(self, event["type"].replace(".", "_"))(before, after, event)
        self.snapshots.append(after)
        self._close_cycles(before, after)
        self._open_cycles(before, after)

    def ticket_created(self, before: Snapshot, after: Snapshot, event: Event) -> Snapshot:
        if before.created_at is not None:
            return after
        at = event["time"]
        self._count("created", event["queue"], at)
        clock = None if event.get("by_agent") else at
        after = replace(
            after,
            queue=event["queue"] if before.queue == "-" else before.queue,
            priority=before.priority or event.get("priority"),
            status=before.status or event.get("status", "new"),
            created_at=at,
            seen_at=at,
            human_since=None if before.gone else clock,
        )
        if before.status is None and after.status in DONE and not before.gone:
            self._solve(after)
        return after

    def ticket_updated(self, before: Snapshot, after: Snapshot, event: Event) -> Snapshot:
        if _differs(before.queue, event.get("queue"), "-") or _differs(before.agent, event.get("agent"), None):
            self._count("reassigned", before.queue, after.at)
        given = {name: event[name] for name in ("queue", "agent", "priority", "status") if event.get(name)}
        after = replace(after, **given)
        if after.status in DONE and before.status not in DONE:
            after = replace(after, asked_at=None if self._proves_solve(before, after) else after.asked_at)
            if self._proves_solve(before, after):
                self._solve(after)
        if before.status in DONE and after.status not in DONE:
            self._count("reopened", after.queue, after.at)
        return after

    @staticmethod
    def _proves_solve(before: Snapshot, after: Snapshot) -> bool:
        return before.status is not None or after.status == "solved"

    def ticket_escalated(self, before: Snapshot, after: Snapshot, event: Event) -> Snapshot:
        queue, level = event.get("queue"), event.get("level")
        if level is not None and level == before.level and queue in (None, before.queue):
            return after
        self._count("escalated", queue if before.queue == "-" and queue else before.queue, after.at)
        return replace(after, queue=queue or before.queue, level=level)

    def ticket_merged(self, before: Snapshot, after: Snapshot, event: Event) -> Snapshot:
        if before.in_backlog:
            self._count(event["type"].removeprefix("ticket."), before.queue, after.at)
        return replace(after, gone=True, human_since=None, asked_at=None)

    ticket_deleted = ticket_merged

    def message_added(self, before: Snapshot, after: Snapshot, event: Event) -> Snapshot:
        if before.created_at is None:
            return after
        if event["author"] == "customer":
            if before.human_since is None:
                return replace(after, human_since=after.at)
            if before.responded_at is not None and before.asked_at is None:
                return replace(after, asked_at=after.at)
        elif event["author"] == "agent" and event.get("public", True) and before.human_since is not None:
            return self._answer(before, after)
        return after

    def _answer(self, before: Snapshot, after: Snapshot) -> Snapshot:
        if before.responded_at is None:
            self._count("first_response", before.queue, after.at, after.at - before.human_since)
            self._count_business("first_response", before.queue, before.human_since, after.at)
            return replace(after, responded_at=after.at)
        if before.asked_at is not None:
            self._count("reply", before.queue, after.at, after.at - before.asked_at)
            return replace(after, asked_at=None)
        return after

    # --- solves ---

    def _solve(self, after: Snapshot) -> None:
        self._count("solved", after.queue, after.at)
        self.solves += 1
        if after.created_at is None:
            return
        stretches = list(self._stretches(after.at))
        for name, statuses in {"resolution_full": None, **DURATIONS}.items():
            within = [(b, e) for b, e, s in stretches if statuses is None or s in statuses]
            self._measure(name, after, within)
        if self.solves == 1:
            self._measure("resolution_first", after, [(after.created_at, after.at)])

    def _stretches(self, until: int) -> Iterable[tuple[int, int, str | None]]:
        """(begin, end, status) since the creation; one that was seen late begins at its creation."""
        ends = [snapshot.at for snapshot in self.snapshots[1:]] + [until]
        for snapshot, end in zip(self.snapshots, ends, strict=True) if self.snapshots else ():
            if snapshot.created_at is not None:
                yield snapshot.at, end, snapshot.status

    def _measure(self, name: str, after: Snapshot, stretches: Sequence[tuple[int, int]]) -> None:
        self._count(name, after.queue, after.at, sum(end - begin for begin, end in stretches))
        queue = self.rules.of(after.queue)
        if queue.opening_hours:
            spent = sum(open_ms(begin, end, queue) for begin, end in stretches)
            self._count(f"{name}_business", after.queue, after.at, spent)

    def _count(self, what: str, queue: str, at: int, amount: int = 0) -> None:
        self.facts.append(Fact(what, queue, at, amount))

    def _count_business(self, what: str, queue: str, since: int, at: int) -> None:
        if self.rules.of(queue).opening_hours:
            self._count(f"{what}_business", queue, at, open_ms(since, at, self.rules.of(queue)))

    # --- targets ---

    def _open_cycles(self, before: Snapshot, after: Snapshot) -> None:
        here = len(self.snapshots) - 1
        if after.human_since is not None and before.human_since is None:
            self.cycles.append(Cycle("first_reply", here))
        if after.asked_at is not None and before.asked_at is None:
            self.cycles.append(Cycle("next_reply", here))
        created = before.created_at is None and after.created_at is not None and not after.gone
        reopened = before.status in DONE and after.in_backlog
        born_done = created and before.status is None and after.status in DONE
        if (created and after.in_backlog) or reopened or born_done:
            running = {cycle.target for cycle in self.cycles if cycle.end is None}
            new = [Cycle(target, here) for target in UNTIL_SOLVED if target not in running]
            for cycle in new:
                cycle.end, cycle.fulfilled = (here, True) if born_done else (None, False)
            self.cycles += new

    def _close_cycles(self, before: Snapshot, after: Snapshot) -> None:
        over: dict[str, bool] = {}
        if after.gone:
            over = dict.fromkeys(TARGETS, False)
        elif after.status in DONE and before.status not in DONE:
            over = {**dict.fromkeys(UNTIL_SOLVED, True), "next_reply": False}
        if after.responded_at is not None and before.responded_at is None:
            over["first_reply"] = True
        if before.asked_at is not None and after.asked_at is None and after.status == before.status and not after.gone:
            over["next_reply"] = True
        for cycle in self.cycles:
            if cycle.end is None and cycle.target in over:
                cycle.end, cycle.fulfilled = len(self.snapshots) - 1, over[cycle.target]

    def promises(self, now: int) -> tuple[list[Fact], list[Open]]:
        """Instances that have ended by `now`, and targets that are owed then. All events are before."""
        facts: list[Fact] = []
        owed: list[Open] = []
        last = self.snapshots[-1]
        for cycle in self.cycles:
            ended, due_at = self._follow(cycle, now)
            facts += ended
            if cycle.end is None and due_at is not None and last.in_backlog:
                owed.append(Open(last.queue, due_at))
        return facts, owed

    def _follow(self, cycle: Cycle, now: int) -> tuple[list[Fact], int | None]:
        """(what has ended by `now`, when it is due or was breached)."""
        end = len(self.snapshots) if cycle.end is None else cycle.end
        applied: Applied | None = None
        due_at: int | None = None
        for index in range(cycle.begin, end):
            snapshot, previous = self.snapshots[index], self.snapshots[index - 1]
            if index == cycle.begin or (snapshot.queue, snapshot.priority) != (previous.queue, previous.priority):
                applied = self._applied(cycle.target, snapshot)
            due_at = self._due_at(cycle, index, applied)
            if applied is not None and due_at is not None and self._breaks(cycle, index, applied, now):
                return [Fact(f"sla_ended_{cycle.target}_{applied.rank}", snapshot.queue, due_at)], due_at
        return (self._kept(cycle, applied), None) if cycle.end is not None else ([], due_at)

    def _breaks(self, cycle: Cycle, index: int, applied: "Applied", now: int) -> bool:
        """Whether the due time passes before the next event and `now`, or the target was exceeded as it was applied."""
        left_ms, due_at = self._left_ms(cycle, index, applied), self._due_at(cycle, index, applied)
        until = self.snapshots[index + 1].at if index + 1 < len(self.snapshots) else FAR
        return (left_ms is not None and left_ms < 0) or (due_at is not None and due_at < min(until, now))

    def _kept(self, cycle: Cycle, applied: Applied | None) -> list[Fact]:
        """A cycle that ends unbroken: by the fields of the event that ends it, where they bring another target."""
        assert cycle.end is not None
        end = self.snapshots[cycle.end]
        previous = self.snapshots[cycle.end - 1] if cycle.end > cycle.begin else end
        if cycle.end == cycle.begin or (end.queue, end.priority) != (previous.queue, previous.priority):
            applied = self._applied(cycle.target, end)
            left = self._left_ms(cycle, cycle.end, applied)
            if applied is not None and left is not None and left < 0 and not end.gone:
                return [Fact(f"sla_ended_{cycle.target}_{applied.rank}", end.queue, end.at)]
        if not cycle.fulfilled or applied is None:
            return []
        return [Fact(f"{part}_{cycle.target}_{applied.rank}", end.queue, end.at) for part in ("sla_ended", "sla_met")]

    def _applied(self, target: str, snapshot: Snapshot) -> Applied | None:
        """What is promised for a ticket that looks so."""
        priority = (snapshot.priority or "normal").lower()
        fitting = [
            promise
            for promise in self.rules.promises
            if promise.metric == target
            and promise.begins <= snapshot.at
            and promise.priority in (None, priority)
            and (promise.queues is None or snapshot.queue in promise.queues)
            and (not promise.business or self.rules.of(snapshot.queue).opening_hours)
        ]
        fitting.sort(key=lambda p: (p.queues is not None, p.priority is not None, p.begins))
        return Applied(fitting[-1], snapshot.queue, snapshot.rank) if fitting else None

    def _runs(self, target: str, status: str | None) -> bool:
        return status is not None and status not in (*DONE, *self.rules.pauses.get(target, ()))

    def _left_ms(self, cycle: Cycle, index: int, applied: Applied | None) -> int | None:
        """What is left on the clock at a snapshot; None: no promise."""
        if applied is None:
            return None
        promise, queue = applied.promise, applied.queue
        used = 0
        for one, other in zip(self.snapshots[cycle.begin : index], self.snapshots[cycle.begin + 1 :], strict=False):
            if self._runs(cycle.target, one.status):
                rules = self.rules.of(queue)
                used += open_ms(one.at, other.at, rules) if promise.business else other.at - one.at
        return promise.target_ms - used

    def _due_at(self, cycle: Cycle, index: int, applied: Applied | None) -> int | None:
        """When it is due as things stand at a snapshot; at once if it is exceeded; None: not while this lasts."""
        left = self._left_ms(cycle, index, applied)
        if left is None or applied is None:
            return None
        snapshot = self.snapshots[index]
        if left < 0:
            return snapshot.at
        if not self._runs(cycle.target, snapshot.status):
            return None
        promise, queue = applied.promise, applied.queue
        return walk(snapshot.at, left, self.rules.of(queue)) if promise.business else snapshot.at + left


def walk(start: int, left: int, rules: QueueRules) -> int:
    """Where so much opening time has passed since `start`, minute by minute."""
    at = start
    while left > 0:
        end = at // MINUTE_MS * MINUTE_MS + MINUTE_MS
        if is_open(at, rules):
            if left <= end - at:
                return at + left
            left -= end - at
        at = end
    return at


def _differs(before: str | None, after: str | None, unset: str | None) -> bool:
    return after is not None and before not in (unset, after)


class Tickets:
    """All events of one channel's tickets; none of them late."""

    def __init__(self, rules: TicketRules, channel: str) -> None:
        self.rules = rules
        self.channel = channel
        self.events: dict[str, dict[str, Event]] = {}

    def send(self, event: Event) -> None:
        self.events.setdefault(event["contact"], {}).setdefault(event["id"], event)

    def lines(self) -> list[Line]:
        """A ticket that nothing was heard of for longer than it is kept begins anew, unless it is in the backlog."""
        lines: list[Line] = []
        for events in self.events.values():
            line, touched_at = Line(self.rules), 0
            lines.append(line)
            for event in sorted(events.values(), key=_order):
                idle = bool(line.snapshots) and not line.snapshots[-1].in_backlog
                if idle and event["time"] > touched_at + self.rules.kept_ms:
                    line = Line(self.rules)
                    lines.append(line)
                line.tell(event)
                touched_at = event["time"]
        return lines

    def at(self, now: int) -> "Instant":
        return Instant(self, now)


def _order(event: Event) -> tuple[int, int, int, str]:
    return event["time"], ORDER.index(event["type"]), len(event["id"]), event["id"]


class Instant:
    """All that is counted and all that lasts at `now`, which no event is after."""

    def __init__(self, tickets: Tickets, now: int) -> None:
        self.rules = tickets.rules
        self.now = now
        self.facts: list[Fact] = []
        self.owed: list[Open] = []
        self.snapshots: list[Snapshot] = []
        for line in tickets.lines():
            ended, owed = line.promises(now)
            self.facts += [*line.facts, *ended]
            self.owed += owed
            self.snapshots.append(line.snapshots[-1])

    def queues(self) -> set[str]:
        return {"*", *(fact.queue for fact in self.facts), *(snapshot.queue for snapshot in self.snapshots)}

    def window(self, line: str, window: str) -> dict[str, Number | None]:
        zone = self.rules.of(line).timezone
        first, last = windows.bounds(window, self.now, zone, self.rules.interval_ms)
        facts = [f for f in self.facts if first <= f.at <= last and self.rules.holds(line, f.queue)]
        return window_values(facts, self.rules)

    def live(self, line: str) -> dict[str, Number | None]:
        holds = self.rules.holds
        backlog = [s for s in self.snapshots if s.in_backlog and holds(line, s.queue)]
        pending = [s.human_since for s in backlog if s.human_since is not None and s.responded_at is None]
        due = [one.due_at for one in self.owed if holds(line, one.queue)]
        ahead = [at - self.now for at in due if at >= self.now]
        return {
            "backlog": len(backlog),
            "backlog_oldest": age_s([s.seen_at for s in backlog], self.now),
            **{f"backlog_{name}": sum(s.rank == name for s in backlog) for name in PRIORITIES},
            **{
                f"backlog_over_{days}d": sum(self.now - s.seen_at > days * DAY_MS for s in backlog)
                for days in (1, 3, 7, 30)
            },
            "first_response_pending": len(pending),
            "first_response_oldest": age_s(pending, self.now),
            "sla_breached_open": sum(at < self.now for at in due),
            "sla_due_soon": sum(left <= self.rules.due_soon_ms for left in ahead),
            "sla_next_due": min(ahead) / 1000 if ahead else None,
        }
