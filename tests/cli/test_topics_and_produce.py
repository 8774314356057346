"""`topics create` and `produce` against a real Kafka."""

import gzip
import json
from collections import defaultdict
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from streams.sources.routing import partition_of
from tests.cli.commands import contact_streams
from tests.servers import free_port

pytestmark = pytest.mark.kafka


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """Topics of its own for each test."""
    return f"{request.node.name.replace('[', '-').replace(']', '')}-"


def settings_of(brokers: str, topic: str) -> dict[str, str]:
    client = KafkaAdminClient(bootstrap_servers=brokers)
    try:
        described = client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)], config_filter="all")
        return {name: setting["value"] for name, setting in described["topic"][topic].items()}
    finally:
        client.close()


def partitions_of(brokers: str, prefix: str) -> dict[str, int]:
    client = KafkaAdminClient(bootstrap_servers=brokers)
    try:
        topics = {topic["name"]: len(topic["partitions"]) for topic in client.describe_topics()}
        return {name.removeprefix(prefix): count for name, count in topics.items() if name.startswith(prefix)}
    finally:
        client.close()


def records_of(brokers: str, topic: str) -> dict[int, list[tuple[bytes | None, bytes]]]:
    """Partition → (key, value) of all records, in their order."""
    consumer = KafkaConsumer(bootstrap_servers=brokers, auto_offset_reset="earliest", enable_auto_commit=False)
    try:
        parts = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        ends = consumer.end_offsets(parts)
        found = defaultdict(list)
        while any(consumer.position(part) < ends[part] for part in parts):
            for part, records in consumer.poll(timeout_ms=500).items():
                found[part.partition] += [(record.key, record.value) for record in records]
        return found
    finally:
        consumer.close()


def create(brokers: str, prefix: str, *more: object):
    return contact_streams("topics", "create", "--brokers", brokers, "--topic-prefix", prefix, *more)


SOURCES = ("calls", "chats", "tickets", "agents", "surveys")


class TestTopicsCreate:
    def test_creates_all_that_a_worker_needs(self, brokers, prefix):
        done = create(brokers, prefix, "--partitions", 3)

        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count("created") == 14
        assert partitions_of(brokers, prefix) == {
            **dict.fromkeys(SOURCES, 3),
            **{f"contact-streams-state-{topic}": 3 for topic in SOURCES},
            "contact-streams-facts": 4,
            "contact-streams-state-facts": 4,
            "visits": 3,
            "deadletters": 3,
        }

    def test_gives_each_kind_of_topic_what_its_job_asks_for(self, brokers, prefix):
        create(brokers, prefix, "--partitions", 1)
        source = settings_of(brokers, f"{prefix}calls")
        facts = settings_of(brokers, f"{prefix}contact-streams-facts")
        state = settings_of(brokers, f"{prefix}contact-streams-state-calls")

        assert {topic["message.timestamp.type"] for topic in (source, facts, state)} == {"LogAppendTime"}
        assert (facts["cleanup.policy"], facts["retention.ms"], facts["retention.bytes"]) == ("delete", "-1", "-1")
        assert (state["cleanup.policy"], state["delete.retention.ms"]) == ("compact", "86400000")

    def test_where_customers_are_followed_they_have_topics_between_the_books(self, brokers, prefix, tmp_path):
        config = tmp_path / "customers.yaml"
        config.write_text("customers: {enabled: true, secret: only a test's secret}", encoding="utf-8")
        done = create(brokers, prefix, "--config", config)

        assert (done.returncode, done.stderr) == (0, "")
        there = partitions_of(brokers, prefix)
        topics = ("contact-streams-customers", "contact-streams-state-customers")
        assert [there[topic] for topic in topics] == [4, 4]
        between, state = (settings_of(brokers, prefix + topic) for topic in topics)
        assert (between["message.timestamp.type"], between["retention.ms"]) == ("LogAppendTime", "-1")
        assert state["cleanup.policy"] == "compact"

    def test_a_second_time_changes_nothing(self, brokers, prefix):
        create(brokers, prefix, "--partitions", 2)
        again = create(brokers, prefix)

        assert again.returncode == 0
        assert again.stdout.count("exists") == 14
        assert partitions_of(brokers, prefix)["calls"] == 2

    def test_state_follows_the_partitions_of_a_source_topic_that_is_there(self, brokers, prefix):
        one_topic = {"CONTACT_STREAMS_TOPICS": "{calls: [voice]}", "CONTACT_STREAMS_KAFKA__BROKERS": brokers}
        contact_streams("topics", "create", "--topic-prefix", prefix, "--partitions", 5, environ=one_topic)
        create(brokers, prefix)

        found = partitions_of(brokers, prefix)

        assert found["contact-streams-state-calls"] == 5
        assert (found["chats"], found["contact-streams-state-chats"]) == (8, 8)
        assert (found["agents"], found["contact-streams-state-agents"]) == (2, 2)

    def test_a_wrong_number_of_partitions_is_a_finding(self, brokers, prefix):
        create(brokers, prefix, "--partitions", 2)
        done = create(brokers, prefix, "--partitions", 4)

        assert done.returncode == 3
        assert f"differs  {prefix}calls: 2 partitions, not 4" in done.stdout
        assert "hint: " in done.stderr

    def test_append_time_that_is_missing_is_a_finding(self, brokers, prefix):
        client = KafkaAdminClient(bootstrap_servers=brokers)
        client.create_topics({f"{prefix}calls": {"num_partitions": 2, "replication_factor": 1}}, wait_for_metadata=True)
        client.close()
        done = create(brokers, prefix)

        assert done.returncode == 3
        assert f"differs  {prefix}calls: message.timestamp.type=CreateTime, not LogAppendTime" in done.stdout


def call(contact: str, kind: str, time: int) -> bytes:
    event = {"v": 1, "id": f"{contact}{kind}{time}", "type": kind, "time": time, "channel": "voice", "contact": contact}
    return json.dumps(event).encode()


HEARTBEAT = b'{"v": 1, "id": "h", "type": "heartbeat", "time": 1700000000000, "source": "pbx"}'


class TestProduce:
    @pytest.fixture
    def produce(self, brokers, prefix, tmp_path: Path):
        create(brokers, prefix, "--partitions", 3)

        def run(*lines: bytes):
            file = tmp_path / "events.jsonl.gz"
            file.write_bytes(gzip.compress(b"\n".join(lines) + b"\n"))
            return contact_streams("produce", file, "--brokers", brokers, "--topic-prefix", prefix)

        return run

    def test_keys_by_contact_and_keeps_the_order_of_each(self, brokers, prefix, produce):
        lines = [call(f"c{n % 40}", "contact.held", 1_700_000_000_000 + n) for n in range(2_000)]
        done = produce(*lines)
        found = records_of(brokers, f"{prefix}calls")

        assert done.returncode == 0
        assert done.stdout == f"2000 lines read\n2000 records sent to {prefix}calls\n"
        assert all(partition_of(key, 3) == part for part, records in found.items() for key, _ in records)
        for contact in {f"c{n}" for n in range(40)}:
            sent = [line for line in lines if json.loads(line)["contact"] == contact]
            arrived = [value for records in found.values() for key, value in records if key == contact.encode()]
            assert arrived == sent

    def test_a_heartbeat_goes_to_every_partition_of_every_topic(self, brokers, prefix, produce):
        done = produce(HEARTBEAT)

        assert f"3 records sent to {prefix}calls\n3 records sent to {prefix}chats\n" in done.stdout
        for topic in SOURCES:
            assert records_of(brokers, prefix + topic) == {part: [(None, HEARTBEAT)] for part in range(3)}

    def test_what_is_no_event_is_sent_for_the_worker_to_dead_letter(self, brokers, prefix, produce):
        done = produce(b"not json", b"", b"\xff\xfe", call("c", "contact.held", 1))
        values = [value for records in records_of(brokers, f"{prefix}calls").values() for _, value in records]

        assert done.returncode == 0
        assert sorted(values) == sorted([b"not json", b"", b"\xff\xfe", call("c", "contact.held", 1)])

    def test_a_record_that_kafka_does_not_take_is_reported(self, produce):
        done = produce(call("c", "contact.held", 1), b'"' + b"x" * 2_000_000 + b'"')

        assert done.returncode == 1
        assert "error: 1 records were not taken: 1 × MessageSizeTooLargeError" in done.stderr

    def test_events_for_a_topic_that_is_not_there_are_reported(self, produce):
        lead = b'{"v":1,"id":"l","type":"lead.created","time":1,"customer":"ann"}'
        done = produce(call("c", "contact.held", 1), lead)

        assert done.returncode == 1
        assert "1 records sent to" in done.stdout
        assert "error: 1 lines not sent, their topic does not exist: 1 for" in done.stderr
        assert "hint: name the topic under `topics`" in done.stderr

    def test_without_topics_it_says_how_to_create_them(self, brokers, tmp_path):
        file = tmp_path / "e.jsonl"
        file.write_bytes(HEARTBEAT)
        done = contact_streams("produce", file, "--brokers", brokers, "--topic-prefix", "nowhere-")

        assert done.returncode == 1
        assert done.stderr == (
            f"error: Kafka has no topic {', '.join(f'nowhere-{topic}' for topic in SOURCES)}\n"
            "hint: run `contact-streams topics create`, with the same configuration\n"
        )


@pytest.mark.parametrize("command", [("topics", "create"), ("produce", __file__)], ids=["topics", "produce"])
def test_no_broker_is_an_error_with_a_hint(command):
    done = contact_streams(*command, "--brokers", f"127.0.0.1:{free_port()}")

    assert done.returncode == 1
    assert done.stderr.startswith("error: Kafka cannot be reached: ")
    assert "hint: is it running, is kafka.brokers (" in done.stderr
    assert "Traceback" not in done.stderr
