"""Which queues are closed by their calendars, and until when."""

from typing import Final

from streams.calendars.clock import NEVER, Calendar
from streams.config import Config

MINUTE_MS: Final = 60_000


class Hours:
    """Asks the calendars of the configured queues, once a minute each."""

    def __init__(self, config: Config) -> None:
        calendars = {name: Calendar(calendar.settings()) for name, calendar in config.calendars.items()}
        self._defaults = _of(calendars, config.queue("defaults").calendar)
        self._queues = {name: _of(calendars, config.queue(name).calendar) for name in config.queues}
        self._known: dict[str, tuple[int, int | None]] = {}

    def opens(self, queue: str, now_ms: int) -> int | None:
        """When a closed queue opens, epoch ms; 0: never again; None: it is open, or has no calendar.

        Roll-ups and queues that the configuration does not name go by the calendar of `defaults`, roll-ups by none.
        """
        minute = now_ms // MINUTE_MS
        known = self._known.get(queue)
        if known is None or known[0] != minute:
            known = self._known[queue] = (minute, self._opens(queue, now_ms))
        return known[1]

    def _opens(self, queue: str, now_ms: int) -> int | None:
        calendar = None if queue[:1] in "*@#-" else self._queues.get(queue, self._defaults)
        if calendar is None or calendar.is_open(now_ms):
            return None
        after_first_ms = calendar.due_at(now_ms, 1)
        return 0 if after_first_ms == NEVER else after_first_ms - 1


def _of(calendars: dict[str, Calendar], name: str | None) -> Calendar | None:
    return None if name is None else calendars[name]
