"""What each business event adds to the panes. `STEPS` at the end says which.

A customer or an agent may stand in several queues and counts once in each roll-up: so whole channel, groups and
segments are booked here and not summed up. Definitions: kpis.md, "Business events and people's wider questions".
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from streams.contacts.business.state import BusinessCycle
from streams.contacts.ledger import Ledger, Outcome
from streams.contacts.lifecycle import LifeCycle, in_order
from streams.events import model as ev
from streams.facts.primitives import HISTOGRAM, Bag, H, P
from streams.facts.wire import NO_QUEUE, WHOLE_CHANNEL, segment_queue

CHANNEL: Final = "business"

Step = Callable[[BusinessCycle, Any, int, Ledger], None]


def apply(cycle: BusinessCycle, event: ev.BusinessEvent, at: int, ledger: Ledger) -> int:
    """Book the event at `at`."""
    STEPS[type(event)](cycle, event, at, ledger)
    cycle.touched_at = at
    return Outcome.APPLIED


# --- steps ---


def order(cycle: BusinessCycle, event: ev.OrderPlaced, at: int, ledger: Ledger) -> None:
    """An order, repeated where its customer has ordered within the horizon; the first of its local day counts him."""
    recent = _remembers(cycle, at, ledger)
    bag = {P.ORDERS: 1, P.REVENUE: event.amount}
    if recent:
        bag[P.REPEAT_ORDERS] = 1
    for queue in _lines(event.queue, event.segment, ledger):
        once = _once_a_day(cycle, queue, at, ledger, (P.CUSTOMER_DAYS, H.CUSTOMER_DAY_BEFORE))
        ledger.book(queue, at, {**bag, **once})
    cycle.ordered_at = at


def train(cycle: BusinessCycle, event: ev.TrainingSpent, at: int, ledger: Ledger) -> None:
    """Training of an agent, who counts once a local day."""
    _remembers(cycle, at, ledger)
    for queue in _lines(None, event.segment, ledger):
        once = _once_a_day(cycle, queue, at, ledger, (P.AGENT_DAYS, H.AGENT_DAY_BEFORE))
        ledger.book(queue, at, {P.TRAINING_SPENT: event.amount, **once})


def count_customers(cycle: BusinessCycle, event: ev.CustomersCounted, at: int, ledger: Ledger) -> None:
    """How many customers there are from now on: of a segment, where one is named, else of all."""
    step = cycle.count(event.count, at, at - ledger.settings.lateness_ms)
    if event.segment is None:
        cycle.counted_in = _lines(None, None, ledger)
    else:
        cycle.counted_in = [segment_queue(event.segment)] if event.segment in ledger.settings.segments else []
    for queue in cycle.counted_in:
        # just before: a count at midnight is there when the day begins
        ledger.book(queue, at - 1, {P.CUSTOMERS_STEPS: step})


def create_lead(_cycle: BusinessCycle, event: ev.LeadCreated, at: int, ledger: Ledger) -> None:
    _book(event, None, at, {P.LEADS: 1}, ledger)


def acquire(_cycle: BusinessCycle, event: ev.CustomerAcquired, at: int, ledger: Ledger) -> None:
    _book(event, None, at, {P.CUSTOMERS_ACQUIRED: 1}, ledger)


def lose(_cycle: BusinessCycle, event: ev.CustomerLost, at: int, ledger: Ledger) -> None:
    _book(event, None, at, {P.CUSTOMERS_LOST: 1}, ledger)


def spend(_cycle: BusinessCycle, event: ev.MarketingSpent, at: int, ledger: Ledger) -> None:
    _book(event, None, at, {P.MARKETING_SPENT: event.amount}, ledger)


def open_return(_cycle: BusinessCycle, event: ev.ReturnOpened, at: int, ledger: Ledger) -> None:
    _book(event, None, at, {P.RETURNS: 1, P.COST_OF_RETURNS: event.amount}, ledger)


def mention(_cycle: BusinessCycle, event: ev.MentionSeen, at: int, ledger: Ledger) -> None:
    bag = {P.MENTIONS: 1}
    if event.sentiment == "negative":
        bag[P.NEGATIVE_MENTIONS] = 1
    _book(event, None, at, bag, ledger)


def complain(_cycle: BusinessCycle, event: ev.ComplaintOpened, at: int, ledger: Ledger) -> None:
    _book(event, event.queue, at, {P.COMPLAINTS: 1}, ledger)


def _book(event: ev.BusinessEvent, queue: str | None, at: int, bag: Bag, ledger: Ledger) -> None:
    for line in _lines(queue, event.segment, ledger):
        ledger.book(line, at, bag)


def _lines(queue: str | None, segment: str | None, ledger: Ledger) -> list[str]:
    """The queue, and the roll-ups that it and the event's own segment are in."""
    queue, settings = queue or NO_QUEUE, ledger.settings
    segments = [segment_queue(segment)] if segment is not None and segment in settings.segments else []
    return [queue, *settings.groups_of([queue]), WHOLE_CHANNEL, *segments]


def _remembers(cycle: BusinessCycle, at: int, ledger: Ledger) -> bool:
    """Whether anything before lies within the horizon; what lies beyond it is forgotten, whether or not it was kept."""
    if cycle.days and at - cycle.touched_at > ledger.settings.business_horizon_ms:
        cycle.days, cycle.ordered_at = {}, None
    return cycle.ordered_at is not None


def _once_a_day(cycle: BusinessCycle, queue: str, at: int, ledger: Ledger, primitives: tuple[int, int]) -> Bag:
    """What counts a customer or an agent once per local day of the queue, with the day before that he was counted on.

    With it a window of whole days knows whom it has counted already: see `metrics.placed.Distinct`.
    """
    today = datetime.fromtimestamp(at / 1000, ZoneInfo(ledger.settings.zone(queue))).toordinal()
    before = cycle.days.get(queue)
    if before == today:
        return {}
    cycle.days[queue] = today
    once_a_day, day_before = primitives
    return {once_a_day: 1} if before is None else {once_a_day: 1, HISTOGRAM * day_before + before: 1}


STEPS: Final[Mapping[type[ev.BusinessEvent], Step]] = {
    ev.OrderPlaced: order,
    ev.LeadCreated: create_lead,
    ev.CustomerAcquired: acquire,
    ev.CustomerLost: lose,
    ev.CustomersCounted: count_customers,
    ev.MarketingSpent: spend,
    ev.ReturnOpened: open_return,
    ev.TrainingSpent: train,
    ev.MentionSeen: mention,
    ev.ComplaintOpened: complain,
}


# --- for the history ---


def _identify(event: ev.BusinessEvent) -> tuple[str, str]:
    """Orders belong to their customer, trainings to their agent, counts to whom they are of; all else to itself."""
    if isinstance(event, ev.OrderPlaced):
        return CHANNEL, f"customer {event.customer}"
    if isinstance(event, ev.TrainingSpent):
        return CHANNEL, f"agent {event.agent}"
    if isinstance(event, ev.CustomersCounted):
        return CHANNEL, f"count {event.source or ''}\x1e{event.segment or ''}"
    return CHANNEL, f"event {event.id}"


BUSINESS: Final = LifeCycle(
    code="b",
    domain="business",
    rolls_up=False,
    events=frozenset(STEPS),
    identify=_identify,
    new=BusinessCycle,
    apply=apply,
    rank=in_order(*STEPS),
)
