"""The catalogue as a page for people: `docs/kpis.md` is this, kept current by a test.

Every example is computed by the formula itself, from the sums and rows that stand here.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from streams.explain.parts import UNITS, Parts, Seen, parts_of, primitives_of, rows_of, text_of
from streams.explain.rules import name_of
from streams.facts.bins import Bins
from streams.facts.levels import BUSY, STEPS, Level
from streams.facts.primitives import (
    LEFT_REASONS,
    PRIORITIES,
    REJECTED_REASONS,
    TARGETS,
    Bag,
    H,
    P,
    flowed_out,
    sla_ended,
    sla_met,
)
from streams.facts.primitives import rejected as rejected_for
from streams.facts.wire import Row, RowKind
from streams.metrics.catalogue import BY_ID, CATALOGUE
from streams.metrics.formulas import Age, Shown, TimeAt, TimeShare
from streams.metrics.kpi import Kpi
from streams.metrics.placed import Place
from streams.metrics.settings import Business, Scope, Staffing, Variant
from streams.windows.dimension import Live

HEAD: Final = """\
# KPIs

Every number that contact-streams shows. The page is generated from the
[catalogue](../streams/metrics/catalogue), which also makes the names in Prometheus and Redis.

A number is a formula over sums. What is summed is booked into panes of 5 seconds at the instant given under *booked*,
and added up over the window: so `offered` counts by arrival, every rate and duration by the time of its outcome.
Ratios, means and percentiles are taken from the sums at the very end, never averaged. Where a denominator is 0 there is
no value: absent in Prometheus and Redis, `null` in a replay, a dash on the board. Words such as `answered_in_target`
are defined by the counts of that name, or by the file
[primitives.py](../streams/facts/primitives.py). T is a queue's service-level threshold, S its short-abandon threshold.

The examples are computed by the formulas from one set of sums; for calls they are the classic ones: 1,000 answered,
860 of them within T, 60 abandoned, 20 of them within T, 10 of them short.
Durations are in seconds, ratios between 0 and 1, money in minor units (cents).
`contact-streams explain` shows the visits, tickets or agents behind any number.
"""

TITLES: Final[Mapping[Scope, str]] = {
    "contacts": "Calls and chats",
    "tickets": "Tickets",
    "agents": "Agents",
    "handling": "One agent's work",
    "surveys": "Surveys",
    "customers": "Across the contacts of a customer",
    "business": "Business events",
}

# --- when something is booked ---

_WHEN: Final[tuple[tuple[str, tuple[int, ...]], ...]] = (
    ("at arrival", (P.OFFERED, P.CALLBACKS, P.CONTACTS, P.CREATED)),
    ("when the agent connects", (P.ANSWERED, P.ANSWERED_IN_TARGET, P.WAIT_ANSWERED_MS)),
    (
        "when the customer leaves",
        (P.ABANDONED, P.ABANDONED_IN_TARGET, P.SHORT_ABANDONED, P.WAIT_ABANDONED_MS),
    ),
    ("when it leaves by flow", (P.FLOWED_OUT, *map(flowed_out, LEFT_REASONS))),
    ("when the queue refuses", (P.REJECTED, *map(rejected_for, REJECTED_REASONS))),
    ("at the channel's maximum age", (P.EVICTED,)),
    ("when the conversation ends", (P.HANDLED, P.TALK_MS, P.HOLD_MS)),
    ("when wrap-up ends", (P.ACW_MS,)),
    ("when the conversation, and when wrap-up ends", (P.HANDLED_AT_COST, P.HANDLE_COST)),
    ("at the transfer", (P.TRANSFERS,)),
    ("at the contact's start", (P.CONTACTS_SEEN, P.REPEAT_CONTACTS)),
    ("where the seven days end", (P.FCR_JUDGED, P.FCR_MET)),
    ("when the ring ends", (P.OFFERS_MISSED,)),
    ("when the bot resolves it", (P.BOT_CONTAINED,)),
    (
        "at the reply",
        (
            P.FIRST_RESPONSES, P.FIRST_RESPONSE_MS, P.FIRST_RESPONSES_IN_TARGET, P.FIRST_RESPONSES_BUSINESS,
            P.FIRST_RESPONSE_BUSINESS_MS, P.REPLIES, P.REPLY_MS,
        ),
    ),
    ("when the agent's state changes", (P.BUSY_STEPS, P.BUSY_MOMENTS_MS, P.AVAILABLE_STEPS, P.AVAILABLE_MOMENTS_MS)),
    ("when the instance is fulfilled, else at its due time", (
        *(sla_ended(target, rank) for target in TARGETS for rank in range(len(PRIORITIES))),
        *(sla_met(target, rank) for target in TARGETS for rank in range(len(PRIORITIES))),
    )),
)  # fmt: skip
_SOLVES: Final = range(P.RESOLUTIONS, P.SLA_ENDED)
_ANSWERS: Final = range(P.CSAT_ANSWERS, P.CSAT_ANSWERS + 30)
_BOOKED: Final = {primitive: when for when, primitives in _WHEN for primitive in primitives}
_HISTOGRAMS: Final = {
    H.WAIT_ANSWERED: "when the agent connects",
    H.FIRST_RESPONSE: "at the reply",
    H.REPLY: "at the reply",
    H.FIRST_RESPONSE_BUSINESS: "at the reply",
}

_AT_SOLVE: Final = (H.RESOLUTION_FIRST, H.RESOLUTION_FULL, H.REQUESTER_WAIT, H.AGENT_WORK)


def booked(kpi: Kpi) -> str:
    """When what the KPI sums is booked, or that it is read at the instant."""
    if kpi.live:
        return "live: at the instant"
    formula: Any = kpi.formula
    if isinstance(formula, Shown):
        return "as its variants"
    histogram = getattr(formula, "histogram", None)
    if histogram is not None:
        return _HISTOGRAMS.get(histogram, "at the solve")
    found = [_when(primitive) for primitive in primitives_of(formula)]
    live = ["live: at the instant"] if rows_of(formula) and not isinstance(formula, TimeAt | TimeShare) else []
    return "; ".join(dict.fromkeys([*found, *live])) or "live: at the instant"


def _when(primitive: int) -> str:
    if primitive in _BOOKED:
        return _BOOKED[primitive]
    if primitive in _SOLVES:
        return "at the solve"
    if primitive in _ANSWERS:
        return "at the answer"
    return "at the event"


# --- the examples ---

_NOW: Final = 1_772_452_800_000
"""2026-03-02T12:00:00Z."""
_HOUR_MS: Final = 3_600_000
_DURATIONS_MS: Final = (8_000, 12_000, 15_000, 30_000, 90_000)

EXAMPLE: Final[Bag] = {
    P.OFFERED: 1_090, P.ANSWERED: 1_000, P.ANSWERED_IN_TARGET: 860, P.WAIT_ANSWERED_MS: 14_000_000, P.ABANDONED: 60,
    P.ABANDONED_IN_TARGET: 20, P.SHORT_ABANDONED: 10, P.WAIT_ABANDONED_MS: 2_400_000, P.EVICTED: 1,
    P.HANDLED: 990, P.TALK_MS: 178_200_000, P.HOLD_MS: 9_900_000, P.ACW_MS: 29_700_000,
    P.TRANSFERS: 40, P.OFFERS_MISSED: 25, P.CALLBACKS: 12, P.FIRST_RESPONSES: 500,
    P.FIRST_RESPONSE_MS: 22_500_000, P.FIRST_RESPONSES_IN_TARGET: 420, P.REPLIES: 900, P.REPLY_MS: 31_500_000,
    P.CONTACTS: 1_200, P.BOT_CONTAINED: 180, P.FLOWED_OUT: 30, P.REJECTED: 4,
    P.FIRST_RESPONSES_BUSINESS: 500, P.FIRST_RESPONSE_BUSINESS_MS: 20_000_000,
    P.HANDLED_AT_COST: 990, P.HANDLE_COST: 217_800_000 * 3_000,
    **{flowed_out(reason): 3 for reason in LEFT_REASONS}, **{rejected_for(reason): 1 for reason in REJECTED_REASONS},
    P.CREATED: 200, P.SOLVED: 180, P.REOPENED: 9, P.REASSIGNED: 30, P.ESCALATED: 8, P.MERGED: 3, P.DELETED: 2,
    **dict.fromkeys((P.RESOLUTIONS, P.RESOLUTIONS_BUSINESS), 180),
    **dict.fromkeys((P.FIRST_RESOLUTIONS, P.FIRST_RESOLUTIONS_BUSINESS), 171),
    P.RESOLUTION_FIRST_MS: 171 * 5_400_000, P.RESOLUTION_FULL_MS: 180 * 6_000_000,
    P.REQUESTER_WAIT_MS: 180 * 4_800_000, P.AGENT_WORK_MS: 180 * 3_000_000,
    P.RESOLUTION_FIRST_BUSINESS_MS: 171 * 3_600_000, P.RESOLUTION_FULL_BUSINESS_MS: 180 * 4_000_000,
    P.REQUESTER_WAIT_BUSINESS_MS: 180 * 3_200_000, P.AGENT_WORK_BUSINESS_MS: 180 * 2_000_000,
    **{sla_ended(target, rank): 20 for target in TARGETS for rank in range(len(PRIORITIES))},
    **{sla_met(target, rank): 18 for target in TARGETS for rank in range(len(PRIORITIES))},
    P.CSAT_ANSWERS: 50, P.CSAT_TOP_TWO: 41, P.CSAT_THOUSANDTHS: 210_000,
    P.NPS_ANSWERS: 100, P.NPS_PROMOTERS: 55, P.NPS_DETRACTORS: 20, P.CES_ANSWERS: 40, P.CES_THOUSANDTHS: 220_000,
    P.ORDERS: 120, P.REVENUE: 960_000, P.REPEAT_ORDERS: 48, P.CUSTOMER_DAYS: 100, P.LEADS: 80,
    P.CUSTOMERS_ACQUIRED: 20, P.MARKETING_SPENT: 100_000, P.CUSTOMERS_LOST: 5, P.RETURNS: 6,
    P.COST_OF_RETURNS: 30_000, P.TRAINING_SPENT: 50_000, P.AGENT_DAYS: 10, P.MENTIONS: 40, P.NEGATIVE_MENTIONS: 6,
    P.COMPLAINTS: 4, P.RESOLUTION_KNOWN: 300, P.RESOLVED: 240, P.CONTACTS_SEEN: 1_000, P.REPEAT_CONTACTS: 180,
    P.FCR_JUDGED: 800, P.FCR_MET: 640,
}  # fmt: skip
"""Primitive → the sum that the examples take."""


def _histograms() -> Bag:
    bins = Bins()
    bag: Bag = {}
    for histogram in (*_HISTOGRAMS, *_AT_SOLVE, *(histogram + H.BUSINESS for histogram in _AT_SOLVE)):
        for duration_ms in _DURATIONS_MS:
            bag[bins.key(histogram, duration_ms)] = 1
    return bag


def _row(kind: int, age_s: int, group: int = 0, due_s: int | None = None, target_s: int = 20) -> Row:
    since = _NOW - 1_000 * age_s
    due_at = None if due_s is None else _NOW + 1_000 * due_s
    return Row(kind, since, None, since, since - 30_000, 1_000 * target_s, None, group=group, due_at=due_at)


ROWS: Final = (
    *(_row(RowKind.WAITING, age_s) for age_s in (45, 12, 3)),
    *(_row(RowKind.FIRST_RESPONSE, age_s) for age_s in (50, 9)),
    *(_row(RowKind.BACKLOG, 40_000 * n, group=n % len(PRIORITIES)) for n in range(1, 9)),
    *(_row(RowKind.TARGET, 600, due_s=due_s, target_s=1_800) for due_s in (-300, 900, 7_200)),
    *(_row(RowKind.AGENT_AVAILABLE, 60) for _ in range(3)),
    _row(RowKind.AGENT_OFFERED, 5),
    *(_row(RowKind.AGENT_ON_CONTACT, 200) for _ in range(6)),
    _row(RowKind.AGENT_WRAPUP, 20),
    _row(RowKind.AGENT_BREAK, 400),
    *(_row(RowKind.AGENT_OFFLINE, 9_000) for _ in range(2)),
)
"""What lasts at the examples' instant, 12:00."""

_BAG: Final = {**EXAMPLE, **_histograms()}


def _spent_ms(level: Level) -> int:
    return 6 * _HOUR_MS if level == BUSY else 2 * _HOUR_MS


_SEEN: Final = Seen(_BAG, Live(_NOW, ROWS), _spent_ms)
_PLACE: Final = Place(
    {**EXAMPLE, P.OFFERED: 200, P.HANDLED: 200, P.TALK_MS: 30_000_000, P.HOLD_MS: 2_000_000, P.ACW_MS: 4_000_000},
    length_ms=_HOUR_MS,
    first_day=lambda: 1,
    staffing=Staffing(target_s=20, goal=0.8),
    staffed=12,
    business=Business(opening_customers=400, margin=0.3),
    customers=lambda: None,
    weeks_before=lambda: [{P.COMPLAINTS: n, P.CREATED: 50 * n, P.OFFERED: 100 * n} for n in (1, 2, 2, 3)],
)


def example(kpi: Kpi) -> str:
    """The KPI worked out for the sums and rows above: parts and value."""
    formula: Any = kpi.formula
    if isinstance(formula, Shown):
        variant = formula.of(Variant())
        return f"with the default, `{variant}`: {_number(_value(BY_ID[f'{kpi.id}_{variant}'].formula))}"
    value, parts = _number(_value(formula)), _parts(formula)
    return f"{parts} = {value}" if parts else value


def _value(formula: Any) -> float | None:
    if isinstance(formula, Age):
        since = formula.since_ms(_SEEN.live)
        return None if since is None else (_NOW - since) / 1000
    if isinstance(formula, TimeAt | TimeShare):
        return formula.value(_spent_ms)
    if hasattr(formula, "value_at"):
        value: float | None = formula.value_at(_PLACE)
        return value
    result: float | None = formula.value(_SEEN.bag, _SEEN.live)
    return result


def _parts(formula: Any) -> str:
    parts: Parts = parts_of(formula, _SEEN)
    if parts.numerator is None or parts.denominator is None:
        return ""
    above, below = UNITS.get(type(formula), ("count", "count"))
    return f"{_quantity(parts.numerator, above)} / {_quantity(parts.denominator, below)}"


def _quantity(n: int, unit: str) -> str:
    return f"{n / 1000:,g} s" if unit == "ms" else f"{n:,}"


def _number(value: float | None) -> str:
    if value is None:
        return "—"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4f}".rstrip("0").rstrip(".")


# --- the page ---


def page(catalogue: Iterable[Kpi] = CATALOGUE) -> str:
    """The whole page, Markdown."""
    rows = list(catalogue)
    parts = [HEAD]
    for scope, title in TITLES.items():
        of_scope = [kpi for kpi in rows if kpi.scopes[0] == scope or (scope == "tickets" and scope in kpi.scopes)]
        parts.append("\n".join([f"\n## {title}\n", *_table(of_scope)]))
    return "\n".join(parts) + "\n"


def _table(rows: Iterable[Kpi]) -> Iterator[str]:
    yield "| KPI | formula | booked | unit | good, warning, bad | defined so by | example |"
    yield "|---|---|---|---|---|---|---|"
    for kpi in rows:
        formula = "a variant" if isinstance(kpi.formula, Shown) else f"`{text_of(kpi.formula)}`"
        about = f"`{kpi.id}`: {kpi.help}"
        cells = (about, formula, booked(kpi), kpi.unit, _thresholds(kpi), kpi.source, example(kpi))
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _thresholds(kpi: Kpi) -> str:
    limits = [f"{limit:g}" for limit in (kpi.warn, kpi.bad) if limit is not None]
    return ", ".join([kpi.good, *limits])


def unnamed(catalogue: Iterable[Kpi] = CATALOGUE) -> set[str]:
    """Primitives in formulas for which `EXAMPLE` has no sum; steps of levels have none by themselves."""
    found = {primitive for kpi in catalogue for primitive in primitives_of(kpi.formula)}
    return {name_of(primitive) for primitive in found - EXAMPLE.keys() - STEPS}
