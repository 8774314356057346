"""The ACLs that docs/security.md lists: with exactly these everything works, and each of them is needed.

One user (`nina`) has them all, in a Kafka that allows nothing else, and a Redis that knows two users.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.config import load
from streams.errors import ConnectionFailed
from streams.worker.cluster import Cluster
from streams.worker.compose import worker_settings
from streams.worker.permissions import needed
from tests.security.acls import Admin, Grant, admin_of, documented
from tests.security.installation import Installation, scram, until

pytestmark = pytest.mark.kafka

WORKER, CREATE, PRODUCE, EXPLAIN = "worker", "topics create", "produce, simulate", "explain"
USER = "nina"


@pytest.fixture(scope="module")
def admin(broker, authority) -> Iterator[Admin]:
    with admin_of(broker, authority) as made:
        yield made


class Place(Installation):
    """An installation whose topics stand, and whose user has been granted what a worker needs."""

    def __init__(self, directory, prefix, admin, kafka):
        super().__init__(directory, prefix, {})
        self.admin = admin
        self.file = self.config("user", kafka)
        with self.granted(CREATE):
            done = until(lambda: (done := self.command(self.file, "topics", "create")).returncode == 0 and done)
        assert done.stdout.count("created  ") == 14

    def grants(self, who) -> list[Grant]:
        return [grant.on(self.prefix) for grant in documented()[who]]

    def granted(self, who):
        return _Granted(self.admin, self.grants(who))

    def check(self) -> str:
        """What a worker would say is missing, before it does anything; empty: nothing."""

        async def ask():
            cluster = Cluster(settings)
            await cluster.start()
            try:
                inputs = {name: settings.topic(name) for name in (*settings.sources, "facts")}
                outputs = {name: settings.topic(name) for name in ("facts", "visits", "deadletters")}
                await cluster.check(needed(settings, inputs, outputs))
            finally:
                await cluster.stop()

        settings = worker_settings(load(self.file, environ={}).config)
        try:
            asyncio.run(ask())
        except ConnectionFailed as error:
            return str(error)
        return ""


class _Granted:
    """For the time of a `with`."""

    def __init__(self, admin, grants):
        self._admin, self._grants = admin, grants

    def __enter__(self):
        self._admin.grant(USER, self._grants)

    def __exit__(self, *_):
        self._admin.take(USER, self._grants)


@pytest.fixture(scope="module")
def place(broker, authority, admin, tmp_path_factory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("acls"), "acl-", admin, scram(broker, authority, USER))
    try:
        with made.granted(WORKER):
            until(lambda: not made.check(), made.check)
            yield made
    finally:
        made.close()


def call(contact: str, at: int) -> list[bytes]:
    """A call that waits ten seconds and is answered."""
    event = {"v": 1, "channel": "voice", "contact": contact, "queue": "billing"}
    return [
        json.dumps({**event, "id": f"{contact}-1", "type": "queue.entered", "time": at}).encode(),
        json.dumps(
            {**event, "id": f"{contact}-2", "type": "agent.connected", "time": at + 10_000, "agent": "a"}
        ).encode(),
    ]


def test_with_exactly_these_a_worker_works_and_the_commands_do(place: Place, tmp_path: Path):
    now = time.time_ns() // 1_000_000
    events = tmp_path / "events.jsonl"
    events.write_bytes(b"\n".join(line for n in range(20) for line in call(f"c-{n}", now - 60_000 + n)))
    with place.granted(PRODUCE):
        done = until(lambda: (done := place.command(place.file, "produce", events)).returncode == 0 and done)
    assert f"40 records sent to {place.prefix}calls" in done.stdout

    worker = place.worker(place.file)
    until(lambda: worker.outcomes().get("applied") == 40 or worker.ended() is not None, worker.log.read_text)
    assert worker.ended() is None, worker.log.read_text()
    assert not [line for line in worker.log.read_text().splitlines() if "cannot be deleted" in line or "ERROR" in line]

    with place.granted(EXPLAIN):
        done = place.command(place.file, "explain", "--queue", "billing", "--kpi", "answered", "--window", "today")
        assert done.returncode == 0, done.stderr

    worker.kill()


@pytest.mark.parametrize("number", range(len(documented()[WORKER]) - 1))
def test_each_is_needed_and_named_when_it_is_missing(place: Place, number):
    grant = place.grants(WORKER)[number]
    place.admin.take(USER, [grant])
    try:
        said = until(place.check)
    finally:
        place.admin.grant(USER, [grant])
        until(lambda: not place.check(), place.check)

    assert said.startswith("Kafka does not allow user `nina`: ")
    named = [name.split(" on ") for name in said.removeprefix("Kafka does not allow user `nina`: ").split(", ")]
    expected = f"{grant.resource} {grant.name}"
    assert {operation for operation, _ in named} == {grant.operation}
    assert all(on.startswith(expected) if grant.prefixed else on == expected for _, on in named)


def test_a_worker_says_in_one_line_what_is_missing_and_ends(place: Place):
    grants = [
        Grant("Write", "Topic", f"{place.prefix}visits"),
        Grant("Read", "Group", f"{place.prefix}contact-streams"),
    ]
    place.admin.take(USER, grants)
    try:
        until(place.check)
        worker = place.worker(place.file)
        until(lambda: worker.ended() is not None)
    finally:
        place.admin.grant(USER, grants)
        until(lambda: not place.check(), place.check)

    assert worker.ended() == 1
    error, hint = worker.log.read_text().splitlines()
    assert error == (
        "error: Kafka does not allow user `nina`: Write on Topic acl-visits, Read on Group acl-contact-streams"
    )
    assert "docs/security.md" in hint


def test_the_transactional_ids_show_when_a_partition_is_taken(place: Place):
    grant = place.grants(WORKER)[-1]
    assert grant == Grant("Write", "TransactionalId", "acl-contact-streams-", prefixed=True)
    place.admin.take(USER, [grant])
    try:
        worker = place.worker(place.file)
        until(lambda: worker.ended() is not None, worker.log.read_text)
    finally:
        place.admin.grant(USER, [grant])

    assert worker.ended() == 1
    assert (
        "error: Kafka does not allow user `nina`: Write on TransactionalId acl-contact-streams-*"
        in worker.log.read_text().splitlines()
    )
