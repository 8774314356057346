"""Levels: how many of something last at a time, booked as steps where it changes, so that no time is spread backwards.

A step d at the instant t adds d to one primitive and d × t to another. Over a window [a, b) that is all one needs: with
L the level at b, the time spent is ∫ = L × (b − a) − Σ d × (t − a). The level itself is counted from rows.
"""

from typing import Final

import msgspec

from streams.facts.primitives import Bag, P
from streams.facts.wire import RowKind


class Level(msgspec.Struct, frozen=True):
    """What lasts, and the primitives of its steps."""

    kinds: tuple[int, ...]
    """Rows of these kinds make it up."""
    steps: int
    moments_ms: int

    def step(self, by: int, at: int) -> Bag:
        """What a change by so many at the instant (epoch ms) adds to its pane."""
        return {self.steps: by, self.moments_ms: by * at}


BUSY: Final = Level((RowKind.AGENT_ON_CONTACT, RowKind.AGENT_WRAPUP), P.BUSY_STEPS, P.BUSY_MOMENTS_MS)
"""Agents with a contact in hand."""
AVAILABLE: Final = Level((RowKind.AGENT_AVAILABLE,), P.AVAILABLE_STEPS, P.AVAILABLE_MOMENTS_MS)
"""Agents who wait for one."""

LEVELS: Final = (BUSY, AVAILABLE)
STEPS: Final = frozenset(primitive for level in LEVELS for primitive in (level.steps, level.moments_ms))
"""Primitives that count nothing by themselves."""
