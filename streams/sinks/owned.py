"""What a sink is given of the worker: the facts partitions it owns at this moment, and how to look at them."""

from collections.abc import Callable, Sequence
from typing import Protocol

from streams.books import Book
from streams.metrics.view import QueueView

Look = Callable[[Book, int], Sequence[QueueView]]
"""(book of stage 2, now in epoch ms) → all its queues whose as_of is known. To be called in the loop only."""


class Owned(Protocol):
    """A facts partition that this worker owns."""

    @property
    def book(self) -> Book: ...

    @property
    def token(self) -> int:
        """Fencing token: offset of the claim record in the changelog. Each later owner's is larger."""

    @property
    def claimed_at(self) -> int:
        """Append time of the claim record, epoch ms."""
