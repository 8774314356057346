"""What dashboards ask Prometheus: KPIs and counters of the chosen job, channels and queues."""

from typing import Final

from streams.metrics.catalogue import BY_ID
from streams.monitoring.promql import none_of, selected
from streams.sinks.metric_names import CONFIGURED, metric_name
from streams.sinks.pipeline_metrics import PREFIX

CHOSEN: Final = ('job=~"$job"', 'channel=~"$channel"', 'queue=~"$queue"')
ONE: Final = ('job=~"$job"', 'channel="$channel"', 'queue="$queue"')
"""The single queue that is looked at."""
WHOLE: Final = ('job=~"$job"', 'channel=~"$channel"', 'queue="*"')
"""Whole channels."""
AGENTS: Final = 'channel="agents"'
ONE_CHANNEL: Final = frozenset({'channel="$channel"', AGENTS})
"""Either of them selects one channel."""
JOB: Final = 'job=~"$job"'
QUEUES: Final = (*CHOSEN, none_of())
"""The chosen queues, without roll-ups."""

LINE: Final = "channel, queue"


def now(kpi_id: str, *of: str, by: str = LINE) -> str:
    """The KPI at the instant."""
    return f"max by ({by}) ({selected(metric_name(kpi_id, BY_ID[kpi_id].unit, 'live'), *of)})"


def over(kpi_id: str, *of: str, by: str = LINE, window: str = "$window") -> str:
    """The KPI over the chosen window, or another one."""
    kpi = BY_ID[kpi_id]
    variant = [f'variant="{CONFIGURED}"'] if kpi_id in ("service_level", "abandon_rate") else []
    name = metric_name(kpi_id, kpi.unit, "window")
    of_window = selected(name, *of, f'window="{window}"', *variant)
    return f"max by ({by}) ({of_window})"


def per_minute(kpi_id: str, *of: str, by: str = "") -> str:
    """How often it happens, by its counter."""
    name = metric_name(kpi_id, BY_ID[kpi_id].unit, "counter")
    return f"60 * sum by ({by}) (rate({selected(name, *of)}[$__rate_interval]))"


def rate(name: str, *of: str, by: str = "") -> str:
    """Per second, of a metric of the pipeline's own."""
    return f"sum by ({by}) (rate({selected(PREFIX + name, JOB, *of)}[$__rate_interval]))"


def state(name: str, how: str, *of: str, by: str = "") -> str:
    """A gauge of the pipeline's own, summed up as `how` says."""
    return f"{how} by ({by}) ({selected(PREFIX + name, JOB, *of)})"
