"""What an answer to a survey adds to the panes: counts, and scores as thousandths of the survey's own scale.

Sources: CSAT as the share of the two highest scores, its mean on 1 to 5 whatever was asked (Microsoft Dynamics 365
Customer Voice); NPS (Reichheld); CES on 1 to 7 (CES 2.0). Where definitions are silent: docs/decisions, "Agents and
surveys".
"""

from typing import Final

from streams.contacts.ledger import Ledger, Outcome
from streams.contacts.lifecycle import LifeCycle, by_contact, in_order
from streams.contacts.surveys.state import SurveyCycle
from streams.events import model as ev
from streams.events.model import SCALES
from streams.facts.primitives import Bag, P
from streams.facts.wire import NO_QUEUE

_THOUSAND: Final = 1_000
_PROMOTERS_FROM: Final = 9
_DETRACTORS_TO: Final = 6


def apply(cycle: SurveyCycle, event: ev.SurveyAnswered, at: int, ledger: Ledger) -> int:
    """Book the answer at `at`."""
    cycle.touched_at = at
    bag = bag_of(event)
    ledger.book(event.queue or NO_QUEUE, at, bag)
    ledger.book_agent(event.agent, at, bag)
    return Outcome.APPLIED


def bag_of(event: ev.SurveyAnswered) -> Bag:
    """What one answer counts for."""
    if event.kind == "nps":
        return _nps(event.score)
    low, high = event.scale or SCALES[event.kind]
    thousandths = _on_default_scale(event, low, high)
    if event.kind == "ces":
        return {P.CES_ANSWERS: 1, P.CES_THOUSANDTHS: thousandths}
    bag = {P.CSAT_ANSWERS: 1, P.CSAT_THOUSANDTHS: thousandths}
    if event.score >= _top_two(low, high):
        bag[P.CSAT_TOP_TWO] = 1
    return bag


def _nps(score: float) -> Bag:
    bag = {P.NPS_ANSWERS: 1}
    if score >= _PROMOTERS_FROM:
        bag[P.NPS_PROMOTERS] = 1
    elif score <= _DETRACTORS_TO:
        bag[P.NPS_DETRACTORS] = 1
    return bag


def _top_two(low: int, high: int) -> int:
    """The lowest score of the two highest; of a scale of two steps (thumbs) the upper one."""
    return max(high - 1, low + 1)


def _on_default_scale(event: ev.SurveyAnswered, low: int, high: int) -> int:
    """The score in thousandths, moved in proportion from its own scale to the default one, rounded half up."""
    own_low, own_high = SCALES[event.kind]
    above = round(event.score * _THOUSAND) - low * _THOUSAND
    moved, width = above * (own_high - own_low), high - low
    return own_low * _THOUSAND + (2 * moved + width) // (2 * width)


SURVEYS: Final = LifeCycle(
    code="s",
    domain="surveys",
    rolls_up=True,
    events=frozenset({ev.SurveyAnswered}),
    identify=by_contact,
    new=SurveyCycle,
    apply=apply,
    rank=in_order(ev.SurveyAnswered),
)
