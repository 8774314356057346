"""What stands in Redis, who may write it, and what happens when Redis goes away. Against a real one and the demo's."""

import asyncio
import json
import logging
import time
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from streams.errors import ConfigError
from streams.sinks.redis import Fenced, Identity, Looks, Pace, RedisSink, connect
from streams.sinks.redis_keys import Keys
from streams.sinks.redis_reader import RedisReader
from streams.windows.dimension import Lost
from tests.sinks.stand_ins import NOW, Book, Partition, look, nothing_behind, view

US = Identity("contact-streams", "worker-1")
VIEW = "cs:view:voice:billing"


async def at_once():
    """The heartbeat of a healthy group."""


@asynccontextmanager
async def sink(
    store,
    identity=US,
    *,
    cluster="cluster-1",
    prefix="cs",
    confirmed=at_once,
    look=look,
    behind=nothing_behind,
    pace=Pace(),  # noqa: B008 - immutable
):
    """A started writer."""

    async def cluster_id():
        return cluster

    writer = RedisSink(
        connect(store.url),
        Keys(prefix),
        identity,
        look=Looks(look, behind),
        cluster_id=cluster_id,
        confirmed=confirmed,
        log=logging.getLogger("tests"),
        pace=pace,
    )
    await writer.start()
    try:
        yield writer
    finally:
        await writer.stop()


@asynccontextmanager
async def client(store):
    async with connect(store.url) as connected:
        yield connected


async def ticking(writer, owned, until):
    """Tick as a worker does until `until()` is true; what it returned. Raises what the ticks raise."""
    now_ms = NOW
    for _ in range(1000):
        await writer.tick(now_ms, owned)
        await asyncio.sleep(0.01)
        found = await until()
        if found:
            return found
        now_ms += 250
    raise AssertionError("it never came true")


async def idle(writer):
    """Until the writer has done what it was given."""
    while writer._newest is not None:  # noqa: ASYNC110 - the writer has nothing to wait for but this
        await asyncio.sleep(0.005)


def written(reader, key=VIEW, **expected):
    """Whether the hash at `key` holds `expected`; then, the hash."""

    async def check():
        fields = await reader.hgetall(key)
        return fields if fields and all(fields.get(name) == value for name, value in expected.items()) else None

    return check


def test_a_hash_holds_live_values_by_id_and_windows_by_id_and_name(store):
    shown = view(
        live={"waiting": 3, "longest_wait": 12.345},
        windows={"5m": {"offered": 10, "service_level": 2 / 3}, "today": {"offered": 400}},
    )

    async def story():
        async with sink(store) as writer, client(store) as redis:
            return await ticking(writer, {0: Partition(Book(shown), token=7)}, written(redis))

    assert asyncio.run(story()) == {
        "as_of_ms": str(NOW),
        "state": "live",
        "token": "7",
        "worker": "worker-1",
        "waiting": "3",
        "longest_wait": "12.345",
        "offered:5m": "10",
        "service_level:5m": "0.6666666666666666",
        "offered:today": "400",
    }


def test_a_value_that_becomes_null_is_gone(store):
    book = Book(view(live={"waiting": 1, "longest_wait": 4.0}, windows={"5m": {"asa": 3.5}}))

    async def story():
        async with sink(store) as writer, client(store) as redis:
            await ticking(writer, {0: Partition(book)}, written(redis, waiting="1"))
            book.shown = [view(live={"waiting": 0, "longest_wait": None}, windows={"5m": {"asa": None}})]
            return await ticking(writer, {0: Partition(book)}, written(redis, waiting="0"))

    fields = asyncio.run(story())

    assert "longest_wait" not in fields
    assert "asa:5m" not in fields


def test_catching_up_is_written_as_such(store):
    async def story():
        async with sink(store) as writer, client(store) as redis:
            return await ticking(writer, {0: Partition(Book(view(state="catching_up")))}, written(redis))

    assert asyncio.run(story())["state"] == "catching_up"


def test_more_queues_and_fields_than_one_call_takes_are_all_written(store):
    values = {f"kpi_{n}": n for n in range(700)}
    book = Book(*(view(f"q{n}", windows={"5m": values, "60m": values}) for n in range(120)))

    async def story():
        # a busy machine may take longer than ten seconds, and the first would be gone by then
        async with sink(store, pace=Pace(ttl_ms=600_000)) as writer, client(store) as redis:
            last = written(redis, "cs:view:voice:q119")
            fields = await ticking(writer, {0: Partition(book)}, last)
            return len(fields), await redis.zcard("cs:queues")

    assert asyncio.run(story()) == (4 + 1400, 120)


def test_queues_lists_who_is_written_and_each_write_is_announced(store):
    async def story():
        async with sink(store) as writer, client(store) as redis, redis.pubsub() as channel:
            await channel.subscribe("cs:changes")
            await channel.get_message(timeout=5)
            owned = {0: Partition(Book(view("a:b"), view("*"))), 3: Partition(Book(view(channel="chat")))}
            await ticking(writer, owned, written(redis, "cs:view:chat:billing"))
            messages = [json.loads((await channel.get_message(timeout=5))["data"]) for _ in range(3)]
            return await redis.zrange("cs:queues", 0, -1), messages

    queues, messages = asyncio.run(story())

    assert sorted(queues) == ["chat:billing", "voice:*", "voice:a:b"]
    assert messages[0] == {"channel": "voice", "queue": "a:b", "as_of_ms": NOW, "state": "live"}
    assert {(message["channel"], message["queue"]) for message in messages} == {
        ("voice", "a:b"), ("voice", "*"), ("chat", "billing"),
    }  # fmt: skip


def test_everything_of_a_dead_owner_expires_but_its_fence(store):
    async def story():
        async with client(store) as redis:
            async with sink(store, pace=Pace(ttl_ms=300)) as writer:
                await ticking(writer, {2: Partition(Book(view(lost=[Lost(NOW, "c1", 900)])))}, written(redis))
            for _ in range(500):
                if not await redis.exists(VIEW, "cs:queues", "cs:recent:voice:billing"):
                    break
                await asyncio.sleep(0.02)
            return sorted(await redis.keys("*"))

    assert asyncio.run(story()) == ["cs:fence:contact-streams:2", "cs:owner"]


def test_a_queue_that_is_no_longer_written_leaves_the_list_of_queues(store):
    gone, stays = view("gone"), view("stays")
    book = Book(gone, stays)

    async def story():
        async with sink(store, pace=Pace(ttl_ms=300)) as writer, client(store) as redis:
            await ticking(writer, {0: Partition(book)}, written(redis, "cs:view:voice:gone"))
            book.shown = [stays]

            async def only_the_other():
                return await redis.zrange("cs:queues", 0, -1) == ["voice:stays"]

            return await ticking(writer, {0: Partition(book)}, only_the_other)

    assert asyncio.run(story())


def test_recent_holds_the_last_abandoned_visits_as_they_change(store):
    first, second = Lost(NOW - 9_000, "c1", 31_000), Lost(NOW, "c2", 4_000)
    book = Book(view(lost=[first]))

    async def story():
        async with sink(store) as writer, client(store) as redis:

            def recent(n):
                async def there():
                    found = await RedisReader(redis, Keys("cs")).recent("voice", "billing")
                    return found if len(found) == n else None

                return there

            async def gone():
                return not await redis.exists("cs:recent:voice:billing")

            await ticking(writer, {0: Partition(book)}, recent(1))
            book.shown = [view(lost=[second, first])]
            both = await ticking(writer, {0: Partition(book)}, recent(2))
            book.shown = [view()]
            await ticking(writer, {0: Partition(book)}, gone)
            return both

    assert asyncio.run(story()) == [
        {"contact": "c2", "left_at": NOW, "wait_ms": 4_000},
        {"contact": "c1", "left_at": NOW - 9_000, "wait_ms": 31_000},
    ]


def test_recent_visits_that_do_not_change_live_as_long_as_they_are_written(store):
    async def story():
        async with sink(store, pace=Pace(ttl_ms=900)) as writer, client(store) as redis:
            owned = {0: Partition(Book(view(lost=[Lost(NOW, "c1", 900)])))}
            await ticking(writer, owned, written(redis))
            await redis.delete("cs:recent:voice:billing")

            async def there():
                return await redis.exists("cs:recent:voice:billing")

            return await ticking(writer, owned, there)

    assert asyncio.run(story())


# ── fencing ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_writer_with_a_smaller_token_is_refused_and_ends(store):
    async def story():
        async with client(store) as redis, sink(store) as newer, sink(store, US._replace(worker="sleeper")) as older:
            await ticking(newer, {0: Partition(Book(view(live={"waiting": 5})), token=12)}, written(redis))
            with pytest.raises(Fenced) as refused:
                await ticking(older, {0: Partition(Book(view(live={"waiting": 9})), token=11)}, never)
            return await redis.hgetall(VIEW), refused.value

    fields, refused = asyncio.run(story())

    assert (fields["waiting"], fields["worker"], fields["token"]) == ("5", "worker-1", "12")
    assert "facts partition 0" in str(refused)
    assert refused.hint


def test_a_refusal_for_a_partition_that_was_lost_meanwhile_is_nothing(store):
    async def story():
        async with client(store) as redis, sink(store) as writer:
            await redis.mset({"cs:fence:contact-streams:0": 12, "cs:fence:contact-streams:1": 1})
            lost, kept = Partition(Book(view("lost")), token=11), Partition(Book(view()), token=5)
            await writer.tick(NOW, {0: lost})
            await idle(writer)
            await ticking(writer, {1: kept}, written(redis))
            return await redis.exists("cs:view:voice:lost")

    assert asyncio.run(story()) == 0


def test_a_later_owner_takes_over_and_the_fence_remembers_it(store):
    async def story():
        async with client(store) as redis, sink(store) as first, sink(store, US._replace(worker="second")) as second:
            await ticking(first, {0: Partition(Book(view()), token=9)}, written(redis))
            await ticking(second, {0: Partition(Book(view()), token=10)}, written(redis, worker="second"))
            return await redis.get("cs:fence:contact-streams:0"), await redis.pttl("cs:fence:contact-streams:0")

    assert asyncio.run(story()) == ("10", -1)


def test_without_a_fence_a_writer_waits_for_a_heartbeat_of_its_group(store):
    async def story():
        heartbeat = asyncio.Event()
        asked = asyncio.Event()

        async def confirmed():
            asked.set()
            await heartbeat.wait()

        async def has_asked():
            return asked.is_set()

        async with client(store) as redis, sink(store, confirmed=confirmed) as writer:
            owned = {0: Partition(Book(view()))}
            await ticking(writer, owned, has_asked)
            before = await redis.exists(VIEW)
            heartbeat.set()
            await ticking(writer, owned, written(redis))
            return before

    assert asyncio.run(story()) == 0


# ── owners ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("app", "cluster"),
    [
        pytest.param("other", "cluster-1", id="another app"),
        pytest.param("contact-streams", "cluster-2", id="another cluster"),
    ],
)
def test_a_prefix_belongs_to_one_app_on_one_cluster(store, app, cluster):
    async def story():
        async with sink(store), client(store) as redis:
            with pytest.raises(ConfigError) as refused:
                async with sink(store, US._replace(app=app), cluster=cluster):
                    pass
            return refused.value, await redis.get("cs:owner")

    refused, owner = asyncio.run(story())

    assert owner == "contact-streams@cluster-1"
    assert str(refused) == f"the Redis prefix `cs` belongs to {owner}, this is {app}@{cluster}"
    assert "redis-cli DEL cs:owner" in refused.hint


def test_a_prefix_that_was_taken_over_ends_the_former_owner(store):
    async def story():
        async with client(store) as redis, sink(store) as writer:
            owned = {0: Partition(Book(view()))}
            await ticking(writer, owned, written(redis))
            await redis.set("cs:owner", "other@cluster-1")
            with pytest.raises(ConfigError, match="belongs to other@cluster-1"):
                await ticking(writer, owned, never)

    asyncio.run(story())


def test_two_apps_live_side_by_side_under_two_prefixes(store):
    async def story():
        async with client(store) as redis, sink(store) as one, sink(store, US._replace(app="b"), prefix="b") as two:
            await ticking(one, {0: Partition(Book(view()), token=9)}, written(redis))
            await ticking(two, {0: Partition(Book(view()), token=1)}, written(redis, "b:view:voice:billing"))

    asyncio.run(story())


# ── Redis away ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.redis
def test_redis_away_is_counted_and_once_back_everything_is_written_again(redis_server):
    async def story():
        heartbeats = 0

        async def confirmed():
            nonlocal heartbeats
            heartbeats += 1

        book = Book(view("a"), view("b"))
        owned = {0: Partition(book)}
        async with sink(redis_server, confirmed=confirmed) as writer:
            async with client(redis_server) as redis:
                await ticking(writer, owned, written(redis, "cs:view:voice:b"))
            redis_server.stop()

            async def has_failed():
                return writer.failures

            await ticking(writer, owned, has_failed)
            assert writer.problem.startswith("Redis is away: ")
            before = heartbeats
            redis_server.start()
            async with client(redis_server) as redis:
                await ticking(writer, owned, written(redis, "cs:view:voice:a"))
                await ticking(writer, owned, written(redis, "cs:view:voice:b"))
                assert writer.problem is None
                return before, heartbeats, await redis.get("cs:owner")

    before, heartbeats, owner = asyncio.run(story())

    assert heartbeats == before + 1, "it came back empty: one heartbeat before the first write"
    assert owner == "contact-streams@cluster-1"


@pytest.mark.redis
def test_a_worker_starts_while_redis_is_away(redis_server):
    async def story():
        redis_server.stop()
        async with sink(redis_server) as writer:
            failures = writer.failures
            redis_server.start()
            async with client(redis_server) as redis:
                await ticking(writer, {0: Partition(Book(view()))}, written(redis))
            return failures

    assert asyncio.run(story()) == 1


@pytest.mark.redis
def test_a_redis_that_hangs_holds_no_tick_up_and_no_state_back(redis_server):
    """While one write hangs, ticks neither wait nor heap up states to be written: they are not even looked at."""
    looked_at = []

    def watched(book, now_ms):
        looked_at.append(now_ms)
        return look(book, now_ms)

    async def story():
        async with sink(redis_server, look=watched) as writer, client(redis_server) as redis:
            owned = {0: Partition(Book(view()))}
            await ticking(writer, owned, written(redis))
            await redis.execute_command("CLIENT", "PAUSE", "60000", "ALL")
            looked_at.clear()
            for n in range(1, 50):
                await writer.tick(NOW + 10_000 * n, owned)
                await asyncio.sleep(0)

    asyncio.run(story())

    assert len(looked_at) <= 1


@pytest.mark.redis
def test_looks_that_take_long_are_rarer_so_that_consumption_goes_on(redis_server):
    """A look of 0.1 s every 0.25 s would leave the loop little time: the next one waits until 0.4 s have passed."""
    looked_at = []

    def slow(book, now_ms):
        looked_at.append(now_ms)
        time.sleep(0.1)
        return look(book, now_ms)

    async def story():
        async with sink(redis_server, look=slow) as writer:
            for at_ms in range(0, 3_000, 50):
                await writer.tick(NOW + at_ms, {0: Partition(Book(view()))})
                await idle(writer)

    asyncio.run(story())
    apart_ms = [later - earlier for earlier, later in pairwise(looked_at)]

    assert min(apart_ms) >= 400


@pytest.mark.redis
def test_ticks_that_come_too_soon_are_passed_over(redis_server):
    looked_at = []

    def watched(book, now_ms):
        looked_at.append(now_ms)
        return look(book, now_ms)

    async def story():
        async with sink(redis_server, look=watched) as writer:
            owned = {0: Partition(Book(view()))}
            for now_ms in (NOW, NOW + 249, NOW + 250, NOW + 300, NOW - 5_000, NOW - 4_800):
                await writer.tick(now_ms, owned)
                await idle(writer)

    asyncio.run(story())

    assert looked_at == [NOW, NOW + 250, NOW - 5_000]


# ── the reader ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_reader_gets_back_what_was_written(store):
    shown = [
        view("*", live={"waiting": 4}, windows={"5m": {"offered": 12}}),
        view(
            live={"waiting": 3, "longest_wait": 12.345},
            windows={"5m": {"service_level": 2 / 3, "asa": 1e-05}},
            since_ms={"longest_wait": NOW - 12_345},
        ),
    ]

    async def story():
        async with sink(store) as writer, client(store) as redis:
            await ticking(writer, {0: Partition(Book(*shown))}, written(redis))
            return await RedisReader(redis, Keys("cs")).views(NOW)

    assert asyncio.run(story()) == shown


@pytest.mark.parametrize(
    ("written_as", "age_ms", "expected"),
    [
        pytest.param("live", 3_000, "live", id="three seconds old"),
        pytest.param("live", 3_001, "catching_up", id="older: nobody writes it any more"),
        pytest.param("live", -500, "live", id="clocks differ a little"),
        pytest.param("catching_up", 0, "catching_up", id="the writer knew"),
    ],
)
def test_a_reader_judges_the_state_by_its_own_clock(store, written_as, age_ms, expected):
    async def story():
        async with sink(store) as writer, client(store) as redis:
            await ticking(writer, {0: Partition(Book(view(state=written_as)))}, written(redis))
            found = await RedisReader(redis, Keys("cs")).view("voice", "billing", NOW + age_ms)
            return found.state

    assert asyncio.run(story()) == expected


def test_a_reader_of_an_empty_redis_sees_no_queues(store):
    async def story():
        async with client(store) as redis:
            reader = RedisReader(redis, Keys("cs"))
            return await reader.views(NOW), await reader.view("voice", "x", NOW), await reader.recent("voice", "x")

    assert asyncio.run(story()) == ([], None, [])


async def never():
    return False


def test_the_time_of_writing_is_that_of_redis(store):
    """The score in `queues` is no worker's clock: the clocks of two workers never meet."""

    async def story():
        async with sink(store) as writer, client(store) as redis:
            await ticking(writer, {0: Partition(Book(view()))}, written(redis))
            return await redis.zscore("cs:queues", "voice:billing")

    before = time.time() * 1000
    score = asyncio.run(story())

    assert before - 5_000 < score < before + 60_000
