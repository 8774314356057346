"""The lists that stand beside a queue's hash: who waits, who left, how the last hour and the day went.

They are for whoever looks at one queue, so they may be a little older than the values: each is taken at most every
`PACE_MS`, written when it has changed, and again before it expires.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from streams.books import Book
from streams.facts.wire import Dimension
from streams.metrics.details import Details
from streams.metrics.view import QueueView
from streams.sinks.redis_keys import Keys, ListName
from streams.sinks.redis_script import pack

PACE_MS: Final = 2_000

Look = Callable[[Book, QueueView], Details]
"""(book of stage 2, one of its views) → what stands behind it. To be called in the loop only."""

_json = msgspec.json.Encoder()


class QueueList(NamedTuple):
    """One list as it is to be written; items are JSON objects."""

    queue: Dimension
    name: ListName
    items: tuple[str, ...]

    def key(self, keys: Keys) -> str:
        return keys.list(self.name, self.queue)

    def packed(self) -> str:
        return pack(list(self.items))


class QueueLists:
    """Knows which lists stand in Redis, and since when."""

    def __init__(self, look: Look, again_ms: int) -> None:
        """`again_ms`: a list that does not change is written again so long after."""
        self._look = look
        self._again_ms = again_ms
        self._taken: dict[Dimension, tuple[int, Mapping[ListName, tuple[str, ...]]]] = {}
        """Queue → when its details were taken last, and what they were."""
        self._written: dict[tuple[Dimension, ListName], tuple[tuple[str, ...], int]] = {}
        self._swept_at = 0

    def due(self, book: Book, views: Iterable[QueueView], now_ms: int) -> list[QueueList]:
        """The lists that have to be written now."""
        if not 0 <= now_ms - self._swept_at < self._again_ms:
            self._swept_at = now_ms
            self._forget_gone(now_ms)
        return [each for view in views for each in self._due(book, view, now_ms)]

    def _due(self, book: Book, view: QueueView, now_ms: int) -> list[QueueList]:
        queue = Dimension(view.channel, view.queue)
        items: dict[ListName, tuple[str, ...]] = {"recent": _encoded([visit._asdict() for visit in view.lost])}
        taken_at, taken = self._taken.get(queue, (None, {}))
        if taken_at is None or not 0 <= now_ms - taken_at < PACE_MS:
            taken = _items(self._look(book, view))
            self._taken[queue] = now_ms, taken
        items.update(taken)
        lists = [QueueList(queue, name, of) for name, of in items.items()]
        return [each for each in lists if self._is_due(each, now_ms)]

    def _forget_gone(self, now_ms: int) -> None:
        """Drop what is known of queues that have not been shown for a while. O(queues)."""
        kept_ms = PACE_MS + self._again_ms
        self._taken = {queue: taken for queue, taken in self._taken.items() if 0 <= now_ms - taken[0] < kept_ms}
        self._written = {each: written for each, written in self._written.items() if each[0] in self._taken}

    def _is_due(self, each: QueueList, now_ms: int) -> bool:
        items, written_at = self._written.get((each.queue, each.name), ((), now_ms))
        return each.items != items or (bool(items) and not 0 <= now_ms - written_at < self._again_ms)

    def written(self, lists: Iterable[QueueList], now_ms: int) -> None:
        """They stand in Redis."""
        self._written.update(((each.queue, each.name), (each.items, now_ms)) for each in lists)


def _items(details: Details) -> Mapping[ListName, tuple[str, ...]]:
    return {
        "waiting": _encoded([waiting._asdict() for waiting in details.waiting]),
        "overdue": _encoded([due._asdict() for due in details.overdue]),
        "minutes": _encoded(details.minutes),
        "intervals": _encoded(details.intervals),
        "waits": _encoded(details.waits) if any(share.count for share in details.waits) else (),
    }


def _encoded(items: Sequence[Any]) -> tuple[str, ...]:
    return tuple(_json.encode(item).decode() for item in items)
