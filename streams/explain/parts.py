"""A formula taken apart: its numerator and denominator as numbers, the primitives it is made of, and how it reads."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from streams.explain.rules import histogram_name, level_name, name_of, row_name
from streams.facts.bins import counts
from streams.facts.levels import Level
from streams.facts.primitives import Bag
from streams.metrics.formulas import (
    Age,
    Count,
    DueCount,
    LiveCount,
    Mean,
    NextDue,
    Quantile,
    Ratio,
    Terms,
    TimeAt,
    TimeShare,
    total,
)
from streams.windows.dimension import Live


class Seen(NamedTuple):
    """What a window holds of a queue, or of one thing in it."""

    bag: Bag
    live: Live
    spent_ms: Callable[[Level], int]


class Parts(NamedTuple):
    """What a formula divides. None: it has no such part."""

    numerator: int | None
    denominator: int | None = None


def parts_of(formula: Any, seen: Seen) -> Parts:
    """The formula's parts; those of the things in a queue add up to the queue's. Durations in ms."""
    part = _PARTS.get(type(formula))
    return Parts(None) if part is None else part(formula, seen)


def text_of(formula: Any) -> str:
    """The formula over primitives and rows, as it reads."""
    text = _TEXTS.get(type(formula))
    return f"from {', '.join(map(name_of, primitives_of(formula)))}" if text is None else text(formula)


def primitives_of(formula: Any) -> list[int]:
    """The primitives that the formula names, in its order."""
    found: list[int] = []
    for value in msgspec.structs.astuple(formula):
        if isinstance(value, Mapping):
            found += value
        elif isinstance(value, Level):
            found += (value.steps, value.moments_ms)
        elif isinstance(value, msgspec.Struct):
            found += primitives_of(value)
    return list(dict.fromkeys(found))


def rows_of(formula: Any) -> frozenset[int]:
    """Kinds of the rows that the formula counts, or the time of which it adds up."""
    if isinstance(formula, Ratio):
        return frozenset() if formula.live_misses is None else frozenset({formula.live_misses})
    if isinstance(formula, TimeAt):
        return frozenset(formula.level.kinds)
    if isinstance(formula, TimeShare):
        return frozenset((*formula.part.kinds, *formula.rest.kinds))
    if isinstance(formula, LiveCount):
        return frozenset({formula.kind, *formula.more_kinds})
    return frozenset({formula.kind}) if isinstance(formula, DueCount | NextDue | Age) else frozenset()


# --- the parts ---


def _ratio(formula: Ratio, seen: Seen) -> Parts:
    below = total(formula.denominator, seen.bag)
    if formula.live_misses is not None:
        below += seen.live.count(formula.live_misses, over_target=True)
    return Parts(total(formula.numerator, seen.bag), below)


def _time_share(formula: TimeShare, seen: Seen) -> Parts:
    part = seen.spent_ms(formula.part)
    return Parts(part, part + seen.spent_ms(formula.rest))


def _quantile(formula: Quantile, seen: Seen) -> Parts:
    return Parts(None, sum(n for _, n in counts(seen.bag, formula.histogram)))


_PARTS: Final[Mapping[type, Callable[[Any, Seen], Parts]]] = {
    Count: lambda formula, seen: Parts(total(formula.terms, seen.bag)),
    Ratio: _ratio,
    Mean: lambda formula, seen: Parts(total(formula.sum_ms, seen.bag), total(formula.count, seen.bag)),
    Quantile: _quantile,
    LiveCount: lambda formula, seen: Parts(formula.value({}, seen.live)),
    DueCount: lambda formula, seen: Parts(formula.value({}, seen.live)),
    TimeAt: lambda formula, seen: Parts(seen.spent_ms(formula.level)),
    TimeShare: _time_share,
}
"""Formula → its parts; one that is not here has none that add up (the oldest, the next)."""


UNITS: Final[Mapping[type, tuple[str, str]]] = {Mean: ("ms", "count"), TimeAt: ("ms", "ms"), TimeShare: ("ms", "ms")}
"""Formula → units of its parts, where they are not counts."""


# --- how it reads ---


def _sum(terms: Terms) -> str:
    text = ""
    for primitive, factor in terms.items():
        sign = (" − " if factor < 0 else " + ") if text else ("−" if factor < 0 else "")
        text += f"{sign}{'' if abs(factor) == 1 else f'{abs(factor)} × '}{name_of(primitive)}"
    return text


def _bracketed(text: str) -> str:
    return f"({text})" if " + " in text or " − " in text else text


def _quotient(above: str, below: str) -> str:
    return f"{_bracketed(above)} / {_bracketed(below)}"


def _ratio_text(formula: Ratio) -> str:
    below = _sum(formula.denominator)
    if formula.live_misses is not None:
        below += f" + {row_name(formula.live_misses)} over target"
    return _quotient(_sum(formula.numerator), below)


def _live_text(formula: LiveCount) -> str:
    kinds = " + ".join(map(row_name, (formula.kind, *formula.more_kinds)))
    return f"{kinds} over target" if formula.over_target else kinds


_TEXTS: Final[Mapping[type, Callable[[Any], str]]] = {
    Count: lambda formula: _sum(formula.terms),
    Ratio: _ratio_text,
    Mean: lambda formula: _quotient(_sum(formula.sum_ms), _sum(formula.count)),
    Quantile: lambda formula: f"nearest rank {formula.q:.0%} of {histogram_name(formula.histogram)}",
    LiveCount: _live_text,
    DueCount: lambda formula: f"{row_name(formula.kind)} {'due soon' if formula.soon else 'past due'}",
    NextDue: lambda formula: f"earliest due time of {row_name(formula.kind)} − now",
    Age: lambda formula: (
        f"now − earliest {'start of contact' if formula.of_contact else 'begin'} of {row_name(formula.kind)}"
    ),
    TimeAt: lambda formula: f"time {level_name(formula.level)}",
    TimeShare: lambda formula: _quotient(
        f"time {level_name(formula.part)}", f"time {level_name(formula.part)} + time {level_name(formula.rest)}"
    ),
}
