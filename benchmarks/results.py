"""What was measured, kept beside the programs: one JSON file per benchmark, which `report` makes RESULTS.md of."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.machine import describe

FOLDER: Final = Path(__file__).parent / "results"


def save(name: str, figures: Mapping[str, Any]) -> Path:
    """Write the figures of a benchmark, with when and on what they were taken. Returns the file."""
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"{name}.json"
    taken = {"at": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), "machine": describe(), **figures}
    file.write_text(json.dumps(taken, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return file


def load(name: str) -> dict[str, Any] | None:
    """The figures that were taken last, or None."""
    file = FOLDER / f"{name}.json"
    if not file.exists():
        return None
    figures: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return figures


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Median and range, for a table: `84,100 (81,900–86,000)`."""
    if not values:
        return "–"
    middle, least, most = (f"{value:,.{digits}f}" for value in (median(values), min(values), max(values)))
    return middle if len(values) == 1 else f"{middle} ({least}–{most})"
