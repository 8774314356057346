"""What the page must know before the numbers: labels, units and help, from the catalogue; targets and thresholds, from
the configuration; and which numbers a tile shows.
"""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

import msgspec

from streams import __version__
from streams.config import Config
from streams.metrics.catalogue import BY_ID
from streams.metrics.kpi import Good, Kpi
from streams.sinks.redis_keys import field
from streams.wallboard.judging import Threshold, thresholds

STATIC: Final = Path(__file__).parent / "static"

Sort = Literal["contacts", "tickets", "agents"]

HEAD: Final[dict[Sort, tuple[str, ...]]] = {
    "contacts": ("waiting", "longest_wait", "service_level"),
    "tickets": ("backlog", "sla_breached_open", "sla_due_soon"),
    "agents": ("agents_available", "agents_on_contact", "agents_staffed"),
}
"""Large on a tile."""
MORE: Final[dict[Sort, tuple[str, ...]]] = {
    "contacts": ("answered", "abandon_rate", "asa", "agents_available"),
    "tickets": ("first_response_p90", "sla_compliance", "first_response_pending", "solved"),
    "agents": ("agents_wrapup", "agents_break", "agents_offered", "occupancy"),
}
"""Below that."""
ALSO: Final = ("offered", "abandoned", "agents_staffed", "created", "sla_next_due")
"""On a queue's own page, or in the judgement of others."""

SHOWN: Final = tuple(dict.fromkeys([kpi for ids in (*HEAD.values(), *MORE.values(), ALSO) for kpi in ids]))
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
    source: str


class ShownQueue(msgspec.Struct, frozen=True):
    """What a queue is measured by."""

    service_level: str
    """Variant in words, e.g. "ignore short"."""
    service_level_help: str
    """Its formula."""
    abandon_rate: str
    abandon_rate_help: str
    target_s: float
    target_compare: Literal["≤", "<"]
    thresholds: dict[str, Threshold]
    """KPI → when it is to be watched, and when it is a breach; those of the catalogue hold for the rest."""


class Presentation(msgspec.Struct, frozen=True):
    """Served as JSON under `/api/v1/presentation`."""

    version: str
    build: str
    """Changes with every file of the page: a page that has another loads itself anew."""
    windows: list[str]
    window: str
    """Shown until somebody chooses another."""
    timezone: str
    head: dict[Sort, tuple[str, ...]]
    more: dict[Sort, tuple[str, ...]]
    ticket_channels: list[str]
    kpis: dict[str, ShownKpi]
    defaults: ShownQueue
    queues: dict[str, ShownQueue]


def presentation(config: Config) -> Presentation:
    """Everything that does not change while the board runs."""
    return Presentation(
        version=__version__,
        build=build(),
        windows=list(config.windows),
        window=preferred_window(config),
        timezone=config.timezone,
        head=HEAD,
        more=MORE,
        ticket_channels=sorted(config.channels().tickets),
        kpis={kpi: shown_kpi(BY_ID[kpi]) for kpi in SHOWN},
        defaults=_queue(config, "defaults"),
        queues={name: _queue(config, name) for name in config.queues if name != "defaults"},
    )


def preferred_window(config: Config) -> str:
    """The window that is shown until somebody chooses another; empty where none is configured."""
    windows = list(config.windows)
    return PREFERRED_WINDOW if PREFERRED_WINDOW in windows else next(iter(windows), "")


def fields(config: Config) -> tuple[str, ...]:
    """The hash fields that the board reads."""
    return tuple(
        name
        for kpi in SHOWN
        for name in ([kpi] if BY_ID[kpi].live else [field(kpi, window) for window in config.windows])
    )


def sampled(config: Config) -> tuple[str, ...]:
    """The fields whose way in the last hour the board remembers; a tile draws the first that it has."""
    window = preferred_window(config)
    levels = ("waiting", "backlog", "longest_wait", "sla_breached_open", "agents_available")
    return (*levels, *([f"service_level:{window}"] if window else []))


@cache
def build() -> str:
    """A name for this version of the page's files."""
    digest = sha256(__version__.encode())
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def label(kpi_id: str) -> str:
    """The id in words: `service_level` is "Service level", `asa` is "ASA"."""
    words = [word.upper() if word in _ACRONYMS else word for word in kpi_id.split("_")]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])


def shown_kpi(kpi: Kpi) -> ShownKpi:
    """A row of the catalogue in words."""
    return ShownKpi(kpi.id, label(kpi.id), kpi.unit, kpi.live, kpi.good, kpi.warn, kpi.bad, kpi.help, kpi.source)


def _queue(config: Config, name: str) -> ShownQueue:
    queue = config.queue(name)
    return ShownQueue(
        service_level=str(queue.service_level).replace("_", " "),
        service_level_help=BY_ID[f"service_level_{queue.service_level}"].help,
        abandon_rate=str(queue.abandon_rate).replace("_", " "),
        abandon_rate_help=BY_ID[f"abandon_rate_{queue.abandon_rate}"].help,
        target_s=float(queue.target_s or 0),
        target_compare="<" if queue.target_compare == "<" else "≤",
        thresholds=thresholds(queue),
    )
