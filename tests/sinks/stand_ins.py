"""Owned partitions whose views a test sets by hand."""

from collections.abc import Mapping

import msgspec

from streams.metrics.view import Number, QueueView

NOW = 1_790_000_000_123


class Book:
    """Shows the views it was given, whatever the time."""

    def __init__(self, *views: QueueView) -> None:
        self.shown = list(views)

    def views(self, now_ms: int, partitions: Mapping[str, int]) -> list[QueueView]:
        del now_ms, partitions
        return list(self.shown)


class Partition(msgspec.Struct):
    """Owned under a fencing token."""

    book: Book
    token: int = 7


def view(
    queue: str = "billing",
    *,
    channel: str = "voice",
    as_of_ms: int = NOW,
    state: str = "live",
    live: Mapping[str, Number | None] | None = None,
    windows: Mapping[str, Mapping[str, Number | None]] | None = None,
    since_ms: Mapping[str, int] | None = None,
) -> QueueView:
    return QueueView(channel, queue, as_of_ms, state, live or {}, windows or {}, since_ms or {})
