"""What must hold whatever arrives: no crash, no silent skip, a state that can be stored, views that can be shown."""

import json
from collections.abc import Sequence

import msgspec

from streams.books import MemoryRecord
from streams.calendars.settings import CalendarSettings
from streams.contacts.book import ContactBook
from streams.contacts.customers import CustomerKey
from streams.contacts.settings import FoldSettings, TargetRule, Thresholds
from streams.customers.settings import CustomerSettings
from streams.facts.primitives import TARGETS
from streams.metrics.settings import DOMAINS, Variants
from streams.pipeline import Pipeline
from streams.windows.book import ViewBook
from streams.windows.settings import WindowSettings
from tests.fuzz.records import HOUR_MS, NOW, Record
from tests.properties.keeping import Keeper

DAY_MS = 24 * HOUR_MS
SOURCE = ("calls", 0)
OUTCOMES = {"applied", "duplicate", "late", "too_late", "unknown", "rejected"}
LOST = ("rejected", "unknown", "too_late")
"""Outcomes that leave a dead letter."""

HOURS = CalendarSettings("Europe/Berlin", (((9 * HOUR_MS, 17 * HOUR_MS),),) * 7)
FOLD = FoldSettings(
    defaults=Thresholds(calendar="office", cost_per_hour=3_000),
    calendars={"office": HOURS},
    groups={"both": ("q1", "q2")},
    segments=("gold",),
    per_agent=True,
    timezones={"q2": "Asia/Kathmandu"},
    ticket_targets=tuple(TargetRule(metric, 600_000, business=metric == "resolution") for metric in TARGETS),
)
"""Everything that can be switched on."""
WINDOWS = WindowSettings(
    windows=("5m", "today", "interval", "previous_interval", "7d"),
    volume_ratio=True,
    most_queues=6,
    channels=frozenset({"voice", "ticket", *DOMAINS}),
)
CUSTOMERS = CustomerKey("sixteen characters")


def survives(log: Sequence[Record]) -> None:
    """Fold the log every way there is. Raises what the program raises, or AssertionError."""
    records = [MemoryRecord(offset, at, b"key", value) for offset, (value, at) in enumerate(log)]
    _counts_every_record(records)
    facts = _restores_to_the_same(Keeper(lambda: ContactBook(*SOURCE, FOLD, customers=CUSTOMERS), records))
    _restores_to_the_same(Keeper(lambda: ViewBook(0, WINDOWS), facts))


def _counts_every_record(records: Sequence[MemoryRecord]) -> None:
    pipeline = Pipeline(
        FOLD, msgspec.structs.replace(WINDOWS, whole_log=True), Variants(), customers=(CUSTOMERS, CustomerSettings())
    )
    for record in records:
        pipeline.feed([(SOURCE, record)])
    outcomes = pipeline.outcomes

    assert set(outcomes) <= OUTCOMES
    assert sum(outcomes.values()) == len(records)
    assert len(pipeline.dead_letters) == sum(outcomes.get(name, 0) for name in LOST)
    assert sum(pipeline.rejections.values()) == outcomes.get("rejected", 0)
    assert all(json.loads(dict(letter.headers)["source"])["topic"] == SOURCE[0] for letter in pipeline.dead_letters)
    _shows(pipeline)


def _shows(pipeline: Pipeline) -> None:
    """At any time: what is shown is JSON without surprises."""
    for now in (NOW, pipeline.clock, pipeline.clock + 2 * HOUR_MS, pipeline.clock + 9 * DAY_MS):
        for view in pipeline.views(now):
            json.dumps([view.channel, view.queue, dict(view.live), {k: dict(v) for k, v in view.windows.items()}],
                       allow_nan=False)  # fmt: skip
    assert all(isinstance(json.loads(visit.value or b""), dict) for visit in pipeline.visits)
    assert pipeline.snapshot()


def _restores_to_the_same(keeper: Keeper) -> list[MemoryRecord]:
    """Killed in the middle and restored it comes to the same bytes. Returns the facts, as a log."""
    uninterrupted = Keeper(keeper._make, keeper._log).finish()
    half = len(keeper._log) // 2
    state = keeper.live_through([(half, "crash"), (1, "crash")])

    assert state == uninterrupted
    facts = [output for output in keeper.outputs if output.topic == "facts"]
    return [MemoryRecord(offset, NOW + offset, fact.key, fact.value) for offset, fact in enumerate(facts)]
