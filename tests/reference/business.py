"""The oracle for business events: keeps every event, recomputes every number at any instant.

    reference = BusinessReference(Rules())
    reference.send({"id": "1", "type": "order.placed", "time": 0, "customer": "c", "amount": 1299})
    reference.window("*", "today", now=10_000)["revenue"]       # 1299

Amounts are minor units. Nothing that it is sent may be late. Cost is the whole history at every question.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.reference.rules import Rules
from tests.reference.windows import bounds, pane

Event = dict[str, Any]
Number = int | float

YEAR_MS = 365 * 86_400_000
PANE_MS = 5_000
WHOLE_DAYS = ("today", "all")
"""Windows of whole days, besides `<n>d`."""


def ratio(above: Number, below: Number) -> float | None:
    """Null is not zero: nothing to divide by, nothing to show."""
    return above / below if below else None


@dataclass
class BusinessReference:
    """All business events of a centre."""

    rules: Rules
    horizon_ms: int = YEAR_MS
    margin: float | None = None
    opening_customers: int | None = None
    events: dict[str, Event] = field(default_factory=dict)

    def send(self, event: Event) -> None:
        """Take an event; one with an id that was there before changes nothing."""
        if event["type"] != "heartbeat":
            self.events.setdefault(event["id"], event)

    def lines(self) -> set[str]:
        """Everything that numbers are shown for: in which anything counts."""
        queues = {event.get("queue") or "-" for event in self.events.values()}
        rolled_up = {"*", *(f"@{name}" for name in self.rules.groups), *(f"#{name}" for name in self.rules.segments)}
        events = self.events.values()
        return {line for line in queues | rolled_up if any(self.holds(line, event) for event in events)}

    def of(self, line: str, kind: str) -> list[Event]:
        """The events of one type that count in a line, in order of time."""
        found = [event for event in self.events.values() if event["type"] == kind and self.holds(line, event)]
        return sorted(found, key=in_time)

    def holds(self, line: str, event: Event) -> bool:
        segment = event.get("segment")
        if event["type"] == "customers.counted" and segment is not None:
            return line == f"#{segment}" and segment in self.rules.segments
        return self.rules.holds(line, event.get("queue") or "-", segment)

    def repeats(self, order: Event) -> bool:
        """Whether the customer had ordered before, within the horizon: anywhere."""
        before = [
            event
            for event in self.events.values()
            if event["type"] == "order.placed" and event["customer"] == order["customer"]
            if in_time(event) < in_time(order) and event["time"] >= order["time"] - self.horizon_ms
        ]
        return bool(before)

    def opening(self, line: str, first: int, now: int) -> int | None:
        """Customers counted when the window began; by a source that had not counted yet, those it counted first."""
        known = [event for event in self.of(line, "customers.counted") if event["time"] <= (pane(now) + 1) * PANE_MS]
        by_source = {source: [event for event in known if event.get("source") == source] for source in sources(known)}
        if not by_source:
            return self.opening_customers if line in ("*", "-") else None
        return sum(in_force(counts, first)["count"] for counts in by_source.values())

    def window(self, line: str, window: str, now: int) -> dict[str, Number | None]:
        zone = self.rules.timezone if line[0] in "*@#" else self.rules.of(line).timezone
        first, last = bounds(window, now, zone, self.rules.interval_ms)

        def within(kind: str) -> list[Event]:
            return [event for event in self.of(line, kind) if first <= event["time"] <= last]

        whole_days = window in WHOLE_DAYS or window.endswith("d")
        orders, trainings = within("order.placed"), within("training.spent")
        customers = len({event["customer"] for event in orders}) if whole_days else None
        agents = len({event["agent"] for event in trainings}) if whole_days else None
        sales = self.sales(orders, within("return.opened"), customers)
        people = self.people(within, self.opening(line, first, now), sales)
        mentions = within("mention.seen")
        negative = sum(event["sentiment"] == "negative" for event in mentions)
        return {
            **sales,
            **people,
            "training_spent": amounts(trainings),
            "agents_trained": agents,
            "training_per_agent": ratio(amounts(trainings), agents or 0),
            "mentions": len(mentions),
            "negative_mentions": negative,
            "negative_share": ratio(negative, len(mentions)),
            "complaints": len(within("complaint.opened")),
            "volume_ratio": None,  # it takes more than a week
        }

    def sales(self, orders: list[Event], returns: list[Event], customers: int | None) -> dict[str, Number | None]:
        repeated = sum(self.repeats(order) for order in orders)
        return {
            "orders": len(orders),
            "revenue": amounts(orders),
            "average_order_value": ratio(amounts(orders), len(orders)),
            "repeat_orders": repeated,
            "repeat_purchase_rate": ratio(repeated, len(orders)),
            "customers_ordering": customers,
            "returns": len(returns),
            "cost_of_returns": amounts(returns),
            "returns_per_100_orders": ratio(100 * len(returns), len(orders)),
        }

    def people(self, within: Any, opening: int | None, sales: dict[str, Number | None]) -> dict[str, Number | None]:
        leads, acquired = len(within("lead.created")), len(within("customer.acquired"))
        lost, spent = len(within("customer.lost")), amounts(within("marketing.spent"))
        cost, churn = ratio(spent, acquired), ratio(lost, opening or 0)
        value = self.lifetime_value(sales, churn)
        return {
            "leads": leads,
            "customers_acquired": acquired,
            "conversion_rate": ratio(acquired, leads),
            "marketing_spent": spent,
            "customer_acquisition_cost": cost,
            "customers_lost": lost,
            "customers_opening": opening,
            "churn_rate": churn,
            "retention_rate": ratio((opening or 0) + acquired - lost - acquired, opening or 0),
            "lifetime_value": value,
            "lifetime_value_to_cost": None if value is None else ratio(value, cost or 0),
        }

    def lifetime_value(self, sales: dict[str, Number | None], churn: float | None) -> float | None:
        average, per_customer = sales["average_order_value"], ratio(sales["orders"], sales["customers_ordering"] or 0)
        if average is None or per_customer is None or self.margin is None or not churn:
            return None
        return average * per_customer * self.margin / churn


def in_time(event: Event) -> tuple[int, int, str]:
    """Order of the events of a customer or a source."""
    return event["time"], len(event["id"]), event["id"]


def amounts(events: list[Event]) -> int:
    return sum(event["amount"] for event in events)


def sources(events: list[Event]) -> set[str | None]:
    return {event.get("source") for event in events}


def in_force(counts: list[Event], at: int) -> Event:
    """The last count up to then, else the first after it."""
    return ([event for event in counts if event["time"] <= at] or counts[:1])[-1]
