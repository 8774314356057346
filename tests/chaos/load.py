"""Sends a simulated centre to Kafka at a rate, in a process of its own, until its standard input ends.

    python -m tests.chaos.load BROKERS TOPIC_PREFIX PARTITIONS RATE SEED

Each second it prints how many events Kafka has taken; at the end, how many it has not.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Final

from confluent_kafka import Producer

from tests.chaos.centres import Simulated

TICK_S: Final = 0.02
SETTINGS: Final[Mapping[str, object]] = {
    "enable.idempotence": True,
    "partitioner": "murmur2_random",
    "linger.ms": 10,
    "compression.type": "lz4",
    "message.timeout.ms": 600_000,
    "queue.buffering.max.messages": 2_000_000,
    "log_level": 0,
}
"""Whatever happens to the brokers, each event is appended once."""


class Load:
    """The process, seen from the outside."""

    def __init__(self, brokers: str, topic_prefix: str, partitions: int, rate: float, seed: int) -> None:
        self.taken = 0
        """Events that Kafka has acknowledged, a moment ago."""
        self.refused = 0
        arguments = [brokers, topic_prefix, str(partitions), str(rate), str(seed)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.load", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.taken, self.refused = map(int, line.split())

    def finish(self, within_s: float = 120) -> None:
        """Send no more, and wait until Kafka has taken everything."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        if self._process.wait(within_s) != 0:
            raise RuntimeError("the load has failed")
        self._reading.join(10)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class _Sender:
    def __init__(self, brokers: str, topic_prefix: str, partitions: int) -> None:
        self.taken = 0
        self.refused = 0
        self._prefix = topic_prefix
        self._partitions = partitions
        self._producer = Producer({**SETTINGS, "bootstrap.servers": brokers})

    def send(self, topic: str, key: bytes | None, value: bytes) -> None:
        if key is not None:
            self._produce(topic, value, key=key)
            return
        for partition in range(self._partitions):
            self._produce(topic, value, partition=partition)

    def _produce(self, topic: str, value: bytes, **where: object) -> None:
        while True:
            try:
                self._producer.produce(f"{self._prefix}{topic}", value, on_delivery=self._delivered, **where)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def _delivered(self, error: object, _: object) -> None:
        if error is None:
            self.taken += 1
        else:
            self.refused += 1

    def poll(self) -> None:
        self._producer.poll(0)

    def flush(self) -> None:
        self._producer.flush()

    def tell(self) -> None:
        sys.stdout.write(f"{self.taken} {self.refused}\n")
        sys.stdout.flush()


def main(brokers: str, topic_prefix: str, partitions: str, rate: str, seed: str) -> int:
    """The process."""
    ending = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ending.set()), daemon=True).start()
    centre = Simulated(int(seed), float(rate), _now_ms())
    sender = _Sender(brokers, topic_prefix, int(partitions))
    told_at = 0.0
    while not ending.is_set():
        for sending in centre.until(_now_ms()):
            sender.send(sending.topic, sending.key, sending.value)
        sender.poll()
        if time.monotonic() > told_at + 1:
            told_at = time.monotonic()
            sender.tell()
        ending.wait(TICK_S)
    sender.flush()
    sender.tell()
    return 0


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
