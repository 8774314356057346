"""`contact-streams simulate`, as a shell calls it."""

import gzip
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kafka import KafkaConsumer, TopicPartition

SIMULATE = [sys.executable, "-m", "streams", "simulate"]


def simulate(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([*SIMULATE, *arguments], capture_output=True, check=False)


def test_a_file_holds_one_event_a_line_and_is_the_same_each_time(tmp_path: Path):
    plain, packed = tmp_path / "hour.jsonl", tmp_path / "hour.jsonl.gz"
    first = simulate("--rate", "600/h", "--duration", "1h", "--seed", "9", "--out", str(plain))
    second = simulate("--rate", "10/min", "--duration", "60m", "--seed", "9", "--out", str(packed))
    to_stdout = simulate("--rate", "10", "--duration", "3600s", "--seed", "9", "--out", "-")

    assert (first.returncode, first.stdout, first.stderr) == (0, b"", b"")
    assert second.returncode == 0
    assert plain.read_bytes() == gzip.decompress(packed.read_bytes()) == to_stdout.stdout
    assert len([json.loads(line) for line in plain.read_bytes().splitlines()]) > 3_000


def test_a_file_begins_at_the_time_that_is_given():
    out = simulate("--rate", "10", "--duration", "1m", "--start", "2026-07-01T08:00:00+02:00", "--out", "-").stdout

    assert json.loads(out.splitlines()[0])["time"] == 1_782_885_600_000


def test_a_reader_that_has_seen_enough_is_no_error():
    command = (
        f"{sys.executable} -m streams simulate --rate 600/h --duration 30d --out - | head -1; echo ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True)

    assert done.stdout.splitlines()[-1] == b"0"
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param("--rate 5 --duration 1h", 2, "either --out FILE or --brokers B", id="nowhere to go"),
        pytest.param("--rate 5 --duration 1h --out - --brokers x:1", 2, "either --out", id="two ways at once"),
        pytest.param("--rate 5 --out -", 2, "--duration", id="a file without end"),
        pytest.param("--rate 5/year --duration 1h --out -", 2, "/min", id="no rate"),
        pytest.param("--rate 5 --duration 90 --out -", 2, "no duration", id="a duration without unit"),
        pytest.param(
            "--rate 5 --duration 1h --start 2026-07-01T08:00 --out -", 2, "time zone", id="a time without zone"
        ),
        pytest.param("--rate 5 --duration 1h --backfill 1h --out -", 2, "--backfill", id="backfill of a file"),
        pytest.param("--rate 5 --start 1 --brokers 127.0.0.1:1", 2, "--start", id="a start in Kafka"),
        pytest.param("--rate 5 --duration 1h --staffing 0 --out -", 2, "hint: ", id="no agents"),
        pytest.param("--rate 5 --duration 1h --out /nowhere/x", 1, "hint: ", id="no such folder"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(arguments: str, code: int, says: str):
    done = simulate(*arguments.split())

    assert done.returncode == code
    assert says in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


class Run(NamedTuple):
    """One run of the command into Kafka; times in epoch ms."""

    began_ms: int
    live_from_ms: int
    """What happened later was sent when it happened."""
    ended_ms: int
    code: int
    records: list[Any]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@contextmanager
def everything(brokers: str) -> Iterator[Callable[[Callable[[Any], bool] | None], list[Any]]]:
    """Reads on in both topics: until a record satisfies the condition (at most a minute), or, for None, to the end."""
    consumer = KafkaConsumer(bootstrap_servers=brokers, enable_auto_commit=False)
    partitions = [TopicPartition(topic, number) for topic in ("calls", "chats") for number in range(8)]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)

    def read(until: Callable[[Any], bool] | None) -> list[Any]:
        found: list[Any] = []
        deadline = time.monotonic() + 60
        ends = consumer.end_offsets(partitions)
        while time.monotonic() < deadline:
            found += [record for batch in consumer.poll(timeout_ms=500).values() for record in batch]
            if until is None and all(consumer.position(partition) >= end for partition, end in ends.items()):
                return found
            if until is not None and any(map(until, found)):
                return found
        raise TimeoutError(f"{len(found)} records, and not what was waited for")

    try:
        yield read
    finally:
        consumer.close()


@pytest.mark.kafka
class TestIntoKafka:
    @pytest.fixture(scope="class")
    def run(self, brokers: str) -> Run:
        """Ten minutes of backfill, then live until something of the present has arrived, then SIGTERM."""
        subprocess.run([sys.executable, "-m", "streams", "topics", "create", "--brokers", brokers], check=True)
        began_ms = now_ms()
        process = subprocess.Popen([*SIMULATE, "--rate", "600/h", "--brokers", brokers, "--backfill", "10m"])
        try:
            with everything(brokers) as read:
                records = read(lambda _: True)
                live_from_ms = now_ms() + 2_000
                records += read(lambda record: json.loads(record.value)["time"] > live_from_ms)
                process.send_signal(signal.SIGTERM)
                code = process.wait(timeout=30)
                records += read(None)
        finally:
            process.kill()
            process.wait()
        return Run(began_ms, live_from_ms, now_ms(), code, records)

    def test_sigterm_is_a_clean_end(self, run):
        assert run.code == 0

    def test_the_past_comes_at_once_and_the_present_in_time(self, run):
        times = [json.loads(record.value)["time"] for record in run.records]
        live = [(r.timestamp, at) for r, at in zip(run.records, times, strict=True) if at > run.live_from_ms]

        assert run.began_ms - 10 * 60_000 <= min(times) < run.began_ms - 9 * 60_000
        assert max(times) <= run.ended_ms
        assert live
        assert all(at <= appended_at for appended_at, at in live)

    def test_each_channel_has_its_topic_and_each_contact_its_partition(self, run):
        contacts = [record for record in run.records if record.key]
        places = {record.key: (record.topic, record.partition) for record in contacts}

        assert all(places[record.key] == (record.topic, record.partition) for record in contacts)
        assert all(json.loads(record.value)["contact"].encode() == record.key for record in contacts)
        assert {(r.topic, json.loads(r.value)["channel"]) for r in contacts} == {("calls", "voice"), ("chats", "chat")}

    def test_every_partition_has_every_heartbeat(self, run):
        beats = Counter(json.loads(record.value)["id"] for record in run.records if not record.key)

        assert len(beats) >= 60
        assert set(beats.values()) == {16}
