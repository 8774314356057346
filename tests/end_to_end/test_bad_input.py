"""What no producer should send: each record becomes one thing, nothing is lost, and a replay says the same.

Each line is what arrived; `_ts`, where it stands, is when: in a replay it takes the place of the broker's append time.
"""

import json
from collections import Counter
from typing import NamedTuple

import pytest

from tests.end_to_end.centre import Centre
from tests.end_to_end.days import LATENESS_MS
from tests.end_to_end.shown import now_ms

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
LARGEST_ALLOWED = 256 * 1024
CUT_AT = 512_000


class Line(NamedTuple):
    """What is sent, and what must become of it."""

    value: bytes
    outcome: str
    reason: str = ""
    path: str = ""


class Writer:
    """Makes the events of one contact after the other, around `now`."""

    def __init__(self, now: int) -> None:
        self.now = now
        self._count = 0

    def event(self, seconds: int = 0, **fields: object) -> dict:
        """An arrival `seconds` after now."""
        self._count += 1
        return {
            "v": 1,
            "id": f"event {self._count}",
            "type": "queue.entered",
            "time": self.now + 1000 * seconds,
            "channel": "voice",
            "contact": f"contact {self._count}",
            "queue": "billing",
            "_ts": self.now,
            **fields,
        }

    def line(self, seconds: int = 0, **fields: object) -> bytes:
        return json.dumps(self.event(seconds, **fields)).encode()

    def without(self, field: str) -> bytes:
        event = self.event()
        del event[field]
        return json.dumps(event).encode()


def bad_lines(w: Writer) -> list[Line]:
    """Whatever can be wrong with a record on its own."""
    deep = b"[" * 100_000
    return [
        Line(b"", "rejected", "empty", "$"),
        Line(b"not JSON", "rejected", "not_json", "$"),
        Line(b'{"v": 1, "id": "cut', "rejected", "not_json", "$"),
        Line(b'{"type": "call.began", ', "rejected", "not_json", "$"),
        Line(b"\xff\xfe\x00binary\x00", "rejected", "not_json", "$"),
        Line(w.line()[:-1] + b', "queue": "\xff"}', "rejected", "not_json", "$"),
        Line(deep, "rejected", "not_an_object", "$"),
        Line(b"[]", "rejected", "not_an_object", "$"),
        Line(b'"queue.entered"', "rejected", "not_an_object", "$"),
        Line(b"null", "rejected", "not_an_object", "$"),
        Line(w.without("id"), "rejected", "missing_field", "$.id"),
        Line(w.without("time"), "rejected", "missing_field", "$.time"),
        Line(w.without("contact"), "rejected", "missing_field", "$.contact"),
        Line(w.without("queue"), "rejected", "missing_field", "$.queue"),
        Line(w.without("type"), "rejected", "missing_field", "$.type"),
        Line(w.line(id=7), "rejected", "wrong_type", "$.id"),
        Line(w.line(queue=["billing"]), "rejected", "wrong_type", "$.queue"),
        Line(w.line(contact=None), "rejected", "wrong_type", "$.contact"),
        Line(w.line(time=None), "rejected", "wrong_type", "$.time"),
        Line(w.line(time=1.5), "rejected", "wrong_type", "$.time"),
        Line(w.line(time=True), "rejected", "wrong_type", "$.time"),
        Line(w.line(type="agent.connected", agent={"name": "a"}), "rejected", "wrong_type", "$.agent"),
        Line(w.line(type="contact.ended", by="nobody"), "rejected", "invalid_value", "$.by"),
        Line(w.line(v=2), "rejected", "invalid_value", "$.v"),
        Line(w.line(id="x" * 201), "rejected", "invalid_value", "$.id"),
        Line(w.line(queue="*"), "rejected", "invalid_value", "$.queue"),
        Line(w.line(channel="Voice"), "rejected", "invalid_value", "$.channel"),
        Line(w.line(time="yesterday"), "rejected", "invalid_value", "$.time"),
        Line(w.line(time=0), "rejected", "time_out_of_range", "$.time"),
        Line(w.line(time="1970-01-01T00:00:00Z"), "rejected", "time_out_of_range", "$.time"),
        Line(w.line(time=-w.now), "rejected", "time_out_of_range", "$.time"),
        Line(w.line(time="9999-12-31T23:59:59Z"), "rejected", "time_out_of_range", "$.time"),
        Line(w.line(time=253_402_300_799_000), "rejected", "time_out_of_range", "$.time"),
        Line(w.line(time=w.now // 1000), "rejected", "time_out_of_range", "$.time"),
        Line(w.line(time=10**30), "rejected", "time_out_of_range", "$.time"),
        Line(w.line(segment="s" * LARGEST_ALLOWED), "rejected", "oversized", "$"),
        Line(w.line(segment="s" * (2 * CUT_AT - 1_000)), "rejected", "oversized", "$"),
        Line(w.line(type="call.began"), "unknown", "unknown", "$.type"),
        Line(w.line(type=""), "unknown", "unknown", "$.type"),
    ]


def odd_lines(w: Writer) -> list[Line]:
    """What depends on what came before: clocks, order and repetition."""
    entered = w.line(-5, contact="repeated", id="repeated 1")
    again = w.line(-5, contact="repeated", id="repeated 2")
    ahead = w.line(3_600, contact="ahead", id="ahead 1")
    beat = {"v": 1, "id": "beat", "type": "heartbeat", "time": w.now, "source": "pbx", "_ts": w.now}
    return [
        Line(w.line(-600, contact="known", id="known 1"), "applied"),
        Line(entered, "applied"),
        Line(entered, "duplicate"),
        Line(again, "duplicate"),
        Line(ahead, "applied"),
        Line(w.line(1, contact="ahead", type="queue.abandoned"), "applied"),
        Line(json.dumps(beat).encode(), "applied"),
        Line(w.line(-LATENESS_MS // 2000, contact="in time"), "applied"),
        Line(w.line(-LATENESS_MS // 1000 - 5, contact="never seen"), "too_late", "too_late", "$.time"),
        Line(w.line(-300, contact="known", type="agent.offered", agent="a"), "late"),
    ]


@pytest.fixture(scope="module")
def sent(make_centre) -> tuple[Centre, list[Line]]:
    """All of it through `produce` into a worker that runs."""
    bench = make_centre()
    bench.ready_workers(1)
    writer = Writer(now_ms())
    lines = [*bad_lines(writer), *odd_lines(writer)]
    done = bench.produce([line.value for line in lines])
    assert done.returncode == 0, done.stderr
    bench.settled_at()
    return bench, lines


def expected_outcomes(lines: list[Line]) -> Counter[str]:
    return Counter(line.outcome for line in lines)


def heartbeat_copies(bench: Centre) -> int:
    """A heartbeat stands in every partition of every topic, a replay counts the line."""
    return sum(b"heartbeat" in record.value for topic in ("calls", "chats") for record in bench.records(topic)) - 1


def test_each_record_becomes_one_thing(sent):
    bench, lines = sent
    expected = expected_outcomes(lines)
    expected["applied"] += heartbeat_copies(bench)

    assert bench.outcomes() == expected
    assert expected.total() == len(bench.records("calls")) + len(bench.records("chats"))


def test_rejections_are_counted_by_reason(sent):
    bench, lines = sent
    (worker,) = bench.workers
    counted = {s.labels["reason"]: s.value for s in worker.scrape() if s.name == "contact_streams_rejected_total"}

    assert counted == Counter(line.reason for line in lines if line.outcome == "rejected")


def test_a_clock_an_hour_ahead_is_set_back(sent):
    bench, _ = sent
    (worker,) = bench.workers
    (clamped,) = [sample.value for sample in worker.scrape() if sample.name == "contact_streams_clamped_total"]

    assert clamped == 1


def test_a_replay_of_the_same_lines_says_the_same(sent):
    bench, lines = sent
    done = bench.command("replay", bench.file([line.value for line in lines]))
    outcomes = expected_outcomes(lines)
    counts = ", ".join(f"{outcomes[name]} {name}" for name in sorted(outcomes))
    summary, *reasons = done.stderr.splitlines()

    assert done.returncode == 0
    assert summary == f"{len(lines)} records: {counts}"
    assert {line.split(maxsplit=2)[2]: int(line.split()[1]) for line in reasons} == Counter(
        line.reason for line in lines if line.outcome == "rejected"
    )


def test_dead_letters_hold_the_record_and_why(sent):
    bench, lines = sent
    dead = [letter for letter in lines if letter.reason]
    letters = bench.records("deadletters")
    headers = [{name: value.decode() for name, value in letter.headers} for letter in letters]
    found = sorted((letter.value, of["reason"], of["path"]) for letter, of in zip(letters, headers, strict=True))

    assert found == sorted((line.value[:CUT_AT], line.reason, line.path) for line in dead)


def test_dead_letters_name_the_record_they_hold(sent):
    bench, _ = sent
    records = {(bench.topic("calls"), record.partition, record.offset): record for record in bench.records("calls")}
    for letter in bench.records("deadletters"):
        headers = {name: value.decode() for name, value in letter.headers}
        source = json.loads(headers["source"])
        original = records[source["topic"], source["partition"], source["offset"]]

        assert (letter.key, letter.value) == (original.key, original.value[:CUT_AT])
        assert headers.get("truncated") == ("true" if len(original.value) > CUT_AT else None)
        assert headers.get("size") == (str(len(original.value)) if len(original.value) > CUT_AT else None)


def test_a_record_of_the_largest_size_and_one_of_none(bench):
    """What `produce` never sends: no value, and all that a broker takes. The worker goes on."""
    (worker,) = bench.ready_workers(1)
    largest = b"x" * (1_048_588 - 200)
    writer = Writer(now_ms())
    bench.send("calls", [(0, b"key", None), (1, b"key", largest), (2, None, b""), (3, b"k" * 600_000, b"not JSON")])
    bench.produce([writer.line()])
    bench.wait(lambda: sum(bench.outcomes().values()) == 5, 60, "all are counted")
    bench.wait(lambda: len(bench.records("deadletters")) == 4, 30, "four are dead letters")
    letters = {len(letter.key or b""): letter for letter in bench.records("deadletters")}

    assert bench.outcomes() == {"applied": 1, "rejected": 4}
    assert worker.ended() is None
    assert letters[600_000 if 600_000 in letters else CUT_AT].value == b"not JSON"


def test_produce_says_what_no_broker_takes_and_sends_the_rest(bench):
    writer = Writer(now_ms())
    done = bench.produce([writer.line(), b"x" * (1 << 21), writer.line()])

    assert done.returncode == 1
    assert "1 records were not taken" in done.stderr
    assert len(bench.records("calls")) == 2
