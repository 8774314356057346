"""Bytewax: a folded window to the four numbers, shown once, when it closes. Recovery off: nothing durable.

python bytewax_flow.py SHAPE BROKERS SOURCE SINK DIRECTORY EVENTS     SHAPE: tumbling or rolling
"""

import sys
from datetime import UTC, datetime, timedelta
from typing import Final

import bytewax.operators as op
import msgspec
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import EventClock, SlidingWindower, TumblingWindower, Windower, fold_window
from bytewax.testing import run_main

STEP: Final = timedelta(seconds=10)
ROLLING: Final = timedelta(minutes=5)
ALIGNED_TO: Final = datetime(1970, 1, 1, tzinfo=UTC)
COUNTED: Final = frozenset({"queue.entered", "agent.connected", "queue.abandoned"})
BATCH: Final = 10_000
SLACK: Final = timedelta(seconds=10)
"""The watermark goes on with the wall clock: without slack, what a slow fetch brings would be late."""


class Call(msgspec.Struct, gc=False):
    """What the windows need of an event."""

    type: str
    time: int
    queue: str = ""
    wait_ms: int = 0


class Keyed:
    """Records to (queue, event), where the event counts."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(Call).decode
        self._said = False

    def __call__(self, message: KafkaSourceMessage) -> tuple[str, Call] | None:
        """Says that the first record has come."""
        if not self._said:
            self._said = True
            print("first", flush=True)
        call = self._decode(message.value)
        return (call.queue, call) if call.type in COUNTED else None


def add(totals: list[int], call: Call) -> list[int]:
    """One event more."""
    kind = call.type
    if kind == "queue.entered":
        totals[0] += 1
    elif kind == "agent.connected":
        totals[1] += 1
        totals[3] += call.wait_ms
    else:
        totals[2] += 1
    return totals


def merge(one: list[int], other: list[int]) -> list[int]:
    """Of windows that become one: these never do."""
    return [a + b for a, b in zip(one, other, strict=True)]


def time_of(call: Call) -> datetime:
    """When it happened."""
    return datetime.fromtimestamp(call.time / 1000, UTC)


class Result:
    """A closed window to the record that every peer writes."""

    def __init__(self, length: timedelta) -> None:
        self._length_ms = length // timedelta(milliseconds=1)
        self._encode = msgspec.json.Encoder().encode

    def __call__(self, window: tuple[str, tuple[int, list[int]]]) -> KafkaSinkMessage:
        """Windows are numbered by the step from the instant they are aligned to."""
        queue, (number, (offered, answered, abandoned, wait_ms)) = window
        end = number * (STEP // timedelta(milliseconds=1)) + self._length_ms
        numbers = {"offered": offered, "answered": answered, "abandoned": abandoned, "wait_ms": wait_ms}
        return KafkaSinkMessage(None, self._encode({"queue": queue, "end": end, **numbers}))


def flow(shape: str, brokers: str, source: str, sink: str) -> Dataflow:
    length = STEP if shape == "tumbling" else ROLLING
    windower: Windower = (
        TumblingWindower(align_to=ALIGNED_TO, length=STEP)
        if shape == "tumbling"
        else SlidingWindower(align_to=ALIGNED_TO, length=ROLLING, offset=STEP)
    )
    dataflow = Dataflow("calls")
    records = op.input("source", dataflow, KafkaSource([brokers], [source], batch_size=BATCH))
    keyed = op.filter_map("decode", records, Keyed())
    clock = EventClock(ts_getter=time_of, wait_for_system_duration=SLACK)
    windows = fold_window("sum", keyed, clock, windower, lambda: [0, 0, 0, 0], add, merge, ordered=False)
    op.output("sink", op.map("result", windows.down, Result(length)), KafkaSink([brokers], sink))
    return dataflow


if __name__ == "__main__":
    run_main(flow(*sys.argv[1:5]))
