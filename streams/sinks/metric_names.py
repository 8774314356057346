"""Every name that Prometheus sees of a KPI, made in one function, `metric_name`.

    live       contact_waiting, contact_longest_wait_seconds              {channel, queue}
    since      contact_longest_wait_since_timestamp_seconds               {channel, queue}
    window     contact_window_offered, contact_window_asa_seconds         {channel, queue, window}
               contact_window_service_level_ratio                         {channel, queue, window, variant}
    counter    contact_offered_total, contact_talk_seconds_total          {channel, queue}
    histogram  contact_wait_seconds                                       {channel, queue, le}

A KPI with variants shows the one that the queue is configured for under the variant `configured`, and each by its name.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final, Literal, assert_never

import msgspec

from streams.facts.primitives import H, P
from streams.metrics.catalogue import CATALOGUE
from streams.metrics.formulas import Age, Count, Mean, Quantile, Ratio, Terms
from streams.metrics.kpi import Kpi
from streams.metrics.settings import domain_of

Form = Literal["live", "since", "window", "counter", "histogram"]
Unit = Literal["count", "ratio", "s", "score", "minor"]
Type = Literal["gauge", "counter", "histogram", "summary"]

CONFIGURED: Final = "configured"
"""Value of the label `variant` for the formula that the queue is configured to show."""

_SUFFIX: Final[dict[Unit, str]] = {
    "count": "",
    "ratio": "_ratio",
    "s": "_seconds",
    "score": "_score",
    "minor": "_minor_units",
}
_PERCENTILE: Final = re.compile(r"_p\d+$")

_SUM_OF: Final = {
    H.WAIT_ANSWERED: P.WAIT_ANSWERED_MS,
    H.FIRST_RESPONSE: P.FIRST_RESPONSE_MS,
    H.FIRST_RESPONSE_BUSINESS: P.FIRST_RESPONSE_BUSINESS_MS,
    H.REPLY: P.REPLY_MS,
    H.RESOLUTION_FIRST: P.RESOLUTION_FIRST_MS,
    H.RESOLUTION_FULL: P.RESOLUTION_FULL_MS,
    H.REQUESTER_WAIT: P.REQUESTER_WAIT_MS,
    H.AGENT_WORK: P.AGENT_WORK_MS,
    H.BUSINESS + H.RESOLUTION_FIRST: P.RESOLUTION_FIRST_BUSINESS_MS,
    H.BUSINESS + H.RESOLUTION_FULL: P.RESOLUTION_FULL_BUSINESS_MS,
    H.BUSINESS + H.REQUESTER_WAIT: P.REQUESTER_WAIT_BUSINESS_MS,
    H.BUSINESS + H.AGENT_WORK: P.AGENT_WORK_BUSINESS_MS,
}
"""Histogram → the primitive that sums its durations."""


def metric_name(quantity: str, unit: Unit, form: Form) -> str:
    """Name of a metric. `quantity` is the KPI's id; of a variant, that of the KPI it is a variant of."""
    suffix = _SUFFIX[unit]
    if unit == "s":
        quantity = quantity.removesuffix("_s")
    match form:
        case "live" | "histogram":
            return f"contact_{quantity}{suffix}"
        case "since":
            return f"contact_{quantity}_since_timestamp_seconds"
        case "window":
            return f"contact_window_{quantity}{suffix}"
        case "counter":
            return f"contact_{quantity}{suffix}_total"
    assert_never(form)


class Metric(msgspec.Struct, frozen=True):
    """A metric family as it is declared."""

    name: str
    type: Type
    help: str
    labels: tuple[str, ...]


class KpiGauge(msgspec.Struct, frozen=True):
    """A gauge of a KPI."""

    metric: Metric
    members: tuple[tuple[str, str], ...]
    """(KPI id, value of the label `variant`); one with `""` where the KPI has no variants."""


class PrimitiveCounter(msgspec.Struct, frozen=True):
    """A counter of a primitive."""

    metric: Metric
    primitive: int
    milliseconds: bool
    """Whether the primitive is a sum of milliseconds, shown in seconds."""
    domains: frozenset[str]
    """Where it is counted: a queue of which nothing else is known has no 0 of it."""


class DurationHistogram(msgspec.Struct, frozen=True):
    """A histogram of durations."""

    metric: Metric
    histogram: int
    sum_ms: int
    """Primitive that sums them."""


def live_gauges(catalogue: Iterable[Kpi] = CATALOGUE) -> list[KpiGauge]:
    """What is counted at the instant."""
    return [_gauge(kpi, "live", kpi.help, ((kpi.id, ""),)) for kpi in catalogue if kpi.live]


def since_gauges(catalogue: Iterable[Kpi] = CATALOGUE) -> list[KpiGauge]:
    """The clock of each age as a timestamp, so that `time() - it` rises between scrapes."""
    ages = (kpi for kpi in catalogue if isinstance(kpi.formula, Age))
    return [_gauge(kpi, "since", f"Unix time that {kpi.id} counts from.", ((kpi.id, ""),)) for kpi in ages]


def window_gauges(catalogue: Iterable[Kpi] = CATALOGUE) -> list[KpiGauge]:
    """What is computed over windows; variants stand under their KPI."""
    rows = [kpi for kpi in catalogue if not kpi.live]
    variants: dict[str, list[tuple[str, str]]] = {}
    for kpi in rows:
        if kpi.variant_of and kpi.variant:
            variants.setdefault(kpi.variant_of, [(kpi.variant_of, CONFIGURED)]).append((kpi.id, kpi.variant))
    return [
        _gauge(kpi, "window", f"{kpi.help} Over the window.", tuple(variants.get(kpi.id, [(kpi.id, "")])))
        for kpi in rows
        if kpi.variant_of is None
    ]


def _gauge(kpi: Kpi, form: Form, text: str, members: tuple[tuple[str, str], ...]) -> KpiGauge:
    labels = ["channel", "queue"]
    labels += ["window"] if form == "window" else []
    labels += ["variant"] if len(members) > 1 else []
    return KpiGauge(Metric(metric_name(kpi.id, kpi.unit, form), "gauge", text, tuple(labels)), members)


def counters(catalogue: Iterable[Kpi] = CATALOGUE) -> list[PrimitiveCounter]:
    """A counter for every primitive that a formula uses: both parts of every ratio can be summed and divided."""
    rows = list(catalogue)
    counted = {primitive: kpi for kpi in rows for primitive in _counted_by(kpi)}
    used: dict[int, list[Kpi]] = {}
    for kpi in rows:
        for primitive in _used_by(kpi):
            used.setdefault(primitive, []).append(kpi)
    return [_counter(primitive, counted.get(primitive), kpis) for primitive, kpis in sorted(used.items())]


def _counted_by(kpi: Kpi) -> Iterator[int]:
    """The primitive that the KPI is the plain count of, if it is."""
    if isinstance(kpi.formula, Count) and list(kpi.formula.terms.values()) == [1]:
        yield from kpi.formula.terms


def _used_by(kpi: Kpi) -> Iterator[int]:
    formula = kpi.formula
    parts: list[Terms] = []
    if isinstance(formula, Count):
        parts = [formula.terms]
    elif isinstance(formula, Ratio):
        parts = [formula.numerator, formula.denominator]
    elif isinstance(formula, Mean):
        parts = [formula.sum_ms, formula.count]
    yield from {primitive: None for part in parts for primitive in part}


def _counter(primitive: int, kpi: Kpi | None, users: list[Kpi]) -> PrimitiveCounter:
    quantity = kpi.id if kpi else _primitive_name(primitive)
    milliseconds = quantity.endswith("_ms")
    unit = "s" if milliseconds else kpi.unit if kpi else "count"
    name = metric_name(quantity.removesuffix("_ms"), unit, "counter")
    used_by = ", ".join(user.id for user in users)
    text = kpi.help if kpi else f"Sum that {used_by} {'is' if len(users) == 1 else 'are'} made of."
    scopes = {scope for user in users for scope in user.scopes}
    domains = frozenset(map(domain_of, scopes - {"handling"}))  # an agent's line is a roll-up: it has no counters
    return PrimitiveCounter(Metric(name, "counter", text, ("channel", "queue")), primitive, milliseconds, domains)


def _primitive_name(primitive: int) -> str:
    return next(name.lower() for name, number in vars(P).items() if number == primitive)


def histograms(catalogue: Iterable[Kpi] = CATALOGUE) -> list[DurationHistogram]:
    """A histogram for each one that a percentile of the catalogue is read from."""
    found: dict[int, DurationHistogram] = {}
    for kpi in catalogue:
        if isinstance(kpi.formula, Quantile):
            histogram = kpi.formula.histogram
            found.setdefault(histogram, _histogram(_PERCENTILE.sub("", kpi.id), histogram))
    return list(found.values())


def _histogram(quantity: str, histogram: int) -> DurationHistogram:
    text = f"Durations that the percentiles of {quantity} are read from."
    metric = Metric(metric_name(quantity, "s", "histogram"), "histogram", text, ("channel", "queue"))
    return DurationHistogram(metric, histogram, _SUM_OF[histogram])
