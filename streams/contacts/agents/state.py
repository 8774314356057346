"""The state of an agent: stints, each in one state and some queues, and the rows that they are. Times in epoch ms."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from streams.contacts.ledger import Ledger
from streams.contacts.lifecycle import NEVER, Cycle
from streams.events.model import AgentStatus
from streams.facts.levels import LEVELS, Level
from streams.facts.wire import Row, RowKind

KINDS: Final[Mapping[AgentStatus, int]] = {
    "available": RowKind.AGENT_AVAILABLE,
    "offered": RowKind.AGENT_OFFERED,
    "on_contact": RowKind.AGENT_ON_CONTACT,
    "wrapup": RowKind.AGENT_WRAPUP,
    "break": RowKind.AGENT_BREAK,
    "offline": RowKind.AGENT_OFFLINE,
}
"""State → kind of the row that counts it."""

OFFLINE_KEPT_MS: Final = 7 * 86_400_000
"""Who has been offline for so long is not counted any more: names come and go, and nobody says when one goes."""

_LEVELS: Final[Mapping[int, Level]] = {kind: level for level in LEVELS for kind in level.kinds}


@dataclass
class Stint:
    """A time in one state."""

    kind: int
    """Of its rows: one of `KINDS`."""
    places: list[str]
    """Every queue it counts for, roll-ups included, as booked."""
    begin: int
    end: int | None = None
    """None: it lasts."""

    @property
    def level(self) -> Level | None:
        """What it adds to while it lasts."""
        return _LEVELS.get(self.kind)

    @property
    def kept_until(self) -> int | None:
        """From when on it is not shown any more though nothing ended it, epoch ms; None: it is shown as it lasts."""
        return self.begin + OFFLINE_KEPT_MS if self.kind == RowKind.AGENT_OFFLINE else None

    def row(self) -> Row:
        return Row(self.kind, self.begin, self.end, self.begin, self.begin, 0, self.kept_until)


@dataclass
class AgentCycle(Cycle):
    """State of one agent. The timer: when one who is offline is forgotten."""

    stints: list[Stint] = field(default_factory=list)
    """In order; the last one may last."""
    said_at: int = 0
    """Time of the newest event, by the source's clock."""
    touched_at: int = 0

    def restore(self, kept: Mapping[str, Any]) -> None:
        super().restore({**kept, "stints": [Stint(**stint) for stint in kept["stints"]]})

    @property
    def current(self) -> Stint | None:
        """The stint that lasts; None: nothing is known of the agent (any more)."""
        return self.stints[-1] if self.stints and self.stints[-1].end is None else None

    def expires_at(self, ledger: Ledger) -> int:
        return NEVER if self.current else self.touched_at + ledger.settings.lateness_ms

    def rows(self, ledger: Ledger) -> dict[str, tuple[str, Row]]:  # noqa: ARG002 - nothing of it is configured
        """One per stint and place."""
        return {
            f"{stint.begin}.{stint.kind}.{number}": (place, row)
            for stint in self.stints
            for row in (stint.row(),)
            for number, place in enumerate(stint.places)
        }

    def forgettable(self, published: int, horizon: int, ledger: Ledger) -> int:  # noqa: ARG002
        """How many of the first stints ended before the horizon."""
        count = 0
        for stint in self.stints:
            if stint.end is None or stint.end >= horizon:
                break
            count += 1
        return count

    def forget(self, count: int) -> None:
        del self.stints[:count]
