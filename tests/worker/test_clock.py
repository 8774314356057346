"""What a worker takes for the time: the broker's clock, bounded by each answer; its own counts until the first."""

import asyncio
import time

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from streams.worker.clock import BrokerClock
from streams.worker.transaction import Transaction
from tests.servers import mock_kafka

HOUR_MS = 3_600_000


def wall_ms() -> float:
    return time.time() * 1000


def told(clock: BrokerClock, ahead_ms: float, *, way_there_s: float, way_back_s: float) -> None:
    """A flush whose record was appended just now by a broker whose clock is so far ahead of this machine's."""
    now = time.monotonic()
    clock.learn(round(wall_ms() + ahead_ms), now - way_there_s, now + way_back_s)


def ahead_ms(clock: BrokerClock) -> float:
    """How far the clock is ahead of this machine's."""
    return clock.now_ms() - wall_ms()


def test_until_something_is_learnt_it_is_the_wall_clock():
    clock = BrokerClock()

    assert ahead_ms(clock) == pytest.approx(0, abs=50)
    assert clock.wall_is_ahead_ms() == 0


@pytest.mark.parametrize("broker_ahead_ms", [HOUR_MS, -HOUR_MS, 0], ids=["ahead", "behind", "the same"])
def test_one_answer_tells_the_broker_s_clock_to_half_its_way(broker_ahead_ms):
    clock = BrokerClock()
    told(clock, broker_ahead_ms, way_there_s=0.2, way_back_s=0.0)

    assert ahead_ms(clock) == pytest.approx(broker_ahead_ms + 100, abs=101)
    assert clock.wall_is_ahead_ms() == pytest.approx(-broker_ahead_ms - 100, abs=101)


def test_answers_that_agree_tell_more_than_each_of_them():
    """One was slow on its way there, one on its way back: both together leave little room."""
    clock = BrokerClock()
    told(clock, HOUR_MS, way_there_s=3.0, way_back_s=0.0)
    told(clock, HOUR_MS, way_there_s=0.0, way_back_s=3.0)

    assert ahead_ms(clock) == pytest.approx(HOUR_MS, abs=50)


def test_a_slow_answer_takes_back_nothing_that_was_known():
    clock = BrokerClock()
    told(clock, HOUR_MS, way_there_s=0.0, way_back_s=0.0)
    told(clock, HOUR_MS, way_there_s=9.0, way_back_s=0.0)

    assert ahead_ms(clock) == pytest.approx(HOUR_MS, abs=50)


def test_after_the_broker_s_clock_was_set_the_newest_answer_counts():
    clock = BrokerClock()
    told(clock, HOUR_MS, way_there_s=0.0, way_back_s=0.0)
    told(clock, -HOUR_MS, way_there_s=0.0, way_back_s=0.0)

    assert ahead_ms(clock) == pytest.approx(-HOUR_MS, abs=50)


def test_a_mock_broker_that_makes_up_a_time_is_not_believed():
    """librdkafka's answers 1234 for every append."""
    clock = BrokerClock()

    async def flush(brokers: str) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=brokers, transactional_id="one")
        await producer.start()
        try:
            transaction = Transaction(producer, clock)
            transaction.add(TopicPartition("facts", 0), b"key", b"value")
            await transaction.commit({}, "group")
        finally:
            await producer.stop()

    with mock_kafka() as brokers:
        asyncio.run(flush(brokers))

    assert ahead_ms(clock) == pytest.approx(0, abs=1_000)
