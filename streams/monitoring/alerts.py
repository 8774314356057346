"""Alerts: few, each a symptom that somebody should act on, with the values that say how bad it is.

critical: somebody is called. warning: somebody looks soon. Nothing critical follows from a ratio over a handful of
visits. `business` alerts are for supervisors, `pipeline` ones for whoever runs the workers.
"""

from typing import Final, Literal

import msgspec

from streams.config import Config
from streams.config.quantities import format_duration
from streams.monitoring.promql import BY_QUEUE

Severity = Literal["critical", "warning"]
Scope = Literal["business", "pipeline"]

QUEUE: Final = "{{ $labels.queue }} ({{ $labels.channel }})"
SECONDS: Final = "{{ $value | humanizeDuration }}"
SHARE: Final = "{{ $value | humanizePercentage }}"
COUNT: Final = '{{ $value | printf "%.0f" }}'

_OF_THE_QUEUE: Final = ",".join(f"{label}=%q" for label in BY_QUEUE.split(", "))
_ITS_LABELS: Final = " ".join(f"$labels.{label}" for label in BY_QUEUE.split(", "))


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One alerting rule. Several may bear one name: for queues with other limits, or of another severity."""

    name: str
    """Its page is docs/runbooks/{name}.md."""
    scope: Scope
    severity: Severity
    expr: str
    for_s: int = 0
    """It must hold for so long."""
    keep_s: int = 0
    """It goes on for so long after it has held last: a scrape that fails ends nothing."""
    summary: str
    """One line, for a telephone."""
    description: str
    """With the values, and what they mean."""

    def rule(self, config: Config) -> dict[str, object]:
        """As Prometheus reads it."""
        return {
            "alert": self.name,
            "expr": self.expr,
            **({"for": format_duration(1_000 * self.for_s)} if self.for_s else {}),
            **({"keep_firing_for": format_duration(1_000 * self.keep_s)} if self.keep_s else {}),
            "labels": {"severity": self.severity, "scope": self.scope},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": f"{config.alerts.runbooks.rstrip('/')}/{self.name}.md",
            },
        }


def recorded(name: str, shown: str) -> str:
    """The value that is recorded for the alert's queue, as `shown` (a function of Prometheus' templates) writes it."""
    asked = f"printf `{name}{{{_OF_THE_QUEUE}}}` {_ITS_LABELS} | query"
    return f"{{{{ with {asked} }}}}{{{{ . | first | value | {shown} }}}}{{{{ end }}}}"


def percent(share: float) -> str:
    """A share in words: 0.995 is 99.5%."""
    return f"{100 * share:g}%"
