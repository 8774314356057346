"""The life cycle of queue visits: what a call or a chat goes through, and what is booked for it.

`TABLE` at the end says for every (event, state) what happens: read it first. A step changes the state, books into the
ledger and returns what became of the event (`Outcome`). Definitions: kpis.md "Calls and chats", life cycle: events.md.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from streams.contacts.ledger import Ledger, Outcome
from streams.contacts.lifecycle import LifeCycle, by_contact, ev_time, in_order
from streams.contacts.visits.bookings import (
    book_abandon,
    book_answer,
    book_first_response,
    book_flow_out,
    book_handled,
    book_offer,
    book_reply,
    book_resolution,
    book_wrap_up,
    offer_at_last,
)
from streams.contacts.visits.state import ENDED, HELD, MENU, NEW, TALKING, WAITING, Visit, VisitCycle
from streams.events import model as ev
from streams.facts.primitives import P, rejected
from streams.facts.wire import NO_QUEUE

Step = Callable[[VisitCycle, Any, int, Ledger], int]


# --- for the history ---


def apply(cycle: VisitCycle, event: ev.VisitEvent, at: int, ledger: Ledger) -> int:
    """Apply one event, booked at `at` (later than its time: a late one); returns its `Outcome`."""
    if cycle.open is None:
        if cycle.state == NEW:
            cycle.since = at
        elif at - cycle.touched_at > ledger.kept_ms and at > cycle.expires_at(ledger):  # the exact look is for few
            cycle.begin_anew()
            cycle.since = at
    cycle.touched_at = at
    if event.time != at and not _takes_late(cycle, event):
        return Outcome.APPLIED
    outcome = TABLE[type(event)][cycle.state](cycle, event, at, ledger)
    if cycle.owed is not None or (cycle.open is not None and not cycle.responded and cycle.human_since is not None):
        cycle.keep_owed(at)
    return outcome


def leads_on(cycle: VisitCycle, event: ev.VisitEvent) -> bool:
    """Whether the event is a transition from here: among events of one instant, such go first."""
    if TABLE[type(event)][cycle.state] in _LEADS_NOWHERE:
        return False
    if cycle.state != WAITING:
        return True
    queue = getattr(event, "queue", None)
    return type(event) is not ev.QueueEntered and queue in (None, cycle.current().queue)


def fire(cycle: VisitCycle, at: int, ledger: Ledger) -> None:
    """Let the timer of `at` happen."""
    visit = cycle.current()
    if cycle.state == WAITING:
        cycle.leave(visit, at, at, "evicted")
        ledger.book(visit.queue, at, {P.EVICTED: 1})
    else:
        visit.final_at = at
    cycle.rest()
    cycle.touched_at = at
    cycle.keep_owed(at)


def _takes_late(cycle: VisitCycle, event: ev.VisitEvent) -> bool:
    """Whether a late event still proves something: an outcome that nothing newer has undone."""
    kind = type(event)
    if kind is ev.WrapupEnded:
        return True
    if kind not in _OUTCOMES:
        return False
    if cycle.open is None:
        return kind is ev.ContactEnded and cycle.state == MENU
    visit = cycle.current()
    began = visit.begins_at if cycle.state == WAITING else visit.left_at
    return began is None or ev_time(event) >= began


# --- steps: one function per kind of cell in the table ---


def duplicate(_cycle: VisitCycle, _event: ev.VisitEvent, _at: int, _ledger: Ledger) -> int:
    """The transition was made already."""
    return Outcome.DUPLICATE


def orphan(cycle: VisitCycle, _event: ev.VisitEvent, _at: int, _ledger: Ledger) -> int:
    """Its beginning was not seen, and it proves nothing that is counted."""
    cycle.state = max(cycle.state, MENU)
    return Outcome.ORPHAN


def start(cycle: VisitCycle, event: ev.ContactStarted, at: int, ledger: Ledger) -> int:
    """The contact's clock starts; with a bot the human clock waits for the hand-off."""
    if cycle.started and cycle.state != ENDED:
        return Outcome.DUPLICATE
    if cycle.state == ENDED:
        cycle.entered = cycle.responded = cycle.contained = cycle.handed_off = False
        cycle.human_since = cycle.asked_at = None
    if not cycle.entered:
        cycle.since = at
        if not cycle.handed_off and not event.bot:
            cycle.human_since = at
    cycle.started = True
    if cycle.open is None:
        cycle.state = MENU
    ledger.book(NO_QUEUE, at, {P.CONTACTS: 1})
    return Outcome.APPLIED


def enter(cycle: VisitCycle, event: ev.QueueEntered, at: int, ledger: Ledger) -> int:
    """A new visit waits; or the entry of an orphan that was seen before it is adopted."""
    if _adopts(cycle, event, at, ledger):
        return _adopt(cycle, event, at, ledger)
    _mark_entered(cycle, at)
    begins_at = max(at, event.due) if event.callback and isinstance(event.due, int) else at
    wait_from = at if ledger.thresholds(event.queue).count_callback_delay else begins_at
    cycle.add(event.queue, at, begins_at, wait_from, offered=True)
    cycle.begin(WAITING, begins_at + ledger.max_age_ms)
    book_offer(event, event.queue, at, begins_at, ledger)
    return Outcome.APPLIED


def enter_waiting(cycle: VisitCycle, event: ev.QueueEntered, at: int, ledger: Ledger) -> int:
    """From one queue straight into another: the first visit left by transfer."""
    visit = cycle.current()
    if visit.queue == event.queue:
        return Outcome.DUPLICATE
    _flow_out(cycle, visit, at, at, "transfer", None, ledger)
    return enter(cycle, event, at, ledger)


def enter_talking(cycle: VisitCycle, event: ev.QueueEntered, at: int, ledger: Ledger) -> int:
    """The agent's part ends unsaid, unless this is the entry that belongs before the answer."""
    if not _adopts(cycle, event, at, ledger):
        _end_talk(cycle, at, at, None, None, ledger)
    return enter(cycle, event, at, ledger)


def miss(cycle: VisitCycle, event: ev.AgentMissed, at: int, ledger: Ledger) -> int:
    """An offer rang without answer; the contact still waits."""
    queue = cycle.current().queue if cycle.state == WAITING else event.queue
    ledger.book(queue, at, {P.OFFERS_MISSED: 1})
    return Outcome.APPLIED


def miss_orphan(cycle: VisitCycle, event: ev.AgentMissed, at: int, ledger: Ledger) -> int:
    """It is counted, though no waiting was seen."""
    cycle.state = max(cycle.state, MENU)
    return miss(cycle, event, at, ledger) | Outcome.ORPHAN


def offer(_cycle: VisitCycle, _event: ev.AgentOffered, _at: int, _ledger: Ledger) -> int:
    """Ringing still waits."""
    return Outcome.APPLIED


def connect(cycle: VisitCycle, event: ev.AgentConnected, at: int, ledger: Ledger) -> int:
    """A human answers the waiting visit."""
    visit, time = cycle.current(), ev_time(event)
    visit.agent = event.agent
    outcome = _measure(visit, time, event.wait_ms)
    cycle.leave(visit, time, at, "answered")
    cycle.state = TALKING
    cycle.timer_at = at + ledger.settings.conversation_max_ms
    offer_at_last(visit, at, ledger)
    book_answer(visit, at, ledger)
    return outcome


def orphan_answer(cycle: VisitCycle, event: ev.AgentConnected, at: int, ledger: Ledger) -> int:
    """An answer whose entry was not seen: counted as one if the source says how long it took.

    After an eviction the beginning was seen and its end booked: the talk counts, the answer does not.
    """
    wait_ms = None if _was_evicted(cycle, event.queue) else event.wait_ms
    visit = _add_orphan(cycle, event.queue, at, wait_ms)
    visit.agent = event.agent
    cycle.leave(visit, at, at, "answered")
    cycle.begin(TALKING, at + ledger.settings.conversation_max_ms)
    if visit.wait_ms is not None:
        book_answer(visit, at, ledger)
    return Outcome.ORPHAN | _negative(wait_ms)


def abandon(cycle: VisitCycle, event: ev.QueueAbandoned, at: int, ledger: Ledger) -> int:
    """The customer left while waiting."""
    return _abandon(cycle, cycle.current(), ev_time(event), at, event.wait_ms, ledger)


def leave(cycle: VisitCycle, event: ev.QueueLeft, at: int, ledger: Ledger) -> int:
    """Left by flow, not an abandon."""
    return _flow_out(cycle, cycle.current(), ev_time(event), at, event.reason, event.wait_ms, ledger)


def leave_orphan(cycle: VisitCycle, event: ev.QueueAbandoned | ev.QueueLeft, at: int, ledger: Ledger) -> int:
    """The end of a waiting whose entry was not seen; again the end of the last visit: a duplicate."""
    if _was_evicted(cycle, event.queue):
        return Outcome.DUPLICATE
    kind = "abandoned" if isinstance(event, ev.QueueAbandoned) else "flowed_out"
    last = cycle.last()
    if last and last.queue == event.queue and last.outcome == kind:
        return Outcome.DUPLICATE
    visit = _add_orphan(cycle, event.queue, at, event.wait_ms)
    if isinstance(event, ev.QueueLeft):
        cycle.leave(visit, at, at, "flowed_out", event.reason)
        book_flow_out(visit, at, ledger)
    else:
        cycle.leave(visit, at, at, "abandoned")
        if visit.wait_ms is not None:
            book_abandon(visit, at, ledger)
    cycle.state = max(cycle.state, MENU)
    return Outcome.ORPHAN | _negative(event.wait_ms)


def reject(cycle: VisitCycle, event: ev.QueueRejected, at: int, ledger: Ledger) -> int:
    """A queue did not take the contact in; where it is does not change."""
    reason = event.reason.replace(" ", "_")
    visit = cycle.add(event.queue, at, at, at, offered=False)
    visit.wait_ms = 0
    cycle.leave(visit, ev_time(event), at, "rejected", reason)
    cycle.state = max(cycle.state, MENU)
    ledger.book(event.queue, at, {P.REJECTED: 1, rejected(reason): 1})
    return Outcome.APPLIED


def hold(cycle: VisitCycle, event: ev.ContactHeld, _at: int, _ledger: Ledger) -> int:
    cycle.current().held_at = ev_time(event)
    cycle.state = HELD
    return Outcome.APPLIED


def resume(cycle: VisitCycle, event: ev.ContactResumed, _at: int, _ledger: Ledger) -> int:
    _end_hold(cycle.current(), ev_time(event))
    cycle.state = TALKING
    return Outcome.APPLIED


def transfer(cycle: VisitCycle, event: ev.ContactTransferred, at: int, ledger: Ledger) -> int:
    """The agent's part ends; the next `queue.entered` is a new visit."""
    ledger.book(cycle.current().queue, at, {P.TRANSFERS: 1})
    _end_talk(cycle, ev_time(event), at, None, None, ledger)
    return Outcome.APPLIED


def no_transfer(cycle: VisitCycle, _event: ev.ContactTransferred, _at: int, _ledger: Ledger) -> int:
    """No agent's part to end: a repetition if one has ended, else its beginning was not seen."""
    return Outcome.DUPLICATE if cycle.talked else Outcome.ORPHAN


def end_waiting(cycle: VisitCycle, event: ev.ContactEnded, at: int, ledger: Ledger) -> int:
    """Over while still waiting: abandoned if the customer ended it, else withdrawn."""
    visit = cycle.current()
    if event.by == "customer":
        outcome = _abandon(cycle, visit, ev_time(event), at, None, ledger)
    else:
        outcome = _flow_out(cycle, visit, ev_time(event), at, "withdrawn", None, ledger)
    return outcome | end(cycle, event, at, ledger)


def end_talking(cycle: VisitCycle, event: ev.ContactEnded, at: int, ledger: Ledger) -> int:
    """The conversation is over; talk and hold are booked."""
    if event.resolved is not None:
        book_resolution(cycle.current(), at, ledger, resolved=event.resolved)
    _end_talk(cycle, ev_time(event), at, event.talk_ms, event.hold_ms, ledger)
    return end(cycle, event, at, ledger)


def end(cycle: VisitCycle, _event: ev.ContactEnded, at: int, _ledger: Ledger) -> int:
    cycle.state = ENDED
    cycle.ended_at = at
    cycle.human_since = cycle.asked_at = None
    return Outcome.APPLIED


def end_unseen(cycle: VisitCycle, event: ev.ContactEnded, at: int, ledger: Ledger) -> int:
    """The end of a contact of which nothing else was seen."""
    return end(cycle, event, at, ledger) | Outcome.ORPHAN


def start_wrapup(cycle: VisitCycle, event: ev.WrapupStarted, at: int, ledger: Ledger) -> int:
    visit = _unwrapped(cycle, event, at, ledger)
    if visit is None or visit.wrapup_at is not None:
        return _again_or_orphan(cycle)
    visit.wrapup_at = ev_time(event)
    return Outcome.APPLIED


def end_wrapup(cycle: VisitCycle, event: ev.WrapupEnded, at: int, ledger: Ledger) -> int:
    """After-contact work is booked: as the source says, else since its start, else since the conversation's end."""
    visit = _unwrapped(cycle, event, at, ledger)
    if visit is None:
        return _again_or_orphan(cycle)
    since = visit.wrapup_at if visit.wrapup_at is not None else visit.ended_at
    spent = event.acw_ms if event.acw_ms is not None else ev_time(event) - since if since is not None else 0
    visit.wrapped = True
    cycle.unwrapped -= 1
    book_wrap_up(visit, at, max(0, spent), ledger)
    return Outcome.APPLIED


def message(cycle: VisitCycle, event: ev.MessageAdded, at: int, ledger: Ledger) -> int:
    """First response and reply clocks; private notes, bots and systems answer nobody."""
    if cycle.state == NEW:
        cycle.state = MENU
    if event.author == "customer":
        if cycle.responded and cycle.asked_at is None and cycle.human_since is not None:
            cycle.asked_at = at
    elif event.author == "agent" and event.public and cycle.human_since is not None:
        _respond(cycle, at, ledger)
    return Outcome.APPLIED


def message_unseen(cycle: VisitCycle, event: ev.MessageAdded, at: int, ledger: Ledger) -> int:
    """A message of a contact whose beginning was not seen."""
    return message(cycle, event, at, ledger) | Outcome.ORPHAN


def hand_off(cycle: VisitCycle, _event: ev.BotHandedOff, at: int, _ledger: Ledger) -> int:
    """The human clock (re)starts."""
    cycle.state = max(cycle.state, MENU)
    cycle.handed_off = True
    cycle.human_since = at
    cycle.responded = False
    cycle.asked_at = None
    return Outcome.APPLIED


def resolve(cycle: VisitCycle, event: ev.BotResolved, at: int, ledger: Ledger) -> int:
    """A bot resolved the contact; contained if no human was ever asked for."""
    cycle.state = max(cycle.state, MENU)
    if cycle.contained:
        return Outcome.DUPLICATE
    if not cycle.handed_off and not cycle.entered and cycle.last() is None:
        cycle.contained = True
        ledger.book(event.queue or NO_QUEUE, at, {P.BOT_CONTAINED: 1})
    return Outcome.APPLIED


# --- parts of steps ---


def _measure(visit: Visit, time: int, wait_ms: int | None) -> int:
    """Set the wait: the source's, else the difference of times; negative ones become 0 and are counted."""
    wait = wait_ms if wait_ms is not None else time - visit.wait_from
    visit.wait_ms = max(0, wait)
    # A callback answered before it was due has no negative wait: it was offered early.
    return _negative(wait) if visit.begins_at == visit.entered_at or wait_ms is not None else Outcome.APPLIED


def _negative(wait_ms: int | None) -> int:
    return Outcome.NEGATIVE_WAIT if wait_ms is not None and wait_ms < 0 else Outcome.APPLIED


def _abandon(cycle: VisitCycle, visit: Visit, time: int, at: int, wait_ms: int | None, ledger: Ledger) -> int:
    outcome = _measure(visit, time, wait_ms)
    _close(cycle, visit, time, at, "abandoned", None, ledger)
    book_abandon(visit, at, ledger)
    return outcome


def _flow_out(
    cycle: VisitCycle, visit: Visit, time: int, at: int, reason: str, wait_ms: int | None, ledger: Ledger
) -> int:
    outcome = _measure(visit, time, wait_ms)
    _close(cycle, visit, time, at, "flowed_out", reason, ledger)
    book_flow_out(visit, at, ledger)
    return outcome


def _close(
    cycle: VisitCycle, visit: Visit, time: int, at: int, outcome: str, reason: str | None, ledger: Ledger
) -> None:
    cycle.leave(visit, time, at, outcome, reason)
    offer_at_last(visit, at, ledger)
    cycle.rest()


def _was_evicted(cycle: VisitCycle, queue: str) -> bool:
    last = cycle.last()
    return last is not None and last.queue == queue and last.outcome == "evicted"


def _add_orphan(cycle: VisitCycle, queue: str, at: int, wait_ms: int | None) -> Visit:
    """A visit whose entry was not seen: known only if the source says how long it waited."""
    entered_at = None if wait_ms is None else at - max(0, wait_ms)
    began = at if entered_at is None else entered_at
    visit = cycle.add(queue, entered_at, began, began, offered=False)
    visit.wait_ms = None if wait_ms is None else max(0, wait_ms)
    return visit


def _mark_entered(cycle: VisitCycle, at: int) -> None:
    """A contact whose start was not seen starts its human clock at its first queue."""
    if not cycle.started and not cycle.entered and not cycle.handed_off:
        cycle.human_since = at
    cycle.entered = True


def _adopts(cycle: VisitCycle, event: ev.QueueEntered, at: int, ledger: Ledger) -> bool:
    """Whether this entry belongs to the orphan outcome just before it: two clocks that differ a little."""
    last = cycle.last() if cycle.visits else None
    if last is None or last.offered or last.queue != event.queue:
        return False
    talked = last.outcome == "answered" and cycle.state not in (TALKING, HELD)
    return not talked and at - (last.booked_at or 0) <= ledger.settings.lateness_ms


def _adopt(cycle: VisitCycle, event: ev.QueueEntered, at: int, ledger: Ledger) -> int:
    """Offer the orphan now; an outcome not booked yet for want of a wait is booked now, with none."""
    visit = cycle.last()
    assert visit is not None
    known = visit.wait_ms is not None
    _mark_entered(cycle, at)
    visit.offered = True
    visit.entered_at = visit.begins_at = visit.wait_from = at
    visit.booked_at = at
    visit.wait_ms = visit.wait_ms or 0
    if visit.final_at is not None:
        visit.final_at = max(visit.final_at, at)
    book_offer(event, visit.queue, at, at, ledger)
    if known or visit.outcome == "flowed_out":
        return Outcome.APPLIED if known else Outcome.NEGATIVE_WAIT
    (book_answer if visit.outcome == "answered" else book_abandon)(visit, at, ledger)
    return Outcome.NEGATIVE_WAIT


def _end_hold(visit: Visit, time: int) -> None:
    if visit.held_at is not None:
        visit.held_ms += max(0, time - visit.held_at)
        visit.held_at = None


def _end_talk(cycle: VisitCycle, time: int, at: int, talk_ms: int | None, hold_ms: int | None, ledger: Ledger) -> None:
    """The agent's part is over: talk and hold as the source says, else as the times say."""
    visit = cycle.current()
    _end_hold(visit, time)
    visit.hold_ms = max(0, hold_ms if hold_ms is not None else visit.held_ms)
    elapsed = time - (visit.left_at if visit.left_at is not None else time)
    visit.talk_ms = max(0, talk_ms if talk_ms is not None else elapsed - visit.hold_ms)
    visit.ended_at = time
    visit.final_at = at
    cycle.rest()
    book_handled(visit, at, ledger)


def _unwrapped(cycle: VisitCycle, event: ev.WrapupStarted | ev.WrapupEnded, at: int, ledger: Ledger) -> Visit | None:
    """The latest conversation not wrapped up yet: of this agent, else of anyone."""
    if not cycle.unwrapped:
        return None
    earliest, time = at - ledger.settings.wrapup_max_ms, ev_time(event)
    of_anyone = None
    for visit in reversed(cycle.own()):
        if visit.outcome != "answered" or visit.wrapped or (visit.left_at or 0) > time:
            continue
        if visit.final_at is not None and visit.final_at < earliest:
            continue
        if visit.agent == event.agent:
            return visit
        of_anyone = of_anyone or visit
    return of_anyone


def _again_or_orphan(cycle: VisitCycle) -> int:
    return Outcome.DUPLICATE if cycle.talked else Outcome.ORPHAN


def _respond(cycle: VisitCycle, at: int, ledger: Ledger) -> None:
    queue = NO_QUEUE if cycle.open is None else cycle.current().queue
    if not cycle.responded:
        cycle.responded = True
        assert cycle.human_since is not None
        book_first_response(queue, cycle.human_since, at, at, ledger)
    elif cycle.asked_at is not None:
        book_reply(queue, at, max(0, at - cycle.asked_at), ledger)
        cycle.asked_at = None


TABLE: Final[Mapping[type[ev.VisitEvent], tuple[Step, ...]]] = {
    #                       new             menu           waiting        talking        held           ended
    ev.ContactStarted:     (start,          start,         start,         start,         start,         start),
    ev.QueueEntered:       (enter,          enter,         enter_waiting, enter_talking, enter_talking, enter),
    ev.AgentOffered:       (orphan,         orphan,        offer,         offer,         offer,         orphan),
    ev.AgentMissed:        (miss_orphan,    miss_orphan,   miss,          miss,          miss,          miss_orphan),
    ev.AgentConnected:     (orphan_answer,  orphan_answer, connect,       duplicate,     duplicate,     orphan_answer),
    ev.ContactHeld:        (orphan,         orphan,        orphan,        hold,          duplicate,     orphan),
    ev.ContactResumed:     (orphan,         orphan,        orphan,        duplicate,     resume,        orphan),
    ev.QueueAbandoned:     (leave_orphan,   leave_orphan,  abandon,       duplicate,     duplicate,     leave_orphan),
    ev.QueueLeft:          (leave_orphan,   leave_orphan,  leave,         duplicate,     duplicate,     leave_orphan),
    ev.QueueRejected:      (reject,         reject,        reject,        reject,        reject,        reject),
    ev.ContactTransferred: (orphan,         no_transfer,   orphan,        transfer,      transfer,      no_transfer),
    ev.ContactEnded:       (end_unseen,     end,           end_waiting,   end_talking,   end_talking,   duplicate),
    ev.WrapupStarted:      (orphan,         start_wrapup,  start_wrapup,  start_wrapup,  start_wrapup,  start_wrapup),
    ev.WrapupEnded:        (orphan,         end_wrapup,    end_wrapup,    end_wrapup,    end_wrapup,    end_wrapup),
    ev.MessageAdded:       (message_unseen, message,       message,       message,       message,       message),
    ev.BotHandedOff:       (hand_off,       hand_off,      hand_off,      hand_off,      hand_off,      hand_off),
    ev.BotResolved:        (resolve,        resolve,       resolve,       resolve,       resolve,       resolve),
}  # fmt: skip
"""What happens for every (event, state): the columns are `STATES`."""

_LEADS_NOWHERE: Final = frozenset({
    duplicate, orphan, orphan_answer, leave_orphan, miss_orphan, no_transfer, end_unseen, message_unseen,
})  # fmt: skip

_OUTCOMES: Final = frozenset({
    ev.AgentConnected, ev.QueueAbandoned, ev.QueueLeft, ev.ContactTransferred, ev.ContactEnded,
})  # fmt: skip
"""Events that prove an outcome by themselves, even when they are late."""


QUEUE_VISITS: Final = LifeCycle(
    code="v",
    domain="",
    rolls_up=True,
    events=frozenset(TABLE),
    identify=by_contact,
    new=VisitCycle,
    apply=apply,
    fire=fire,
    leads_on=leads_on,
    rank=in_order(
        ev.ContactStarted, ev.ContactTransferred, ev.QueueLeft, ev.QueueAbandoned, ev.QueueRejected, ev.BotHandedOff,
        ev.QueueEntered, ev.AgentOffered, ev.AgentMissed, ev.AgentConnected, ev.ContactHeld, ev.ContactResumed,
        ev.MessageAdded, ev.BotResolved, ev.WrapupStarted, ev.WrapupEnded, ev.ContactEnded,
    ),
)  # fmt: skip
