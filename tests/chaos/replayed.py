"""The same log folded by one process, in the order in which Kafka has appended it: what everything should be."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from streams.books import MemoryRecord
from streams.config import Config
from streams.facts.wire import PANE_MS, Dimension
from streams.metrics.view import Number, Viewer
from streams.pipeline import Pipeline, Source
from streams.sinks.redis_keys import field
from streams.windows.book import ViewBook
from tests.chaos.samples import KEPT, Sample

SLACK_MS: Final = 2_000
"""What was appended so long before an as_of must be in its numbers. (A worker takes itself for caught up by the proof
of a fetch answer at most 1 s old; the flush that says so comes on top.)"""
AT_ONCE: Final = 5_000
FORGET_EVERY_MS: Final = 10_000
NEVER: Final = 1 << 62

Log = Mapping[str, Mapping[int, Sequence[MemoryRecord]]]
"""Logical topic → partition → its records."""


class _Head(msgspec.Struct, gc=False):
    type: str
    time: int


class Replayed:
    """Folds as far as it is asked."""

    def __init__(self, config: Config, log: Log) -> None:
        self.log = log
        self.visits: list[tuple[int, tuple[bytes | None, bytes | None]]] = []
        """(append time of the record by which it became final, or a little later; key and value)."""
        variants, channels = config.variants(), config.channels()
        self._pipeline = Pipeline(config.fold_settings(), config.window_settings(), variants, channels)
        self._viewer = Viewer(variants, channels)
        self._records = _in_order(log)
        self._appended = array("q", (record.timestamp or 0 for _, record in self._records))
        self._happened = array("q", map(_event_time, self._records))
        self._folded = 0
        self._forgotten_at = 0

    @property
    def records(self) -> int:
        return len(self._records)

    @property
    def seconds(self) -> float:
        return (self._appended[-1] - self._appended[0]) / 1_000 if self._appended else 0.0

    @property
    def facts(self) -> ViewBook:
        return self._pipeline.facts

    def contacts(self, topic: str, partition: int) -> bytes:
        """State of a book of stage 1."""
        return self._pipeline._contacts[topic, partition].snapshot()

    def finish(self) -> None:
        self._fold_until(len(self._records))

    def shown(self, sample: Sample) -> dict[str, str | None]:
        """What can be said of a sample: field → value, None where it must be absent. Samples come by their as_of.

        Nothing is said of what depends on how far exactly each partition had been read by then.
        """
        as_of = sample.as_of_ms
        self._fold_until(bisect_right(self._appended, as_of))
        certain = self._certain_until(as_of, sample.answered_at)
        if certain <= as_of:
            return {}
        view = self._viewer.view(self.facts, Dimension(*sample.line), as_of, as_of)
        fields = _fields(view.live, None)
        if certain >= (as_of // PANE_MS + 1) * PANE_MS:
            for window, values in view.windows.items():
                fields |= _fields(values, window)
        return fields if sample.whole else {name: fields[name] for name in fields if name.partition(":")[0] in KEPT}

    def _certain_until(self, as_of: int, answered_at: int) -> int:
        """Before this instant (epoch ms) nothing happens of which it is not certain that the sample knew it, or not."""
        first = bisect_left(self._appended, as_of - SLACK_MS)
        return min(self._happened[first : bisect_right(self._appended, answered_at)], default=NEVER)

    def _fold_until(self, index: int) -> None:
        while self._folded < index:
            upto = min(index, self._folded + AT_ONCE)
            self._pipeline.feed(self._records[self._folded : upto])
            self._folded = upto
            now = self._appended[upto - 1]
            self.visits += [(now, (visit.key, visit.value)) for visit in self._pipeline.visits]
            self._pipeline.visits.clear()
            if now > self._forgotten_at + FORGET_EVERY_MS:
                # Rows that are over: views are taken in the order of their instants.
                self.facts.expire(now - FORGET_EVERY_MS)
                self._forgotten_at = now


def _in_order(log: Log) -> list[tuple[Source, MemoryRecord]]:
    """All records by append time; those of a partition in their order."""
    records = [
        ((topic, partition), record)
        for topic, partitions in log.items()
        for partition, of in partitions.items()
        for record in of
    ]
    records.sort(key=lambda item: item[1].timestamp or 0)
    return records


_decode = msgspec.json.Decoder(_Head).decode


def _event_time(item: tuple[Source, MemoryRecord]) -> int:
    """When it happened (epoch ms); `NEVER` for what changes no number."""
    head = _decode(item[1].value or b"{}")
    return NEVER if head.type == "heartbeat" else head.time


def _fields(values: Mapping[str, Number | None], window: str | None) -> dict[str, str | None]:
    return {field(kpi, window): None if value is None else repr(value) for kpi, value in values.items()}
