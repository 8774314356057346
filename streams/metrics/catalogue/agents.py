"""KPIs of agents: where they are now, and how busy they were.

Busy is an agent on a contact or in wrap-up, once however many contacts are in hand; who is being offered a contact is
neither busy nor available, who is on a break neither.
"""

from typing import Final

from streams.facts.levels import AVAILABLE, BUSY
from streams.facts.primitives import P
from streams.facts.wire import RowKind
from streams.metrics.formulas import LiveCount, Ratio, TimeAt, TimeShare
from streams.metrics.kpi import Good, Kpi, count
from streams.metrics.settings import Scope

_SCOPES: Final[tuple[Scope, ...]] = ("agents",)
_OF_ONE: Final[tuple[Scope, ...]] = ("handling",)


def _now(
    state: str,
    kinds: tuple[int, ...],
    help: str,  # noqa: A002 - the field's name
    source: str,
    good: Good = "neither",
) -> Kpi:
    return Kpi(
        f"agents_{state}", "live_count", "count", LiveCount(kinds[0], more_kinds=kinds[1:]), help, good,
        source=source, scopes=_SCOPES,
    )  # fmt: skip


_LOGGED_IN: Final = (
    RowKind.AGENT_AVAILABLE, RowKind.AGENT_OFFERED, RowKind.AGENT_ON_CONTACT, RowKind.AGENT_WRAPUP,
    RowKind.AGENT_BREAK,
)  # fmt: skip

AGENTS: Final[tuple[Kpi, ...]] = (
    _now(
        "staffed", _LOGGED_IN, "Agents logged in: in any state but offline, breaks included.",
        "Avaya, staffed; Amazon Connect, online", good="up",
    ),
    _now(
        "available", (RowKind.AGENT_AVAILABLE,), "Agents who wait for a contact.", "Amazon Connect, available",
        good="up",
    ),
    _now("offered", (RowKind.AGENT_OFFERED,), "Agents to whom a contact is being offered.", "Genesys Cloud, alerting"),
    _now(
        "on_contact", (RowKind.AGENT_ON_CONTACT,), "Agents with at least one contact, however many.",
        "Amazon Connect, on contact",
    ),
    _now(
        "wrapup", (RowKind.AGENT_WRAPUP,), "Agents in after-contact work, and on no contact.",
        "Amazon Connect, after contact work",
    ),
    _now("break", (RowKind.AGENT_BREAK,), "Agents logged in who take no contacts.", "Genesys Cloud, off queue"),
    _now(
        "offline", (RowKind.AGENT_OFFLINE,), "Agents who have logged out within the last 7 days.",
        "Amazon Connect, offline",
    ),
    Kpi(
        "occupancy", "ratio", "ratio", TimeShare(BUSY, AVAILABLE),
        "Share of their time that agents were busy (on a contact or in wrap-up) of the time they were busy or "
        "available; an agent with several contacts is busy once.",
        good="down", warn=0.85, bad=0.95, source="Amazon Connect", scopes=_SCOPES,
    ),
    Kpi(
        "agents_busy_s", "duration", "s", TimeAt(BUSY),
        "Time that agents spent on contacts and in wrap-up, all agents together, once for several contacts.",
        source="Amazon Connect, agent on contact time", scopes=_SCOPES,
    ),
    Kpi(
        "agents_available_s", "duration", "s", TimeAt(AVAILABLE),
        "Time that agents waited for a contact, all agents together.",
        source="Amazon Connect, agent idle time", scopes=_SCOPES,
    ),
    count(
        "resolved", P.RESOLVED, "Conversations of one agent that ended resolved.", good="up", scopes=_OF_ONE,
    ),
    count(
        "resolution_known", P.RESOLUTION_KNOWN,
        "Conversations of one agent of which it is known whether they ended resolved.", scopes=_OF_ONE,
    ),
    Kpi(
        "resolution", "ratio", "ratio", Ratio({P.RESOLVED: 1}, {P.RESOLUTION_KNOWN: 1}),
        "Share of one agent's conversations that ended resolved, of those of which it is known.", good="up",
        warn=0.75, bad=0.6, scopes=_OF_ONE,
    ),
)  # fmt: skip
"""In the order of the docs."""
