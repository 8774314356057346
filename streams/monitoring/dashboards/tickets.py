"""*Tickets and SLA*: what is left to do, and whether it is done in time."""

from typing import Final

from streams.config import Config
from streams.facts.primitives import TARGETS
from streams.monitoring.dashboards import asked, kpis
from streams.monitoring.dashboards.asked import QUEUES, WHOLE
from streams.monitoring.dashboards.numbers import about, steps
from streams.monitoring.dashboards.page import Page, Rows
from streams.monitoring.dashboards.panels import Query, Shown, Table
from streams.sinks.metric_names import metric_name

_CHANNEL: Final = "{{channel}}"
BACKLOG: Final = metric_name("backlog", "count", "live")
COMPLIANCE: Final = "sla_compliance"


def rows(config: Config) -> Rows:
    """Now; how it came; how long it takes."""
    return {
        "Now": (
            kpis.stat(config, "Backlog", "backlog", WHOLE, legend=_CHANNEL),
            kpis.stat(config, "Oldest ticket", "backlog_oldest", WHOLE, legend=_CHANNEL),
            kpis.stat(config, "Targets breached", "sla_breached_open", WHOLE, legend=_CHANNEL),
            kpis.stat(config, "Targets due soon", "sla_due_soon", WHOLE, legend=_CHANNEL),
            kpis.stat(config, "Next target due in", "sla_next_due", WHOLE, legend=_CHANNEL),
            kpis.stat(config, "Targets kept", COMPLIANCE, WHOLE, legend=_CHANNEL),
            _queues(config),
        ),
        "The backlog": (
            kpis.by_queue(config, "Backlog", "backlog", QUEUES),
            kpis.often("Tickets per minute", {
                "created": "created", "solved": "solved", "reopened": "reopened",
            }, QUEUES),
            kpis.together("Backlog by priority", {
                name: f"backlog_{name}" for name in ("urgent", "high", "normal", "low", "other")
            }, WHOLE, kind="stacked"),
            kpis.together("Backlog by age", {
                f"more than {days} × 24 h": f"backlog_over_{days}d" for days in (1, 3, 7, 30)
            }, WHOLE),
        ),
        "In time": (
            _kept(config),
            kpis.by_queue(config, "Targets breached and open", "sla_breached_open", QUEUES),
            kpis.together("Time to the first response", {
                "average": "first_response_avg", "p90": "first_response_p90",
            }, WHOLE, note="Over the chosen window."),
            kpis.together("Time to a solve", {
                "average": "resolution_full_avg", "p50": "resolution_full_p50", "p90": "resolution_full_p90",
            }, WHOLE, note="Over the chosen window."),
        ),
    }  # fmt: skip


def _queues(config: Config) -> Table:
    shown = {
        "Backlog": "backlog", "Oldest": "backlog_oldest", "Breached": "sla_breached_open", "Due soon": "sla_due_soon",
        "Next due in": "sla_next_due", "Targets kept": COMPLIANCE, "Created": "created", "Solved": "solved",
        "Reopened": "reopened", "Escalated": "escalated",
    }  # fmt: skip
    return Table(
        title="Every queue",
        about="Now, and over the chosen window.",
        columns=tuple(kpis.column(config, title, kpi_id, QUEUES) for title, kpi_id in shown.items()),
        height=8,
    )


def _kept(config: Config) -> Shown:
    """Of each kind of target; one that nobody has been given shows nothing."""
    ids = {target.replace("_", " "): f"{COMPLIANCE}_{target}" for target in TARGETS}
    return Shown(
        kind="bars",
        title="Targets kept",
        about="Over the chosen window. A kind of target that is not configured is not there.\n\n" + about(COMPLIANCE),
        queries=tuple(
            Query(asked.over(kpi_id, *WHOLE, by="channel"), f"{_CHANNEL} {name}") for name, kpi_id in ids.items()
        ),
        unit="percentunit",
        steps=steps(config, COMPLIANCE),
        width=12,
        most=1,
    )


PAGE: Final = Page(
    name="tickets-and-sla",
    title="Tickets and SLA",
    about="The backlog by queue, priority and age, the targets of tickets, and how long replies and solves take.",
    rows=rows,
    kpi=BACKLOG,
)
