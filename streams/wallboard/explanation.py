"""A number taken apart: what is divided by what, with the counts behind each side, as they stand in Redis."""

from collections.abc import Iterator, Mapping
from typing import Final, Literal

import msgspec

from streams.facts.primitives import H
from streams.metrics.catalogue import BY_ID, CATALOGUE
from streams.metrics.formulas import Count, Mean, Quantile, Ratio, Shown, Terms, TimeShare
from streams.metrics.kpi import Kpi
from streams.metrics.settings import Variant
from streams.metrics.view import Number, QueueView
from streams.wallboard.presentation import ShownKpi, label, shown_kpi

_COUNTED: Final = {
    next(iter(kpi.formula.terms)): kpi.id
    for kpi in reversed(CATALOGUE)
    if isinstance(kpi.formula, Count) and list(kpi.formula.terms.values()) == [1]
}
"""Primitive → the KPI that counts it."""
_SUMS: Final = {
    tuple(sorted(kpi.formula.terms.items())): kpi.id for kpi in reversed(CATALOGUE) if isinstance(kpi.formula, Count)
}
"""Terms → the KPI that is their sum."""
_QUANTILES_OF: Final = {H.WAIT_ANSWERED: "answered", H.FIRST_RESPONSE: "first_responses", H.REPLY: "replies"}


class Part(msgspec.Struct, frozen=True):
    """A count that goes into a side of a fraction."""

    kpi: str
    label: str
    factor: int
    """What it is multiplied by: −1 is taken away."""
    value: Number | None


class Side(msgspec.Struct, frozen=True):
    """Numerator or denominator."""

    unit: Literal["count", "s"]
    value: Number | None
    parts: list[Part]


class Explanation(msgspec.Struct, frozen=True):
    """Where a number comes from."""

    channel: str
    queue: str
    window: str | None
    """None: it is of this instant."""
    as_of_ms: int | None
    """None: nobody writes the queue any more, so there are no numbers here."""
    kpi: ShownKpi
    value: Number | None
    formula: str
    """In the words of the catalogue; of the variant that is shown."""
    variant: str | None
    """Id of the KPI whose formula is used, where the queue chooses one of several."""
    numerator: Side | None
    denominator: Side | None


def explain(view: QueueView | None, channel: str, queue: str, kpi: Kpi, window: str, variant: Variant) -> Explanation:
    """Take apart `kpi` (of `window` unless it is live) as the view has it."""
    shown = _formula_of(kpi, variant)
    values = _values(view, window)
    numerator, denominator = _sides(shown, values)
    return Explanation(
        channel=channel,
        queue=queue,
        window=None if kpi.live else window,
        as_of_ms=None if view is None else view.as_of_ms,
        kpi=shown_kpi(kpi),
        value=values.get(kpi.id),
        formula=shown.help,
        variant=None if shown is kpi else shown.id,
        numerator=numerator,
        denominator=denominator,
    )


def _formula_of(kpi: Kpi, variant: Variant) -> Kpi:
    return BY_ID[f"{kpi.id}_{kpi.formula.of(variant)}"] if isinstance(kpi.formula, Shown) else kpi


def _values(view: QueueView | None, window: str) -> Mapping[str, Number | None]:
    return {} if view is None else {**view.windows.get(window, {}), **view.live}


def _sides(kpi: Kpi, values: Mapping[str, Number | None]) -> tuple[Side | None, Side | None]:
    match kpi.formula:
        case Ratio(numerator=above, denominator=below, live_misses=misses):
            more = ["waiting_over_target"] if misses is not None else []
            return _counts(above, values), _counts(below, values, more)
        case Mean(count=number):
            counted = _counts(number, values)
            return _total_time(values.get(kpi.id), counted), counted
        case Quantile(histogram=histogram) if histogram in _QUANTILES_OF:
            return None, _side("count", [_part(_QUANTILES_OF[histogram], 1, values)])
        case TimeShare():
            busy, available = (_part(f"agents_{name}_s", 1, values) for name in ("busy", "available"))
            return _side("s", [busy]), _side("s", [busy, available])
    return None, None


def _counts(terms: Terms, values: Mapping[str, Number | None], more: list[str] | None = None) -> Side | None:
    whole = _SUMS.get(tuple(sorted(terms.items())))
    if whole is not None and not more:
        return _side("count", [_part(whole, 1, values)])
    if not terms.keys() <= _COUNTED.keys():
        return None
    parts = [_part(_COUNTED[primitive], factor, values) for primitive, factor in terms.items()]
    return _side("count", parts + [_part(kpi_id, 1, values) for kpi_id in more or []])


def _part(kpi_id: str, factor: int, values: Mapping[str, Number | None]) -> Part:
    return Part(kpi_id, label(kpi_id), factor, values.get(kpi_id))


def _side(unit: Literal["count", "s"], parts: list[Part]) -> Side:
    return Side(unit, _sum(parts), parts)


def _sum(parts: list[Part]) -> Number | None:
    known = list(_products(parts))
    return sum(known) if len(known) == len(parts) else None


def _products(parts: list[Part]) -> Iterator[Number]:
    return (part.factor * part.value for part in parts if part.value is not None)


def _total_time(mean_s: Number | None, counted: Side | None) -> Side | None:
    """All durations together: what the mean is the mean of."""
    if counted is None:
        return None
    total = None if mean_s is None or counted.value is None else round(mean_s * counted.value, 3)
    return Side("s", total, [])
