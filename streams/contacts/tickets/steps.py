"""The life cycle of tickets: what a ticket goes through, and what is booked for it.

`TABLE` at the end says for every (event, state) what happens: read it first. A step changes the state, books into the
ledger and returns what became of the event (`Outcome`). Definitions: kpis.md "Tickets", events: events.md.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from streams.contacts.ledger import Ledger, Outcome
from streams.contacts.lifecycle import LifeCycle, by_contact, ev_time, in_order
from streams.contacts.tickets.bookings import book_resolution
from streams.contacts.tickets.state import BACKLOG, DONE, DONE_STATUSES, GONE, UNSEEN, UNSURE, TicketCycle
from streams.contacts.tickets.targets import (
    FIRST_REPLY,
    NEXT_REPLY,
    UNTIL_SOLVED,
    activate,
    apply_anew,
    breach,
    fulfil,
    go_on,
    next_breach,
    withdraw,
)
from streams.contacts.visits.bookings import book_first_response, book_reply
from streams.events import model as ev
from streams.facts.primitives import P
from streams.facts.wire import NO_QUEUE

AnyTicketEvent = ev.TicketEvent | ev.MessageAdded
Step = Callable[[TicketCycle, Any, int, Ledger], int]


# --- for the history ---


def apply(cycle: TicketCycle, event: AnyTicketEvent, at: int, ledger: Ledger) -> int:
    """Apply one event, booked at `at` (later than its time: a late one); returns its `Outcome`."""
    if cycle.phase != UNSEEN and at > cycle.expires_at(ledger):
        cycle.begin_anew()
    cycle.touched_at = at
    if event.time != at and not _takes_late(cycle, event):
        return Outcome.APPLIED
    if cycle.phase == UNSEEN:
        cycle.seen_at = at
    outcome = TABLE[type(event)][cycle.phase](cycle, event, at, ledger)
    if type(event) is not ev.MessageAdded:
        cycle.said_at = max(cycle.said_at, ev_time(event))
    _settle(cycle, at, ledger)
    return outcome


def fire(cycle: TicketCycle, at: int, ledger: Ledger) -> None:
    """Let the timer of `at` happen: targets whose due time has passed are breached."""
    breach(cycle, at, ledger)
    _settle(cycle, at, ledger)


def _settle(cycle: TicketCycle, at: int, ledger: Ledger) -> None:
    cycle.timer_at = next_breach(cycle)
    cycle.keep_rows(at, ledger)


def _takes_late(cycle: TicketCycle, event: AnyTicketEvent) -> bool:
    """Whether a late event still proves something: what no newer event has said, or a reply that was waited for."""
    if cycle.phase == UNSEEN or type(event) is ev.TicketCreated:
        return False
    if type(event) is not ev.MessageAdded:
        return ev_time(event) >= cycle.said_at
    since = cycle.asked_at if cycle.responded else cycle.human_since
    return event.author == "agent" and since is not None and ev_time(event) >= since


# --- steps: one function per kind of cell in the table ---


def duplicate(_cycle: TicketCycle, _event: AnyTicketEvent, _at: int, _ledger: Ledger) -> int:
    """The transition was made already, or the ticket is no more."""
    return Outcome.DUPLICATE


def create(cycle: TicketCycle, event: ev.TicketCreated, at: int, ledger: Ledger) -> int:
    """The ticket's clocks start; those of its first response not if an agent wrote it."""
    time = ev_time(event)
    cycle.queue = event.queue if cycle.queue == NO_QUEUE else cycle.queue
    cycle.priority = cycle.priority or event.priority
    _begin(cycle, event, time, at, ledger)
    _enter_status(cycle, event.status, time, at, ledger)
    return Outcome.APPLIED


def create_at_last(cycle: TicketCycle, event: ev.TicketCreated, at: int, ledger: Ledger) -> int:
    """The creation of what was an orphan until now, told by a clock that is a little ahead: what was said of the
    ticket since holds.
    """
    if cycle.created_at is not None:
        return Outcome.DUPLICATE
    time = ev_time(event)
    _place(cycle, event.queue if cycle.queue == NO_QUEUE else None, cycle.priority or event.priority, time, at, ledger)
    ledger.book(event.queue, at, {P.CREATED: 1})
    cycle.created_at = cycle.seen_at = time
    if cycle.phase != GONE:
        cycle.statuses = [(time, cycle.statuses[-1][1])]
        _start_clocks(cycle, event, time, at, ledger)
    return Outcome.APPLIED


def update(cycle: TicketCycle, event: ev.TicketUpdated, at: int, ledger: Ledger) -> int:
    """Where it is, whose it is and how urgent, then its status: what one event says holds at once."""
    time = ev_time(event)
    before = (cycle.queue, cycle.priority, cycle.agent, cycle.status)
    if _is_reassigned(cycle, event):
        ledger.book(cycle.queue, at, {P.REASSIGNED: 1})
    cycle.agent = event.agent or cycle.agent
    _place(cycle, event.queue, event.priority, time, at, ledger)
    if event.status is not None and event.status != cycle.status:
        _enter_status(cycle, event.status, time, at, ledger)
    unchanged = before == (cycle.queue, cycle.priority, cycle.agent, cycle.status)
    return Outcome.DUPLICATE if unchanged else Outcome.APPLIED


def update_unseen(cycle: TicketCycle, event: ev.TicketUpdated, at: int, ledger: Ledger) -> int:
    """A ticket whose creation was not seen: what the update says holds from now on."""
    cycle.phase = UNSURE
    update(cycle, event, at, ledger)
    return Outcome.ORPHAN


def escalate(cycle: TicketCycle, event: ev.TicketEscalated, at: int, ledger: Ledger) -> int:
    """Counted where it was; then it moves. The same level again is a repetition."""
    time = ev_time(event)
    if event.level is not None and event.level == cycle.level and event.queue in (None, cycle.queue):
        return Outcome.DUPLICATE
    if cycle.queue == NO_QUEUE:
        _place(cycle, event.queue, None, time, at, ledger)
    ledger.book(cycle.queue, at, {P.ESCALATED: 1})
    cycle.level = event.level
    _place(cycle, event.queue, None, time, at, ledger)
    return Outcome.APPLIED


def escalate_unseen(cycle: TicketCycle, event: ev.TicketEscalated, at: int, ledger: Ledger) -> int:
    """It is counted, though the ticket's creation was not seen."""
    cycle.phase = UNSURE
    return escalate(cycle, event, at, ledger) | Outcome.ORPHAN


def leave(cycle: TicketCycle, event: ev.TicketMerged | ev.TicketDeleted, at: int, ledger: Ledger) -> int:
    """Out of the backlog without a resolution."""
    primitive = P.MERGED if type(event) is ev.TicketMerged else P.DELETED
    ledger.book(cycle.queue, at, {primitive: 1})
    return vanish(cycle, event, at, ledger)


def vanish(cycle: TicketCycle, _event: ev.TicketMerged | ev.TicketDeleted, _at: int, _ledger: Ledger) -> int:
    """Merged or deleted when it was in no backlog."""
    cycle.phase = GONE
    cycle.instances = {}
    cycle.human_since = cycle.asked_at = None
    return Outcome.APPLIED


def vanish_unseen(cycle: TicketCycle, event: ev.TicketMerged | ev.TicketDeleted, at: int, ledger: Ledger) -> int:
    """The same of a ticket whose creation was not seen."""
    return vanish(cycle, event, at, ledger) | Outcome.ORPHAN


def message(cycle: TicketCycle, event: ev.MessageAdded, at: int, ledger: Ledger) -> int:
    """First response and reply clocks; private notes, bots and systems answer nobody."""
    if event.author == "customer":
        _ask(cycle, at, ledger)
    elif event.author == "agent" and event.public:
        _answer(cycle, ev_time(event), at, ledger)
    return Outcome.APPLIED


def message_unseen(cycle: TicketCycle, _event: ev.MessageAdded, _at: int, _ledger: Ledger) -> int:
    """A message of a ticket of which nothing is known: whether it is a first response cannot be said."""
    cycle.phase = UNSURE
    return Outcome.ORPHAN


# --- parts of steps ---


def _begin(cycle: TicketCycle, event: ev.TicketCreated, time: int, at: int, ledger: Ledger) -> None:
    cycle.phase = BACKLOG
    cycle.created_at = cycle.seen_at = time
    cycle.statuses = [(time, "new")]
    ledger.book(event.queue, at, {P.CREATED: 1})
    _start_clocks(cycle, event, time, at, ledger)


def _start_clocks(cycle: TicketCycle, event: ev.TicketCreated, time: int, at: int, ledger: Ledger) -> None:
    """Those of targets, and that of the first response, which an agent's own ticket starts with its first answer."""
    if not event.by_agent:
        cycle.human_since = time
        activate(cycle, (FIRST_REPLY,), time, at, ledger)
    if cycle.phase == BACKLOG:
        activate(cycle, UNTIL_SOLVED, time, at, ledger)


def _is_reassigned(cycle: TicketCycle, event: ev.TicketUpdated) -> bool:
    moves = event.queue is not None and cycle.queue not in (NO_QUEUE, event.queue)
    return moves or (event.agent is not None and cycle.agent not in (None, event.agent))


def _place(cycle: TicketCycle, queue: str | None, priority: str | None, time: int, at: int, ledger: Ledger) -> None:
    """Queue and priority from now on; None: as before. Either may bring another target."""
    before = (cycle.queue, cycle.priority)
    cycle.queue, cycle.priority = queue or cycle.queue, priority or cycle.priority
    if before != (cycle.queue, cycle.priority):
        apply_anew(cycle, time, at, ledger)


def _enter_status(cycle: TicketCycle, status: str, time: int, at: int, ledger: Ledger) -> None:
    before, was = cycle.status, cycle.phase
    if cycle.statuses and cycle.statuses[-1][0] == time:
        cycle.statuses.pop()
    cycle.statuses.append((time, status))
    cycle.phase = DONE if status in DONE_STATUSES else BACKLOG
    if cycle.phase == DONE and was != DONE:
        _solve(cycle, before, time, at, ledger)
    elif was == DONE and cycle.phase == BACKLOG:
        ledger.book(cycle.queue, at, {P.REOPENED: 1})
        activate(cycle, UNTIL_SOLVED, time, at, ledger)
    go_on(cycle, time, at, ledger)


def _solve(cycle: TicketCycle, before: str | None, time: int, at: int, ledger: Ledger) -> None:
    """Done: counted, and measured if its creation was seen. A close alone does not prove a solve: most follow one."""
    if before is None and cycle.status == "closed":
        return
    ledger.book(cycle.queue, at, {P.SOLVED: 1})
    if cycle.created_at is not None:
        book_resolution(cycle, time, at, ledger)
    cycle.solved = True
    fulfil(cycle, UNTIL_SOLVED, at, ledger)
    withdraw(cycle, (NEXT_REPLY,))
    cycle.asked_at = None


def _ask(cycle: TicketCycle, at: int, ledger: Ledger) -> None:
    """A customer's message: the first to an agent's own ticket starts the clock, a later one may begin a wait."""
    if cycle.created_at is None:
        return
    if cycle.human_since is None:
        cycle.human_since = at
        activate(cycle, (FIRST_REPLY,), at, at, ledger)
    elif cycle.responded and cycle.asked_at is None:
        cycle.asked_at = at
        activate(cycle, (NEXT_REPLY,), at, at, ledger)


def _answer(cycle: TicketCycle, time: int, at: int, ledger: Ledger) -> None:
    if cycle.human_since is None:
        return
    if not cycle.responded:
        cycle.responded = True
        book_first_response(cycle.queue, cycle.human_since, time, at, ledger)
        fulfil(cycle, (FIRST_REPLY,), at, ledger)
    elif cycle.asked_at is not None:
        book_reply(cycle.queue, at, max(0, time - cycle.asked_at), ledger)
        fulfil(cycle, (NEXT_REPLY,), at, ledger)
        cycle.asked_at = None


TABLE: Final[Mapping[type[AnyTicketEvent], tuple[Step, ...]]] = {
    #                    unseen           unsure          backlog         done            gone
    ev.TicketCreated:   (create,          create,         create_at_last, create_at_last, create_at_last),
    ev.TicketUpdated:   (update_unseen,   update,         update,         update,         duplicate),
    ev.TicketEscalated: (escalate_unseen, escalate,       escalate,       escalate,       duplicate),
    ev.TicketMerged:    (vanish_unseen,   vanish,         leave,          vanish,         duplicate),
    ev.TicketDeleted:   (vanish_unseen,   vanish,         leave,          vanish,         duplicate),
    ev.MessageAdded:    (message_unseen,  message,        message,        message,        duplicate),
}  # fmt: skip
"""What happens for every (event, state): the columns are `STATES`."""


TICKETS: Final = LifeCycle(
    code="t",
    domain="",
    rolls_up=True,
    events=frozenset(TABLE),
    identify=by_contact,
    new=TicketCycle,
    apply=apply,
    fire=fire,
    rank=in_order(
        ev.TicketCreated, ev.MessageAdded, ev.TicketEscalated, ev.TicketMerged, ev.TicketDeleted, ev.TicketUpdated
    ),
)
