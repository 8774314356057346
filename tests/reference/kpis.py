"""The formulas of calls and chats, from a list of facts and a list of what is live. None: cannot be computed."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.reference.life import Fact
from tests.reference.rules import HOUR_MS, Rules

Number = int | float

LEFT_REASONS = ("timeout", "key", "empty", "full", "closed", "transfer", "voicemail", "callback", "withdrawn", "bot")
REJECTED_REASONS = ("full", "closed", "no_agents", "other")
PERCENTILES = (
    *((f"wait_p{p}", "answered", p) for p in (50, 80, 90, 95, 99)),
    *((f"first_response_p{p}", "first_response", p) for p in (50, 90)),
    *((f"first_response_business_p{p}", "first_response_business", p) for p in (50, 90)),
    ("reply_p90", "reply", 90),
)  # fmt: skip


@dataclass(frozen=True)
class Waiting:
    """A visit that waits at the instant asked for."""

    queue: str
    since: int
    contact_since: int
    segment: str | None = None


@dataclass(frozen=True)
class Pending:
    """A contact in a queue's care whose human clock runs at the instant asked for."""

    queue: str
    since: int
    segment: str | None = None


def ratio(above: Number, below: Number) -> float | None:
    """Null is not zero: nothing to divide by, nothing to show."""
    return above / below if below else None


def nearest_rank_s(values_ms: Sequence[int], percent: int) -> float | None:
    """The smallest value that at least `percent` % of the values do not exceed."""
    if not values_ms:
        return None
    rank = -(-percent * len(values_ms) // 100)
    return sorted(values_ms)[max(1, rank) - 1] / 1000


class Counted:
    """Facts of one window, split as the formulas want them."""

    def __init__(self, facts: Sequence[Fact], rules: Rules) -> None:
        self.facts = facts
        self.rules = rules

    def count(self, what: str) -> int:
        return len(self.amounts(what))

    def amounts(self, what: str) -> list[int]:
        return [fact.amount for fact in self.facts if fact.what == what]

    def within_target(self, what: str) -> int:
        return sum(in_target(fact, self.rules) for fact in self.facts if fact.what == what)

    def short(self) -> int:
        abandoned = [fact for fact in self.facts if fact.what == "abandoned"]
        return sum(fact.amount <= self.rules.of(fact.queue).short_abandon_ms for fact in abandoned)


def in_target(fact: Fact, rules: Rules) -> bool:
    """Whether a wait or a first response kept the target of its queue, on whole milliseconds."""
    queue = rules.of(fact.queue)
    if fact.what == "first_response":
        return fact.amount <= queue.first_response_target_ms
    return fact.amount < queue.target_ms if queue.below_target else fact.amount <= queue.target_ms


def over_target(row: Waiting, now: int, rules: Rules) -> bool:
    """Waiting now for longer than the target."""
    return now - row.since > rules.of(row.queue).target_ms


def counts(counted: Counted) -> dict[str, Number | None]:
    plain = (
        "offered", "answered", "abandoned", "flowed_out", "rejected", "evicted", "handled", "transfers",
        "offers_missed", "callbacks", "contacts", "bot_contained",
        *(f"flowed_out_{reason}" for reason in LEFT_REASONS),
        *(f"rejected_{reason}" for reason in REJECTED_REASONS),
    )  # fmt: skip
    return {
        **{what: counted.count(what) for what in plain},
        "answered_in_target": counted.within_target("answered"),
        "abandoned_in_target": counted.within_target("abandoned"),
        "short_abandoned": counted.short(),
        "first_responses": counted.count("first_response"),
        "replies": counted.count("reply"),
    }


def service_levels(counted: Counted, waiting_over_target: int) -> dict[str, Number | None]:
    n, a, f = counted.count("answered"), counted.count("abandoned"), counted.count("flowed_out")
    n_t, a_t, a_s = counted.within_target("answered"), counted.within_target("abandoned"), counted.short()
    return {
        "service_level_strict": ratio(n_t, n + a),
        "service_level_answered_only": ratio(n_t, n),
        "service_level_ignore_short": ratio(n_t, n + a - a_s),
        "service_level_ignore_in_target": ratio(n_t, n + a - a_t),
        "service_level_abandons_met": ratio(n_t + a_t, n + a),
        "service_level_short_met": ratio(n_t + a_s, n + a),
        "service_level_with_flow_out": ratio(n_t, n + a + f),
        "service_level_live": ratio(n_t, n + a - a_s + waiting_over_target),
    }


def abandon_rates(counted: Counted) -> dict[str, Number | None]:
    n, a, f, a_s = counted.count("answered"), counted.count("abandoned"), counted.count("flowed_out"), counted.short()
    return {
        "abandon_rate": ratio(a - a_s, n + a - a_s),
        "abandon_rate_ignore_short": ratio(a - a_s, n + a - a_s),
        "abandon_rate_strict": ratio(a, n + a),
        "abandon_rate_with_flow_out": ratio(a, n + a + f),
        "abandon_rate_short_met": ratio(a - a_s, n + a),
    }


def durations(counted: Counted) -> dict[str, Number | None]:
    answered, abandoned = counted.amounts("answered"), counted.amounts("abandoned")
    talk, hold = sum(counted.amounts("talk_ms")), sum(counted.amounts("hold_ms"))
    acw, handled = sum(counted.amounts("acw_ms")), counted.count("handled")
    waits = sum(answered) + sum(abandoned)
    return {
        "asa": seconds(sum(answered), len(answered)),
        "wait_avg": seconds(waits, len(answered) + len(abandoned)),
        "wait_per_answered": seconds(waits, len(answered)),
        "abandon_time_avg": seconds(sum(abandoned), len(abandoned)),
        "aht": seconds(talk + hold + acw, handled),
        "talk_avg": seconds(talk, handled),
        "hold_avg": seconds(hold, handled),
        "acw_avg": seconds(acw, handled),
        **{kpi: nearest_rank_s(counted.amounts(what), percent) for kpi, what, percent in PERCENTILES},
    }


def cost_per_contact(counted: Counted) -> float | None:
    """Of the queues of which a cost is known."""
    rates = {fact.queue: counted.rules.of(fact.queue).cost_per_hour for fact in counted.facts}
    handled = sum(fact.what == "handled" and rates[fact.queue] is not None for fact in counted.facts)
    spent = [fact for fact in counted.facts if fact.what in ("talk_ms", "hold_ms", "acw_ms")]
    return ratio(sum(fact.amount * (rates[fact.queue] or 0) for fact in spent), handled * HOUR_MS)


def seconds(total_ms: int, n: int) -> float | None:
    return total_ms / n / 1000 if n else None


def responses(counted: Counted) -> dict[str, Number | None]:
    first, replies = counted.amounts("first_response"), counted.amounts("reply")
    business = counted.amounts("first_response_business")
    return {
        "first_response_avg": seconds(sum(first), len(first)),
        "first_response_business_avg": seconds(sum(business), len(business)),
        "first_response_within_target": ratio(counted.within_target("first_response"), len(first)),
        "reply_avg": seconds(sum(replies), len(replies)),
        "deflection_rate": ratio(counted.count("bot_contained"), counted.count("contacts")),
    }


def window_values(facts: Sequence[Fact], variant: str, misses: int, rules: Rules) -> dict[str, Number | None]:
    """Every KPI of a time window; `misses` wait over target now."""
    counted = Counted(facts, rules)
    levels = service_levels(counted, misses)
    return {
        **counts(counted),
        **levels,
        "service_level": levels[f"service_level_{variant}"],
        **abandon_rates(counted),
        **durations(counted),
        **responses(counted),
        "cost_per_contact": cost_per_contact(counted),
        "volume_ratio": None,  # it takes more than a week
    }


def live_values(
    waiting: Sequence[Waiting], pending: Sequence[Pending], now: int, rules: Rules
) -> dict[str, Number | None]:
    """Every KPI of the instant `now`."""
    return {
        "waiting": len(waiting),
        "waiting_over_target": sum(over_target(row, now, rules) for row in waiting),
        "longest_wait": age_s([row.since for row in waiting], now),
        "longest_contact_wait": age_s([row.contact_since for row in waiting], now),
        "first_response_pending": len(pending),
        "first_response_oldest": age_s([row.since for row in pending], now),
    }


def age_s(since: Sequence[int], now: int) -> float | None:
    return (now - min(since)) / 1000 if since else None
