"""A Redis that is there and yet no use: read-only, full, slow, or another one behind the same address."""

import asyncio
import time

import pytest

from streams.sinks.redis import Fenced
from tests.sinks.conftest import RedisServer
from tests.sinks.proxy import Proxy, proxy
from tests.sinks.stand_ins import NOW, Book, Partition, look, view
from tests.sinks.test_redis import VIEW, client, sink, ticking, written

pytestmark = pytest.mark.redis


async def has_failed(writer):
    return writer.failures


def port_of(server) -> int:
    return int(server.url.rpartition(":")[2].split("/")[0])


async def follow(server, master) -> None:
    """Have `server` be a replica of `master`, and wait until it has all that the master has; None: be one no more."""
    async with client(server) as redis:
        if master is None:
            await redis.execute_command("REPLICAOF", "NO", "ONE")
            return
        await redis.execute_command("REPLICAOF", "127.0.0.1", port_of(master))
        for _ in range(500):
            if (await redis.info("replication")).get("master_link_status") == "up":
                return
            await asyncio.sleep(0.02)
    raise AssertionError("the replica has not followed")


@pytest.fixture
def other_redis():
    server = RedisServer()
    server.start()
    yield server
    server.stop()


def test_a_redis_that_has_become_read_only_says_so_and_once_it_takes_writes_everything_is_rewritten(
    redis_server, other_redis
):
    book = Book(view("a", live={"waiting": 1}), view("b", live={"waiting": 1}))
    owned = {0: Partition(book)}

    async def story():
        async with sink(redis_server) as writer, client(redis_server) as redis:
            await ticking(writer, owned, written(redis, "cs:view:voice:b", waiting="1"))
            await follow(redis_server, other_redis)  # which is empty: what stood here is gone
            await ticking(writer, owned, lambda: has_failed(writer))
            problem = writer.problem
            book.shown = [view("a", live={"waiting": 2}), view("b", live={"waiting": 2})]
            await follow(redis_server, None)
            for queue in "ab":
                await ticking(writer, owned, written(redis, f"cs:view:voice:{queue}", waiting="2"))
            return problem, writer.problem

    during, after = asyncio.run(story())

    assert during.startswith("Redis takes no writes: ")
    assert "read only replica" in during
    assert after is None


def test_a_full_redis_says_so_keeps_what_stands_whole_and_is_rewritten_when_there_is_room(redis_server):
    """maxmemory with noeviction: the script is refused before its first write, so that no hash is left half written."""
    book = Book(view(live={"waiting": 1, "longest_wait": 5}))
    owned = {0: Partition(book)}

    async def story():
        async with sink(redis_server) as writer, client(redis_server) as redis:
            await ticking(writer, owned, written(redis, waiting="1"))
            await redis.config_set("maxmemory", "1mb")
            book.shown = [view(live={"waiting": 2, "longest_wait": 6})]
            await ticking(writer, owned, lambda: has_failed(writer))
            problem, standing = writer.problem, await redis.hgetall(VIEW)
            await redis.config_set("maxmemory", "0")
            await ticking(writer, owned, written(redis, waiting="2", longest_wait="6"))
            return problem, standing, writer.problem

    problem, standing, after = asyncio.run(story())

    assert problem.startswith("Redis takes no writes: ")
    assert "maxmemory" in problem
    assert (standing["waiting"], standing["longest_wait"]) == ("1", "5")
    assert after is None


def test_after_a_failover_the_new_master_behind_the_address_gets_everything(redis_server, other_redis):
    """The open connection still leads to the old master, a replica by now: the writer hangs up and asks anew."""
    book = Book(view("a", live={"waiting": 1}))
    owned = {0: Partition(book, token=7)}

    async def story():
        async with proxy(port_of(redis_server)) as way, sink(way) as writer:
            async with client(redis_server) as old:
                await ticking(writer, owned, written(old, "cs:view:voice:a", waiting="1"))
            await follow(other_redis, redis_server)
            await follow(other_redis, None)
            await follow(redis_server, other_redis)
            way.target = port_of(other_redis)
            book.shown = [view("a", live={"waiting": 2})]
            async with client(other_redis) as new:
                fields = await ticking(writer, owned, written(new, "cs:view:voice:a", waiting="2"))
                return fields, await new.get("cs:fence:contact-streams:0"), writer.failures

    fields, fence, failures = asyncio.run(story())

    assert (fields["token"], fence) == ("7", "7")
    assert failures >= 1


def test_after_a_failover_a_zombie_is_refused_as_before(redis_server, other_redis):
    """The fence has gone over with the rest: the promoted replica judges as its master did."""

    async def story():
        async with proxy(port_of(redis_server)) as way, sink(way) as owner, sink(way) as zombie:
            async with client(redis_server) as old:
                await ticking(owner, {0: Partition(Book(view()), token=9)}, written(old, token="9"))
            await follow(other_redis, redis_server)
            await follow(other_redis, None)
            await follow(redis_server, other_redis)
            way.target = port_of(other_redis)
            with pytest.raises(Fenced):
                await ticking(zombie, {0: Partition(Book(view()), token=8)}, lambda: asyncio.sleep(0))
            async with client(other_redis) as new:
                return await new.hget(VIEW, "token")

    assert asyncio.run(story()) == "9"


def test_a_slow_redis_gets_the_newest_state_each_time_and_no_tick_waits(redis_server):
    """Half a second for each answer: what comes meanwhile is passed over, and what is written was just looked at."""
    looked_at, waited = [], []

    def watched(book, now_ms):
        looked_at.append(now_ms)
        return look(book, now_ms)

    async def story(way: Proxy):
        async with sink(way, look=watched) as writer:
            way.delay_s = 0.5
            for n in range(150):
                began = time.perf_counter()
                await writer.tick(NOW + 250 * n, {0: Partition(Book(view(as_of_ms=NOW + 250 * n)))})
                waited.append(time.perf_counter() - began)
                await asyncio.sleep(0.01)
            return writer.failures

    async def through_proxy():
        async with proxy(port_of(redis_server)) as way:
            return await story(way)

    failures = asyncio.run(through_proxy())

    assert failures == 0
    assert 1 < len(looked_at) < 20
    assert sorted(waited)[len(waited) // 2] < 0.1
