"""Producers with wrong clocks: ahead is set back, behind is late, both are counted; nobody else notices."""

import json

import pytest

from streams.books import MemoryRecord, Reading
from streams.contacts.book import ContactBook
from streams.contacts.settings import FoldSettings

NOW = 1_790_000_000_000
SECOND, HOUR, DAY = 1_000, 3_600_000, 86_400_000


def entered(contact: str, at: int, source: str) -> bytes:
    return json.dumps(
        {"v": 1, "id": contact, "type": "queue.entered", "time": at, "channel": "voice", "contact": contact,
         "queue": "q", "source": source}
    ).encode()  # fmt: skip


def two_sources(wrong_by_ms: int) -> ContactBook:
    """A right one and a wrong one, an event of each every second for two minutes, in one partition."""
    book = ContactBook("calls", 0, FoldSettings())
    for n in range(120):
        at = NOW + n * SECOND
        values = [entered(f"right {n}", at, "right"), entered(f"wrong {n}", at + wrong_by_ms, "wrong")]
        book.fold([MemoryRecord(2 * n + k, at, None, value) for k, value in enumerate(values)])
    book.drain(Reading(caught_up=True, lag=0))
    return book


@pytest.mark.parametrize("ahead_ms", [6 * SECOND, HOUR, 20 * 365 * DAY], ids=["6 s", "an hour", "twenty years"])
def test_a_clock_ahead_is_set_back_and_counted(ahead_ms):
    book = two_sources(ahead_ms)

    assert book.stats.by_outcome() == {"applied": 240}
    assert book.stats.clamped == 120
    assert book.watermark == NOW + 119 * SECOND


def test_a_clock_a_little_ahead_is_believed():
    book = two_sources(5 * SECOND)

    assert (book.stats.by_outcome(), book.stats.clamped) == ({"applied": 240}, 0)


def test_a_clock_far_behind_is_late_alone():
    book = two_sources(-HOUR)

    assert book.stats.by_outcome() == {"applied": 120, "too_late": 120}
    assert book.watermark == NOW + 119 * SECOND


def test_a_clock_behind_within_the_lateness_loses_nothing():
    assert two_sources(-59 * SECOND).stats.by_outcome() == {"applied": 240}


@pytest.mark.parametrize("wrong_by_ms", [-HOUR, 6 * SECOND, HOUR], ids=["behind", "a little ahead", "ahead"])
def test_which_source_is_wrong_shows_in_its_delay(wrong_by_ms):
    assert two_sources(wrong_by_ms).stats.source_delay_ms == {"right": 0, "wrong": -wrong_by_ms}


@pytest.mark.parametrize("wrong_by_ms", [-HOUR, 6 * SECOND, HOUR, 20 * 365 * DAY])
def test_what_the_right_one_says_counts_the_same(wrong_by_ms):
    alone, beside = ContactBook("calls", 0, FoldSettings()), two_sources(wrong_by_ms)
    right = [entered(f"right {n}", NOW + n * SECOND, "right") for n in range(120)]
    alone.fold([MemoryRecord(n, NOW + n * SECOND, None, value) for n, value in enumerate(right)])
    alone.drain(Reading(caught_up=True, lag=0))

    assert rows_of(alone, "right") == rows_of(beside, "right")
    assert len(rows_of(alone, "right")) == 120


def rows_of(book: ContactBook, source: str) -> list[object]:
    import msgspec

    _, contacts = msgspec.msgpack.decode(book.snapshot())
    return [contact for contact in contacts if contact[2].startswith(source)]


def test_a_source_that_names_itself_anew_in_every_event_fills_no_memory():
    book = ContactBook("calls", 0, FoldSettings())
    for start in range(0, 5_000, 500):
        values = [entered(f"c{n}", NOW, f"source {n}") for n in range(start, start + 500)]
        book.fold([MemoryRecord(start + n, NOW, None, value) for n, value in enumerate(values)])
        book.drain(Reading(caught_up=True, lag=0))

    assert len(book.stats.source_delay_ms) == 1_000
    assert "source 4999" in book.stats.source_delay_ms
