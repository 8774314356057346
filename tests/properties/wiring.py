"""Both models side by side: the real pipeline and the oracle, fed with the same records, asked the same questions."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping

from streams.books import MemoryRecord
from streams.calendars.settings import CalendarSettings
from streams.contacts.settings import FoldSettings, Thresholds
from streams.metrics.catalogue import BY_ID
from streams.metrics.settings import Staffing, Variant, Variants
from streams.pipeline import Pipeline, Source
from streams.windows.settings import WindowSettings
from tests.properties.histories import LATENESS_MS, MAX_AGE_MS, MINUTE_MS, WRAPUP_MAX_MS, Sent
from tests.reference.murmur import partition_of
from tests.reference.rules import QueueRules, Rules
from tests.reference.visits import Instant, Reference

Number = int | float | None

PARTITIONS = 2

RULES = Rules(
    queues={
        "q1": QueueRules(
            target_ms=30_000,
            service_level="abandons_met",
            timezone="Europe/Berlin",
            goal=0.95,
            cost_per_hour=3_000,
            # so short that hardly a response lies within one, and an hour's error never lines up
            opening_hours=tuple((minute, minute + 3) for minute in range(0, 1_440, 7)),
        ),
        "q2": QueueRules(
            short_abandon_ms=10_000, below_target=True, count_callback_delay=True, timezone="Asia/Kathmandu"
        ),
    },
    lateness_ms=LATENESS_MS,
    max_age_ms=MAX_AGE_MS,
    wrapup_max_ms=WRAPUP_MAX_MS,
    interval_ms=1_800_000,
    partitions=PARTITIONS,
    groups={"both": ("q1", "q2"), "one": ("q2", "never")},
    segments=("gold", "trial"),
)
"""Two queues that differ in everything; `-` and `*` have the defaults."""

PERCENTILE_ERROR = 0.011


def thresholds(rules: QueueRules, calendar: str | None = None) -> Thresholds:
    return Thresholds(
        target_ms=rules.target_ms,
        target_inclusive=not rules.below_target,
        short_abandon_ms=rules.short_abandon_ms,
        first_response_target_ms=rules.first_response_target_ms,
        count_callback_delay=rules.count_callback_delay,
        calendar=calendar,
        cost_per_hour=rules.cost_per_hour,
    )


def calendar(rules: QueueRules) -> CalendarSettings:
    """The opening hours, every day."""
    hours = tuple((opens * MINUTE_MS, closes * MINUTE_MS) for opens, closes in rules.opening_hours)
    return CalendarSettings(rules.timezone, (hours,) * 7)


def fold_settings(rules: Rules) -> FoldSettings:
    return FoldSettings(
        lateness_ms=rules.lateness_ms,
        wrapup_max_ms=rules.wrapup_max_ms,
        max_age_ms=rules.max_age_ms,
        defaults=thresholds(rules.defaults),
        queues={
            name: thresholds(queue, f"hours of {name}" if queue.opening_hours else None)
            for name, queue in rules.queues.items()
        },
        groups=rules.groups,
        segments=rules.segments,
        calendars={f"hours of {name}": calendar(queue) for name, queue in rules.queues.items() if queue.opening_hours},
    )


def window_settings(rules: Rules) -> WindowSettings:
    return WindowSettings(
        windows=tuple(name for name in rules.windows if name != "all"),
        interval_ms=rules.interval_ms,
        timezone=rules.timezone,
        timezones={name: queue.timezone for name, queue in rules.queues.items()},
        lateness_ms=rules.lateness_ms,
        whole_log="all" in rules.windows,
    )


def variants(rules: Rules) -> Variants:
    return Variants(defaults=variant(rules.defaults), queues={n: variant(queue) for n, queue in rules.queues.items()})


def variant(rules: QueueRules) -> Variant:
    return Variant(service_level=rules.service_level, staffing=Staffing(rules.target_ms / 1_000, rules.goal))


class Centre:
    """The real pipeline with the oracle's settings, fed with what is sent, each record in its source partition."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.rules = rules
        self.pipeline = Pipeline(fold_settings(rules), window_settings(rules), variants(rules))
        self._offsets: Counter[Source] = Counter()

    def feed(self, sent: Iterable[Sent]) -> None:
        """One batch, as a fetch hands it over."""
        self.pipeline.feed([(source, self._record(source, one)) for one in sent for source in self._sources(one)])

    def feed_bytes(self, source: Source, value: bytes) -> None:
        """A record whose value may be anything."""
        self._offsets[source] += 1
        self.pipeline.feed([(source, MemoryRecord(self._offsets[source] - 1, None, None, value))])

    def _sources(self, one: Sent) -> list[Source]:
        """A contact has its partition; a heartbeat goes to every one."""
        if one.event["type"] == "heartbeat":
            return [(one.topic, partition) for partition in range(self.rules.partitions)]
        return [(one.topic, partition_of(one.event["contact"], self.rules.partitions))]

    def _record(self, source: Source, one: Sent) -> MemoryRecord:
        self._offsets[source] += 1
        return one.record(self._offsets[source] - 1)

    def values(self, channel: str, now: int) -> dict[tuple[str, str], Mapping[str, Number]]:
        """(queue, window) → KPI → value, the window `live` among them."""
        found: dict[tuple[str, str], Mapping[str, Number]] = {}
        for view in self.pipeline.views(now):
            if view.channel == channel:
                found[view.queue, "live"] = view.live
                found.update({(view.queue, window): values for window, values in view.windows.items()})
        return found


def expected(instant: Instant, queues: Iterable[str]) -> dict[tuple[str, str], Mapping[str, Number]]:
    """The same from the oracle."""
    found: dict[tuple[str, str], Mapping[str, Number]] = {}
    for queue in queues:
        found[queue, "live"] = instant.live(queue)
        for window in instant.rules.windows:
            found[queue, window] = instant.window(queue, window)
    return found


def differences(reference: Reference, real: Centre, now: int) -> list[str]:
    """Every number at `now` that the two do not agree on. What the pipeline does not show at all must be nothing."""
    actual = real.values(reference.channel, now)
    instant = reference.at(now)
    queues = sorted(instant.queues() | {queue for queue, _ in actual})
    found = []
    for (queue, window), values in expected(instant, queues).items():
        theirs = actual.get((queue, window), {})
        for kpi, value in values.items():
            if not same(kpi, value, theirs.get(kpi, 0 if value == 0 else None)):
                found.append(f"{queue} {window} {kpi}: oracle {value}, pipeline {theirs.get(kpi, 'absent')}")
        unknown = [kpi for kpi in theirs if kpi not in values and "contacts" in BY_ID[kpi].scopes]
        found += [f"{queue} {window} {kpi}: not in the oracle" for kpi in unknown]
    return found


def same(kpi: str, ours: Number, theirs: Number) -> bool:
    """Equal: counts to the last digit, percentiles within their promise, the rest but for rounding."""
    if ours is None or theirs is None:
        return ours is theirs
    if isinstance(ours, int):
        return ours == theirs
    tolerance = PERCENTILE_ERROR if kpi.rpartition("_")[2] in ("p50", "p80", "p90", "p95", "p99") else 1e-9
    return math.isclose(ours, theirs, rel_tol=tolerance, abs_tol=1e-12)
