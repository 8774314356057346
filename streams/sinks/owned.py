"""What a sink is given of the worker: the facts partitions it owns at this moment."""

from collections.abc import Mapping
from typing import Protocol

from streams.metrics.view import QueueView


class Viewed(Protocol):
    """A book that can be looked at: `windows.book.ViewBook` is one."""

    def views(self, now_ms: int, partitions: Mapping[str, int]) -> list[QueueView]:
        """All its queues whose as_of is known, roll-ups among them. `partitions`: source topic → how many it has."""


class Owned(Protocol):
    """A facts partition that this worker owns."""

    @property
    def book(self) -> Viewed: ...

    @property
    def token(self) -> int:
        """Fencing token: offset of the claim record in the changelog. Each later owner's is larger."""
