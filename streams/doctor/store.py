"""Redis: does it answer, may this user write there, is the prefix this app's, and does its clock agree."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final, cast

from redis.exceptions import AuthenticationError, NoPermissionError, OutOfMemoryError, ReadOnlyError, RedisError

from streams.config import Config
from streams.doctor.findings import CLOCKS_AGREE_MS, SET_CLOCKS, Finding
from streams.sinks.redis import DOWN, connect
from streams.sinks.redis_keys import Keys

_SLOW_MS: Final = 50
_TRY_FOR_MS: Final = 1_000


def redis(config: Config) -> Iterator[Finding]:
    """One finding about each of it; the first that fails is the last."""
    yield from asyncio.run(_all(config))


async def _all(config: Config) -> list[Finding]:
    return [finding async for finding in _examined(config)]


async def _examined(config: Config) -> AsyncIterator[Finding]:
    keys, where = Keys(config.redis.prefix), config.redis.shown_url
    client = connect(config.redis.url, config.redis.login())
    try:
        asked = time.time() * 1000
        seconds, micros = await cast("Any", client.time())
        took_ms = time.time() * 1000 - asked
        yield _answered(where, took_ms)
        yield _clock(seconds * 1000 + micros / 1000 - asked - took_ms / 2)
        yield _owner(config, cast("str | None", await client.get(keys.owner)))
        await client.set(f"{keys.prefix}:doctor", "", px=_TRY_FOR_MS)
        yield Finding("redis", "ok", f"keys under `{keys.prefix}:` can be written")
    except DOWN as error:
        yield Finding("redis", "failed", f"{where}: {error}", _mending(error))
    finally:
        await client.aclose()


def _answered(where: str, took_ms: float) -> Finding:
    if took_ms > _SLOW_MS:
        text = f"{where} takes {took_ms:.0f} ms to answer"
        return Finding("redis", "warning", text, "what is shown is as much older: is it far away, or busy?")
    return Finding("redis", "ok", f"{where} answers in {took_ms:.0f} ms")


def _clock(ahead_ms: float) -> Finding:
    if abs(ahead_ms) > CLOCKS_AGREE_MS:
        text = f"Redis' clock and this machine's differ by {abs(ahead_ms) / 1000:.1f} s"
        return Finding("clock", "failed", text, SET_CLOCKS)
    return Finding("clock", "ok", f"Redis' clock and this machine's differ by {abs(ahead_ms):.0f} ms")


def _owner(config: Config, owner: str | None) -> Finding:
    prefix, app = config.redis.prefix, config.kafka.app
    if owner is None:
        return Finding("redis", "ok", f"the prefix `{prefix}` is nobody's yet")
    if owner.partition("@")[0] == app:
        return Finding("redis", "ok", f"the prefix `{prefix}` belongs to {owner}")
    text = f"the prefix `{prefix}` belongs to {owner}, not to kafka.app `{app}`"
    mending = f"set another redis.prefix; if that app is gone: redis-cli DEL {prefix}:owner"
    return Finding("redis", "failed", text, mending)


def _mending(error: Exception) -> str:
    if isinstance(error, NoPermissionError | AuthenticationError):
        return "look at redis.username and redis.password_file; docs/security.md lists what the user must be allowed"
    if isinstance(error, ReadOnlyError):
        return "this is a replica: redis.url must name the primary"
    if isinstance(error, OutOfMemoryError):
        return "Redis is full: raise maxmemory, or give contact-streams a Redis of its own"
    if isinstance(error, RedisError) and "certificate" in str(error).lower():
        return "redis.ca_file must name who has signed the server's certificate"
    return "is it running, and is redis.url (CONTACT_STREAMS_REDIS__URL) right?"
