"""What conversations cost, and how many agents a queue needs: a recommendation, with the inputs it is made of."""

from typing import Final

from streams.facts.primitives import P
from streams.metrics.kpi import Kpi
from streams.metrics.placed import AgentsNeeded, AgentsStaffed, HourlyCost, PerHour, StaffingGap

_ARRIVALS: Final = PerHour({P.OFFERED: 1})
_NEEDED: Final = AgentsNeeded(_ARRIVALS, {P.TALK_MS: 1, P.HOLD_MS: 1, P.ACW_MS: 1}, {P.HANDLED: 1})

STAFFING: Final[tuple[Kpi, ...]] = (
    Kpi(
        "cost_per_contact", "amount", "minor", HourlyCost({P.HANDLE_COST: 1}, {P.HANDLED_AT_COST: 1}),
        "The queue's cost per hour × handle time / conversations handled; of the queues that have a cost.",
        good="down", source="ICMI, cost per contact",
    ),
    Kpi(
        "arrivals_per_hour", "rate", "count", _ARRIVALS,
        "Visits offered per hour of the window: an input of the staffing recommendation.", source="Erlang",
    ),
    Kpi(
        "staffing_needed", "count", "count", _NEEDED,
        "Agents with whom the queue reaches its goal at this window's arrivals and average handle time: by Erlang A "
        "where a patience is configured, else by Erlang C.",
        source="Erlang C, Erlang A (Palm)",
    ),
    Kpi(
        "staffed", "count", "count", AgentsStaffed(),
        "Agents logged in for the queue, as the recommendation takes them.", good="up", source="Avaya, staffed",
    ),
    Kpi(
        "staffing_gap", "count", "count", StaffingGap(_NEEDED),
        "Agents needed less agents staffed: more than 0, the queue is short of so many.",
        good="down", warn=1, bad=3, source="Erlang C, Erlang A (Palm)",
    ),
)  # fmt: skip
"""In the order of the docs."""
