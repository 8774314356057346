"""The metrics of the pipeline itself, prefix `contact_streams_`: is it well, and what became of the records.

A table: what the worker counts stands in `COUNTED` and comes as `Stats`, what follows from a view is in `OF_VIEWS`.
"""

from collections.abc import Mapping
from typing import Final

from streams.sinks.metric_names import Metric, Type

PREFIX: Final = "contact_streams_"

Labels = tuple[str, ...]
"""Label values in the order of the metric's `labels`."""

Stats = Mapping[str, Mapping[Labels, int | float]]
"""Name of a metric of `COUNTED` without prefix → label values → value. A summary comes as its two parts,
`<name>_sum` and `<name>_count`. Counters never fall while the process lives, whatever partitions come and go."""


def _metric(name: str, kind: Type, labels: Labels, text: str) -> Metric:
    return Metric(PREFIX + name, kind, text, labels)


COUNTED: Final = (
    _metric("events_total", "counter", ("type", "outcome"),
            "Records by type and by what became of them."),
    _metric("rejected_total", "counter", ("reason",), "Records rejected, by reason; they are in the dead letters."),
    _metric("late_total", "counter", (), "Events that came later than the lateness."),
    _metric("duplicates_total", "counter", (), "Events that were known already and changed nothing."),
    _metric("clamped_total", "counter", (), "Events ahead of their append time, set back to it."),
    _metric("negative_waits_total", "counter", (), "Waits below zero, counted as zero."),
    _metric("orphans_total", "counter", (), "Events of contacts whose beginning was not seen."),
    _metric("expired_total", "counter", (), "Counts dropped because their pane was gone."),
    _metric("crowded_total", "counter", (),
            "Facts kept under `~other`: there are more queues or agents than `max_queues`."),
    _metric("lag_records", "gauge", ("topic", "partition"), "Records that wait to be folded."),
    _metric("source_delay_seconds", "gauge", ("source",),
            "Append time - event time of a source's last event, in its slowest partition."),
    _metric("event_to_view_seconds", "summary", (), "From an event's append to the views that hold it."),
    _metric("last_flush_timestamp_seconds", "gauge", ("topic", "partition"), "Unix time of the last committed flush."),
    _metric("sink_failures_total", "counter", ("sink",), "Writes to a sink that failed."),
    _metric("sink_up", "gauge", ("sink",), "1: the last write to the sink came through; 0: it failed."),
    _metric("build_info", "gauge", ("version", "python"), "1, labelled with what is running."),
)  # fmt: skip
"""What is handed in."""

AS_OF: Final = _metric(
    "as_of_timestamp_seconds", "gauge", ("channel", "queue"),
    "Unix time, to the millisecond, that the values are true for.",
)  # fmt: skip
AS_OF_AGE: Final = _metric("as_of_age_seconds", "gauge", ("channel", "queue"), "Scrape time - as_of.")
LIVE: Final = _metric(
    "live", "gauge", ("channel", "queue"), "1: the queue's values are live and shown; 0: it is catching up.",
)  # fmt: skip

OF_VIEWS: Final = (AS_OF, AS_OF_AGE, LIVE)
"""What every queue shows of its own freshness, live or not."""
