"""A Kafka of the benchmarks' own, the topics on it, and what fills them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from aiokafka import AIOKafkaProducer

from benchmarks.day import Day, Place
from streams.cli.options import kafka_options
from streams.config.model import Config, KafkaConfig, MetricsConfig, RedisConfig
from streams.sources.kafka import TopicSpec, administration
from streams.worker.topics import plan
from tests import servers

BATCH_BYTES: Final = 512 * 1024


class Broker:
    """Where it is, and the configurations of workers on it."""

    def __init__(self, address: str, redis_url: str | None, directory: Path) -> None:
        self.address = address
        self.directory = directory
        """For logs and states of what is started."""
        self._redis_url = redis_url

    def config(self, app: str, topics: Mapping[str, Sequence[str]], prefix: str = "") -> Config:
        """An app of its own on this broker: fresh internal topics, its own keys in Redis.

        `topics`: logical source topic → channels. `prefix`: before the name of every topic.
        """
        redis = RedisConfig(url=self._redis_url or f"redis://127.0.0.1:{servers.free_port()}/0", prefix=app)
        kafka = KafkaConfig(brokers=self.address, app=app, topic_prefix=prefix)
        named = {topic: list(channels) for topic, channels in topics.items()}
        return Config(topics=named, kafka=kafka, redis=redis, metrics=MetricsConfig(port=servers.free_port()))

    def create_topics(self, config: Config, partitions: int) -> None:
        """What an app needs, with so many partitions in each source topic."""
        with administration(kafka_options(config.kafka)) as topics:
            topics.ensure(plan(config, dict.fromkeys(config.topics, partitions), 1))

    def create_topic(self, name: str) -> None:
        """A topic of one partition."""
        options = {"bootstrap_servers": self.address}
        with administration(options) as topics:
            topics.ensure([TopicSpec(name, 1, 1, {}, {})])

    async def produce(self, day: Day, prefix: str = "") -> None:
        """Write a day; LogAppendTime stamps it now."""
        producer = AIOKafkaProducer(bootstrap_servers=self.address, max_batch_size=BATCH_BYTES)
        await producer.start()
        try:
            for (topic, partition), records in day.partitions.items():
                await _produce(producer, (f"{prefix}{topic}", partition), records)
        finally:
            await producer.stop()


async def _produce(producer: AIOKafkaProducer, place: Place, records: Sequence[tuple[bytes | None, bytes]]) -> None:
    topic, partition = place
    batch = producer.create_batch()
    for key, value in records:
        if batch.append(key=key, value=value, timestamp=None) is None:
            await (await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)
    await (await producer.send_batch(batch, topic, partition=partition))
