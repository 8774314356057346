"""One row of the catalogue, and the constructors of the commonest kinds of row."""

from typing import Literal

import msgspec

from streams.metrics.formulas import Count, Formula, Mean, Quantile
from streams.metrics.placed import Placed
from streams.metrics.settings import Scope

Kind = Literal["count", "ratio", "score", "amount", "rate", "duration", "live_count", "live_age", "live_due"]
Good = Literal["up", "down", "neither"]


class Kpi(msgspec.Struct, frozen=True):
    """One row of the catalogue."""

    id: str
    kind: Kind
    unit: Literal["count", "ratio", "s", "score", "minor"]
    """minor: minor units of the one currency, such as cents."""
    formula: Formula | Placed
    help: str
    """One sentence for a stranger."""
    good: Good = "neither"
    warn: float | None = None
    """Default threshold of a warning on the board, in the KPI's unit; None: never."""
    bad: float | None = None
    source: str = "contact-streams"
    """Who else defines it so."""
    scopes: tuple[Scope, ...] = ("contacts",)
    """Of what it is a number."""
    variant_of: str | None = None
    """Id of the KPI that this is a variant of: Prometheus shows it there, under the label `variant`."""

    @property
    def variant(self) -> str | None:
        """Name of the variant, e.g. `strict` of `service_level_strict`."""
        return self.id.removeprefix(f"{self.variant_of}_") if self.variant_of else None

    @property
    def live(self) -> bool:
        """Whether it stands under the window `live` (state at the instant) and not under the time windows."""
        return self.kind in ("live_count", "live_age", "live_due")


def count(
    kpi_id: str,
    primitive: int,
    help: str,  # noqa: A002 - the field's name
    good: Good = "neither",
    source: str = "contact-streams",
    scopes: tuple[Scope, ...] = ("contacts",),
) -> Kpi:
    """How often something was booked."""
    return Kpi(kpi_id, "count", "count", Count({primitive: 1}), help, good, source=source, scopes=scopes)


def mean(
    kpi_id: str,
    sum_ms: dict[int, int],
    number: dict[int, int],
    help: str,  # noqa: A002 - the field's name
    source: str,
    scopes: tuple[Scope, ...] = ("contacts",),
) -> Kpi:
    """Average duration, in seconds."""
    return Kpi(kpi_id, "duration", "s", Mean(sum_ms, number), help, "down", source=source, scopes=scopes)


def quantile(kpi_id: str, histogram: int, percent: int, what: str, scopes: tuple[Scope, ...] = ("contacts",)) -> Kpi:
    """Nearest rank over a histogram, in seconds."""
    text = f"{percent} % of {what} took at most this long (nearest rank, within 1.1 %)."
    return Kpi(kpi_id, "duration", "s", Quantile(histogram, percent / 100), text, good="down", scopes=scopes)
