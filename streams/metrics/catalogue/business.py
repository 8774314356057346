"""KPIs of business events: what customers buy, what they cost, and what is said.

Money is in minor units of the one currency, as it came. Counts of different customers and agents, and what is made of
them, are there for windows of whole local days.
"""

from typing import Final

from streams.facts.primitives import H, P
from streams.metrics.formulas import Count, Ratio, Terms
from streams.metrics.kpi import Good, Kpi
from streams.metrics.placed import Distinct, LifetimeValue, Opening, PerDistinct, PerOpening, Placed, VolumeRatio
from streams.metrics.settings import Scope

_SCOPES: Final[tuple[Scope, ...]] = ("business",)

_REVENUE: Final = {P.REVENUE: 1}
_ORDERS: Final = {P.ORDERS: 1}
_ACQUIRED: Final = {P.CUSTOMERS_ACQUIRED: 1}
_LOST: Final = {P.CUSTOMERS_LOST: 1}
_SPENT: Final = {P.MARKETING_SPENT: 1}
_ORDERING: Final = Distinct(P.CUSTOMER_DAYS, H.CUSTOMER_DAY_BEFORE)
_TRAINED: Final = Distinct(P.AGENT_DAYS, H.AGENT_DAY_BEFORE)
_CHURN: Final = PerOpening(0, _LOST)
_PER_CUSTOMER: Final = PerDistinct(_REVENUE, _ORDERING)


def _count(kpi_id: str, terms: Terms, text: str, good: Good = "neither") -> Kpi:
    return Kpi(kpi_id, "count", "count", Count(terms), text, good, scopes=_SCOPES)


def _sum(kpi_id: str, primitive: int, text: str, good: Good = "neither") -> Kpi:
    return Kpi(kpi_id, "amount", "minor", Count({primitive: 1}), text, good, scopes=_SCOPES)


def _amount(kpi_id: str, formula: Ratio | Placed, text: str, good: Good = "neither") -> Kpi:
    return Kpi(kpi_id, "amount", "minor", formula, text, good, scopes=_SCOPES)


def _share(kpi_id: str, formula: Ratio | Placed, text: str, good: Good = "neither") -> Kpi:
    return Kpi(kpi_id, "ratio", "ratio", formula, text, good, scopes=_SCOPES)


def _number(kpi_id: str, formula: Placed, text: str, good: Good = "neither") -> Kpi:
    return Kpi(kpi_id, "count", "count", formula, text, good, scopes=_SCOPES)


_SALES: Final = (
    _count("orders", _ORDERS, "Orders placed.", good="up"),
    _sum("revenue", P.REVENUE, "Σ amount of the orders.", good="up"),
    _amount("average_order_value", Ratio(_REVENUE, _ORDERS), "Revenue / orders.", good="up"),
    _count("repeat_orders", {P.REPEAT_ORDERS: 1}, "Orders of customers who had ordered before.", good="up"),
    _share(
        "repeat_purchase_rate", Ratio({P.REPEAT_ORDERS: 1}, _ORDERS),
        "Orders of customers who had ordered before, within the horizon, / orders.", good="up",
    ),
    _number("customers_ordering", _ORDERING, "Different customers who ordered.", good="up"),
    _count("returns", {P.RETURNS: 1}, "Returns opened.", good="down"),
    _sum("cost_of_returns", P.COST_OF_RETURNS, "Σ amount of the returns.", good="down"),
    Kpi(
        "returns_per_100_orders", "rate", "count", Ratio({P.RETURNS: 100}, _ORDERS), "100 × returns / orders.",
        good="down", scopes=_SCOPES,
    ),
)  # fmt: skip

_CUSTOMERS: Final = (
    _count("leads", {P.LEADS: 1}, "Leads created.", good="up"),
    _count("customers_acquired", _ACQUIRED, "Customers acquired.", good="up"),
    _share("conversion_rate", Ratio(_ACQUIRED, {P.LEADS: 1}), "Customers acquired / leads.", good="up"),
    _sum("marketing_spent", P.MARKETING_SPENT, "Spent on marketing."),
    _amount("customer_acquisition_cost", Ratio(_SPENT, _ACQUIRED), "Spent on marketing / customers acquired.", "down"),
    _count("customers_lost", _LOST, "Customers lost.", good="down"),
    _number(
        "customers_opening", Opening(),
        "Customers at the window's beginning, as counted last before it, else first within it, else as configured.",
    ),
    _share("churn_rate", _CHURN, "Customers lost / customers at the beginning.", good="down"),
    _share(
        "retention_rate", PerOpening(1, {P.CUSTOMERS_LOST: -1}),
        "Customers at the beginning who are still there at the end / customers at the beginning.", good="up",
    ),
    _amount(
        "lifetime_value", LifetimeValue(_PER_CUSTOMER, _CHURN),
        "Average order value × orders per customer of the window × margin / churn rate.", good="up",
    ),
    Kpi(
        "lifetime_value_to_cost", "rate", "count", LifetimeValue(_PER_CUSTOMER, _CHURN, (_SPENT, _ACQUIRED)),
        "Lifetime value / customer acquisition cost.", good="up", warn=3, bad=1, scopes=_SCOPES,
    ),
)  # fmt: skip

_TRAINING: Final = (
    _sum("training_spent", P.TRAINING_SPENT, "Spent on the training of agents."),
    _number("agents_trained", _TRAINED, "Different agents for whom something was spent."),
    _amount("training_per_agent", PerDistinct({P.TRAINING_SPENT: 1}, _TRAINED), "Spent on training / agents trained."),
)  # fmt: skip

_VOICES: Final = (
    _count("mentions", {P.MENTIONS: 1}, "Mentions seen."),
    _count("negative_mentions", {P.NEGATIVE_MENTIONS: 1}, "Mentions that were negative.", good="down"),
    _share(
        "negative_share", Ratio({P.NEGATIVE_MENTIONS: 1}, {P.MENTIONS: 1}), "Negative mentions / mentions.",
        good="down",
    ),
    _count("complaints", {P.COMPLAINTS: 1}, "Complaints opened.", good="down"),
)  # fmt: skip

_VOLUME: Final = (
    Kpi(
        "volume_ratio", "rate", "count", VolumeRatio({P.OFFERED: 1, P.CREATED: 1, P.COMPLAINTS: 1}),
        "What came in this interval (visits offered, tickets created or complaints) / the median of the same interval "
        "of the last four weeks; more than 2 is a spike.",
        good="down", warn=1.5, bad=2, scopes=("contacts", "tickets", "business"),
    ),
)  # fmt: skip

BUSINESS: Final[tuple[Kpi, ...]] = (*_SALES, *_CUSTOMERS, *_TRAINING, *_VOICES, *_VOLUME)
"""In the order of the docs."""
