"""What is right: a count of the log itself, by a program that shares nothing with those that it judges.

It reads the topic with another client (confluent-kafka) and another JSON (the standard library), and adds each event to
every window that it falls in, one by one.
"""

import json
from collections import defaultdict
from typing import Any, Final, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

STEP_MS: Final = 10_000
LENGTHS_MS: Final = {"tumbling": 10_000, "rolling": 300_000, "panes": 300_000}
NUMBERS: Final = ("offered", "answered", "abandoned", "wait_ms")
COUNTED: Final = {"queue.entered": "offered", "agent.connected": "answered", "queue.abandoned": "abandoned"}

WindowKey = tuple[str, int]
"""Queue, and where the window ends (epoch ms)."""
Numbers = tuple[int, ...]
"""In the order of `NUMBERS`."""


class Truth(NamedTuple):
    """What a log comes to."""

    records: int
    totals: dict[str, Numbers]
    """By queue."""
    panes: dict[WindowKey, Numbers]
    closed_until: int
    """Every queue has an event at this instant (epoch ms) or later: a window that ends by then is closed for all."""

    def windows(self, shape: str, *, closed: bool) -> dict[WindowKey, Numbers]:
        """Windows with anything in them; `closed`: only those that no engine may still hold back."""
        found: defaultdict[WindowKey, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for (queue, pane_end), numbers in self.panes.items():
            for end in range(pane_end, pane_end + LENGTHS_MS[shape], STEP_MS):
                if closed and end > self.closed_until:
                    break
                window = found[queue, end]
                for which, number in enumerate(numbers):
                    window[which] += number
        return {key: tuple(numbers) for key, numbers in found.items()}


def read(brokers: str, topic: str) -> Truth:
    """Count a topic from beginning to end."""
    totals: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    panes: defaultdict[WindowKey, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    last: dict[str, int] = {}
    records = 0
    for event in _events(brokers, topic):
        records += 1
        number = COUNTED.get(event["type"])
        if number is None:
            continue
        queue, at = event["queue"], event["time"]
        last[queue] = max(at, last.get(queue, 0))
        for counted in (totals[queue], panes[queue, (at // STEP_MS + 1) * STEP_MS]):
            counted[NUMBERS.index(number)] += 1
            if number == "answered":
                counted[NUMBERS.index("wait_ms")] += event["wait_ms"]
    return Truth(
        records,
        {queue: tuple(numbers) for queue, numbers in totals.items()},
        {key: tuple(numbers) for key, numbers in panes.items()},
        min(last.values(), default=0),
    )


def _events(brokers: str, topic: str) -> Any:
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "truth", "enable.auto.commit": False})
    try:
        partitions = consumer.list_topics(topic).topics[topic].partitions
        places = [TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions]
        left = sum(consumer.get_watermark_offsets(place)[1] for place in places)
        consumer.assign(places)
        while left > 0:
            for message in consumer.consume(10_000, timeout=5.0):
                if message.error():
                    raise RuntimeError(str(message.error()))
                left -= 1
                yield json.loads(message.value())
    finally:
        consumer.close()
