"""Alerts on the way of the numbers: when one of them fires, the numbers are missing, old or incomplete."""

from collections.abc import Iterator
from typing import Final

from streams.config import Config
from streams.config.quantities import format_duration
from streams.monitoring import recording
from streams.monitoring.alerts import COUNT, SECONDS, SHARE, Alert, percent
from streams.monitoring.promql import selected
from streams.monitoring.recording import REFUSED, of_job
from streams.sinks.pipeline_metrics import AS_OF_AGE, LIVE, PREFIX

NO_DATA: Final = "ContactStreamsNoData"
NUMBERS_ARE_WRONG: Final = (NO_DATA, "ContactStreamsCatchingUp", "ContactStreamsNoEvents", "ContactStreamsDelayed")
"""While one of these fires, no alert on a queue can be relied on."""


def alerts(config: Config) -> Iterator[Alert]:
    """In the order of the docs."""
    yield _no_data(config)
    yield _catching_up(config)
    yield _no_events(config)
    yield _delayed(config)
    yield _source_delayed(config)
    yield _rejecting(config)
    yield _sink_down(config)
    yield _checkpoint_old(config)


def _no_data(config: Config) -> Alert:
    return Alert(
        name=NO_DATA,
        scope="pipeline",
        severity="critical",
        expr=f"absent({selected(LIVE.name, of_job(config))})",
        for_s=30,
        summary="No numbers: no worker shows a queue",
        description=(
            "Prometheus gets no queue from any worker of {{ $labels.job }}: none runs, none can be reached, or none "
            "has got as far as to show something."
        ),
    )


def _catching_up(config: Config) -> Alert:
    age, behind = (selected(metric.name, of_job(config)) for metric in (AS_OF_AGE, LIVE))
    return Alert(
        name="ContactStreamsCatchingUp",
        scope="pipeline",
        severity="critical",
        expr=f"max by (job) (\n  {age}\n  and on (job, instance, channel, queue) {behind} == 0\n)",
        for_s=60,
        summary=f"The numbers are {SECONDS} old",
        description=(
            f"{{{{ with printf `count({LIVE.name}{{job=%q}} == 0)` $labels.job | query }}}}"
            f"{{{{ . | first | value }}}}{{{{ end }}}} lines of queues are not live, the oldest is {SECONDS} behind. "
            "Until they have caught up their live values and windows are absent, and their alerts are silent."
        ),
    )


def _no_events(config: Config) -> Alert:
    events = selected(f"{PREFIX}events_total", of_job(config))
    return Alert(
        name="ContactStreamsNoEvents",
        scope="pipeline",
        severity="warning",
        expr=f"sum by (job) (increase({events}[5m])) == 0\nand sum by (job) (increase({events}[1h])) > 0",
        for_s=60,
        summary="No event has come for 5 minutes",
        description=(
            "Nothing at all has come in the last 5 minutes, not even a heartbeat, and something had in the hour "
            "before: the sources are silent, or cut off. Whoever waited then seems to wait on."
        ),
    )


def _delayed(config: Config) -> Alert:
    limit_ms = config.alerts.delay
    return Alert(
        name="ContactStreamsDelayed",
        scope="pipeline",
        severity="warning",
        expr=f"{selected(recording.DELAY, of_job(config))} > {limit_ms / 1000:g}",
        for_s=120,
        summary=f"Events take {SECONDS} to the board",
        description=(
            f"From its append to the views an event took {SECONDS} on average in the last 5 minutes, the limit is "
            f"{format_duration(limit_ms)}."
        ),
    )


def _source_delayed(config: Config) -> Alert:
    """Beyond the lateness events are lost: told at half of it."""
    delay = selected(f"{PREFIX}source_delay_seconds", of_job(config))
    return Alert(
        name="ContactStreamsSourceDelayed",
        scope="pipeline",
        severity="warning",
        expr=f"max by (job, source) ({delay}) > {config.lateness / 2000:g}",
        for_s=120,
        summary=f"{{{{ $labels.source }}}} sends its events {SECONDS} late",
        description=(
            f"What {{{{ $labels.source }}}} says comes {SECONDS} after it has happened. From "
            f"{format_duration(config.lateness)} (`lateness`) on, events come too late to count as they should."
        ),
    )


def _rejecting(config: Config) -> Alert:
    limits = config.alerts
    refused = selected(f"{PREFIX}events_total", of_job(config), REFUSED)
    return Alert(
        name="ContactStreamsRejecting",
        scope="pipeline",
        severity="warning",
        expr=(
            f"{selected(recording.REFUSED_SHARE, of_job(config))} > {limits.rejected_share:g}\n"
            f"and sum by (job) (increase({refused}[15m])) >= {limits.min_rejected}"
        ),
        for_s=60,
        summary=f"{SHARE} of the records are refused",
        description=(
            f"{SHARE} of the records of the last 15 minutes were rejected, of an unknown type or too late; the limit "
            f"is {percent(limits.rejected_share)} with at least {limits.min_rejected}. They are in the dead letters."
        ),
    )


def _sink_down(config: Config) -> Alert:
    return Alert(
        name="ContactStreamsSinkDown",
        scope="pipeline",
        severity="critical",
        expr=f"count by (job, sink) ({selected(f'{PREFIX}sink_up', of_job(config))} == 0)",
        for_s=30,
        summary="The boards get no numbers: {{ $labels.sink }} is away",
        description=(
            f"Workers that cannot write to {{{{ $labels.sink }}}}: {COUNT}. What they own stands still on the boards."
        ),
    )


def _checkpoint_old(config: Config) -> Alert:
    flushed = selected(f"{PREFIX}last_flush_timestamp_seconds", of_job(config))
    limit_ms = config.alerts.checkpoint_age
    return Alert(
        name="ContactStreamsCheckpointOld",
        scope="pipeline",
        severity="warning",
        expr=f"max by (job, topic) (time() - max by (job, topic, partition) ({flushed})) > {limit_ms / 1000:g}",
        for_s=30,
        summary=f"{{{{ $labels.topic }}}}: nothing committed for {SECONDS}",
        description=(
            f"A partition of {{{{ $labels.topic }}}} has had no committed flush for {SECONDS}, the limit is "
            f"{format_duration(limit_ms)}: after a restart all of that is folded again."
        ),
    )
