"""Quix Streams: a reduction to the four numbers, windows shown once, when they close.

    python quix_streams.py SHAPE BROKERS SOURCE SINK DIRECTORY EVENTS     SHAPE: tumbling or rolling

RocksDB and changelog topics as by default. All four numbers are one value of one window, so that the state is touched
once an event and window.
"""

import sys
from typing import Any, Final

from quixstreams import Application

STEP_MS: Final = 10_000
ROLLING_MS: Final = 300_000
COUNTED: Final = ("queue.entered", "agent.connected", "queue.abandoned")


class First:
    """Says that the first record has come."""

    said = False

    def time_of(self, value: dict[str, Any], *_: object) -> int:
        """The time of the event; called once a record."""
        if not self.said:
            self.said = True
            print("first", flush=True)
        time: int = value["time"]
        return time


def start(call: dict[str, Any]) -> list[int]:
    """The four numbers of the first event of a window."""
    return add([0, 0, 0, 0], call)


def add(totals: list[int], call: dict[str, Any]) -> list[int]:
    """One event more."""
    kind = call["type"]
    if kind == "queue.entered":
        totals[0] += 1
    elif kind == "agent.connected":
        totals[1] += 1
        totals[3] += call["wait_ms"]
    else:
        totals[2] += 1
    return totals


def result(window: dict[str, Any], key: str, *_: object) -> dict[str, Any]:
    """As every peer writes it."""
    offered, answered, abandoned, wait_ms = window["value"]
    numbers = {"offered": offered, "answered": answered, "abandoned": abandoned, "wait_ms": wait_ms}
    return {"queue": key, "end": window["end"], **numbers}


def main(shape: str, brokers: str, source: str, sink: str, directory: str) -> None:
    app = Application(
        broker_address=brokers,
        consumer_group=sink,
        auto_offset_reset="earliest",
        state_dir=directory,
        loglevel="WARNING",
    )
    calls = app.topic(source, key_deserializer="str", value_deserializer="json", timestamp_extractor=First().time_of)
    results = app.topic(sink, key_serializer="str", value_serializer="json")
    frame = app.dataframe(calls).filter(lambda call: call["type"] in COUNTED)
    windows = frame.tumbling_window(STEP_MS) if shape == "tumbling" else frame.hopping_window(ROLLING_MS, STEP_MS)
    closed = windows.reduce(reducer=add, initializer=start).final()
    closed.apply(result, metadata=True).to_topic(results)
    app.run()


if __name__ == "__main__":
    main(*sys.argv[1:6])
