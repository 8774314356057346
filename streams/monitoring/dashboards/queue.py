"""*Queue*: one queue, group, segment or channel, and why it is as it is."""

from typing import Final

from streams.config import Config
from streams.config.model import DEFAULTS
from streams.monitoring import recording
from streams.monitoring.business import reachable
from streams.monitoring.dashboards import asked, kpis
from streams.monitoring.dashboards.asked import AGENTS, JOB, ONE
from streams.monitoring.dashboards.numbers import PLAIN, about, rising, steps
from streams.monitoring.dashboards.page import Page, Rows
from streams.monitoring.dashboards.panels import Query, Shown
from streams.monitoring.promql import selected

_AGENTS: Final = (JOB, AGENTS, 'queue="$queue"')
_BURNING: Final = "How many times more misses come than the queue's goal allows. Alerts look at pairs of these windows."


def rows(config: Config) -> Rows:
    """Now; served how; who was there."""
    return {
        "Now": (
            kpis.stat(config, "Waiting", "waiting", ONE),
            kpis.stat(config, "Longest wait", "longest_wait", ONE),
            kpis.stat(config, "Waiting over target", "waiting_over_target", ONE),
            kpis.stat(config, "Service level", "service_level", ONE),
            kpis.stat(config, "Abandon rate", "abandon_rate", ONE),
            kpis.stat(config, "Short of agents", "staffing_gap", ONE),
        ),
        "How customers are served": (
            _service_level(config),
            _burn_rate(config),
            kpis.often("Visits per minute", {
                "offered": "offered", "answered": "answered", "abandoned": "abandoned", "flowed out": "flowed_out",
            }, ONE),
            kpis.together("Wait of the answered", {
                "average": "asa", "p50": "wait_p50", "p90": "wait_p90", "p95": "wait_p95",
            }, ONE, note="Over the chosen window."),
            _waits(),
            kpis.together("How long until customers give up", {"average": "abandon_time_avg"}, ONE),
        ),
        "How conversations are handled": (
            kpis.together("Handle time", {
                "talk": "talk_avg", "hold": "hold_avg", "wrap-up": "acw_avg",
            }, ONE, kind="stacked", note="Its parts add up to the average handle time of the window."),
            kpis.together("First response", {
                "average": "first_response_avg", "p90": "first_response_p90",
            }, ONE, note="Of chats and other channels that are written."),
            kpis.together("Agents of the queue", {
                "on contacts": "agents_on_contact", "wrap-up": "agents_wrapup", "offered": "agents_offered",
                "available": "agents_available", "break": "agents_break",
            }, _AGENTS, kind="stacked"),
            kpis.together("Agents needed and staffed", {
                "needed": "staffing_needed", "staffed": "staffed",
            }, ONE, note="Needed by Erlang's formulas at the window's arrivals and handle time."),
        ),
    }  # fmt: skip


def _service_level(config: Config) -> Shown:
    windows = recording.WINDOWS
    return Shown(
        kind="lines",
        title="Service level",
        about=about("service_level"),
        queries=tuple(Query(asked.over("service_level", *ONE, by="job", window=each), each) for each in windows),
        unit="percentunit",
        steps=steps(config, "service_level"),
        width=12,
        most=1,
    )


def _burn_rate(config: Config) -> Shown:
    goal = config.queue(DEFAULTS).service_level_goal or 0.0
    slow, fast = (reachable(burn, goal) for burn in (config.alerts.slow_burn, config.alerts.fast_burn))
    return Shown(
        kind="lines",
        title="Burn rate of the goal",
        about=f"{_BURNING} 1 just keeps it. Known of queues, not of roll-ups.",
        queries=tuple(Query(f"max by (job) ({selected(recording.burn(w), *ONE)})", w) for w in recording.WINDOWS),
        unit="short",
        steps=rising(slow, fast) if slow < fast else PLAIN,
        width=12,
    )


def _waits() -> Shown:
    buckets = selected("contact_wait_seconds_bucket", *ONE)
    return Shown(
        kind="heat",
        title="How long the answered waited",
        about="Answers by how long they waited; the edges contain the targets of all queues.",
        queries=(Query(f"sum by (le) (increase({buckets}[$__rate_interval]))", "{{le}}"),),
        unit="s",
        width=12,
    )


PAGE: Final = Page(
    name="queue",
    title="Queue",
    about="One queue, group (@name), segment (#name) or whole channel (*): what happens, and why.",
    rows=rows,
    kpi="contact_waiting",
    one_queue=True,
)
