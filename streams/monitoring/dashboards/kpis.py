"""Panels of KPIs, with unit, words and thresholds from the catalogue and the configuration."""

from collections.abc import Sequence

from streams.config import Config
from streams.metrics.catalogue import BY_ID
from streams.monitoring.dashboards import asked
from streams.monitoring.dashboards.numbers import PLAIN, about, steps, unit
from streams.monitoring.dashboards.panels import Column, Kind, Query, Shown


def value(kpi_id: str, *of: str, by: str = asked.LINE) -> str:
    """The KPI now, or over the chosen window."""
    return asked.now(kpi_id, *of, by=by) if BY_ID[kpi_id].live else asked.over(kpi_id, *of, by=by)


def stat(config: Config, title: str, kpi_id: str, of: Sequence[str], *, legend: str = "", width: int = 4) -> Shown:
    """One large number, or one of each channel."""
    return Shown(
        kind="stat",
        title=title,
        about=about(kpi_id),
        queries=(Query(value(kpi_id, *of, by="channel" if legend else "job"), legend),),
        unit=unit(kpi_id),
        steps=steps(config, kpi_id),
        width=width,
    )


def by_queue(config: Config, title: str, kpi_id: str, of: Sequence[str], *, width: int = 12) -> Shown:
    """A line for each queue."""
    return Shown(
        kind="lines",
        title=title,
        about=about(kpi_id),
        queries=(Query(value(kpi_id, *of), "{{channel}} {{queue}}"),),
        unit=unit(kpi_id),
        steps=steps(config, kpi_id),
        width=width,
        most=1 if BY_ID[kpi_id].unit == "ratio" else None,
    )


def together(
    title: str, kpi_ids: dict[str, str], of: Sequence[str], *, kind: Kind = "lines", width: int = 12, note: str = ""
) -> Shown:
    """Several KPIs of one unit, `kpi_ids`: name in the legend → id.

    Of several channels counts are added up; anything else cannot be, and is shown by channel.
    """
    first = next(iter(kpi_ids.values()))
    return Shown(
        kind=kind,
        title=title,
        about="\n\n".join(filter(None, [note, about(*kpi_ids.values())])),
        queries=tuple(_together(name, kpi_id, of) for name, kpi_id in kpi_ids.items()),
        unit=unit(first),
        width=width,
    )


def _together(name: str, kpi_id: str, of: Sequence[str]) -> Query:
    if asked.ONE_CHANNEL.intersection(of):
        return Query(value(kpi_id, *of, by="job"), name)
    by_channel = value(kpi_id, *of, by="job, channel")
    adds_up = BY_ID[kpi_id].unit == "count"
    return Query(f"sum by (job) ({by_channel})", name) if adds_up else Query(by_channel, f"{{{{channel}}}} {name}")


def often(
    title: str, kpi_ids: dict[str, str], of: Sequence[str], *, by: str = "job", width: int = 12, kind: Kind = "lines"
) -> Shown:
    """How often each happens in a minute, by the counters of queues."""
    legend = "{{queue}} " if by != "job" else ""
    return Shown(
        kind=kind,
        title=title,
        about="Per minute, counted since the last scrapes.\n\n" + about(*kpi_ids.values()),
        queries=tuple(
            Query(asked.per_minute(kpi_id, *of, by=by), f"{legend}{name}".strip()) for name, kpi_id in kpi_ids.items()
        ),
        unit="short",
        steps=PLAIN,
        width=width,
    )


def column(config: Config, title: str, kpi_id: str, of: Sequence[str]) -> Column:
    """A column of a table of queues."""
    return Column(title, value(kpi_id, *of), unit(kpi_id), steps(config, kpi_id))
