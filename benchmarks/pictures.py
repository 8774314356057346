"""Small pictures for RESULTS.md: SVG by hand, readable on light and dark pages, no library."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final, NamedTuple

WIDTH: Final = 860
LABEL: Final = 330
ROW: Final = 24
OURS: Final = "#0b7a75"
OTHERS: Final = "#7a869a"
TEXT: Final = "#57606a"


class Bar(NamedTuple):
    """A row of a chart."""

    label: str
    value: float
    """Positive."""
    ours: bool = False


def bars(bars_: Sequence[Bar], title: str, file: Path) -> None:
    """Horizontal bars on a logarithmic scale: what differs by a factor of a thousand shows in one picture."""
    least = 10 ** math.floor(math.log10(min(bar.value for bar in bars_)))
    most = max(bar.value for bar in bars_)
    room = WIDTH - LABEL - 90
    parts = [_text(0, 16, title, bold=True)]
    for number, bar in enumerate(bars_):
        top = 30 + number * ROW
        length = room * math.log10(bar.value / least) / math.log10(most / least) if most > least else room
        parts.append(_text(LABEL - 8, top + 14, bar.label, anchor="end", bold=bar.ours))
        parts.append(_rectangle(LABEL, top + 2, length, ROW - 7, OURS if bar.ours else OTHERS))
        parts.append(_text(LABEL + length + 6, top + 14, f"{bar.value:,.0f}", bold=bar.ours))
    height = 40 + len(bars_) * ROW
    parts.append(_text(LABEL, height, f"logarithmic, from {least:,.0f}"))
    _write(file, height + 8, parts)


def histogram(counts: Mapping[float, int], width: float, marks: Mapping[str, float], title: str, file: Path) -> None:
    """Counts by bins (lower edge → count, each `width` wide), with vertical marks (name → where)."""
    left, floor, height = 40, 200, 150
    last = max(*counts, *marks.values()) + width
    scale, most = (WIDTH - left - 20) / last, max(counts.values())
    parts = [_text(0, 16, title, bold=True)]
    for edge, count in counts.items():
        tall = height * count / most
        parts.append(_rectangle(left + edge * scale, floor - tall, max(1.0, width * scale - 1), tall, OURS))
    for number, (name, at) in enumerate(marks.items()):
        x, y = left + at * scale, 40 + 14 * (number % 3)
        parts.append(f'<path d="M{x:.1f},{y + 3}V{floor}" stroke="#b3261e" stroke-dasharray="3 2"/>')
        parts.append(_text(x + 4, y, f"{name} {at:,.0f} ms"))
    step = _step(last)
    labels = range(0, int(last) + 1, step)
    parts += [_text(left + at * scale, floor + 16, f"{at}", anchor="middle") for at in labels]
    parts.append(_text(WIDTH - 20, floor + 32, "milliseconds", anchor="end"))
    _write(file, floor + 40, parts)


def _step(last: float) -> int:
    """Distance of the labels: about ten of them, at round numbers."""
    rough = last / 10
    size = 10 ** math.floor(math.log10(rough))
    return max(1, next(int(size * factor) for factor in (1, 2, 5, 10) if size * factor >= rough))


def _text(x: float, y: float, text: str, *, anchor: str = "start", bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{weight}>{escape(text)}</text>'


def _rectangle(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'


def _write(file: Path, height: float, parts: Sequence[str]) -> None:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" font-family="sans-serif"'
    file.write_text("\n".join([f'{head} font-size="12" fill="{TEXT}">', *parts, "</svg>", ""]), encoding="utf-8")
