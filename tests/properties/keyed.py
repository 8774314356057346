"""Events of agents and surveys on their way: random delays and repetitions, and the real pipeline that takes them."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from streams.books import MemoryRecord
from streams.pipeline import Pipeline, Source
from tests.properties.histories import LATENESS_MS
from tests.properties.wiring import RULES, fold_settings, variants, window_settings
from tests.reference.murmur import partition_of

Event = dict[str, Any]
Number = int | float | None


@dataclass(frozen=True)
class Arriving:
    """An event and the moment it is appended."""

    event: Event
    arrives: int

    @property
    def source(self) -> Source:
        """Topic and partition of its key."""
        agent = self.event.get("agent")
        topic, key = ("agents", agent) if self.event["type"] == "agent.state" else ("surveys", self.event["contact"])
        return topic, partition_of(key, RULES.partitions)

    def record(self, offset: int) -> MemoryRecord:
        return MemoryRecord(offset, None, None, json.dumps(self.event).encode())


@st.composite
def arriving(draw: Any, events: list[Event], *, most_ms: int = LATENESS_MS) -> list[Arriving]:
    """All events, each up to `most_ms` after it happened, some of them twice; in order of arrival."""
    delays = st.one_of(st.just(0), st.integers(0, most_ms))
    repeats = draw(st.lists(st.sampled_from(events), max_size=3))
    sent = [Arriving(event, event["time"] + draw(delays)) for event in [*events, *repeats]]
    return sorted(sent, key=lambda one: (one.arrives, one.event["id"]))


class Taking:
    """The real pipeline with the oracle's settings."""

    def __init__(self) -> None:
        self.pipeline = Pipeline(fold_settings(RULES), window_settings(RULES), variants(RULES))
        self._offsets: Counter[Source] = Counter()

    def feed(self, sent: Iterable[Arriving]) -> None:
        """One batch, as a fetch hands it over."""
        records = []
        for one in sent:
            records.append((one.source, one.record(self._offsets[one.source])))
            self._offsets[one.source] += 1
        self.pipeline.feed(records)

    def values(self, channel: str, now: int) -> dict[tuple[str, str], Mapping[str, Number]]:
        """(queue, window) → KPI → value, the window `live` among them."""
        found: dict[tuple[str, str], Mapping[str, Number]] = {}
        for view in self.pipeline.views(now):
            if view.channel == channel:
                found[view.queue, "live"] = view.live
                found.update({(view.queue, window): values for window, values in view.windows.items()})
        return found
