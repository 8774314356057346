"""The text format of Prometheus, version 0.0.4."""

from collections.abc import Iterable
from typing import Final

from streams.sinks.metric_names import Metric

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def head(metric: Metric) -> str:
    """The HELP and TYPE lines."""
    text = metric.help.replace("\\", "\\\\").replace("\n", "\\n")
    return f"# HELP {metric.name} {text}\n# TYPE {metric.name} {metric.type}\n"


def label(name: str, value: str) -> str:
    """`name="value"`, escaped."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{name}="{escaped}"'


def braced(labels: Iterable[str]) -> str:
    """Rendered labels in braces; nothing when there are none."""
    inside = ",".join(labels)
    return f"{{{inside}}}" if inside else ""


def seconds(ms: int) -> str:
    """Milliseconds as seconds, exact: no float is between."""
    sign = "-" if ms < 0 else ""
    whole, rest = divmod(abs(ms), 1000)
    return f"{sign}{whole}.{rest:03d}"


def family(metric: Metric, lines: list[str]) -> str:
    """A family with its rendered samples; nothing at all when it has none."""
    return head(metric) + "".join(lines) if lines else ""
