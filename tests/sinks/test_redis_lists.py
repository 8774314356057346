"""What stands behind a queue's numbers, in lists beside its hash: from a real fold, through a real Redis."""

import asyncio

import pytest

from streams.facts.wire import Dimension
from streams.metrics.details import Details, Interval, Minute, Share, Waiting
from streams.sinks.redis_keys import Keys
from streams.sinks.redis_lists import QueueLists
from streams.sinks.redis_reader import RedisReader
from streams.windows.dimension import Due
from tests.sinks.stand_ins import NOW, Book, Partition, view
from tests.sinks.test_redis import client, sink, ticking

pytestmark = pytest.mark.redis

BILLING = Dimension("voice", "billing")
BEHIND = Details(
    waiting=(Waiting(NOW - 9_000, "c-2"), Waiting(NOW - 3_000, "c-3")),
    overdue=(Due(NOW - 60_000, "t-1", "first_reply"),),
    minutes=(Minute(NOW, {"offered": 3}, 2),),
    intervals=(Interval(NOW, {"offered": 9, "asa": None}),),
    waits=(Share(5, 7), Share(None, 1)),
)


def test_each_list_stands_beside_the_hash(store):
    async def story():
        async with sink(store, behind=lambda _book, _view: BEHIND) as writer, client(store) as redis:
            reader = RedisReader(redis, Keys("cs"))

            async def written():
                found = await reader.lists(BILLING)
                return found if found["waits"] else None

            return await ticking(writer, {0: Partition(Book(view("billing")))}, written)

    found = asyncio.run(story())

    assert found["waiting"] == [{"since": NOW - 9_000, "contact": "c-2"}, {"since": NOW - 3_000, "contact": "c-3"}]
    assert found["overdue"] == [{"due_at": NOW - 60_000, "contact": "t-1", "target": "first_reply"}]
    assert found["minutes"] == [{"at": NOW, "counts": {"offered": 3}, "waiting": 2}]
    assert found["intervals"] == [{"at": NOW, "values": {"offered": 9, "asa": None}}]
    assert found["waits"] == [{"up_to_s": 5.0, "count": 7}, {"up_to_s": None, "count": 1}]
    assert found["recent"] == []


def test_a_list_that_became_empty_goes(store):
    async def story():
        shown = [BEHIND]
        async with sink(store, behind=lambda _book, _view: shown[0]) as writer, client(store) as redis:
            owned = {0: Partition(Book(view("billing")))}
            await ticking(writer, owned, lambda: redis.exists("cs:waiting:voice:billing"))
            shown[0] = Details()

            async def gone():
                return not await redis.exists("cs:waiting:voice:billing", "cs:minutes:voice:billing")

            return await ticking(writer, owned, gone)

    assert asyncio.run(story())


def test_the_targets_of_one_queue_are_read_by_due_time(store):
    async def story():
        due = [Due(NOW + 9_000, "t-9", "resolution"), Due(NOW + 1_000, "t-1", "first_reply")]
        books = Book(view("billing", channel="email", due=due), view("other", channel="email", due=due[:1]))
        async with sink(store) as writer, client(store) as redis:
            reader = RedisReader(redis, Keys("cs"))
            return await ticking(writer, {0: Partition(books)}, lambda: reader.due(Dimension("email", "billing")))

    assert asyncio.run(story()) == [
        {"contact": "t-1", "target": "first_reply", "due_at": NOW + 1_000},
        {"contact": "t-9", "target": "resolution", "due_at": NOW + 9_000},
    ]


def test_nothing_is_kept_of_queues_that_are_shown_no_more():
    lists, book = QueueLists(lambda _book, _view: BEHIND, again_ms=3_000), Book()
    for at in range(NOW, NOW + 60_000, 1_000):
        passing = view(f"queue-{at}")
        lists.written(lists.due(book, [view("billing"), passing], at), at)

    known = {queue.queue for queue in lists._taken}

    assert "billing" in known
    assert len(known) < 10
    assert {queue.queue for queue, _ in lists._written} == known
