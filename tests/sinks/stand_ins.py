"""Owned partitions whose views a test sets by hand."""

from collections.abc import Mapping, Sequence

import msgspec

from streams.metrics.details import Details
from streams.metrics.view import Number, QueueView
from streams.windows.dimension import Due, Lost

NOW = 1_790_000_000_123


class Book:
    """Stands for a book of stage 2."""

    def __init__(self, *views: QueueView) -> None:
        self.shown = list(views)


def look(book: Book, now_ms: int) -> list[QueueView]:
    """Shows the views that the book was given, whatever the time."""
    del now_ms
    return list(book.shown)


def nothing_behind(book: Book, view: QueueView) -> Details:
    """No queue has anything to show but its values."""
    del book, view
    return Details()


class Partition(msgspec.Struct):
    """Owned under a fencing token."""

    book: Book
    token: int = 7
    claimed_at: int = 0


def view(
    queue: str = "billing",
    *,
    channel: str = "voice",
    as_of_ms: int = NOW,
    state: str = "live",
    live: Mapping[str, Number | None] | None = None,
    windows: Mapping[str, Mapping[str, Number | None]] | None = None,
    since_ms: Mapping[str, int] | None = None,
    lost: Sequence[Lost] = (),
    due: Sequence[Due] = (),
) -> QueueView:
    return QueueView(
        channel, queue, as_of_ms, state, live or {}, windows or {}, since_ms or {}, tuple(lost), tuple(due)
    )  # fmt: skip
