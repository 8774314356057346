"""What conversations cost and how many agents are needed: Erlang C term by term, agents tried one after the other."""

import math

from tests.reference.rules import QueueRules
from tests.reference.windows import ROLLING_MS

HOUR_MS = 3_600_000


def length_ms(window: str, interval_ms: int) -> int | None:
    """How long a window always is."""
    if window == "previous_interval":
        return interval_ms
    return int(window[:-1]) * ROLLING_MS[window[-1]] if window[-1] in ROLLING_MS and window[:-1].isdigit() else None


def level(erlangs: float, agents: int, aht_s: float, target_s: float) -> float:
    """Share answered within the target by so many agents who are never all busy for ever (Erlang C)."""
    if agents <= erlangs:
        return 0.0
    terms = [math.exp(k * math.log(erlangs) - math.lgamma(k + 1)) for k in range(agents + 1)]
    all_busy = terms[agents] * agents / (agents - erlangs)
    waits = all_busy / (sum(terms[:agents]) + all_busy)
    return 1 - waits * math.exp(-(agents - erlangs) * target_s / aht_s)


def needed(per_hour: float, aht_s: float, rules: QueueRules) -> int:
    """The fewest agents who reach the goal."""
    erlangs, agents = per_hour * aht_s / 3_600, 0
    while erlangs and level(erlangs, agents, aht_s, rules.target_ms / 1_000) < rules.goal:
        agents += 1
    return agents


def values(
    offered: int, handle_ms: int, handled: int, length: int | None, rules: QueueRules | None
) -> dict[str, float | int | None]:
    """The recommendation and its inputs; `rules` None: a roll-up, for which no agents stand. No agent was ever seen."""
    per_hour = None if length is None else offered * HOUR_MS / length
    known = rules is not None and per_hour is not None and handled and handle_ms
    return {
        "arrivals_per_hour": per_hour,
        "staffing_needed": needed(per_hour, handle_ms / handled / 1_000, rules) if known else None,
        "staffed": None,
        "staffing_gap": None,
    }
