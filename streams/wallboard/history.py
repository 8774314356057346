"""The way a few numbers of a queue went in the last hour, in samples of fixed distance."""

from collections import deque
from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from streams.metrics.view import Number

SAMPLE_MS: Final = 15_000
SAMPLES: Final = 240
"""An hour."""


class History(msgspec.Struct, frozen=True):
    """One sample per `step_ms`, the last at step number `end`; None where nothing is known."""

    step_ms: int
    end: int
    series: Mapping[str, list[Number | None]]
    """Field → its samples, the oldest first; as many of each."""


class Track:
    """The samples of one queue. Bounded: at most `SAMPLES` of each field."""

    def __init__(self, now_ms: int, fields: Collection[str]) -> None:
        self._end = now_ms // SAMPLE_MS
        self._series: dict[str, deque[Number | None]] = {name: deque(maxlen=SAMPLES) for name in fields}

    def sample(self, now_ms: int, values: Mapping[str, Number]) -> None:
        """Take a sample if it is time: one per step however long ago the last."""
        step = now_ms // SAMPLE_MS
        missed = min(step - self._end, SAMPLES)
        if missed <= 0:
            return
        self._end = step
        for name, samples in self._series.items():
            samples.extend([None] * (missed - 1))
            samples.append(values.get(name))

    def fill(self, name: str, known: Mapping[int, Number]) -> None:
        """What was before the first sample: `known` holds epoch ms → value, each good until the next."""
        samples = self._series[name]
        end = self._end - len(samples)
        first = self._end - SAMPLES + 1
        before: list[Number | None] = []
        for step in range(first, end + 1):
            at = max((at for at in known if at <= step * SAMPLE_MS), default=None)
            before.append(None if at is None or step * SAMPLE_MS - at > 4 * SAMPLE_MS else known[at])
        self._series[name] = deque([*before, *samples], maxlen=SAMPLES)

    def history(self, names: Collection[str] | None = None) -> History:
        """The samples of the named fields, or of all that have any."""
        series = {
            name: list(samples)
            for name, samples in self._series.items()
            if (name in names if names is not None else any(sample is not None for sample in samples))
        }
        return History(SAMPLE_MS, self._end, series)
