"""`{prefix}:due`: the targets of tickets that are due next, of all queues together."""

import asyncio
import json

from streams.sinks.redis import Pace
from streams.windows.dimension import Due
from tests.sinks.stand_ins import NOW, Book, Partition, view
from tests.sinks.test_redis import client, sink, ticking

MINUTE = 60_000


def target(contact: str, queue: str = "billing", channel: str = "email", name: str = "first_reply") -> str:
    return json.dumps(
        {"channel": channel, "contact": contact, "queue": queue, "target": name}, separators=(",", ":")
    )  # fmt: skip


def holds(redis, *members):
    """Whether these and no others are due, the first one first."""

    async def check():
        return await redis.zrange("cs:due", 0, -1) == list(members)

    return check


def desk(*due: Due, queue: str = "billing"):
    return view(queue, channel="email", due=due)


def test_each_target_stands_at_its_due_time(store):
    book = Book(
        desk(Due(NOW + 2 * MINUTE, "t2", "first_reply"), Due(NOW + 4 * MINUTE, "t4", "first_reply")),
        desk(Due(NOW + 3 * MINUTE, "t3", "resolution"), queue="a:b"),
    )

    async def story():
        async with sink(store) as writer, client(store) as redis:
            third = target("t3", "a:b", name="resolution")
            await ticking(writer, {0: Partition(book)}, holds(redis, target("t2"), third, target("t4")))
            return await redis.zscore("cs:due", target("t2"))

    assert asyncio.run(story()) == NOW + 2 * MINUTE


def test_what_is_fulfilled_is_gone_with_the_next_write(store):
    book = Book(desk(Due(NOW + MINUTE, "t1", "first_reply"), Due(NOW + 2 * MINUTE, "t2", "first_reply")))

    async def story():
        async with sink(store) as writer, client(store) as redis:
            await ticking(writer, {0: Partition(book)}, holds(redis, target("t1"), target("t2")))
            book.shown = [desk(Due(NOW + 3 * MINUTE, "t2", "first_reply"))]
            await ticking(writer, {0: Partition(book)}, holds(redis, target("t2")))
            book.shown = [desk()]
            return await ticking(writer, {0: Partition(book)}, holds(redis))

    assert asyncio.run(story())


def test_a_new_owner_takes_over_what_the_old_one_wrote(store):
    before = Book(desk(Due(NOW + MINUTE, "t1", "first_reply")))
    after = Book(desk(Due(NOW + 2 * MINUTE, "t2", "first_reply")))

    async def story():
        async with sink(store) as old, sink(store) as new, client(store) as redis:
            await ticking(old, {0: Partition(before, token=7)}, holds(redis, target("t1")))
            return await ticking(new, {0: Partition(after, token=8)}, holds(redis, target("t2")))

    assert asyncio.run(story())


def test_what_a_dead_owner_wrote_goes_when_its_queues_do(store):
    dead = Book(desk(Due(NOW + MINUTE, "t1", "first_reply"), queue="lost"))
    alive = Book(desk(Due(NOW + 2 * MINUTE, "t2", "first_reply")))
    pace = Pace(ttl_ms=600)

    async def story():
        async with sink(store, pace=pace) as one, sink(store, pace=pace) as other, client(store) as redis:
            await ticking(one, {0: Partition(dead)}, holds(redis, target("t1", "lost")))
            await ticking(other, {1: Partition(alive)}, holds(redis, target("t2")))
            return await redis.zrange("cs:queues", 0, -1)

    assert asyncio.run(story()) == ["email:billing"]
