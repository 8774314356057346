"""What an outcome adds to the panes: which primitives, by the thresholds valid now.

Definitions: kpis.md, "Calls and chats", "Exactly". Times in epoch ms.
"""

from streams.contacts.ledger import Ledger
from streams.contacts.visits.state import Visit
from streams.events import model as ev
from streams.facts.primitives import H, P, flowed_out


def book_offer(event: ev.QueueEntered, queue: str, at: int, begins_at: int, ledger: Ledger) -> None:
    """A visit that enters: offered from when it waits, a callback from when it was agreed."""
    ledger.book(queue, begins_at, {P.OFFERED: 1})
    if event.callback:
        ledger.book(queue, at, {P.CALLBACKS: 1})


def offer_at_last(visit: Visit, at: int, ledger: Ledger) -> None:
    """A callback that ended before it was due was offered then, not later."""
    if visit.begins_at > at:
        ledger.book(visit.queue, visit.begins_at, {P.OFFERED: -1})
        ledger.book(visit.queue, at, {P.OFFERED: 1})
        visit.begins_at = at


def book_answer(visit: Visit, at: int, ledger: Ledger) -> None:
    """A visit whose wait a human has ended."""
    wait = visit.wait_ms or 0
    bag = {P.ANSWERED: 1, P.WAIT_ANSWERED_MS: wait, ledger.bin(H.WAIT_ANSWERED, wait): 1}
    if ledger.thresholds(visit.queue).in_target(wait):
        bag[P.ANSWERED_IN_TARGET] = 1
    ledger.book(visit.queue, at, bag)


def book_abandon(visit: Visit, at: int, ledger: Ledger) -> None:
    """A visit whose customer has left."""
    wait = visit.wait_ms or 0
    thresholds = ledger.thresholds(visit.queue)
    bag = {P.ABANDONED: 1, P.WAIT_ABANDONED_MS: wait}
    if thresholds.in_target(wait):
        bag[P.ABANDONED_IN_TARGET] = 1
    if wait <= thresholds.short_abandon_ms:
        bag[P.SHORT_ABANDONED] = 1
    ledger.book(visit.queue, at, bag)


def book_flow_out(visit: Visit, at: int, ledger: Ledger) -> None:
    """A visit that has left by flow, by its reason."""
    ledger.book(visit.queue, at, {P.FLOWED_OUT: 1, flowed_out(visit.reason or ""): 1})


def book_handled(visit: Visit, at: int, ledger: Ledger) -> None:
    """A conversation that has ended."""
    talk_ms, hold_ms = visit.talk_ms or 0, visit.hold_ms or 0
    bag = {P.HANDLED: 1, P.TALK_MS: talk_ms, P.HOLD_MS: hold_ms}
    cost_per_hour = ledger.thresholds(visit.queue).cost_per_hour
    if cost_per_hour is not None:
        bag[P.HANDLED_AT_COST] = 1
        bag[P.HANDLE_COST] = (talk_ms + hold_ms) * cost_per_hour
    ledger.book(visit.queue, at, bag)
    ledger.book_agent(visit.agent, at, bag)


def book_wrap_up(visit: Visit, at: int, acw_ms: int, ledger: Ledger) -> None:
    """After-contact work that has ended."""
    bag = {P.ACW_MS: acw_ms}
    cost_per_hour = ledger.thresholds(visit.queue).cost_per_hour
    if cost_per_hour is not None:
        bag[P.HANDLE_COST] = acw_ms * cost_per_hour
    ledger.book(visit.queue, at, bag)
    ledger.book_agent(visit.agent, at, bag)


def book_resolution(visit: Visit, at: int, ledger: Ledger, *, resolved: bool) -> None:
    """Whether a conversation that has ended was resolved: told of agents alone."""
    ledger.book_agent(visit.agent, at, {P.RESOLUTION_KNOWN: 1, P.RESOLVED: int(resolved)})


def book_first_response(queue: str, since: int, until: int, at: int, ledger: Ledger) -> None:
    """The first public message of a human, at the reply; `since`: when the contact came into human care."""
    duration_ms = max(0, until - since)
    bag = {P.FIRST_RESPONSES: 1, P.FIRST_RESPONSE_MS: duration_ms, ledger.bin(H.FIRST_RESPONSE, duration_ms): 1}
    if duration_ms <= ledger.thresholds(queue).first_response_target_ms:
        bag[P.FIRST_RESPONSES_IN_TARGET] = 1
    clock = ledger.business_clock(queue)
    if clock is not None:
        business_ms = clock.elapsed_ms(since, until)
        bag[P.FIRST_RESPONSES_BUSINESS] = 1
        bag[P.FIRST_RESPONSE_BUSINESS_MS] = business_ms
        bag[ledger.bin(H.FIRST_RESPONSE_BUSINESS, business_ms)] = 1
    ledger.book(queue, at, bag)


def book_reply(queue: str, at: int, duration_ms: int, ledger: Ledger) -> None:
    """A public reply after the first response."""
    ledger.book(queue, at, {P.REPLIES: 1, P.REPLY_MS: duration_ms, ledger.bin(H.REPLY, duration_ms): 1})
