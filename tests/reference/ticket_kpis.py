"""The formulas of tickets, from a list of facts. None: cannot be computed."""

from collections.abc import Sequence

from tests.reference.kpis import Number, nearest_rank_s, ratio, seconds
from tests.reference.ticket_rules import PRIORITIES, TARGETS, Fact, TicketRules


def window_values(facts: Sequence[Fact], rules: TicketRules) -> dict[str, Number | None]:
    """Every KPI of a time window."""
    return {**counts(facts), **durations(facts), **responses(facts, rules), **promises(facts)}


def amounts(facts: Sequence[Fact], what: str) -> list[int]:
    return [fact.amount for fact in facts if fact.what == what]


def counts(facts: Sequence[Fact]) -> dict[str, Number | None]:
    names = ("created", "solved", "reopened", "reassigned", "escalated", "merged", "deleted")
    found: dict[str, Number | None] = {name: len(amounts(facts, name)) for name in names}
    created, escalated = len(amounts(facts, "created")), len(amounts(facts, "escalated"))
    return {
        **found,
        "escalation_rate": ratio(escalated, created),
        "resolutions": len(amounts(facts, "resolution_full")),
        "first_resolutions": len(amounts(facts, "resolution_first")),
    }


def durations(facts: Sequence[Fact]) -> dict[str, Number | None]:
    found: dict[str, Number | None] = {}
    for name in ("resolution_first", "resolution_full", "requester_wait", "agent_work"):
        for kpi in (name, f"{name}_business"):
            spent = amounts(facts, kpi)
            found[f"{kpi}_avg"] = seconds(sum(spent), len(spent))
            found[f"{kpi}_p50"] = nearest_rank_s(spent, 50)
            found[f"{kpi}_p90"] = nearest_rank_s(spent, 90)
    return found


def responses(facts: Sequence[Fact], rules: TicketRules) -> dict[str, Number | None]:
    first, replies = [f for f in facts if f.what == "first_response"], amounts(facts, "reply")
    calendar, business = [f.amount for f in first], amounts(facts, "first_response_business")
    met = sum(fact.amount <= rules.of(fact.queue).first_response_target_ms for fact in first)
    return {
        "first_responses": len(first),
        "replies": len(replies),
        "first_response_avg": seconds(sum(calendar), len(calendar)),
        "first_response_within_target": ratio(met, len(first)),
        "first_response_business_avg": seconds(sum(business), len(business)),
        **{f"first_response_p{p}": nearest_rank_s(calendar, p) for p in (50, 90)},
        **{f"first_response_business_p{p}": nearest_rank_s(business, p) for p in (50, 90)},
        "reply_avg": seconds(sum(replies), len(replies)),
        "reply_p90": nearest_rank_s(replies, 90),
    }


def promises(facts: Sequence[Fact]) -> dict[str, Number | None]:
    """Kept and ended: of all targets, of each, and of each at each priority."""
    suffixes = ["", *(f"_{target}" for target in TARGETS)]
    suffixes += [f"_{target}_{name}" for target in TARGETS for name in PRIORITIES]
    found: dict[str, Number | None] = {}
    for suffix in suffixes:
        ended = sum(fact.what.startswith(f"sla_ended{suffix}") for fact in facts)
        met = sum(fact.what.startswith(f"sla_met{suffix}") for fact in facts)
        found[f"sla_ended{suffix}"] = ended
        found[f"sla_met{suffix}"] = met
        found[f"sla_compliance{suffix}"] = ratio(met, ended)
    return found
