"""KPIs of tickets: what becomes of them, how long it takes, what is left to do, and whether targets are kept.

A target's *instance* is one cycle of it, from activation to fulfilment or breach; see `docs/decisions` for what the
definitions leave open.
"""

from collections.abc import Iterable
from typing import Final

from streams.facts.primitives import PRIORITIES, TARGETS, H, P, sla_ended, sla_met
from streams.facts.wire import RowKind
from streams.metrics.formulas import Age, Count, DueCount, LiveCount, NextDue, Ratio, Terms
from streams.metrics.kpi import Kpi, count, mean, quantile
from streams.metrics.settings import Scope

_SCOPES: Final[tuple[Scope, ...]] = ("tickets",)
_DAY_MS: Final = 86_400_000

_COUNTS: Final = (
    count("created", P.CREATED, "Tickets created, in the queue of their creation.", scopes=_SCOPES),
    count("solved", P.SOLVED, "Solves: tickets that became solved or closed.", good="up", scopes=_SCOPES),
    count("reopened", P.REOPENED, "Tickets that were solved or closed and are so no longer.", "down", scopes=_SCOPES),
    count("reassigned", P.REASSIGNED, "Updates that hand a ticket to another queue or agent.", "down", scopes=_SCOPES),
    count("escalated", P.ESCALATED, "Escalations.", "down", scopes=_SCOPES),
    count("merged", P.MERGED, "Tickets that left the backlog by being merged into another.", scopes=_SCOPES),
    count("deleted", P.DELETED, "Tickets that left the backlog by being deleted.", scopes=_SCOPES),
    Kpi(
        "escalation_rate", "ratio", "ratio", Ratio({P.ESCALATED: 1}, {P.CREATED: 1}),
        "Escalations per ticket created.", good="down", scopes=_SCOPES,
    ),
    count("resolutions", P.RESOLUTIONS, "Solves of tickets whose creation was seen: those measured.", scopes=_SCOPES),
    count("first_resolutions", P.FIRST_RESOLUTIONS, "First solves among them.", scopes=_SCOPES),
)  # fmt: skip


def _durations(
    name: str, histogram: int, sums: tuple[int, int], numbers: tuple[int, int], what: str, source: str
) -> Iterable[Kpi]:
    """Mean and percentiles, around the clock and in opening hours."""
    clocks = ((name, "", 0), (f"{name}_business", ", in the opening hours of the queue", H.BUSINESS))
    for (kpi_id, by_clock, shift), sum_ms, number in zip(clocks, sums, numbers, strict=True):
        help_text = f"Average {what}{by_clock}, at each solve it is asked of."
        yield mean(f"{kpi_id}_avg", {sum_ms: 1}, {number: 1}, help_text, source, scopes=_SCOPES)
        for percent in (50, 90):
            yield quantile(f"{kpi_id}_p{percent}", histogram + shift, percent, f"{what}{by_clock}", scopes=_SCOPES)


_EACH: Final = (P.RESOLUTIONS, P.RESOLUTIONS_BUSINESS)
_DURATIONS: Final = (
    *_durations(
        "resolution_first", H.RESOLUTION_FIRST, (P.RESOLUTION_FIRST_MS, P.RESOLUTION_FIRST_BUSINESS_MS),
        (P.FIRST_RESOLUTIONS, P.FIRST_RESOLUTIONS_BUSINESS), "time from creation to the first solve", "Zendesk",
    ),
    *_durations(
        "resolution_full", H.RESOLUTION_FULL, (P.RESOLUTION_FULL_MS, P.RESOLUTION_FULL_BUSINESS_MS), _EACH,
        "time from creation to a solve", "Zendesk",
    ),
    *_durations(
        "requester_wait", H.REQUESTER_WAIT, (P.REQUESTER_WAIT_MS, P.REQUESTER_WAIT_BUSINESS_MS), _EACH,
        "time in new, open and on hold up to a solve", "Zendesk",
    ),
    *_durations(
        "agent_work", H.AGENT_WORK, (P.AGENT_WORK_MS, P.AGENT_WORK_BUSINESS_MS), _EACH,
        "time in new and open up to a solve", "Zendesk",
    ),
)  # fmt: skip

_BACKLOG: Final = (
    Kpi(
        "backlog", "live_count", "count", LiveCount(RowKind.BACKLOG), "Tickets that are not solved or closed.",
        good="down", scopes=_SCOPES,
    ),
    Kpi(
        "backlog_oldest", "live_age", "s", Age(RowKind.BACKLOG), "How long ago the oldest of them was created.",
        good="down", scopes=_SCOPES,
    ),
    *(
        Kpi(
            f"backlog_{name}", "live_count", "count", LiveCount(RowKind.BACKLOG, group=rank),
            f"Tickets in the backlog of priority {name}" + {
                "normal": ", or without one.", "other": ": any that has another name.",
            }.get(name, "."), good="down", scopes=_SCOPES,
        )
        for rank, name in enumerate(PRIORITIES)
    ),
    *(
        Kpi(
            f"backlog_over_{days}d", "live_count", "count",
            LiveCount(RowKind.BACKLOG, older_than_ms=days * _DAY_MS),
            f"Tickets in the backlog that were created more than {days} × 24 h ago.", good="down", scopes=_SCOPES,
        )
        for days in (1, 3, 7, 30)
    ),
)  # fmt: skip


def _kept(suffix: str, met: Terms, ended: Terms, what: str) -> Iterable[Kpi]:
    """A ratio with both its parts."""
    yield Kpi(
        f"sla_ended{suffix}", "count", "count", Count(ended), f"Instances of {what} that have ended, met or breached.",
        scopes=_SCOPES,
    )  # fmt: skip
    yield Kpi(
        f"sla_met{suffix}", "count", "count", Count(met), f"Instances of {what} that were fulfilled in time.",
        good="up", scopes=_SCOPES,
    )  # fmt: skip
    yield Kpi(
        f"sla_compliance{suffix}", "ratio", "ratio", Ratio(met, ended),
        f"Share of the instances of {what} that were fulfilled in time, of those that have ended.",
        good="up", warn=0.9, bad=0.8, source="Zendesk", scopes=_SCOPES,
    )  # fmt: skip


def _kept_by(target: str) -> Iterable[Kpi]:
    met = {sla_met(target, rank): 1 for rank in range(len(PRIORITIES))}
    ended = {sla_ended(target, rank): 1 for rank in range(len(PRIORITIES))}
    yield from _kept(f"_{target}", met, ended, f"the target {target}")
    for rank, name in enumerate(PRIORITIES):
        what = f"the target {target} at priority {name}"
        yield from _kept(f"_{target}_{name}", {sla_met(target, rank): 1}, {sla_ended(target, rank): 1}, what)


_EVERY: Final = [(target, rank) for target in TARGETS for rank in range(len(PRIORITIES))]
_TARGETS: Final = (
    *_kept(
        "", {sla_met(*of): 1 for of in _EVERY}, {sla_ended(*of): 1 for of in _EVERY}, "all targets",
    ),
    *(kpi for target in TARGETS for kpi in _kept_by(target)),
    Kpi(
        "sla_breached_open", "live_count", "count", DueCount(RowKind.TARGET),
        "Targets of tickets in the backlog that are past due and not fulfilled yet.", good="down", warn=1, bad=5,
        scopes=_SCOPES,
    ),
    Kpi(
        "sla_due_soon", "live_count", "count", DueCount(RowKind.TARGET, soon=True),
        "Targets that are due within the configured time.", good="down", scopes=_SCOPES,
    ),
    Kpi(
        "sla_next_due", "live_due", "s", NextDue(RowKind.TARGET),
        "How long until the next target is due; absent when none is.", good="up", scopes=_SCOPES,
    ),
)  # fmt: skip

TICKETS: Final[tuple[Kpi, ...]] = (*_COUNTS, *_DURATIONS, *_BACKLOG, *_TARGETS)
"""In the order of the docs."""
