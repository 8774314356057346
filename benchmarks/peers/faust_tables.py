"""Faust with its windowed tables, as its documentation shows them: a table per number, `+=`, a changelog each.

    python faust_tables.py SHAPE BROKERS SOURCE SINK DIRECTORY EVENTS     SHAPE: tumbling or rolling

A windowed table has no notion of a closed window: when all EVENTS have come, what the tables hold is written out.
"""

import sys
from collections import defaultdict
from typing import Any, Final

import faust

STEP_S: Final = 10
ROLLING_S: Final = 300
KEPT_S: Final = 86_400
NUMBERS: Final = ("offered", "answered", "abandoned", "wait_ms")


class Tables:
    """The four numbers by queue, over windows by the time of the event."""

    def __init__(self, app: faust.App, shape: str, partitions: int) -> None:
        self._tables = {name: self._table(app, f"{app.conf.id}-{name}", shape, partitions) for name in NUMBERS}

    @staticmethod
    def _table(app: faust.App, name: str, shape: str, partitions: int) -> Any:
        table = app.Table(name, default=int, key_type=str, value_type=int, partitions=partitions)
        if shape == "tumbling":
            windowed = table.tumbling(STEP_S, expires=KEPT_S)
        else:
            windowed = table.hopping(ROLLING_S, STEP_S, expires=KEPT_S)
        return windowed.relative_to(lambda event: event.value["time"] / 1000)

    def add(self, call: dict[str, Any]) -> None:
        """One event more."""
        kind = call["type"]
        if kind == "queue.entered":
            self._tables["offered"][call["queue"]] += 1
        elif kind == "agent.connected":
            self._tables["answered"][call["queue"]] += 1
            self._tables["wait_ms"][call["queue"]] += call["wait_ms"]
        elif kind == "queue.abandoned":
            self._tables["abandoned"][call["queue"]] += 1

    def results(self) -> list[dict[str, Any]]:
        """As every peer writes them."""
        found: defaultdict[tuple[str, int], dict[str, int]] = defaultdict(lambda: dict.fromkeys(NUMBERS, 0))
        for name, table in self._tables.items():
            for (queue, (_, last)), value in table.table.data.items():
                found[queue, round(last / STEP_S) * STEP_S * 1000][name] = value
        return [{"queue": queue, "end": end, **numbers} for (queue, end), numbers in found.items()]


def build(shape: str, brokers: str, source: str, sink: str, directory: str, events: str) -> faust.App:
    app = faust.App(
        sink,
        broker=f"kafka://{brokers}",
        datadir=directory,
        store="memory://",
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
        worker_redirect_stdouts=False,
        table_standby_replicas=0,
    )
    partitions = 4
    calls = app.topic(source, value_serializer="json", key_type=str, key_serializer="raw", partitions=partitions)
    results = app.topic(sink, value_serializer="json", partitions=1)
    tables = Tables(app, shape, partitions)

    @app.agent(calls)
    async def count(stream: faust.StreamT) -> None:
        left = int(events)
        async for call in stream:
            if left == int(events):
                print("first", flush=True)
            tables.add(call)
            left -= 1
            if not left:
                for result in tables.results():
                    await results.send(value=result)

    return app


if __name__ == "__main__":
    faust.Worker(build(*sys.argv[1:7]), loglevel="WARNING", quiet=False).execute_from_commandline()
