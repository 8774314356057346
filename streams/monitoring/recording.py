"""Recording rules: what several alerts and panels ask for, computed once. Named `level:metric:operations`."""

from collections.abc import Iterator
from typing import Final

import msgspec

from streams.config import Config
from streams.monitoring import promql
from streams.sinks.pipeline_metrics import PREFIX

SHORT: Final = "5m"
MIDDLE: Final = "15m"
LONG: Final = "60m"
WINDOWS: Final = (SHORT, MIDDLE, LONG)
"""Rolling windows that the rules look at."""

REFUSED: Final = 'outcome=~"rejected|unknown|too_late"'
"""Of `events_total`: what became a dead letter."""

BACKLOG: Final = "job_channel_queue:contact_backlog:max"
DELAY: Final = f"job:{PREFIX}event_to_view_seconds:mean5m"
REFUSED_SHARE: Final = f"job:{PREFIX}events_refused:ratio_rate15m"


class Recording(msgspec.Struct, frozen=True):
    """A recording rule."""

    record: str
    expr: str


def service_level(window: str) -> str:
    """Name of what is recorded: the configured service level of each queue."""
    return f"job_channel_queue:contact_service_level:ratio{window}"


def judged(window: str) -> str:
    """How many visits it is a share of."""
    return f"job_channel_queue:contact_service_level_judged:sum{window}"


def burn(window: str) -> str:
    """Share of misses / share that the queue's goal allows: 1 just keeps the goal."""
    return f"job_channel_queue:contact_service_level:burn_rate{window}"


def lost(window: str) -> str:
    """Abandons that the configured abandon rate counts."""
    return f"job_channel_queue:contact_abandon_rate_lost:sum{window}"


def of_queues(config: Config) -> Iterator[Recording]:
    """What is known of queues."""
    job = of_job(config)
    for window in WINDOWS:
        yield Recording(service_level(window), promql.over("service_level", window, job, promql.none_of()))
        for queues, variant in promql.by_value(config, lambda queue: queue.service_level):
            below = promql.denominator(f"service_level_{variant}", window, job, queues)
            yield Recording(judged(window), below)
        for queues, goal in promql.by_value(config, lambda queue: queue.service_level_goal):
            missed = f"(1 - {promql.selected(service_level(window), job, queues)})"
            yield Recording(burn(window), f"{missed} / {allowed(goal)}")
    for queues, variant in promql.by_value(config, lambda queue: queue.abandon_rate):
        yield Recording(lost(SHORT), promql.numerator(f"abandon_rate_{variant}", SHORT, job, queues))
    yield Recording(BACKLOG, promql.live("backlog", job, promql.none_of()))


def of_pipeline(config: Config) -> Iterator[Recording]:
    """What is known of the workers together."""
    job = of_job(config)
    total, number = (_rate(f"{PREFIX}event_to_view_seconds_{part}", "5m", job) for part in ("sum", "count"))
    yield Recording(DELAY, f"{total}\n/ {number}")
    refused, all_of_them = (_rate(f"{PREFIX}events_total", "15m", job, *only) for only in ((REFUSED,), ()))
    yield Recording(REFUSED_SHARE, f"{refused}\n/ {all_of_them}")


def of_job(config: Config) -> str:
    """Matcher: scraped from the workers of this configuration."""
    return f"job={promql.quoted(config.alerts.job)}"


def allowed(goal: float | None) -> float:
    """Share of visits that may miss their target."""
    return round(1 - (goal or 0), 9)


def _rate(name: str, window: str, *matchers: str) -> str:
    return f"sum by (job) (rate({promql.selected(name, *matchers)}[{window}]))"
