"""What the catalogue and the configuration say about a number on a dashboard: unit, words, thresholds."""

from collections.abc import Mapping
from typing import Final

from grafana_foundation_sdk.models.dashboard import Threshold

from streams.config import Config
from streams.config.model import DEFAULTS
from streams.metrics.catalogue import BY_ID
from streams.metrics.kpi import Kpi

UNITS: Final[Mapping[str, str]] = {
    "count": "short",
    "ratio": "percentunit",
    "s": "s",
    "score": "short",
    "minor": "short",
}
"""Unit of the catalogue → unit of Grafana."""

PLAIN: Final = (Threshold(color="blue"),)
"""Of a number that is neither good nor bad."""

Steps = tuple[Threshold, ...]


def unit(kpi_id: str) -> str:
    """Grafana's name of its unit."""
    return UNITS[BY_ID[kpi_id].unit]


def about(*kpi_ids: str) -> str:
    """What they are, in the catalogue's words."""
    return "\n\n".join(f"`{kpi_id}`: {BY_ID[kpi_id].help}" for kpi_id in kpi_ids)


def steps(config: Config, kpi_id: str) -> Steps:
    """Green, orange and red, from the configured limits or else the catalogue's; blue where there are none."""
    kpi = BY_ID[kpi_id]
    warn, bad = _limits(config).get(kpi_id, (kpi.warn, kpi.bad))
    if bad is not None and warn is not None:
        return rising(warn, bad) if kpi.good == "down" else _falling(warn, bad)
    return PLAIN


def rising(warn: float, bad: float) -> Steps:
    """The more, the worse."""
    return Threshold(color="green"), Threshold(warn, "orange"), Threshold(bad, "red")


def _falling(warn: float, bad: float) -> Steps:
    return Threshold(color="red"), Threshold(bad, "orange"), Threshold(warn, "green")


def _limits(config: Config) -> dict[str, tuple[float, float]]:
    """KPI → its warning and bad values, where the configuration says something of them: those of the defaults."""
    usual = config.queue(DEFAULTS)
    goal, longest_s, abandons = usual.service_level_goal, usual.longest_wait_limit_s, usual.abandon_rate_limit
    assert goal is not None
    assert longest_s is not None
    assert abandons is not None
    return {
        "service_level": (goal, _beside(BY_ID["service_level"], goal)),
        "longest_wait": (_beside(BY_ID["longest_wait"], longest_s), longest_s),
        "abandon_rate": (_beside(BY_ID["abandon_rate"], abandons), abandons),
    }


def _beside(kpi: Kpi, limit: float) -> float:
    """The other of its two thresholds, as far from the limit as in the catalogue."""
    assert kpi.warn is not None
    assert kpi.bad is not None
    return round(limit * (kpi.bad / kpi.warn if kpi.good == "up" else kpi.warn / kpi.bad), 9)
