"""The ACLs that docs/security.md lists: with exactly these everything works, and each of them is needed.

The broker allows nobody anything else; a worker is one user, who runs the commands another.
"""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from streams.config import load
from streams.errors import ConnectionFailed
from streams.worker.cluster import Cluster
from streams.worker.compose import worker_settings
from streams.worker.permissions import needed
from tests.security.acls import Admin, Grant, admin_of, documented
from tests.security.installation import Installation, scram, until
from tests.security.servers import USERS
from tests.servers import free_port

pytestmark = pytest.mark.kafka

WORKER, CLERK = USERS


@pytest.fixture(scope="module")
def admin(broker, authority) -> Iterator[Admin]:
    with admin_of(broker, authority) as made:
        yield made


class Place(Installation):
    """An installation whose topics stand. `WORKER` may do what a worker needs, `CLERK` what the commands need."""

    def __init__(self, directory, prefix, admin, *, broker, authority):
        super().__init__(directory, prefix, {})
        self.admin = admin
        nowhere = {"url": f"redis://127.0.0.1:{free_port()}/0"}  # not one that happens to run at the usual place
        self.of_worker = self.config("worker", scram(broker, authority, WORKER), nowhere)
        self.of_clerk = self.config("clerk", scram(broker, authority, CLERK))
        admin.grant(CLERK, self.grants("topics create"))
        done = self.try_command("topics", "create", "--partitions", 2)
        assert done.stdout.count("created  ") == 14

    def try_command(self, *arguments):
        """The first run that succeeds: a broker learns of its ACLs a moment later."""
        done = []

        def succeeded():
            done[:] = [self.command(self.of_clerk, *arguments)]
            return done[0].returncode == 0

        until(succeeded, lambda: done[0].stderr)
        return done[0]

    def grants(self, who) -> list[Grant]:
        return [grant.on(self.prefix) for grant in documented()[who]]

    def missing(self) -> str:
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

        settings = worker_settings(load(self.of_worker, environ={}).config)
        try:
            asyncio.run(ask())
        except ConnectionFailed as error:
            return str(error)
        return ""

    @contextmanager
    def without(self, *grants: Grant) -> Iterator[None]:
        """What a worker is granted, but for these."""
        self.admin.take(WORKER, grants)
        try:
            yield
        finally:
            self.admin.grant(WORKER, grants)
            until(lambda: not self.missing(), self.missing)


@pytest.fixture(scope="module")
def place(broker, authority, admin, tmp_path_factory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("acls"), "acl-", admin, broker=broker, authority=authority)
    try:
        admin.grant(WORKER, made.grants("worker"))
        until(lambda: not made.missing(), made.missing)
        yield made
    finally:
        made.close()


def call(contact: str, at: int) -> list[bytes]:
    """A call that waits ten seconds and is answered."""
    event = {"v": 1, "channel": "voice", "contact": contact, "queue": "billing"}
    answer = {"id": f"{contact}-2", "type": "agent.connected", "time": at + 10_000, "agent": "a"}
    return [
        json.dumps({**event, "id": f"{contact}-1", "type": "queue.entered", "time": at}).encode(),
        json.dumps({**event, **answer}).encode(),
    ]


def test_with_exactly_these_a_worker_and_the_commands_work_and_without_one_it_ends(place: Place, tmp_path: Path):
    now = time.time_ns() // 1_000_000
    events = tmp_path / "events.jsonl"
    lines = [line for n in range(20) for line in call(f"c-{n}", now - 60_000 + n)]
    events.write_bytes(b"\n".join([*lines, call("c-20", now - 60_000)[0].replace(b"billing", b"")]))
    for who in ("produce, simulate", "explain", "deadletters list, show"):
        place.admin.grant(CLERK, place.grants(who))

    assert f"41 records sent to {place.prefix}calls" in place.try_command("produce", events).stdout

    worker = place.worker(place.of_worker)
    done = {"applied": 40, "rejected": 1}
    until(lambda: done.items() <= worker.outcomes().items() or worker.ended() is not None, worker.log.read_text)
    assert worker.ended() is None, worker.log.read_text()
    assert not [line for line in worker.log.read_text().splitlines() if "cannot be deleted" in line or "ERROR" in line]
    explained = place.try_command("explain", "--queue", "billing", "--kpi", "answered", "--window", "today")
    assert "c-19" in explained.stdout

    edited = tmp_path / "letters.jsonl"
    letters = place.try_command("deadletters", "list", "--json").stdout
    edited.write_text(re.sub(r'"queue":\s*""', '"queue": "billing"', letters))
    place.admin.grant(CLERK, place.grants("deadletters replay"))
    place.try_command("deadletters", "replay", "--edited", edited)

    calls = Grant("Read", "Topic", f"{place.prefix}calls")
    with place.without(calls):
        until(lambda: worker.ended() is not None, worker.log.read_text)
    assert worker.ended() == 1
    assert f"error: Kafka refuses user `{WORKER}` a topic that it allowed at the start" in worker.log.read_text()


@pytest.mark.parametrize("grant", documented()["worker"][:-1], ids=str)
def test_each_is_needed_and_named_when_it_is_missing(place: Place, grant: Grant):
    grant = grant.on(place.prefix)
    with place.without(grant):
        said = until(place.missing)

    before, _, named = said.partition(": ")
    missing = [name.split(" on ") for name in named.split(", ")]
    on = f"{grant.resource} {grant.name}"
    assert before == f"Kafka does not allow user `{WORKER}`"
    assert {operation for operation, _ in missing} == {grant.operation}
    assert all(resource.startswith(on) if grant.prefixed else resource == on for _, resource in missing)


def test_a_worker_says_in_one_line_what_is_missing_and_ends(place: Place):
    visits, group = f"{place.prefix}visits", f"{place.prefix}contact-streams"
    with place.without(Grant("Write", "Topic", visits), Grant("Read", "Group", group)):
        until(place.missing)
        worker = place.worker(place.of_worker)
        until(lambda: worker.ended() is not None)

    error, hint = worker.log.read_text().splitlines()
    assert worker.ended() == 1
    assert error == f"error: Kafka does not allow user `{WORKER}`: Write on Topic {visits}, Read on Group {group}"
    assert "docs/security.md" in hint


def test_the_transactional_ids_show_when_a_partition_is_taken(place: Place):
    grant = place.grants("worker")[-1]
    assert grant == Grant("Write", "TransactionalId", f"{place.prefix}contact-streams-", prefixed=True)

    with place.without(grant):
        worker = place.worker(place.of_worker)
        until(lambda: worker.ended() is not None, worker.log.read_text)

    said = f"error: Kafka does not allow user `{WORKER}`: Write on TransactionalId {grant.name}*"
    assert worker.ended() == 1
    assert said in worker.log.read_text().splitlines()
