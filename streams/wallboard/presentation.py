"""What the page must know before the numbers: labels, units and thresholds, from the catalogue; targets, from the
configuration; and which numbers a tile shows.
"""

from typing import Final, Literal

import msgspec

from streams import __version__
from streams.config import Config
from streams.metrics.catalogue import BY_ID
from streams.metrics.kpi import Good, Kpi

HEAD: Final = ("waiting", "longest_wait", "service_level")
"""Large on a tile."""

MORE: Final = ("offered", "answered", "abandoned", "abandon_rate", "asa")
"""Below that."""

SHOWN: Final = (*HEAD, *MORE)
"""All that the board keeps."""

PREFERRED_WINDOW: Final = "30m"
"""Shown at first, where it is configured."""

_ACRONYMS: Final = frozenset({"asa", "aht", "acw", "csat", "nps", "ces", "fcr", "sla"})


class ShownKpi(msgspec.Struct, frozen=True):
    """A row of the catalogue, as the page needs it."""

    id: str
    label: str
    unit: Literal["count", "ratio", "s", "score", "minor"]
    live: bool
    """It is of this instant, whatever window is chosen."""
    good: Good
    warn: float | None
    bad: float | None
    help: str


class ShownQueue(msgspec.Struct, frozen=True):
    """What a queue is measured by."""

    service_level: str
    """Variant in words, e.g. "ignore short"."""
    service_level_help: str
    """Its formula."""
    abandon_rate: str
    target_s: float
    target_compare: Literal["≤", "<"]


class Presentation(msgspec.Struct, frozen=True):
    """Served as JSON under `/api/presentation`."""

    version: str
    windows: list[str]
    window: str
    """Shown until somebody chooses another."""
    head: tuple[str, ...]
    more: tuple[str, ...]
    kpis: dict[str, ShownKpi]
    defaults: ShownQueue
    queues: dict[str, ShownQueue]


def presentation(config: Config) -> Presentation:
    """Everything that does not change while the board runs."""
    windows = list(config.windows)
    return Presentation(
        version=__version__,
        windows=windows,
        window=PREFERRED_WINDOW if PREFERRED_WINDOW in windows else next(iter(windows), ""),
        head=HEAD,
        more=MORE,
        kpis={kpi: _shown(BY_ID[kpi]) for kpi in SHOWN},
        defaults=_queue(config, "defaults"),
        queues={name: _queue(config, name) for name in config.queues if name != "defaults"},
    )


def label(kpi_id: str) -> str:
    """The id in words: `service_level` is "Service level", `asa` is "ASA"."""
    words = [word.upper() if word in _ACRONYMS else word for word in kpi_id.split("_")]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])


def _shown(kpi: Kpi) -> ShownKpi:
    return ShownKpi(kpi.id, label(kpi.id), kpi.unit, kpi.live, kpi.good, kpi.warn, kpi.bad, kpi.help)


def _queue(config: Config, name: str) -> ShownQueue:
    queue = config.queue(name)
    return ShownQueue(
        service_level=str(queue.service_level).replace("_", " "),
        service_level_help=BY_ID[f"service_level_{queue.service_level}"].help,
        abandon_rate=str(queue.abandon_rate).replace("_", " "),
        target_s=float(queue.target_s or 0),
        target_compare="<" if queue.target_compare == "<" else "≤",
    )
