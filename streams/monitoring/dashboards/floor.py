"""*Floor now*: all queues at a glance, the worst first to be seen."""

from typing import Final

from streams.config import Config
from streams.monitoring.dashboards import kpis
from streams.monitoring.dashboards.asked import AGENTS, CHOSEN, JOB, QUEUES, WHOLE
from streams.monitoring.dashboards.page import Page, Rows
from streams.monitoring.dashboards.panels import Table

_AGENTS: Final = (JOB, AGENTS, 'queue="*"')
_AGENTS_OF_QUEUES: Final = (JOB, AGENTS, 'queue=~"$queue"')
_CHANNEL: Final = "{{channel}}"


def rows(config: Config) -> Rows:
    """Now, over the chosen window, and how it came."""
    queues = _queues(config)
    return {
        "Channels": (
            kpis.stat(config, "Waiting", "waiting", WHOLE, legend=_CHANNEL),
            kpis.stat(config, "Longest wait", "longest_wait", WHOLE, legend=_CHANNEL),
            kpis.stat(config, "Service level", "service_level", WHOLE, legend=_CHANNEL),
            kpis.stat(config, "Abandon rate", "abandon_rate", WHOLE, legend=_CHANNEL),
            kpis.stat(config, "Agents staffed", "agents_staffed", _AGENTS),
            kpis.stat(config, "Agents available", "agents_available", _AGENTS),
        ),
        "Queues": (
            queues,
            kpis.by_queue(config, "Waiting", "waiting", QUEUES),
            kpis.by_queue(config, "Longest wait", "longest_wait", QUEUES),
            kpis.by_queue(config, "Service level over the window", "service_level", QUEUES),
            kpis.often("Offered per minute", {"offered": "offered"}, QUEUES, by="channel, queue"),
        ),
        "Agents": (
            kpis.together("What agents do", {
                "on contacts": "agents_on_contact", "wrap-up": "agents_wrapup", "offered": "agents_offered",
                "available": "agents_available", "break": "agents_break",
            }, _AGENTS, kind="stacked"),
            kpis.by_queue(config, "Occupancy over the window", "occupancy", _AGENTS_OF_QUEUES),
        ),
    }  # fmt: skip


def _queues(config: Config) -> Table:
    shown = {
        "Waiting": "waiting", "Longest wait": "longest_wait", "Service level": "service_level", "Offered": "offered",
        "Answered": "answered", "Abandoned": "abandoned", "Abandon rate": "abandon_rate", "ASA": "asa",
        "Handle time": "aht", "Staffed": "staffed", "Short of": "staffing_gap",
    }  # fmt: skip
    return Table(
        title="Every queue",
        about="Now, and over the chosen window. A value that cannot be computed is empty, never 0. Red is worse than "
        "the limit of the default queue; alerts know the limits of each.",
        columns=tuple(kpis.column(config, title, kpi_id, CHOSEN) for title, kpi_id in shown.items()),
    )


PAGE: Final = Page(
    name="floor-now",
    title="Floor now",
    about="All channels and queues at this moment: who waits, how well they are served, who is there.",
    rows=rows,
    kpi="contact_waiting",
)
