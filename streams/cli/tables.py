"""A replay's views as tables for people."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

from rich import box
from rich.table import Table

from streams.metrics.catalogue import CATALOGUE
from streams.metrics.view import Number, QueueView
from streams.sources.replay import Snapshot

LIVE_COLUMNS: Final = {"waiting": "waiting", "longest_wait": "longest wait"}
WINDOW_COLUMNS: Final = {
    "offered": "offered",
    "answered": "answered",
    "abandoned": "abandoned",
    "service_level": "service level",
    "abandon_rate": "abandon rate",
    "asa": "ASA",
    "wait_p90": "wait p90",
    "aht": "AHT",
}
"""KPI id → heading."""
BUSINESS_COLUMNS: Final = {
    "orders": "orders",
    "revenue": "revenue (minor units)",
    "average_order_value": "average order (minor units)",
    "customers_ordering": "customers",
    "repeat_purchase_rate": "repeated",
    "conversion_rate": "conversion",
    "churn_rate": "churn",
    "returns": "returns",
    "negative_share": "negative",
    "complaints": "complaints",
}
"""The same of business events."""

WHOLE_LOG: Final = "all"

_UNITS: Final = {kpi.id: kpi.unit for kpi in CATALOGUE}
_NOTHING: Final = "–"

Columns = Mapping[str, str]
"""KPI id → heading."""


def tables(snapshot: Snapshot) -> Iterator[Table]:
    """One table per channel: queues, each with the windows in which something happened."""
    at = datetime.fromtimestamp(snapshot.at / 1000, UTC)
    by_channel = sorted(snapshot.views, key=lambda view: (view.channel, view.queue))
    for channel, views in groupby(by_channel, key=lambda view: view.channel):
        columns = ({}, BUSINESS_COLUMNS) if channel == "business" else (LIVE_COLUMNS, WINDOW_COLUMNS)
        yield _table(f"{channel}  {at:%Y-%m-%d %H:%M:%S} UTC", list(views), *columns)


def _table(title: str, views: Sequence[QueueView], live: Columns, window: Columns) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )
    table.add_column("queue", no_wrap=True)
    _add_numbers(table, live.values())
    table.add_column("window", no_wrap=True)
    _add_numbers(table, window.values())
    for view in views:
        for row in _rows(view, live, window):
            table.add_row(*row)
        table.add_section()
    return table


def _add_numbers(table: Table, headings: Iterable[str]) -> None:
    for heading in headings:
        table.add_column(heading, justify="right", min_width=max(map(len, heading.split())))


def _rows(view: QueueView, live: Columns, window: Columns) -> Iterator[list[str]]:
    """The whole log beside what is live, then every window in which something happened."""
    first = [view.queue, *_cells(view.live, live)]
    windows = {WHOLE_LOG: view.windows.get(WHOLE_LOG, {}), **view.windows}
    for name, kpis in windows.items():
        if name == WHOLE_LOG or any(kpis.get(kpi) for kpi in window if _UNITS[kpi] == "count"):
            yield [*first, name, *_cells(kpis, window)]
            first = [""] * len(first)


def _cells(kpis: Mapping[str, Number | None], columns: Mapping[str, str]) -> list[str]:
    return [shown(kpis.get(kpi), _UNITS[kpi]) for kpi in columns]


def shown(value: Number | None, unit: str) -> str:
    """A value for people: 81.9 %, 2:05, 1,511; a dash where there is none."""
    if value is None:
        return _NOTHING
    if unit == "ratio":
        return f"{value:.1%}".replace("%", " %")
    if unit == "s":
        minutes, seconds = divmod(round(value), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
    if unit == "minor":
        return f"{value:,.0f}"
    return f"{value:.2f}" if unit == "score" else f"{value:,}"
