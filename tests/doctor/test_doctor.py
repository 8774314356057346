"""`contact-streams doctor` against a real Kafka and a real Redis: what it finds, and what it says to mend it."""

import json
import time
from collections.abc import Callable, Iterator

import pytest
import redis as redis_py

from tests.cli.commands import Done, contact_streams
from tests.servers import free_port, redis

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

CALL = {"v": 1, "id": "1", "type": "queue.entered", "time": 0, "channel": "voice", "contact": "c1", "queue": "billing"}


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with redis() as url:
        yield url


@pytest.fixture
def settings(brokers: str, redis_url: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """Topics, group and Redis keys of its own for each test."""
    name = request.node.name.replace("_", "-")
    return {
        "CONTACT_STREAMS_KAFKA__BROKERS": brokers,
        "CONTACT_STREAMS_KAFKA__TOPIC_PREFIX": f"{name}-",
        "CONTACT_STREAMS_REDIS__URL": redis_url,
        "CONTACT_STREAMS_REDIS__PREFIX": name,
    }


@pytest.fixture
def run(settings: dict[str, str]) -> Callable[..., Done]:
    def run(*arguments: str, stdin: bytes = b"", **more: str) -> Done:
        return contact_streams(*arguments, stdin=stdin, environ={**settings, **more})

    return run


def findings(done: Done) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for line in done.stdout.splitlines():
        finding = json.loads(line)
        found.setdefault(finding["check"], []).append(finding)
    return found


def states(done: Done, check: str) -> set[str]:
    return {finding["state"] for finding in findings(done)[check]}


def lines(*events: dict) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def test_a_new_cluster_lacks_its_topics_and_is_told_how_to_make_them(run):
    before = run("doctor", "--json")
    made = run("topics", "create")
    after = run("doctor", "--json")

    assert before.returncode == 3, before.stderr
    assert states(before, "brokers") == {"ok"}
    missing = [finding for finding in findings(before)["topics"] if finding["state"] == "failed"]
    assert any("calls: it is not there" in finding["text"] for finding in missing)
    assert {finding["mending"].split(";")[0] for finding in missing} == {"contact-streams topics create"}
    assert made.returncode == 0, made.stderr
    assert after.returncode == 0, after.stdout
    assert states(after, "topics") == {"ok"}
    assert findings(after)["group"][0]["state"] == "warning"
    assert "nobody works" in findings(after)["group"][0]["text"]


def test_the_last_events_are_decoded_and_a_stranger_among_the_channels_is_named(run):
    run("topics", "create")
    now = int(time.time() * 1000)
    run("produce", "-", stdin=lines({**CALL, "time": now}))
    right = run("doctor", "--json")
    run("produce", "-", stdin=lines({**CALL, "time": now, "id": "2", "channel": "callback-line"}))
    strange = run("doctor", "--json")

    calls = [finding for finding in findings(right)["events"] if "calls" in finding["text"]]
    assert [finding["state"] for finding in calls] == ["ok"]
    assert findings(right)["clock"][0]["state"] in {"ok", "skipped"}
    warned = [finding for finding in findings(strange)["events"] if "callback-line" in finding["text"]]
    assert [finding["state"] for finding in warned] == ["warning"]
    assert "topics: {calls: [" in warned[0]["mending"]


def test_records_that_are_no_events_are_a_failure_with_the_reason(run, settings):
    run("topics", "create")
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=settings["CONTACT_STREAMS_KAFKA__BROKERS"])
    producer.send(settings["CONTACT_STREAMS_KAFKA__TOPIC_PREFIX"] + "calls", b'{"v": 1, "type": "queue.entered"}')
    producer.close()
    done = run("doctor", "--json")

    assert done.returncode == 3
    (failed,) = [finding for finding in findings(done)["events"] if finding["state"] == "failed"]
    assert "missing_field at $.id" in failed["text"]
    assert "deadletters list" in failed["mending"]


def test_a_topic_with_other_settings_is_named_with_both(run, settings):
    from kafka import KafkaAdminClient

    run("topics", "create")
    state = settings["CONTACT_STREAMS_KAFKA__TOPIC_PREFIX"] + "contact-streams-state-calls"
    admin = KafkaAdminClient(bootstrap_servers=settings["CONTACT_STREAMS_KAFKA__BROKERS"])
    admin.delete_topics([state])
    time.sleep(1)
    admin.create_topics({state: {"num_partitions": 3, "replication_factor": 1}})
    admin.close()
    done = run("doctor", "--json")

    assert done.returncode == 3
    (failed,) = [finding for finding in findings(done)["topics"] if finding["state"] == "failed"]
    assert "3 partitions, not 8" in failed["text"]
    assert "cleanup.policy=delete, not compact" in failed["text"]


def test_without_a_broker_all_else_of_kafka_is_skipped_and_redis_is_looked_at(run):
    done = run("doctor", "--json", CONTACT_STREAMS_KAFKA__BROKERS=f"127.0.0.1:{free_port()}")

    assert done.returncode == 3
    assert states(done, "brokers") == {"failed"}
    assert {check for check in findings(done) if states(done, check) == {"skipped"}} == {
        "topics", "permissions", "group", "events",
    }  # fmt: skip
    assert states(done, "redis") == {"ok"}


def test_a_redis_that_is_away_is_named_without_its_password(run):
    run("topics", "create")
    url = f"redis://:hunter2secret@127.0.0.1:{free_port()}/0"
    done = run("doctor", CONTACT_STREAMS_REDIS__URL=url)

    assert done.returncode == 3
    assert "FAIL  redis" in done.stdout
    assert "is it running, and is redis.url" in done.stdout
    assert "hunter2secret" not in done.stdout + done.stderr


def test_a_redis_that_is_a_replica_full_or_somebody_elses_is_told_apart(run, settings, redis_url):
    run("topics", "create")
    client = redis_py.Redis.from_url(redis_url, decode_responses=True)
    client.set(settings["CONTACT_STREAMS_REDIS__PREFIX"] + ":owner", "another-app@some-cluster")
    owned = run("doctor", "--json")
    client.config_set("maxmemory", "1")
    full = run("doctor", "--json")
    client.config_set("maxmemory", "0")
    client.execute_command("REPLICAOF", "127.0.0.1", str(free_port()))
    replica = run("doctor", "--json")
    client.execute_command("REPLICAOF", "NO", "ONE")

    assert any("belongs to another-app" in finding["text"] for finding in findings(owned)["redis"])
    assert any("Redis is full" in (finding["mending"] or "") for finding in findings(full)["redis"])
    assert any("this is a replica" in (finding["mending"] or "") for finding in findings(replica)["redis"])
