"""The embedded broker and stores, each as the process that the demo starts."""

import asyncio
import contextlib
import shutil
import socket
import subprocess
import sys
import time

import pytest
import redis as redis_client
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from confluent_kafka import Consumer, KafkaError, TopicPartition

from streams.config import Config
from streams.demo.centre import Feeder
from streams.demo.store import redis_server, store_command
from streams.sources.routing import partition_of
from streams.sources.simulator import Arrival
from tests.servers import free_port

GIVE_UP_S = 30


@contextlib.contextmanager
def running(command):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def brokers():
    with running([sys.executable, "-m", "streams.demo.broker", "calls", "chats"]) as process:
        yield process.stdout.readline().strip()


def records(brokers, topic):
    """(partition, key, value) of the topic's records."""
    consumer = Consumer(
        {"bootstrap.servers": brokers, "group.id": "test", "enable.partition.eof": True, "log_level": 0}
    )
    partitions = consumer.list_topics(topic, timeout=GIVE_UP_S).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    found, at_end = [], set()
    deadline = time.monotonic() + GIVE_UP_S
    while len(at_end) < len(partitions) and time.monotonic() < deadline:
        for message in consumer.consume(100, 0.2):
            if message.error():
                assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                at_end.add(message.partition())
            else:
                found.append((message.partition(), message.key(), message.value()))
    consumer.close()
    return found


def test_events_reach_the_partition_that_kafkas_clients_would_choose(brokers):
    lines = [
        b'{"v":1,"id":"1","type":"contact.started","time":1800000000000,"channel":"voice","contact":"c-%d"}' % n
        for n in range(20)
    ]

    Feeder(brokers, Config()).feed(Arrival(1, line) for line in lines)

    found = records(brokers, "calls")
    assert sorted(value for _, _, value in found) == sorted(lines)
    assert {key for _, key, _ in found} == {b"c-%d" % n for n in range(20)}
    assert all(partition == partition_of(key, 4) for partition, key, _ in found)


def test_a_heartbeat_reaches_every_partition_of_every_topic(brokers):
    line = b'{"v":1,"id":"h","type":"heartbeat","time":1800000000000,"source":"test"}'

    Feeder(brokers, Config()).feed([Arrival(1, line)])

    for topic in ("calls", "chats"):
        assert sorted(partition for partition, _, value in records(brokers, topic) if value == line) == [0, 1, 2, 3]


def test_what_transactions_wrote_can_be_read_as_a_worker_does(brokers):
    """Mock clusters from 2.15 on end transactions with a marker whose checksum is wrong: aiokafka refuses it."""

    async def write_and_read():
        producer = AIOKafkaProducer(bootstrap_servers=brokers, transactional_id="test")
        async with producer:
            for number in range(3):
                async with producer.transaction():
                    await producer.send_and_wait("transactions", b"%d" % number, partition=0)
        reading = {"isolation_level": "read_committed", "auto_offset_reset": "earliest"}
        consumer = AIOKafkaConsumer("transactions", bootstrap_servers=brokers, **reading)
        async with consumer, asyncio.timeout(GIVE_UP_S):
            return [(await consumer.getone()).value for _ in range(3)]

    assert asyncio.run(write_and_read()) == [b"0", b"1", b"2"]


@pytest.mark.parametrize(
    "has_redis",
    [pytest.param(True, marks=pytest.mark.redis, id="redis-server"), pytest.param(False, id="fakeredis")],
)
def test_the_store_runs_scripts_expires_and_announces(has_redis, tmp_path, monkeypatch):
    if not has_redis:
        monkeypatch.setattr(shutil, "which", lambda _: None)
    port = free_port()
    assert (redis_server() is not None) is has_redis
    with running(store_command(port, tmp_path)):
        _listening(port)
        client = redis_client.Redis(port=port, decode_responses=True)
        with client.pubsub(ignore_subscribe_messages=True) as announcements:
            announcements.subscribe("news")
            announcements.get_message(timeout=GIVE_UP_S)

            client.eval("redis.call('SET', KEYS[1], 'x', 'PX', 60000); redis.call('PUBLISH', 'news', 'y')", 1, "key")

            assert client.get("key") == "x"
            assert 0 < client.pttl("key") <= 60_000
            assert _news(announcements) == "y"


def _news(announcements):
    deadline = time.monotonic() + GIVE_UP_S
    while time.monotonic() < deadline:
        if message := announcements.get_message(timeout=1):
            return message["data"]
    return None


def _listening(port):
    deadline = time.monotonic() + GIVE_UP_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
