"""Rows of any size in a changelog whose records have a largest one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.books import META_KEY, MemoryRecord
from streams.windows.book import ViewBook
from streams.windows.settings import WindowSettings
from streams.worker import changelog
from streams.worker.changelog import CLAIM_KEY, MORE_KEY, LargeRows
from tests.contacts.timeline import CAUGHT_UP, Log

SMALL_PART = 4

values = st.none() | st.binary(max_size=4 * SMALL_PART)
flushes = st.lists(st.dictionaries(st.sampled_from([b"one", b"two", b"one\x00\x01"]), values), max_size=6)


@pytest.fixture(scope="module", autouse=True)
def small_parts():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(changelog, "PART_BYTES", SMALL_PART)
        yield


def compacted(records, kept):
    """What a changelog keeps when these records have come to it."""
    for key, value in records:
        if value is None:
            kept.pop(key, None)
        else:
            kept[key] = value


@given(flushes, st.integers(0, 6))
def test_the_changelog_says_the_rows_whoever_has_written_it(flushes, changes_hands_after):
    rows, kept, writer = {}, {}, LargeRows()
    for number, flush in enumerate(flushes):
        if number == changes_hands_after:
            writer = LargeRows()
            writer.join(dict(kept))
        compacted(flush.items(), rows)
        compacted(writer.split(flush), kept)

    found = dict(kept)
    LargeRows().join(found)
    assert found == rows
    assert max(map(len, kept.values()), default=0) <= SMALL_PART


def test_a_row_that_has_shrunk_leaves_nothing_behind():
    kept, writer = {}, LargeRows()
    compacted(writer.split({b"row": bytes(3 * SMALL_PART)}), kept)
    assert len([key for key in kept if key.startswith(MORE_KEY)]) == 2

    compacted(writer.split({b"row": b"tiny"}), kept)

    assert kept == {b"row": b"tiny"}


def test_rows_of_the_usual_size_are_records_as_they_are():
    rows = {b"one": b"1", b"two": None}

    assert dict(LargeRows().split(rows)) == rows


def test_more_than_nine_parts_keep_their_order():
    value = b"".join(bytes([number]) * SMALL_PART for number in range(12))
    kept = dict(LargeRows().split({b"row": value}))

    LargeRows().join(kept)

    assert kept == {b"row": value}


def test_no_row_of_a_book_begins_as_those_of_the_keeper_do():
    log = Log().tell("0 enters q1 · 10 abandons q1 · 11 enters q2")
    facts = [
        MemoryRecord(offset, None, output.key, output.value)
        for offset, output in enumerate(output for output in log.outputs if output.topic == "facts")
    ]
    views = ViewBook(0, WindowSettings())
    views.fold(facts)
    keys = [*log.changelog.keys() - {META_KEY}, *views.drain(CAUGHT_UP).rows]

    assert keys != []
    assert [key for key in keys if key.startswith((MORE_KEY, CLAIM_KEY, META_KEY))] == []
