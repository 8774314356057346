"""The one Lua call by which hashes are written: it judges the writer, and all of a batch stands or none."""

from collections.abc import Sequence
from typing import Any, Final, cast

from redis.asyncio import Redis

SEPARATOR: Final = "\n"
"""Ends each item of a packed list: neither names of KPIs and windows nor JSON hold it."""

WRITTEN: Final = "written"
FENCED: Final = "fenced"
"""A later owner of the partition has written: nothing is."""
FOREIGN: Final = "foreign"
"""The prefix belongs to another app or cluster, named in the second item: nothing is written."""
UNKNOWN: Final = "unknown"
"""No fence or no owner stands there: Redis is new, or came back empty. Nothing is written without `may_create`."""

_LUA: Final = """
-- KEYS  fence, owner, queues, due, a view for each queue, lists
-- ARGV  token, owner, ttl_ms, channel of changes, may_create, number of queues,
--       then for each queue its member, packed fields, message and packed due, then for each list its packed items
local unpack = unpack or table.unpack
local fence, owner = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])
if owner and owner ~= ARGV[2] then return {'foreign', owner} end
if fence and tonumber(fence) > tonumber(ARGV[1]) then return {'fenced', fence} end
if ARGV[5] ~= '1' and not (fence and owner) then return {'unknown', ''} end

local function items(packed)
  local list = {}
  for item in string.gmatch(packed, '([^\\n]*)\\n') do list[#list + 1] = item end
  return list
end

-- a Lua call takes a few thousand arguments at most
local function in_parts(command, key, list)
  for first = 1, #list, 1000 do
    redis.call(command, key, unpack(list, first, math.min(first + 999, #list)))
  end
end

local ttl, queues = tonumber(ARGV[3]), tonumber(ARGV[6])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('SET', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], ARGV[2])
-- what a queue has written into `due` stands in a set of its own, so that it can be taken back, by others too
local any_due = redis.call('EXISTS', KEYS[4]) == 1
local function write_due(queue, packed)
  if packed == '' and not any_due then return end
  local own = KEYS[4] .. ':' .. queue
  local before = redis.call('SMEMBERS', own)
  if #before > 0 then
    redis.call('ZREM', KEYS[4], unpack(before))
    redis.call('DEL', own)
  end
  local list = items(packed)
  for at = 1, #list, 2 do
    redis.call('ZADD', KEYS[4], list[at], list[at + 1])
    redis.call('SADD', own, list[at + 1])
  end
  redis.call('PEXPIRE', own, 2 * ttl)
end

for i = 1, queues do
  local key, at = KEYS[4 + i], 6 + 4 * (i - 1)
  redis.call('DEL', key)
  in_parts('HSET', key, items(ARGV[at + 2]))
  redis.call('PEXPIRE', key, ttl)
  redis.call('ZADD', KEYS[3], string.format('%.0f', now), ARGV[at + 1])
  write_due(ARGV[at + 1], ARGV[at + 4])
end
for i = 1, #KEYS - 4 - queues do
  local key = KEYS[4 + queues + i]
  redis.call('DEL', key)
  in_parts('RPUSH', key, items(ARGV[6 + 4 * queues + i]))
  redis.call('PEXPIRE', key, ttl)
end
local dead = string.format('%.0f', now - ttl)
for _, queue in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', dead)) do write_due(queue, '') end
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', dead)
redis.call('PEXPIRE', KEYS[3], ttl)
redis.call('PEXPIRE', KEYS[4], ttl)
for i = 1, queues do
  redis.call('PUBLISH', ARGV[4], ARGV[6 + 4 * (i - 1) + 3])
end
return {'written', ''}
"""


def pack(items: list[str]) -> str:
    """One argument for a list of items."""
    return "".join(item + SEPARATOR for item in items)


async def call(client: Redis, keys: Sequence[str], args: Sequence[str | int]) -> tuple[str, str]:
    """Run the script: (`WRITTEN`, `FENCED`, `FOREIGN` or `UNKNOWN`, detail). O(fields).

    The whole text is sent each time: it is small beside the values, and a Redis that came back empty knows no digest.
    """
    outcome, detail = await cast("Any", client.eval(_LUA, len(keys), *keys, *args))
    return outcome, detail
