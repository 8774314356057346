"""PromQL over the names that `sinks.metric_names` gives: which queues, which window, which sum.

Every vector here has the labels job, channel and queue alone: a queue that moves to another worker stays the same
series, and two of them can be compared.
"""

import re
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from streams.config import Config
from streams.config.model import DEFAULTS, QueueConfig
from streams.metrics.catalogue import BY_ID, CATALOGUE
from streams.metrics.formulas import Count, Ratio, Terms
from streams.sinks.metric_names import CONFIGURED, metric_name

NO_QUEUES: Final = ("[*@#].*", "-")
"""Regular expressions of the names that are no queues: roll-ups, single agents, and what was in no queue."""

BY_QUEUE: Final = "job, channel, queue"

Value = TypeVar("Value")


def quoted(text: str) -> str:
    """As a string of PromQL."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def selected(name: str, *matchers: str) -> str:
    """The metric's series that match."""
    return f"{name}{{{','.join(matchers)}}}"


def one_of(names: Iterable[str]) -> str:
    """Matcher: the queue is one of these."""
    return f"queue=~{quoted('|'.join(map(re.escape, names)))}"


def none_of(names: Iterable[str] = ()) -> str:
    """Matcher: it is a queue, and none of these."""
    return f"queue!~{quoted('|'.join([*NO_QUEUES, *map(re.escape, names)]))}"


def by_value(config: Config, value: Callable[[QueueConfig], Value]) -> list[tuple[str, Value]]:
    """Matcher of queues → what holds for them, where several queues have the same: that of the defaults goes first."""
    usual = value(config.queue(DEFAULTS))
    others: dict[Value, list[str]] = {}
    for name in sorted(config.queues):
        own = value(config.queue(name))
        if own != usual:
            others.setdefault(own, []).append(name)
    apart = [name for names in others.values() for name in names]
    return [(none_of(apart), usual), *((one_of(names), own) for own, names in others.items())]


def live(kpi_id: str, *matchers: str) -> str:
    """The KPI's value now, by queue."""
    return _by_queue(selected(metric_name(kpi_id, BY_ID[kpi_id].unit, "live"), *matchers))


def over(kpi_id: str, window: str, *matchers: str) -> str:
    """The KPI's value over the window, by queue; of one with variants the configured one."""
    named = [f'variant="{CONFIGURED}"'] if any(kpi.variant_of == kpi_id for kpi in CATALOGUE) else []
    name = metric_name(kpi_id, BY_ID[kpi_id].unit, "window")
    return _by_queue(selected(name, *matchers, f'window="{window}"', *named))


def numerator(kpi_id: str, window: str, *matchers: str) -> str:
    """What stands above the fraction bar of a ratio, over the window, by queue."""
    return _sum(_ratio(kpi_id).numerator, window, matchers)


def denominator(kpi_id: str, window: str, *matchers: str) -> str:
    """What stands below it: of the live service level, with those who wait too long now."""
    ratio = _ratio(kpi_id)
    waiting = [] if ratio.live_misses is None else [live("waiting_over_target", *matchers)]
    return "\n+ ".join([_sum(ratio.denominator, window, matchers), *waiting])


def _ratio(kpi_id: str) -> Ratio:
    formula = BY_ID[kpi_id].formula
    if not isinstance(formula, Ratio):
        raise TypeError(f"{kpi_id} is no ratio")
    return formula


def _by_queue(vector: str) -> str:
    return f"max by ({BY_QUEUE}) ({vector})"


def _sum(terms: Terms, window: str, matchers: Iterable[str]) -> str:
    """Σ of counts, the first of them positive."""
    in_order = sorted(terms.items(), key=lambda term: -term[1])
    parts = [("+" if sign > 0 else "-", over(_COUNTED[primitive], window, *matchers)) for primitive, sign in in_order]
    return "\n".join(f"{sign} {part}" for sign, part in parts).removeprefix("+ ")


_COUNTED: Final = {
    next(iter(kpi.formula.terms)): kpi.id
    for kpi in CATALOGUE
    if isinstance(kpi.formula, Count) and list(kpi.formula.terms.values()) == [1]
}
"""Primitive → the KPI that is its plain count."""
