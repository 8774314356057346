"""Bad input becomes what the event contract says, each record exactly one thing, and the next record goes on."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.books import MemoryRecord
from tests.properties.histories import HOUR_MS, SECOND_MS, STARTS, Sent, histories, soups
from tests.properties.wiring import RULES, Centre

NOW = STARTS[-1]
SOURCE = ("calls", 0)

GOOD: dict[str, Any] = {
    "v": 1, "id": "1", "type": "queue.entered", "time": NOW, "channel": "voice", "contact": "c", "queue": "q1",
}  # fmt: skip


def good(**changes: Any) -> bytes:
    """A valid event with some fields changed; None takes one away."""
    return json.dumps({key: value for key, value in {**GOOD, **changes}.items() if value is not None}).encode()


BAD = [
    pytest.param(b"", "rejected", id="empty"),
    pytest.param(None, "rejected", id="no value"),
    pytest.param(b"hello", "rejected", id="not JSON"),
    pytest.param(good()[:-1], "rejected", id="JSON cut short"),
    pytest.param(b"\xff\xfe" + good(), "rejected", id="not UTF-8"),
    pytest.param(b"[" * 100_000, "rejected", id="deeply nested"),
    pytest.param(b"[1, 2]", "rejected", id="an array"),
    pytest.param(b"null", "rejected", id="null"),
    pytest.param(b"{}", "rejected", id="no fields"),
    pytest.param(good(v=2), "rejected", id="another version"),
    pytest.param(good(v="1"), "rejected", id="version as text"),
    pytest.param(good(id=None), "rejected", id="no id"),
    pytest.param(good(id=""), "rejected", id="empty id"),
    pytest.param(good(id="x" * 201), "rejected", id="id too long"),
    pytest.param(good(id=7), "rejected", id="id a number"),
    pytest.param(good(type=None), "rejected", id="no type"),
    pytest.param(good(type=5), "rejected", id="type a number"),
    pytest.param(good(type="queue.teleported"), "unknown", id="unknown type"),
    pytest.param(good(type="queue.teleported", time="soon"), "unknown", id="unknown type, wrong time"),
    pytest.param(good(contact=None), "rejected", id="no contact"),
    pytest.param(good(contact="x" * 201), "rejected", id="contact too long"),
    pytest.param(good(channel=None), "rejected", id="no channel"),
    pytest.param(good(channel="VOICE"), "rejected", id="channel in capitals"),
    pytest.param(good(queue=None), "rejected", id="no queue"),
    pytest.param(good(queue=3), "rejected", id="queue a number"),
    pytest.param(good(type="agent.connected"), "rejected", id="no agent"),
    pytest.param(good(type="agent.connected", agent="ann", wait_ms="long"), "rejected", id="wait a word"),
    pytest.param(good(type="agent.connected", agent="ann", wait_ms=1.5), "rejected", id="wait not whole"),
    pytest.param(good(type="queue.left", reason="bored"), "rejected", id="unknown reason"),
    pytest.param(good(type="contact.ended", by="nobody"), "rejected", id="unknown by"),
    pytest.param(good(time=None), "rejected", id="no time"),
    pytest.param(good(time="yesterday"), "rejected", id="time a word"),
    pytest.param(good(time="2026-09-21T10:00:00"), "rejected", id="time without offset"),
    pytest.param(good(time=0), "rejected", id="1970"),
    pytest.param(good(time=NOW // 1000), "rejected", id="seconds for milliseconds"),
    pytest.param(good(time=-NOW), "rejected", id="negative time"),
    pytest.param(good(time=253_402_300_799_000), "rejected", id="year 9999"),
    pytest.param(good(time="9999-12-31T23:59:59Z"), "rejected", id="year 9999 as text"),
    pytest.param(good(time=10**30), "rejected", id="time beyond any integer"),
    pytest.param(good(time=946_684_799_999), "rejected", id="just before 2000"),
    pytest.param(good(time=True), "rejected", id="time a truth value"),
    pytest.param(good(note="x" * 262_144), "rejected", id="oversized"),
    pytest.param(good(), "applied", id="good"),
    pytest.param(good(time="2026-09-21T15:13:20+01:00"), "applied", id="RFC 3339"),
    pytest.param(good(time=946_684_800_000), "applied", id="2000"),
    pytest.param(good(more={"of": "this"}), "applied", id="unknown fields"),
    pytest.param(good(contact="é" * 200, queue="Köln 💬"), "applied", id="any alphabet"),
]


@pytest.mark.parametrize(("value", "outcome"), BAD)
def test_what_becomes_of_one_record(value, outcome):
    centre = Centre().pipeline
    centre.feed(
        [(SOURCE, MemoryRecord(0, None, b"c", value)), (SOURCE, MemoryRecord(1, None, b"d", good(contact="d")))]
    )
    expected = {"applied": 2} if outcome == "applied" else {outcome: 1, "applied": 1}

    assert centre.outcomes == expected
    assert len(centre.dead_letters) == (outcome != "applied")


@pytest.mark.parametrize(("value", "outcome"), [case for case in BAD if case.values[1] != "applied"])
def test_a_dead_letter_keeps_what_came(value, outcome):
    """Original key and value, and headers that say why and where from."""
    centre = Centre().pipeline
    centre.feed([(SOURCE, MemoryRecord(7, None, b"key", value))])
    letter = centre.dead_letters[0]
    headers = dict(letter.headers)

    assert (letter.key, letter.value) == (b"key", value or b"")
    assert headers["path"].startswith(b"$")
    assert headers["reason"] == b"unknown" if outcome == "unknown" else headers["reason"]
    assert json.loads(headers["source"]) == {"topic": "calls", "partition": 0, "offset": 7}


@pytest.mark.parametrize(
    ("ahead_ms", "counted_at"),
    [
        pytest.param(5 * SECOND_MS, 5 * SECOND_MS, id="5 s ahead is believed"),
        pytest.param(5 * SECOND_MS + 1, 0, id="more is set back to the append time"),
        pytest.param(HOUR_MS, 0, id="an hour ahead"),
    ],
)
def test_a_clock_ahead(ahead_ms, counted_at):
    centre = Centre().pipeline
    centre.feed([(SOURCE, MemoryRecord(0, NOW, b"c", good(time=NOW + ahead_ms)))])

    assert centre.outcomes == {"applied": 1}
    assert centre.clock == NOW + counted_at


def test_a_clock_ahead_does_not_make_others_late():
    centre = Centre().pipeline
    centre.feed([(SOURCE, MemoryRecord(0, NOW, b"c", good(time=NOW + HOUR_MS)))])
    centre.feed([(SOURCE, MemoryRecord(1, NOW + 1, b"d", good(contact="d", time=NOW + 1)))])

    assert centre.outcomes == {"applied": 2}


def test_beyond_the_horizon():
    #   c entered ─────────── 60 s ──────────── 120 s
    #                          │ lateness         └ the watermark
    #              c late, d too late
    centre = Centre().pipeline
    late = NOW + 60 * SECOND_MS - 1
    values = [
        good(time=NOW),
        good(id="2", time=NOW + 120 * SECOND_MS, contact="e"),
        good(id="3", time=late, type="queue.abandoned"),
        good(id="4", time=late, contact="d"),
        good(id="5", time=late + 1, contact="d"),
        good(id="5", time=late + 1, contact="d"),
    ]
    centre.feed([(SOURCE, MemoryRecord(offset, None, b"c", value)) for offset, value in enumerate(values)])

    assert centre.outcomes == {"applied": 3, "late": 1, "too_late": 1, "duplicate": 1}
    assert [dict(letter.headers)["reason"] for letter in centre.dead_letters] == [b"too_late"]


junk = st.one_of(
    st.binary(max_size=40),
    st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(), st.lists, max_leaves=5).map(
        lambda value: json.dumps(value).encode()
    ),
    st.dictionaries(st.sampled_from(sorted(GOOD)), st.one_of(st.none(), st.integers(), st.text())).map(
        lambda changes: json.dumps({**GOOD, **changes}).encode()
    ),
)
"""Anything at all, and good events with anything in their fields."""


@given(st.one_of(histories(), soups(most_ms=300_000)), st.lists(st.tuples(st.integers(0, 50), junk)))
def test_outcomes_sum_to_the_records_read(sent: list[Sent], bad: list[tuple[int, bytes]]):
    records = [one.record() for one in sent]
    for at, value in bad:
        records.insert(at, MemoryRecord(0, None, b"k", value))
    centre = Centre().pipeline
    centre.feed([(SOURCE, record._replace(offset=offset)) for offset, record in enumerate(records)])
    lost = centre.outcomes.get("rejected", 0) + centre.outcomes.get("unknown", 0) + centre.outcomes.get("too_late", 0)

    assert sum(centre.outcomes.values()) == len(records)
    assert len(centre.dead_letters) == lost


@given(histories(), st.lists(st.tuples(st.integers(0, 1), st.binary(max_size=40)), min_size=1))
def test_bad_records_change_no_number(sent: list[Sent], bad: list[tuple[int, bytes]]):
    clean, dirty = Centre(), Centre()
    clean.feed(sent)
    dirty.feed(sent[: len(sent) // 2])
    for at, value in bad:
        dirty.feed_bytes(("calls" if at % 2 else "chats", 0), value)
    dirty.feed(sent[len(sent) // 2 :])
    end = sent[-1].arrives if sent else NOW

    assert all(dirty.values(channel, end) == clean.values(channel, end) for channel in RULES.max_age_ms)
