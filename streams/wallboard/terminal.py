"""The board in a terminal: the same views, judged in the same way, as lines of text."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final, Literal, NamedTuple

import msgspec
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from streams.facts.wire import NO_QUEUE, WHOLE_CHANNEL, is_agent
from streams.metrics.catalogue import BY_ID
from streams.metrics.view import Number
from streams.wallboard.board import Message, Tile
from streams.wallboard.judging import OF_VISITS, Judgement, Threshold, is_few, judge, judge_queue
from streams.wallboard.presentation import HEAD, MORE, Presentation, Sort, label

OLD_MS: Final = 10_000
NOTHING: Final = "–"

Order = Literal["breach", "name", "waiting"]
Status = Literal["bad", "warn", "good", "none", "closed", "catching", "stale"]

_RANK: Final[Mapping[str, int]] = {"bad": 3, "warn": 2, "good": 1, "none": 0, "catching": 0, "stale": 0, "closed": -1}
_STYLES: Final[Mapping[str, str]] = {
    "bad": "bold white on red", "warn": "black on yellow", "good": "green", "none": "dim", "closed": "dim",
    "catching": "dim", "stale": "dim",
}  # fmt: skip
_WORDS: Final[Mapping[str, str]] = {
    "bad": "⬣ breach", "warn": "▲ watch", "good": "✓ on target", "none": "· quiet", "closed": "☾ closed",
}  # fmt: skip
_SIGNS: Final[Mapping[Judgement, str]] = {"bad": " ⬣", "warn": " ▲", "good": "", "none": ""}
_MARKED: Final[Mapping[Judgement, str]] = {"bad": "bold red", "warn": "yellow", "good": "", "none": ""}
_LABELS: Final = {
    "sla_breached_open": "Overdue", "sla_due_soon": "Due soon", "sla_compliance": "Targets met",
    "first_response_p90": "First resp. p90", "first_response_pending": "Unanswered", "agents_available": "Free",
}  # fmt: skip


class Line(msgspec.Struct, frozen=True):
    """One queue as it is printed, and as `--json` says it."""

    channel: str
    queue: str
    sort: Sort
    status: Status
    as_of_ms: int
    age_ms: int
    values: Mapping[str, Number | None]
    """KPI id → value, of now or of the window chosen."""
    few: bool
    """So few visits that their shares say nothing."""


class Choice(NamedTuple):
    """What is to be seen."""

    window: str
    channels: Sequence[str] = ()
    """Only these; none: all."""
    queues: str = ""
    """Parts of names, separated by commas; `*` stands for anything."""
    order: Order = "breach"


def lines(message: Message, presentation: Presentation, choice: Choice) -> list[Line]:
    """The queues to be seen, in their order: whole channels before their queues."""
    agents = {tile.queue: _values(tile) for tile in message.tiles if tile.channel == "agents"}
    found = [
        _line(tile, agents, presentation, choice.window, message.now_ms)
        for tile in message.tiles
        if _is_wanted(tile, choice)
    ]
    return sorted(found, key=lambda line: _place(line, choice.order))


def _is_wanted(tile: Tile, choice: Choice) -> bool:
    if tile.channel == "agents" or tile.queue == NO_QUEUE or is_agent(tile.queue):
        return False
    if choice.channels and tile.channel not in choice.channels:
        return False
    parts = [part.strip().lower() for part in choice.queues.split(",") if part.strip()]
    name = tile.queue.lower()
    return not parts or any(fnmatchcase(name, part if "*" in part else f"*{part}*") for part in parts)


def _line(
    tile: Tile, agents: Mapping[str, Mapping[str, Number]], presentation: Presentation, window: str, now_ms: int
) -> Line:
    sort: Sort = "tickets" if tile.channel in presentation.ticket_channels else "contacts"
    of_agents = agents.get(tile.queue, {}) if sort == "contacts" and tile.queue != WHOLE_CHANNEL else {}
    values = {**of_agents, **_values(tile)}
    shown = {kpi: values.get(kpi if BY_ID[kpi].live else f"{kpi}:{window}") for kpi in (*HEAD[sort], *MORE[sort])}
    if of_agents:
        shown["agents_staffed"] = values.get("agents_staffed")
    age_ms = max(0, now_ms - tile.as_of_ms)
    status = _status(tile, values, age_ms, presentation, window)
    few = is_few(values, window)
    return Line(tile.channel, tile.queue, sort, status, tile.as_of_ms, age_ms, shown, few)


def _values(tile: Tile) -> Mapping[str, Number]:
    return {} if tile.values is msgspec.UNSET else tile.values


def _status(tile: Tile, values: Mapping[str, Number], age_ms: int, presentation: Presentation, window: str) -> Status:
    if age_ms > OLD_MS:
        return "catching" if tile.here and tile.state == "catching_up" else "stale"
    if tile.opens_ms is not None and not values.get("waiting"):
        return "closed"
    of_queue = presentation.queues.get(tile.queue, presentation.defaults)
    return judge_queue(values, of_queue.thresholds, window, values.get("agents_staffed"))


def _place(line: Line, order: Order) -> tuple[object, ...]:
    name = (line.sort != "contacts", line.channel != "voice", line.channel, line.queue)
    whole = line.queue != WHOLE_CHANNEL
    if order == "breach":
        return (whole, -_RANK[line.status], *name)
    if order == "waiting":
        return (whole, -(line.values.get("waiting") or line.values.get("backlog") or 0), *name)
    return (whole, *name)


def render(found: Sequence[Line], message: Message, presentation: Presentation, window: str) -> RenderableType:
    """A table for calls and chats, one for tickets, and a line about how old all of it is."""
    tables: list[RenderableType] = [_about(found, message, window)]
    for sort in ("contacts", "tickets"):
        mine = [line for line in found if line.sort == sort]
        if mine:
            tables.append(_table(mine, sort, presentation))
    return Group(*tables)


def _about(found: Sequence[Line], message: Message, window: str) -> Text:
    if not message.link.connected:
        return Text("not live: Redis does not answer, trying again …", style="bold white on red")
    if not found:
        return Text("no queue has reported yet, or none matches", style="dim")
    counts = {status: sum(line.status == status for line in found) for status in ("bad", "warn")}
    youngest = min(line.age_ms for line in found)
    text = Text(f"last {window}" if window[:1].isdigit() else window, style="bold")
    text.append(f"   data {_age(youngest)} old", style="" if youngest <= OLD_MS else "bold white on red")
    text.append(f"   ⬣ {counts['bad']}  ▲ {counts['warn']}")
    return text


def _table(found: Iterable[Line], sort: Sort, presentation: Presentation) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False)
    table.add_column("Channel")
    table.add_column("Queue", overflow="ellipsis", max_width=28)
    table.add_column("Status", no_wrap=True)
    ids = (*HEAD[sort], *MORE[sort])
    for kpi in ids:
        table.add_column(_LABELS.get(kpi, label(kpi)), justify="right")
    for line in found:
        thresholds = presentation.queues.get(line.queue, presentation.defaults).thresholds
        cells = [_cell(kpi, line, thresholds, few=line.few) for kpi in ids]
        style = "dim" if line.status in ("stale", "catching") else None
        name = "all queues" if line.queue == WHOLE_CHANNEL else line.queue
        table.add_row(line.channel, Text(name), _status_text(line), *cells, style=style)
    return table


def _status_text(line: Line) -> Text:
    said = {"catching": f"◷ catching up −{_age(line.age_ms)}", "stale": f"◷ data {_age(line.age_ms)} old"}
    return Text(said.get(line.status) or _WORDS[line.status], style=_STYLES[line.status])


def _cell(kpi_id: str, line: Line, thresholds: Mapping[str, Threshold], *, few: bool) -> Text:
    kpi, value = BY_ID[kpi_id], line.values.get(kpi_id)
    unsaid = few and kpi_id in OF_VISITS
    judgement: Judgement = "none" if unsaid else judge(value, kpi_id, thresholds.get(kpi_id))
    text = _text(value, kpi.unit)
    if kpi_id == "agents_available" and line.values.get("agents_staffed") is not None:
        text += f"/{line.values['agents_staffed']}"
    return Text(text + _SIGNS[judgement], style=_MARKED[judgement])


def _text(value: Number | None, unit: str) -> str:
    if value is None:
        return NOTHING
    if unit == "ratio":
        return f"{int(value * 1_000 + 1e-9) / 10:.1f} %"
    if unit == "s":
        hours, minutes, seconds = int(value) // 3_600, int(value) // 60 % 60, int(value) % 60
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
    return f"{value:,.0f}"


def _age(ms: int) -> str:
    seconds = ms // 1_000
    if seconds < 100:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 6_000 else f"{seconds // 3_600} h"
