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

WHOLE_LOG: Final = "all"

_UNITS: Final = {kpi.id: kpi.unit for kpi in CATALOGUE}
_NOTHING: Final = "–"


def tables(snapshot: Snapshot) -> Iterator[Table]:
    """One table per channel: queues, each with the windows in which something happened."""
    at = datetime.fromtimestamp(snapshot.at / 1000, UTC)
    by_channel = sorted(snapshot.views, key=lambda view: (view.channel, view.queue))
    for channel, views in groupby(by_channel, key=lambda view: view.channel):
        yield _table(f"{channel}  {at:%Y-%m-%d %H:%M:%S} UTC", list(views))


def _table(title: str, views: Sequence[QueueView]) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )
    table.add_column("queue", no_wrap=True)
    _add_numbers(table, LIVE_COLUMNS.values())
    table.add_column("window", no_wrap=True)
    _add_numbers(table, WINDOW_COLUMNS.values())
    for view in views:
        for row in _rows(view):
            table.add_row(*row)
        table.add_section()
    return table


def _add_numbers(table: Table, headings: Iterable[str]) -> None:
    for heading in headings:
        table.add_column(heading, justify="right", min_width=max(map(len, heading.split())))


def _rows(view: QueueView) -> Iterator[list[str]]:
    """The whole log beside what is live, then every window in which something happened."""
    first = [view.queue, *_cells(view.live, LIVE_COLUMNS)]
    windows = {WHOLE_LOG: view.windows.get(WHOLE_LOG, {}), **view.windows}
    for name, kpis in windows.items():
        if name == WHOLE_LOG or any(kpis.get(count) for count in ("offered", "answered", "abandoned")):
            yield [*first, name, *_cells(kpis, WINDOW_COLUMNS)]
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
    return f"{value:.2f}" if unit == "score" else f"{value:,}"
