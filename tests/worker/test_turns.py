"""What takes long waits for open transactions, and none begins before it: neither starves the other."""

import asyncio

import pytest

from streams.worker.turns import Turns


def run(scene):
    asyncio.run(asyncio.wait_for(scene, 10))


async def settled():
    """Let every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def open_until(turns, event, log, name):
    async with turns.transaction():
        log.append(f"{name} opens")
        await event.wait()
        log.append(f"{name} commits")


async def work(turns, log, name):
    await turns.calm()
    log.append(f"{name} drains")


def test_transactions_are_open_side_by_side():
    async def scene():
        turns, end, log = Turns(), asyncio.Event(), []
        tasks = [asyncio.create_task(open_until(turns, end, log, name)) for name in "ab"]
        await settled()
        assert log == ["a opens", "b opens"]
        end.set()
        await asyncio.gather(*tasks)

    run(scene())


def test_what_takes_long_waits_for_all_that_are_open_and_goes_before_those_that_come_later():
    async def scene():
        turns, first, second, log = Turns(), asyncio.Event(), asyncio.Event(), []
        tasks = [
            asyncio.create_task(open_until(turns, event, log, name))
            for name, event in zip("ab", (first, second), strict=True)
        ]
        await settled()
        tasks += [asyncio.create_task(work(turns, log, name)) for name in "xy"]
        await settled()
        tasks.append(asyncio.create_task(open_until(turns, first, log, "c")))
        await settled()
        first.set()
        await settled()
        assert log == ["a opens", "b opens", "a commits"]
        second.set()
        await asyncio.gather(*tasks)
        assert log[3:] == ["b commits", "x drains", "y drains", "c opens", "c commits"]

    run(scene())


def test_one_that_is_cancelled_stops_nobody():
    async def scene():
        turns, end, log = Turns(), asyncio.Event(), []
        holder = asyncio.create_task(open_until(turns, end, log, "a"))
        await settled()
        worker, later = (
            asyncio.create_task(work(turns, log, "x")),
            asyncio.create_task(open_until(turns, end, log, "b")),
        )
        await settled()
        worker.cancel()
        await settled()
        assert log == ["a opens", "b opens"]
        holder.cancel()
        end.set()
        await asyncio.gather(holder, worker, later, return_exceptions=True)
        await work(turns, log, "y")
        assert log[-1] == "y drains"

    run(scene())


def test_a_transaction_that_fails_stops_nobody():
    async def scene():
        turns = Turns()
        with pytest.raises(ValueError, match="refused"):
            async with turns.transaction():
                raise ValueError("refused")
        await turns.calm()
        async with turns.transaction():
            pass

    run(scene())
