"""A view as the text that the script takes."""

from collections.abc import Mapping

import msgspec

from streams.metrics.view import Number, QueueView
from streams.sinks.redis_keys import Change, due_member, field
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
        if view.heard_ms is not None:
            about += ["heard_ms", str(view.heard_ms)]
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
