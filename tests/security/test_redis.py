"""Redis with TLS, client certificates and the two users that docs/security.md lists: enough, and nothing to spare.

A worker writes as one of them and a board reads as the other; Kafka is secured likewise. Redis itself says what it had
to refuse (`ACL LOG`) and which commands were used (`INFO commandstats`).
"""

import asyncio
import contextlib
import json
import re
import shlex
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from redis.exceptions import TimeoutError as RedisTimeout

from streams.cli.options import kafka_options
from streams.config import load
from streams.config.access import RedisConfig
from streams.sinks.redis import DOWN, connect
from streams.sources.kafka import reader
from tests.security.acls import DOCUMENT
from tests.security.installation import Installation, board, redis_section, scram, until
from tests.security.servers import ADMIN, PASSWORD, Store, secured_redis

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

TOKEN = "t0ken-of-the-board-and-the-scrape"
NAME = "Mustermann"
"""Part of every customer's name, and of nothing else."""
SETTINGS = {
    "topics": {"calls": ["voice"], "tickets": ["ticket"], "business": []},
    "ticket_targets": [{"metric": "first_reply", "target": "30m", "from": "2020-01-01"}],
    "metrics": {"token": TOKEN},
    "wallboard": {"token": TOKEN},
}
BOARD = ("board", "queues", "queue?channel=voice&queue=billing", "queue?channel=ticket&queue=billing")
NOT_OURS = {"acl", "auth", "client", "command", "config", "hello", "info", "ping", "select"}
"""Commands of the admin, and what every connection says without being allowed anything."""


def documented() -> dict[str, list[str]]:
    """User → his rules."""
    lines = re.findall(r"^ACL SETUSER (\w+) on >password (.*)$", DOCUMENT.read_text(), re.MULTILINE)
    return {name: shlex.split(rules) for name, rules in lines}


@pytest.fixture(scope="module")
def store(authority) -> Iterator[Store]:
    with secured_redis(authority, client_certificates=True) as started:
        for user, rules in documented().items():
            started.user(user, rules)
        yield started


@pytest.fixture(scope="module")
def section(store, authority):
    """The section `redis` of a user."""
    own = authority.client("redis-client")

    def of(user):
        return {**redis_section(store, authority, user), "cert_file": str(own.cert), "key_file": str(own.key)}

    return of


def day(now: int) -> Iterator[dict]:
    """A call that is abandoned, one that waits, a ticket that is due, orders, and what is no event."""
    customer = {"customer": f"{NAME} 1"}
    called = {"v": 1, "channel": "voice", "queue": "billing", **customer}
    for contact in ("gone", "waits"):
        yield {**called, "id": f"{contact}-1", "contact": contact, "type": "queue.entered", "time": now - 90_000}
    hung_up = {"id": "gone-2", "contact": "gone", "type": "contact.ended", "by": "customer", "time": now - 60_000}
    yield {"v": 1, "channel": "voice", **hung_up}
    ticket = {"v": 1, "channel": "ticket", "contact": "t-1", "queue": "billing"}
    yield {**ticket, "id": "t-1", "type": "ticket.created", "time": now - 90_000, **customer}
    for number in range(3):
        order = {"v": 1, "id": f"o-{number}", "type": "order.placed", "time": now - 90_000, "amount": 100}
        yield {**order, **customer}
    yield {**called, "id": "bad", "contact": "bad", "type": "queue.entered", "time": "never"}
    yield {
        **called,
        "id": "old",
        "contact": "old",
        "type": "queue.left",
        "reason": "abandoned",
        "time": now - 86_400_000,
    }


class Running(NamedTuple):
    """What a worker and a board did, and what they showed."""

    log: str
    """Of both."""
    scraped: str
    shown: str
    """By the board."""
    contents: str
    """Of Redis: keys and values."""
    denied: list[dict]
    used: set[str]
    records: dict[str, bytes]
    """Topic → all that stands in it."""


class Board:
    """A running board."""

    def __init__(self, config: Path, log: Path) -> None:
        self._log = log.open("w")
        self._process = board(config, self._log)
        self.address = self._process.stdout.readline().removeprefix("board: ").strip()

    def get(self, path: str) -> str:
        return get(f"{self.address}api/v1/{path}")

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._log.close()


def get(address: str) -> str:
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()


@pytest.fixture(scope="module")
def running(broker, authority, store, section, tmp_path_factory) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("redis")
    made = Installation(directory, "redis-", SETTINGS)
    kafka = scram(broker, authority, ADMIN)
    config = made.config("worker", kafka, section("worker"))
    assert made.command(config, "topics", "create", "--partitions", 1).returncode == 0
    events = directory / "day.jsonl"
    events.write_text("".join(json.dumps(event) + "\n" for event in day(time.time_ns() // 1_000_000)))
    assert made.command(config, "produce", events).returncode == 0
    store.admin.config_resetstat()
    worker = made.worker(config)
    try:
        lists = ("cs:recent:voice:billing", "cs:due")
        until(
            lambda: store.admin.exists(*lists) == len(lists),
            lambda: (worker.log.read_text(), store.admin.keys(), store.admin.acl_log()),
        )
        log = directory / "board.log"
        with contextlib.closing(Board(made.config("board", kafka, section("board")), log)) as seen:
            until(lambda: "billing" in seen.get("board"), log.read_text)
            shown = "".join(map(seen.get, BOARD))
        used = {name.removeprefix("cmdstat_").partition("|")[0] for name in store.admin.info("commandstats")}
        yield Running(
            log=worker.log.read_text() + log.read_text(),
            scraped=get(f"http://127.0.0.1:{worker.port}/metrics"),
            shown=shown,
            contents="\n".join(f"{key} {read(store.admin, key)}" for key in store.admin.scan_iter("*")),
            denied=store.admin.acl_log(),
            used=used,
            records=all_records(config),
        )
    finally:
        made.close()


def read(redis, key: str) -> object:
    """A value of any type."""
    readers = {"hash": redis.hgetall, "string": redis.get, "set": redis.smembers, "none": str}
    of_lists = {"list": redis.lrange, "zset": redis.zrange}
    kind = redis.type(key)
    return of_lists[kind](key, 0, -1) if kind in of_lists else readers[kind](key)


def all_records(config: Path) -> dict[str, bytes]:
    """Keys, values and headers of each topic of the installation, committed."""
    kafka = load(config, environ={}).config.kafka
    found: dict[str, list[bytes]] = {}
    with reader(kafka_options(kafka)) as log:
        for polled in log.polled(topic for topic in log.topics() if topic.startswith(kafka.topic_prefix)):
            for record in polled:
                said = [record.key, record.value, *(value for _, value in record.headers)]
                found.setdefault(record.topic.removeprefix(kafka.topic_prefix), []).extend(filter(None, said))
    return {topic: b"\n".join(said) for topic, said in found.items()}


class TestUsers:
    def test_what_is_listed_is_enough(self, running):
        assert [entry for entry in running.denied if entry["username"] in documented()] == []
        assert '"billing"' in running.shown

    def test_and_each_command_of_it_is_used(self, running):
        allowed = {rule[1:] for rules in documented().values() for rule in rules if rule.startswith("+")}

        assert allowed == running.used - NOT_OURS

    @pytest.mark.parametrize("words", ["SET cs:owner x", "DEL cs:queues", "HGETALL other:view", "FLUSHALL"])
    def test_the_board_may_not_write_nor_read_what_is_not_its_own(self, section, words):
        assert "no permissions" in refused(section("board"), *words.split())


def refused(settings: dict, *words: str) -> str:
    """What a user is told who says this. A busy machine may time out: it is asked again then."""

    async def ask() -> None:
        client = connect(settings["url"], RedisConfig(**settings).login())
        try:
            await client.execute_command(*words)
        finally:
            await client.aclose()

    def answer() -> str | None:
        with pytest.raises(DOWN) as caught:
            asyncio.run(ask())
        assert PASSWORD not in f"{caught.value!r}"
        return None if isinstance(caught.value, TimeoutError | RedisTimeout) else str(caught.value)

    return until(answer)


class TestNotIn:
    def test_with_a_wrong_password(self, section):
        assert "invalid username-password pair" in refused({**section("board"), "password": "wrong"}, "PING")

    def test_without_the_certificate_that_the_server_asks_for(self, section):
        assert refused({**section("board"), "cert_file": None, "key_file": None}, "PING")

    def test_where_the_server_s_certificate_is_not_trusted(self, section):
        assert "certificate verify failed" in refused({**section("board"), "ca_file": None}, "PING")

    def test_where_the_name_is_not_that_of_the_certificate(self, section):
        elsewhere = {**section("board"), "url": section("board")["url"].replace("127.0.0.1", "localhost")}

        assert "Hostname mismatch" in refused(elsewhere, "PING")


class TestSecrets:
    def test_no_password_and_no_token_is_in_a_log_a_scrape_or_redis(self, running):
        everything = running.log + running.scraped + running.shown + running.contents

        assert "contact_waiting" in running.scraped
        assert PASSWORD not in everything
        assert TOKEN not in everything


class TestCustomersThatAreNotFollowed:
    """With `customers` off; tests/end_to_end/test_customers.py has the same where they are followed."""

    def test_nobody_is_named_in_a_metric_a_log_or_redis(self, running):
        assert "contact_window_orders" in running.scraped
        for name in ("log", "scraped", "shown", "contents"):
            assert NAME not in getattr(running, name), name

    def test_nobody_is_named_in_a_topic_but_where_events_stand_as_they_came(self, running):
        assert {topic for topic, said in running.records.items() if NAME.encode() in said} == {
            "calls", "tickets", "business", "deadletters",
        }  # fmt: skip
        assert b"customer" in running.records["contact-streams-state-business"]
