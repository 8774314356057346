"""A view as the text that the script takes."""

from collections.abc import Iterable, Mapping

import msgspec

from streams.facts.wire import Dimension
from streams.metrics.view import Number, QueueView
from streams.sinks.redis_keys import Change, due_member, field
from streams.sinks.redis_script import SEPARATOR, pack
from streams.windows.dimension import Lost

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

    @staticmethod
    def due(view: QueueView) -> str:
        """Due time after member of each target that is due next, packed."""
        return pack([text for due in view.due for text in (str(due.due_at), due_member(view, due))])

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
    """The last abandoned visits of each queue: written when they change, and again before they expire."""

    def __init__(self, again_ms: int) -> None:
        self._again_ms = again_ms
        self._written: dict[Dimension, tuple[tuple[Lost, ...], int]] = {}
        """Queue → what was written, and when."""

    def due(self, view: QueueView, now_ms: int) -> bool:
        """Whether the queue's visits have to be written."""
        lost, written_at = self._written.get(Dimension(view.channel, view.queue), ((), now_ms))
        return view.lost != lost or (bool(lost) and not 0 <= now_ms - written_at < self._again_ms)

    @staticmethod
    def packed(view: QueueView) -> str:
        """Newest first, each a JSON object."""
        return pack([_json.encode(visit._asdict()).decode() for visit in view.lost])

    def written(self, views: Iterable[QueueView], now_ms: int) -> None:
        """Those of these queues stand in Redis since `now_ms`."""
        self._written.update((Dimension(view.channel, view.queue), (view.lost, now_ms)) for view in views)
