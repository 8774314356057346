"""The simulated centre: `python -m streams.demo.centre BROKERS SPEED` sends its last hour, then goes on live.

Events of the past are appended now: their times are true, and a worker folds them like any backlog.
"""

import signal
import sys
import time
from collections.abc import Iterable
from typing import Final

from confluent_kafka import KafkaError, Message, Producer

from streams.config import Config
from streams.errors import ConnectionFailed
from streams.sources.routing import Router, partition_of
from streams.sources.simulator import Arrival, SimulationSettings, Simulator, paced

BACKFILL_MS: Final = 3_600_000
SURVEY_SHARE: Final = 0.2
TICKET_SHARE: Final = 0.1
RATE_PER_HOUR: Final = 1_800.0
"""Enough that a tile changes every few seconds."""

FLUSH_S: Final = 5.0
TIMEOUT_S: Final = 10.0


def main(brokers: str, speed: float) -> int:
    """Send until SIGTERM: 0. Raises ConnectionFailed when the broker does not take a record."""
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: stopped.append(number))
    settings = SimulationSettings(
        rate_per_hour=RATE_PER_HOUR,
        speed=speed,
        start_ms=_now_ms() - BACKFILL_MS,
        agents=True,
        survey_share=SURVEY_SHARE,
        ticket_share=TICKET_SHARE,
    )
    feeder = Feeder(brokers, Config())
    arrivals = Simulator(settings).events()
    feeder.feed(paced(arrivals, now_ms=_now_ms, sleep_ms=feeder.rest, stopped=lambda: bool(stopped)))
    return 0


class Feeder:
    """Sends arrivals to their topics, as `produce` does; librdkafka, because kafka-python refuses the mock cluster."""

    def __init__(self, brokers: str, config: Config) -> None:
        # the mock cluster answers a fetch with one batch of a partition, and keeps 5 MB of it: few batches, and small
        # (gzip, since aiokafka needs nothing extra to read that); `rest` sends what lingers
        batches = {"linger.ms": 1_000, "compression.type": "gzip"}
        self._producer = Producer({"bootstrap.servers": brokers, "acks": "all", "log_level": 0, **batches})
        self._config = config
        self._router = Router(config.topics)
        self._partitions = {topic: self._count(config.kafka.topic(topic)) for topic in config.topics}
        self._refused: KafkaError | None = None

    def _count(self, topic: str) -> int:
        return len(self._producer.list_topics(topic, timeout=TIMEOUT_S).topics[topic].partitions)

    def feed(self, arrivals: Iterable[Arrival]) -> None:
        """Send all of them. Raises ConnectionFailed as soon as a record is known not to have been taken."""
        for arrival in arrivals:
            self._send(arrival.line)
            self._producer.poll(0)
            if self._refused is not None:
                raise ConnectionFailed(f"the broker did not take a record: {self._refused}")
        self._producer.flush(FLUSH_S)

    def rest(self, duration_ms: int) -> None:
        """Nothing is due for so long: send what has gathered, then sleep."""
        self._producer.flush(FLUSH_S)
        time.sleep(duration_ms / 1_000)

    def _send(self, line: bytes) -> None:
        route = self._router.route(line)
        for topic in route.topics:
            count = self._partitions[topic]
            for partition in range(count) if route.broadcast else (partition_of(route.key, count),):
                self._produce(self._config.kafka.topic(topic), partition, route.key, line)

    def _produce(self, topic: str, partition: int, key: bytes | None, line: bytes) -> None:
        while True:
            try:
                self._producer.produce(topic, line, key, partition, on_delivery=self._delivered)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        self._refused = error or self._refused


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2])))
