"""A simulated week's interval table twice: by the pipeline while the events come in, and by SQL over the raw events."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import duckdb
import pytest

from streams.contacts.settings import FoldSettings, Thresholds
from streams.metrics.settings import Variants
from streams.metrics.view import QueueView
from streams.pipeline import Pipeline
from streams.sources.replay import Replay
from streams.sources.routing import Router
from streams.sources.simulator import SimulationSettings, Simulator
from streams.windows.settings import WindowSettings

SLOT_MS: Final = 900_000
DAY_MS: Final = 86_400_000
LATENESS_MS: Final = 60_000
LONGEST_WRAPUP_MS: Final = 3_600_000
"""Longer than any of the week: beyond it an agent's work would not be counted."""
WEEK: Final = SimulationSettings(
    seed=5,
    rate_per_hour=16,
    duration_ms=7 * DAY_MS,
    shape="daily",
    staffing=0.8,
    disorder_ms=30_000,
    duplicate_share=0.02,
    heartbeats=False,
)
END_MS: Final = WEEK.start_ms + 8 * DAY_MS
"""Everybody who came in the week has left."""
THRESHOLDS: Final = {
    "billing": Thresholds(target_ms=30_000, short_abandon_ms=10_000),
    "claims": Thresholds(target_ms=60_000),
    "webshop": Thresholds(target_ms=45_000, short_abandon_ms=0),
}
QUEUES: Final = ("billing", "support", "sales", "claims", "overflow", "webshop", "returns")

Key = tuple[str, str, int]
"""Channel, queue, interval (epoch ms // 15 min)."""
Row = dict[str, int | None]

COUNTS: Final = (
    "offered", "answered", "abandoned", "short_abandoned", "flowed_out", "answered_in_target", "handled",
)  # fmt: skip
SUMS: Final = {
    "answered_wait_ms": ("asa", "answered"),
    "abandoned_wait_ms": ("abandon_time_avg", "abandoned"),
    "talk_ms": ("talk_avg", "handled"),
    "hold_ms": ("hold_avg", "handled"),
    "acw_ms": ("acw_avg", "handled"),
}
"""Sum → the KPI that is its mean, and the count that it is the mean over."""

COLUMNS: Final = {
    "id": "VARCHAR", "type": "VARCHAR", "time": "BIGINT", "channel": "VARCHAR", "contact": "VARCHAR",
    "queue": "VARCHAR", "agent": "VARCHAR", "callback": "BOOLEAN", "due": "BIGINT", "wait_ms": "BIGINT",
    "by": "VARCHAR", "talk_ms": "BIGINT", "hold_ms": "BIGINT", "acw_ms": "BIGINT",
}  # fmt: skip
"""The fields of an event that the definitions speak of."""


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    """The week as it arrives: out of order, with repetitions."""
    return [arrival.line for arrival in Simulator(WEEK).events()]


@pytest.fixture(scope="module")
def by_sql(lines, tmp_path_factory) -> dict[Key, Row]:
    path = tmp_path_factory.mktemp("week") / "events.jsonl"
    path.write_bytes(b"\n".join(lines))
    with duckdb.connect() as database:
        database.read_json(str(path), format="newline_delimited", columns=COLUMNS).create("raw_events")
        database.execute("CREATE TABLE thresholds (queue VARCHAR, target_ms BIGINT, short_ms BIGINT)")
        database.executemany("INSERT INTO thresholds VALUES (?, ?, ?)", [limits(queue) for queue in QUEUES])
        found = database.execute(Path(__file__).with_name("intervals.sql").read_text(encoding="utf-8"))
        names = [column[0] for column in found.description]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return {(row.pop("channel"), row.pop("queue"), row.pop("slot")): counted(row) for row in rows}


def limits(queue: str) -> list[Any]:
    thresholds = THRESHOLDS.get(queue, Thresholds())
    return [queue, thresholds.target_ms, thresholds.short_abandon_ms]


def counted(row: dict[str, Any]) -> Row:
    """Nothing counted is 0."""
    return {name: int(value or 0) for name, value in row.items()}


def replayed(lines: list[bytes], windows: WindowSettings, instants: Iterable[int]) -> Iterator[QueueView]:
    """Every queue at the instants, while the events come in."""
    fold = FoldSettings(lateness_ms=LATENESS_MS, wrapup_max_ms=LONGEST_WRAPUP_MS, queues=THRESHOLDS)
    router = Router({"calls": ["voice"], "chats": ["chat"]})
    chunks = (lines[begin : begin + 500] for begin in range(0, len(lines), 500))
    run = Replay(router, Pipeline(fold, windows, Variants()), partitions=4).run(chunks, instants)
    return (view for snapshot in run for view in snapshot.views)


def row(values) -> Row:
    """A window as a row of the table: a sum is the mean times what it is over, None where that is nothing."""
    sums = {
        name: None if values[mean] is None else round(values[mean] * 1000 * values[over])
        for name, (mean, over) in SUMS.items()
    }
    return {name: values[name] for name in COUNTS} | sums


def without_the_unseen(row: Row) -> Row:
    """The row as means can tell it: without a count there is no mean, though a sum may be there (late wrap-ups)."""
    return row | {name: None for name, (_, over) in SUMS.items() if not row[over]}


def test_every_interval_is_the_same(lines, by_sql):
    """The pipeline is asked for each interval when the horizon has passed its end."""
    windows = WindowSettings(windows=("previous_interval",), interval_ms=SLOT_MS)
    ends = range(WEEK.start_ms + SLOT_MS, END_MS + 1, SLOT_MS)
    by_pipeline = {
        (view.channel, view.queue, view.as_of_ms // SLOT_MS - 1): row(view.windows["previous_interval"])
        for view in replayed(lines, windows, [end + LATENESS_MS for end in ends])
    }
    shown = {key: figures for key, figures in by_pipeline.items() if any(figures.values())}
    expected = {key: without_the_unseen(figures) for key, figures in by_sql.items()}

    assert {key: figures for key, figures in expected.items() if any(figures.values())} == shown


def test_the_whole_week_is_the_same(lines, by_sql):
    """Sums over all intervals, those that no mean shows among them."""
    totals: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for (channel, queue, _), figures in by_sql.items():
        totals[channel, queue].update(figures)
    views = replayed(lines, WindowSettings(windows=(), whole_log=True), [END_MS])
    shown = {(view.channel, view.queue): row(view.windows["all"]) for view in views}

    assert totals == {key: figures for key, figures in shown.items() if any(figures.values())}


def test_the_week_has_everything_that_is_compared(lines, by_sql):
    """Else the comparison would prove little."""
    week = Counter()
    for (_, queue, _), figures in by_sql.items():
        if queue == "*":
            week.update(figures)

    assert 20_000 < len(lines) < 60_000
    assert min(week[name] for name in (*COUNTS, *SUMS)) > 0
    assert week["answered"] > week["answered_in_target"]
    assert {queue for _, queue, _ in by_sql} == {*QUEUES, "*"}
