"""Alerts on what customers feel, queue by queue. While its numbers are not live a queue has none, and no alert."""

from collections.abc import Iterator
from typing import Final

from streams.config import Config
from streams.config.quantities import format_duration
from streams.metrics.catalogue import BY_ID
from streams.monitoring import promql, recording
from streams.monitoring.alerts import COUNT, QUEUE, SECONDS, SHARE, Alert, Severity, percent, recorded
from streams.monitoring.recording import LONG, MIDDLE, SHORT, of_job

NOBODY_STAFFED: Final = "NobodyStaffed"
FOLLOW_FROM_IT: Final = ("AbandonBurst", "LongestWaitOverLimit", "ServiceLevelInDanger")
"""Where nobody is staffed, these say nothing new."""

KEEP_S: Final = 60

_PERCENT: Final = "humanizePercentage"
_WHOLE: Final = 'printf "%.0f"'


def alerts(config: Config) -> Iterator[Alert]:
    """In the order of the docs."""
    yield from _service_level(config)
    yield from _longest_wait(config)
    yield from _abandon_burst(config)
    yield _nobody_staffed(config)
    yield from _tickets(config)
    yield _backlog(config)


def _service_level(config: Config) -> Iterator[Alert]:
    """Burn rates over two windows: the long one says that it matters, the short one that it is still so."""
    limits = config.alerts
    steps: list[tuple[Severity, str, str, float, int]] = [
        ("critical", MIDDLE, SHORT, limits.fast_burn, 60),
        ("warning", LONG, MIDDLE, limits.slow_burn, 120),
    ]
    for severity, long, short, burn, for_s in steps:
        for queues, goal in promql.by_value(config, lambda queue: queue.service_level_goal or 0.0):
            yield _burning(config, severity, (long, short), for_s, queues, goal, reachable(burn, goal))


def reachable(burn: float, goal: float) -> float:
    """The burn rate to alert on: one that a queue has at the latest when it reaches half of its goal."""
    return round(min(burn, (1 - goal / 2) / recording.allowed(goal)), 3)


def _burning(
    config: Config, severity: Severity, windows: tuple[str, str], for_s: int, queues: str, goal: float, burn: float
) -> Alert:
    long, short = windows
    of_queues = of_job(config), queues
    return Alert(
        name="ServiceLevelInDanger",
        scope="business",
        severity=severity,
        expr=(
            f"{promql.selected(recording.burn(long), *of_queues)} > {burn:g}\n"
            f"and {promql.selected(recording.burn(short), *of_queues)} > {burn:g}\n"
            f"and {promql.selected(recording.judged(long), *of_queues)} >= {config.alerts.min_visits}"
        ),
        for_s=for_s,
        keep_s=KEEP_S,
        summary=f"{QUEUE}: service level {recorded(recording.service_level(long), _PERCENT)}, goal {percent(goal)}",
        description=(
            f"Of {recorded(recording.judged(long), _WHOLE)} visits in the last {long}, "
            f"{recorded(recording.service_level(long), _PERCENT)} were answered within the target; "
            f"in the last {short} {recorded(recording.service_level(short), _PERCENT)}. The goal is {percent(goal)}: "
            f'misses come {{{{ $value | printf "%.1f" }}}} times as fast as it allows, the limit is {burn:g}.'
        ),
    )


def _longest_wait(config: Config) -> Iterator[Alert]:
    for queues, limit in promql.by_value(config, lambda queue: queue.longest_wait_limit_s or 0.0):
        yield Alert(
            name="LongestWaitOverLimit",
            scope="business",
            severity="warning",
            expr=f"{promql.live('longest_wait', of_job(config), queues)} > {limit:g}",
            keep_s=KEEP_S,
            summary=f"{QUEUE}: somebody has been waiting for {SECONDS}",
            description=f"The longest wait is {SECONDS}, the limit {limit:g} s.",
        )


def _abandon_burst(config: Config) -> Iterator[Alert]:
    fewest = config.alerts.min_abandoned
    for queues, limit in promql.by_value(config, lambda queue: queue.abandon_rate_limit or 0.0):
        of_queues = of_job(config), queues
        yield Alert(
            name="AbandonBurst",
            scope="business",
            severity="warning",
            expr=(
                f"{promql.over('abandon_rate', SHORT, *of_queues)} > {limit:g}\n"
                f"and {promql.selected(recording.lost(SHORT), *of_queues)} >= {fewest}"
            ),
            for_s=30,
            keep_s=KEEP_S,
            summary=f"{QUEUE}: {SHARE} abandon",
            description=(
                f"{recorded(recording.lost(SHORT), _WHOLE)} customers gave up in the last {SHORT}, {SHARE} of the "
                f"visits that came to an end; the limit is {percent(limit)} with at least {fewest} of them."
            ),
        )


def _nobody_staffed(config: Config) -> Alert:
    queues = of_job(config), promql.none_of()
    return Alert(
        name=NOBODY_STAFFED,
        scope="business",
        severity="critical",
        expr=f"{promql.live('waiting', *queues)} > 0\nand {promql.over('staffed', SHORT, *queues)} == 0",
        for_s=60,
        keep_s=KEEP_S,
        summary=f"{QUEUE}: {COUNT} waiting, nobody staffed",
        description=f"{COUNT} customers wait, and no agent of the queue is logged in, not even on a break.",
    )


def _tickets(config: Config) -> Iterator[Alert]:
    queues = of_job(config), promql.none_of()
    soon = format_duration(config.sla_due_soon)
    yield Alert(
        name="TicketTargetsDueSoon",
        scope="business",
        severity="warning",
        expr=f"{promql.live('sla_due_soon', *queues)} >= {config.alerts.min_due_soon}",
        for_s=60,
        keep_s=KEEP_S,
        summary=f"{QUEUE}: {COUNT} ticket targets due within {soon}",
        description=f"{COUNT} targets of open tickets are due within {soon} and not fulfilled yet.",
    )
    breached = BY_ID["sla_breached_open"]
    severities: list[tuple[Severity, float]] = [("warning", breached.warn or 1), ("critical", breached.bad or 1)]
    for severity, limit in severities:
        yield Alert(
            name="TicketTargetsBreached",
            scope="business",
            severity=severity,
            expr=f"{promql.live('sla_breached_open', *queues)} >= {limit:g}",
            for_s=60,
            keep_s=KEEP_S,
            summary=f"{QUEUE}: {COUNT} ticket targets breached",
            description=f"{COUNT} targets of open tickets are past due and not fulfilled; told from {limit:g} on.",
        )


def _backlog(config: Config) -> Alert:
    limits = config.alerts
    now = promql.selected(recording.BACKLOG, of_job(config))
    grown = f"({now} - {now} offset 1h)"
    return Alert(
        name="BacklogGrowing",
        scope="business",
        severity="warning",
        expr=f"{grown} >= {limits.min_backlog_growth}\nand {grown} / {now} offset 1h > {limits.backlog_growth:g}",
        for_s=900,
        keep_s=KEEP_S,
        summary=f"{QUEUE}: the backlog grows",
        description=(
            f"{recorded(recording.BACKLOG, _WHOLE)} tickets are open, {COUNT} more than an hour ago; told from "
            f"{limits.min_backlog_growth} and {percent(limits.backlog_growth)} more on."
        ),
    )
