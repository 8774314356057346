"""Whether a number is good, to be watched, or a breach, and what a queue's numbers come to together.

The page judges in the same way (`static/judge.js`), since an age rises between two messages; `tests/wallboard` holds
the two against each other.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from streams.config.model import QueueConfig
from streams.metrics.catalogue import BY_ID
from streams.metrics.view import Number

Judgement = Literal["none", "good", "warn", "bad"]

JUDGED: Final = ("longest_wait", "service_level", "abandon_rate", "sla_breached_open", "sla_compliance")
"""What a queue is judged by. A tile marks other numbers by their thresholds too, but they breach nothing."""

FEW: Final = 5
"""A share of fewer visits says nothing: it is not judged."""

_ORDER: Final[tuple[Judgement, ...]] = ("none", "good", "warn", "bad")
OF_VISITS: Final = ("service_level", "abandon_rate")
"""Shares of visits."""


class Threshold(NamedTuple):
    """From where on a number is to be watched, and a breach. None: never."""

    warn: float | None
    bad: float | None


def thresholds(queue: QueueConfig) -> dict[str, Threshold]:
    """Those that the configuration of a complete queue moves; the other end moves in proportion."""
    return {
        "service_level": _moved("service_level", "warn", queue.service_level_goal),
        "longest_wait": _moved("longest_wait", "bad", queue.longest_wait_limit_s),
        "abandon_rate": _moved("abandon_rate", "bad", queue.abandon_rate_limit),
    }


def _moved(kpi_id: str, end: Literal["warn", "bad"], to: float | None) -> Threshold:
    kpi = BY_ID[kpi_id]
    usual = kpi.warn if end == "warn" else kpi.bad
    factor = 1.0 if to is None or not usual else to / usual
    return Threshold(*(None if each is None else round(each * factor, 6) for each in (kpi.warn, kpi.bad)))


def judge(value: Number | None, kpi_id: str, threshold: Threshold | None = None) -> Judgement:
    """`none` where there is no value, or no threshold."""
    kpi = BY_ID[kpi_id]
    warn, bad = threshold or Threshold(kpi.warn, kpi.bad)
    if value is None or kpi.good == "neither" or (warn is None and bad is None):
        return "none"
    if bad is not None and _beyond(value, bad, kpi.good):
        return "bad"
    return "warn" if warn is not None and _beyond(value, warn, kpi.good) else "good"


def _beyond(value: Number, limit: float, good: str) -> bool:
    return value < limit if good == "up" else value >= limit


def judge_queue(
    values: Mapping[str, Number], of_queue: Mapping[str, Threshold], window: str, staffed: Number | None = None
) -> Judgement:
    """The worst of what the queue is judged by. `values`: Redis' field names. `staffed`: agents logged in for it;
    somebody who waits while there is none is a breach, whatever the rest says.
    """
    if staffed == 0 and values.get("waiting", 0) > 0:
        return "bad"
    worst: Judgement = "none"
    for kpi_id in JUDGED:
        value = values.get(kpi_id if BY_ID[kpi_id].live else f"{kpi_id}:{window}")
        if kpi_id in OF_VISITS and is_few(values, window):
            continue
        judgement = judge(value, kpi_id, of_queue.get(kpi_id))
        worst = max(worst, judgement, key=_ORDER.index)
    return "none" if worst == "good" and _is_unsaid(values, window) else worst


def _is_unsaid(values: Mapping[str, Number], window: str) -> bool:
    """Whether there are shares of visits, and they say nothing: then nothing is on target."""
    return is_few(values, window) and any(f"{kpi_id}:{window}" in values for kpi_id in OF_VISITS)


def is_few(values: Mapping[str, Number], window: str) -> bool:
    """Whether so few visits have had an outcome in the window that their shares say nothing."""
    return values.get(f"answered:{window}", 0) + values.get(f"abandoned:{window}", 0) < FEW
