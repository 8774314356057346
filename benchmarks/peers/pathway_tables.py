"""Pathway: windows of its temporal library, updates as the engine commits them.

    python pathway_tables.py SHAPE BROKERS SOURCE SINK DIRECTORY EVENTS     SHAPE: tumbling, rolling or panes

`panes` by hand: tumbling panes of 10 s first, and each pane into the thirty windows that it is part of. One worker,
no persistence. Windows that are five minutes old are forgotten.
"""

import sys
from typing import Final

import pathway as pw

STEP_MS: Final = 10_000
ROLLING_MS: Final = 300_000
KEPT_MS: Final = 300_000
COMMIT_MS: Final = 1_000


class Call(pw.Schema):
    """What the windows need of an event."""

    type: str
    time: int
    queue: str = pw.column_definition(default_value="")
    wait_ms: int = pw.column_definition(default_value=0)


def counted(calls: pw.Table) -> pw.Table:
    """The four numbers of each event, 0 or 1 but for the wait."""
    relevant = calls.filter(
        (pw.this.type == "queue.entered") | (pw.this.type == "agent.connected") | (pw.this.type == "queue.abandoned")
    )
    answered = pw.this.type == "agent.connected"
    return relevant.select(
        pw.this.time,
        pw.this.queue,
        offered=pw.cast(int, pw.this.type == "queue.entered"),
        answered=pw.cast(int, answered),
        abandoned=pw.cast(int, pw.this.type == "queue.abandoned"),
        wait_ms=pw.if_else(answered, pw.this.wait_ms, 0),
    )


def windows(events: pw.Table, window: pw.temporal.Window) -> pw.Table:
    """Sums by queue and window."""
    behavior = pw.temporal.common_behavior(cutoff=KEPT_MS, keep_results=True)
    grouped = events.windowby(events.time, window=window, instance=events.queue, behavior=behavior)
    return grouped.reduce(
        queue=pw.this._pw_instance,  # noqa: SLF001 (so the library calls it)
        end=pw.this._pw_window_end,  # noqa: SLF001
        offered=pw.reducers.sum(pw.this.offered),
        answered=pw.reducers.sum(pw.this.answered),
        abandoned=pw.reducers.sum(pw.this.abandoned),
        wait_ms=pw.reducers.sum(pw.this.wait_ms),
    )


def main(shape: str, brokers: str, source: str, sink: str) -> None:
    settings = {"bootstrap.servers": brokers, "group.id": sink, "auto.offset.reset": "earliest"}
    calls = pw.io.kafka.read(settings, topic=source, schema=Call, format="json", autocommit_duration_ms=COMMIT_MS)
    events = counted(calls)
    if shape == "rolling":
        results = windows(events, pw.temporal.sliding(hop=STEP_MS, duration=ROLLING_MS))
    else:
        results = windows(events, pw.temporal.tumbling(duration=STEP_MS))
    if shape == "panes":
        panes = results.select(*pw.this, time=pw.this.end - 1)
        results = windows(panes, pw.temporal.sliding(hop=STEP_MS, duration=ROLLING_MS))
    pw.io.kafka.write(results, settings, topic_name=sink, format="json")
    print("first", flush=True)  # a look at each record would cost more than the record: the start counts instead
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)


if __name__ == "__main__":
    main(*sys.argv[1:5])
