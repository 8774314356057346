"""The broker's clock, as this process knows it: what is shown is judged by the clock that stamped the records.

An append time that a broker reports lies between the moment when the record was sent and the moment when the answer
came. So each flush bounds the difference between the broker's clock and the monotonic one of this machine; where the
bounds of several flushes overlap, the difference is known better than any of them tells alone. The machine's own wall
clock may be wrong, and may jump: it counts only until the first answer.
"""

import time
from typing import Final

DRIFT: Final = 500e-6
"""Two clocks drift apart by less: what was learnt is trusted less and less, so much a second."""


class BrokerClock:
    """Milliseconds since the epoch, by the broker. Every method costs next to nothing."""

    def __init__(self) -> None:
        wall_ms = time.time() * 1000 - time.monotonic() * 1000
        self._bounds = wall_ms, wall_ms
        """What to add to the monotonic clock, in ms: at least, at most."""
        self._learnt_at: float | None = None
        """Monotonic clock; None: nothing was learnt yet."""

    def now_ms(self) -> int:
        """What the broker's clock shows now, as well as it is known."""
        least, most = self._bounds
        return round(time.monotonic() * 1000 + (least + most) / 2)

    def learn(self, appended_at: int, sent_at: float, answered_at: float) -> None:
        """A record that was sent and acknowledged then (monotonic, s) was appended at `appended_at` (epoch ms)."""
        told = appended_at - answered_at * 1000, appended_at + 1 - sent_at * 1000
        known = told
        if self._learnt_at is not None:
            slack = max(0.0, answered_at - self._learnt_at) * 1000 * DRIFT
            known = max(told[0], self._bounds[0] - slack), min(told[1], self._bounds[1] + slack)
        # No overlap: one of the clocks was set, and the newest word counts.
        self._bounds = known if known[0] <= known[1] else told
        self._learnt_at = answered_at

    def wall_is_ahead_ms(self) -> int:
        """How far this machine's wall clock is ahead of the broker's, negative where it is behind; 0 when not known."""
        return 0 if self._learnt_at is None else round(time.time() * 1000) - self.now_ms()
