"""The embedded broker: `python -m streams.demo.broker TOPIC…` prints its address and stays.

librdkafka's mock cluster lives in the process that asked for it. It speaks the Kafka protocol, keeps the last 5 MB of
each partition in memory, and gives every topic 4 partitions at its first mention: it knows no CreateTopics.
"""

import signal
import sys
from collections.abc import Sequence
from typing import Final

from confluent_kafka import Producer

TIMEOUT_S: Final = 10.0


def main(topics: Sequence[str]) -> int:
    """Serve until a signal ends the process."""
    cluster = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1, "log_level": 0})
    brokers = cluster.list_topics(timeout=TIMEOUT_S).brokers.values()
    for topic in topics:
        cluster.list_topics(topic, timeout=TIMEOUT_S)
    sys.stdout.write(",".join(f"{broker.host}:{broker.port}" for broker in brokers) + "\n")
    sys.stdout.flush()
    while True:
        signal.pause()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
