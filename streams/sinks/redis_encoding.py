"""A view as the text that the script takes, and the visits behind it."""

from collections.abc import Mapping, Sequence

import msgspec

from streams.facts.wire import Dimension
from streams.metrics.view import Number, QueueView
from streams.sinks.redis_keys import Change, field
from streams.sinks.redis_script import SEPARATOR, pack

_json = msgspec.json.Encoder()


class Encoder:
    """Packs views into hash fields. A window that has not changed since the last view keeps its text: between two
    panes of a quiet queue that is all of them.
    """

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._windows: dict[tuple[str, str, str], tuple[Mapping[str, Number | None], str]] = {}

    def fields(self, view: QueueView, token: int) -> str:
        """Field after value of the queue's hash, packed; a null has no field."""
        about = ["as_of_ms", str(view.as_of_ms), "state", view.state, "token", str(token), "worker", self._worker]
        windows = [self._window(view, window, values) for window, values in view.windows.items()]
        return "".join([pack(about), _pairs(view.live, None), *windows])

    def _window(self, view: QueueView, window: str, values: Mapping[str, Number | None]) -> str:
        key = (view.channel, view.queue, window)
        before = self._windows.get(key)
        if before is not None and before[0] == values:
            return before[1]
        text = _pairs(values, window)
        self._windows[key] = (values, text)
        return text

    @staticmethod
    def change(view: QueueView) -> str:
        """The message that says so."""
        change = Change(channel=view.channel, queue=view.queue, as_of_ms=view.as_of_ms, state=view.state)
        return _json.encode(change).decode()


def _pairs(values: Mapping[str, Number | None], window: str | None) -> str:
    # !r is exact: a reader gets the very float
    return "".join(
        f"{field(kpi_id, window)}{SEPARATOR}{value!r}{SEPARATOR}"
        for kpi_id, value in values.items()
        if value is not None
    )


class RecentVisits:
    """The last abandoned visits of each queue, written when they change and again before they expire."""

    def __init__(self, again_ms: int) -> None:
        self._again_ms = again_ms
        self._visits: dict[Dimension, Sequence[str]] = {}
        self._written_at: dict[Dimension, int] = {}

    def set(self, queue: Dimension, visits: Sequence[str]) -> None:
        self._visits[queue] = tuple(visits)
        self._written_at.pop(queue, None)

    def due(self, queue: Dimension, now_ms: int) -> bool:
        """Whether the queue's visits have to be written."""
        if queue not in self._visits:
            return False
        written_at = self._written_at.get(queue)
        return written_at is None or not 0 <= now_ms - written_at < self._again_ms

    def packed(self, queue: Dimension) -> str:
        return pack(list(self._visits[queue]))

    def written(self, packed: Mapping[Dimension, str], now_ms: int) -> None:
        """These stand in Redis since `now_ms`; one that has changed meanwhile is still due."""
        for queue, text in packed.items():
            if self.packed(queue) == text:
                self._written_at[queue] = now_ms
