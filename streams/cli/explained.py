"""A number taken apart, for people."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from rich import box
from rich.table import Table
from rich.text import Text

from streams.cli.tables import shown
from streams.explain.explainer import Explanation, Line
from streams.explain.rules import seconds

_NOTHING: Final = "–"


def heading(explanation: Explanation) -> Iterator[str]:
    """The number, when, and how it came about."""
    of, value = explanation, shown(explanation.value, explanation.unit)
    begin = "the beginning" if of.begin_ms is None else _instant(of.begin_ms)
    yield f"{of.kpi} of {of.channel} {of.queue}, window {of.window}, at {_instant(of.at_ms)} UTC: {value}"
    yield f"  from {begin} to {_instant(of.end_ms)}"
    yield f"  {of.definition}" if of.shown_as == of.kpi else f"  {of.shown_as}: {of.definition}"
    yield f"  {of.formula}{_parts(of)}"


def table(explanation: Explanation, limit: int) -> Table:
    """One row per line, at most so many."""
    columns = Table(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    for title in ("time, UTC", "contact", "visit", "queue"):
        columns.add_column(title, no_wrap=title == "time, UTC", overflow="fold")
    columns.add_column("what it adds, and why", ratio=1, overflow="fold")
    for line in explanation.lines[:limit]:
        columns.add_row(*map(Text, _row(line)), style="" if line.counted else "dim")
    return columns


def _row(line: Line) -> tuple[str, ...]:
    visit = _NOTHING if line.visit is None else str(line.visit)
    return _instant(line.at_ms), line.contact or _NOTHING, visit, line.queue, line.text


def _parts(of: Explanation) -> str:
    """` = 3 / 4`, durations in seconds."""
    if of.rank is not None:
        return f": the value of rank {of.rank} of {of.denominator}"
    if of.numerator is None:
        return ""
    above = _part(of.numerator, of.numerator_unit)
    return f" = {above}" if of.denominator is None else f" = {above} / {_part(of.denominator, of.denominator_unit)}"


def _part(n: int, unit: str) -> str:
    return seconds(n) if unit == "ms" else f"{n:,}"


def _instant(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3]
