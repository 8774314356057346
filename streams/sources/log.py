"""Folding the source topics as they stand in Kafka, in memory: no group, nothing is committed, no worker is needed."""

from collections.abc import Iterable, Sequence
from typing import Final

from streams.books import MemoryRecord
from streams.contacts.settings import FoldSettings
from streams.metrics.settings import Scope
from streams.pipeline import Pipeline, Source
from streams.sources.replay import folded_at
from streams.sources.routing import Router
from streams.windows.clock import SLOT_MS, slots
from streams.windows.settings import WindowSettings

_SHORT_LIVED: Final = frozenset({"contacts", "surveys"})
"""Scopes of what is over within hours; of the others the whole log is read."""

WHOLE_LOG: Final = "all"
LIVE: Final = "live"


def since_ms(
    fold: FoldSettings, windows: WindowSettings, scopes: Sequence[Scope], queue: str, window: str, at: int
) -> int | None:
    """From which append time on events matter to a number at an instant (epoch ms); None: from the beginning."""
    if window == WHOLE_LOG or not _SHORT_LIVED.issuperset(scopes):
        return None
    longest = max([fold.default_max_age_ms, *fold.max_age_ms.values()])
    return _begin(windows, queue, window, at) - longest - fold.conversation_max_ms - fold.wrapup_max_ms


def _begin(windows: WindowSettings, queue: str, window: str, at: int) -> int:
    """About when the window begins, never too late."""
    if window == LIVE:
        return at
    rolling = windows.rolling_ms().get(window)
    if rolling is not None:
        return at - rolling
    return slots(window, at, windows.zone(queue), windows.interval_ms)[0] * SLOT_MS


def fold_log(
    chunks: Iterable[list[tuple[Source, MemoryRecord]]], pipeline: Pipeline, router: Router, until: int | None
) -> None:
    """Fold the records; with an instant (epoch ms), of each partition those before the first event that is later."""
    over: set[Source] = set()
    for chunk in chunks:
        batch = []
        for source, record in chunk:
            if until is not None and source not in over and _at(router, record) > until:
                over.add(source)
            if source not in over:
                batch.append((source, record))
        pipeline.feed(batch)


def _at(router: Router, record: MemoryRecord) -> int:
    return folded_at(router.route(record.value or b"")._replace(appended_at=record.timestamp))
