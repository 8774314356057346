"""*Pipeline health*: whether the numbers on the other dashboards can be relied on, and if not, why."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Threshold

from streams.config import Config
from streams.monitoring.dashboards.asked import JOB, rate, state
from streams.monitoring.dashboards.numbers import PLAIN, Steps, rising
from streams.monitoring.dashboards.page import Page, Rows
from streams.monitoring.dashboards.panels import Kind, Query, Shown
from streams.monitoring.promql import selected
from streams.monitoring.recording import REFUSED
from streams.sinks.pipeline_metrics import COUNTED, OF_VIEWS, PREFIX

_HELP: Final = {metric.name.removeprefix(PREFIX): metric.help for metric in (*COUNTED, *OF_VIEWS)}


def rows(config: Config) -> Rows:
    """Is it well; what goes through it; what it needs."""
    limits = config.alerts
    delay_s, lateness_s, checkpoint_s = (ms / 1000 for ms in (limits.delay, config.lateness, limits.checkpoint_age))
    share = f"{rate('events_total', REFUSED, by='job')} / {rate('events_total', by='job')}"
    delay = f"{rate('event_to_view_seconds_sum', by='job')} / {rate('event_to_view_seconds_count', by='job')}"
    since_flush = f"time() - {state('last_flush_timestamp_seconds', 'max', by='topic, partition')}"
    return {
        "Is it well": (
            _one("Workers", "Workers that are scraped.", state("build_info", "count", by="job")),
            _one("Lines not live", f"{_HELP['live']} Of all channels and queues.",
                 f"count({selected(PREFIX + 'live', JOB)} == 0) or vector(0)", rising(1, 2)),
            _one("Age of the numbers", _HELP["as_of_age_seconds"],
                 state("as_of_age_seconds", "max", by="job"), rising(2, 30), "s"),
            _one("Event to view", _HELP["event_to_view_seconds"], delay, rising(delay_s / 2, delay_s), "s"),
            _one("Refused", "Share of records that became dead letters.", share,
                 rising(limits.rejected_share, 10 * limits.rejected_share), "percentunit"),
            _one("Lag", _HELP["lag_records"], state("lag_records", "sum", by="job")),
            Shown(
                kind="stat", title="Sinks", about=_HELP["sink_up"], unit="short", steps=_ONE_IS_WELL, width=3,
                queries=(Query(state("sink_up", "min", by="sink"), "{{sink}}"),),
            ),
            _one("Alerts", "Alerts that fire now.", 'sum(ALERTS{alertstate="firing",job=~"$job"}) or vector(0)',
                 rising(1, 5)),
        ),
        "What goes through it": (
            _over("Records per second, by what became of them", _HELP["events_total"],
                  rate("events_total", by="outcome"), "{{outcome}}", "ops", kind="stacked"),
            _over("Records per second, by type", _HELP["events_total"], rate("events_total", by="type"), "{{type}}",
                  "ops"),
            _over("Refused per second", _HELP["rejected_total"], rate("rejected_total", by="reason"), "{{reason}}",
                  "ops"),
            Shown(
                kind="lines", title="Counted, and worth a look", width=12, unit="ops",
                about="\n\n".join(f"`{name}`: {_HELP[name]}" for name in _WORTH_A_LOOK),
                queries=tuple(Query(rate(name, by="job"), name.removesuffix("_total")) for name in _WORTH_A_LOOK),
            ),
        ),
        "How fast": (
            _over("Lag", _HELP["lag_records"], state("lag_records", "sum", by="topic"), "{{topic}}", "short"),
            _over("Event to view", _HELP["event_to_view_seconds"], delay, "mean", "s", rising(delay_s / 2, delay_s)),
            _over("Age of the numbers", _HELP["as_of_age_seconds"],
                  state("as_of_age_seconds", "max", by="channel"), "{{channel}}", "s", rising(2, 30)),
            _over("Delay of the sources", f"{_HELP['source_delay_seconds']} Beyond the lateness events are lost.",
                  state("source_delay_seconds", "max", by="source"), "{{source}}", "s",
                  rising(lateness_s / 2, lateness_s)),
            _over("Since the last committed flush", _HELP["last_flush_timestamp_seconds"],
                  f"max by (topic) ({since_flush})", "{{topic}}", "s", rising(checkpoint_s / 2, checkpoint_s)),
            _over("Sinks: failed writes per second", _HELP["sink_failures_total"],
                  rate("sink_failures_total", by="sink"), "{{sink}}", "ops", rising(0.01, 0.1)),
        ),
        "What it needs": (
            _over("CPU of each worker", "Cores. One process folds on one core: at 1 it is the limit.",
                  f"rate({selected('process_cpu_seconds_total', JOB)}[$__rate_interval])", "{{instance}}", "short",
                  rising(0.7, 0.9)),
            _over("Memory of each worker", "Resident memory.",
                  selected("process_resident_memory_bytes", JOB), "{{instance}}", "bytes"),
        ),
    }  # fmt: skip


_ONE_IS_WELL: Final = (Threshold(color="red"), Threshold(1, "green"))
_WORTH_A_LOOK: Final = (
    "late_total", "duplicates_total", "clamped_total", "orphans_total", "negative_waits_total", "expired_total",
)  # fmt: skip


def _one(title: str, about: str, expr: str, steps: Steps = PLAIN, unit: str = "short") -> Shown:
    return Shown(kind="stat", title=title, about=about, queries=(Query(expr),), unit=unit, steps=steps, width=3)


def _over(
    title: str, about: str, expr: str, legend: str, unit: str, steps: Steps = PLAIN, kind: Kind = "lines"
) -> Shown:
    queries = (Query(expr, legend),)
    return Shown(kind=kind, title=title, about=about, queries=queries, unit=unit, steps=steps, width=12)


PAGE: Final = Page(
    name="pipeline-health",
    title="Pipeline health",
    about="Whether the numbers are there, current and complete: workers, delays, refused records, flushes, sinks.",
    rows=rows,
)
