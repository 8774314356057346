"""A replay's views as tables for people."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Final, NamedTuple

from rich import box
from rich.table import Table

from streams.metrics.catalogue import CATALOGUE
from streams.metrics.view import Number, QueueView
from streams.sources.replay import Snapshot

Columns = Mapping[str, str]
"""KPI id → heading."""


class Layout(NamedTuple):
    """What is shown of a kind of channel: of the instant, and of each window."""

    live: Columns
    window: Columns


CONTACTS: Final = Layout(
    {"waiting": "waiting", "longest_wait": "longest wait"},
    {
        "offered": "offered",
        "answered": "answered",
        "abandoned": "abandoned",
        "service_level": "service level",
        "abandon_rate": "abandon rate",
        "asa": "ASA",
        "wait_p90": "wait p90",
        "aht": "AHT",
    },
)
TICKETS: Final = Layout(
    {"backlog": "backlog", "sla_breached_open": "overdue", "sla_next_due": "next due"},
    {
        "created": "created",
        "solved": "solved",
        "reopened": "reopened",
        "first_response_avg": "first response",
        "resolution_full_avg": "resolution",
        "sla_ended": "targets ended",
        "sla_compliance": "SLA kept",
        "csat": "CSAT",
    },
)
AGENTS: Final = Layout(
    {
        "agents_staffed": "staffed",
        "agents_available": "available",
        "agents_on_contact": "on contact",
        "agents_wrapup": "wrap-up",
        "agents_break": "break",
    },
    {"occupancy": "occupancy", "agents_busy_s": "busy", "agents_available_s": "available for"},
)
BUSINESS: Final = Layout(
    {},
    {
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
    },
)
LAYOUTS: Final = (CONTACTS, TICKETS, AGENTS, BUSINESS)
"""A channel is shown by the first whose numbers it has."""

WHOLE_LOG: Final = "all"

_UNITS: Final = {kpi.id: kpi.unit for kpi in CATALOGUE}
_NOTHING: Final = "–"


def tables(snapshot: Snapshot) -> Iterator[Table]:
    """One table per channel: queues, each with the windows in which something happened."""
    at = datetime.fromtimestamp(snapshot.at / 1000, UTC)
    by_channel = sorted(snapshot.views, key=lambda view: (view.channel, view.queue))
    for channel, views in groupby(by_channel, key=lambda view: view.channel):
        of_channel = list(views)
        yield _table(f"{channel}  {at:%Y-%m-%d %H:%M:%S} UTC", of_channel, _layout(of_channel[0]))


def _layout(view: QueueView) -> Layout:
    known = set[str]().union(*view.windows.values())
    return next((layout for layout in LAYOUTS if layout.window.keys() <= known), CONTACTS)


def _table(title: str, views: Sequence[QueueView], layout: Layout) -> Table:
    live, window = layout
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
        if name == WHOLE_LOG or _happened(kpis, window):
            yield [*first, name, *_cells(kpis, window)]
            first = [""] * len(first)


def _happened(kpis: Mapping[str, Number | None], window: Columns) -> bool:
    """Whether something was counted, or where nothing is, measured."""
    counts = [kpi for kpi in window if _UNITS[kpi] == "count"]
    return any(kpis.get(kpi) for kpi in counts or window)


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
