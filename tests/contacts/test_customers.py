"""What stage 1 tells of the starts of a customer's contacts: what changes, whatever order it comes in."""

from collections import Counter

import pytest

from streams.contacts.book import ContactBook
from streams.contacts.customers import CustomerKey
from streams.facts.starts import decode_starts
from streams.facts.wire import PROGRESS_KEY, decode_progress
from tests.contacts.timeline import T0, Log

KEY = CustomerKey("only a test's secret")
HASHES = {KEY.hide(name).encode(): name for name in ("ann", "bob")}


class Followed(Log):
    """A source partition of which customers are followed."""

    def __init__(self) -> None:
        super().__init__()
        self.book = ContactBook("calls", 0, self.settings, customers=KEY)

    def told(self) -> list[dict[tuple[str, float, str], int]]:
        """What each flush that told something has told: (customer, second, queue) → change."""
        return [
            {(HASHES[output.key], (at - T0) / 1_000, queue): n for at, queue, n in decode_starts(output.value).starts}
            for output in self.outputs
            if output.topic == "customers" and output.key != PROGRESS_KEY
        ]

    def bag(self) -> dict[tuple[str, float, str], int]:
        """What it adds up to."""
        total: Counter[tuple[str, float, str]] = Counter()
        for change in self.told():
            total.update(change)
        return {place: n for place, n in total.items() if n}


@pytest.mark.parametrize(
    ("line", "bag"),
    [
        pytest.param("0 started customer=ann", ("ann", 0, "-"), id="at its start, in no queue yet"),
        pytest.param("0 started · 9 enters q1 customer=ann", ("ann", 0, "q1"), id="named later, it began before"),
        pytest.param("0 started customer=ann · 9 enters q1", ("ann", 0, "q1"), id="it moves to its first queue"),
        pytest.param(
            "0 started customer=ann · 9 enters q1 · 20 leaves q1 timeout · 20 enters q2", ("ann", 0, "q1"),
            id="and stays there",
        ),
        pytest.param("0 started customer=ann · 9 enters q1 customer=bob", ("ann", 0, "q1"), id="the first name counts"),
        pytest.param("9 enters q1 customer=ann · 0 started customer=bob", ("bob", 0, "q1"), id="the first in time"),
        pytest.param("5 enters q1 customer=ann · 0 says customer", ("ann", 0, "q1"), id="its start turns out earlier"),
        pytest.param("9 enters q2 customer=ann · 2 enters q1", ("ann", 2, "q1"), id="so does its first queue"),
    ],
)  # fmt: skip
def test_where_a_contact_counts(line, bag):
    assert Followed().tell(line).bag() == {bag: 1}


def test_what_was_told_is_taken_back_where_it_was():
    log = Followed().tell("5 enters q1 customer=ann · 0 started customer=ann")

    assert log.told() == [{("ann", 5, "q1"): 1}, {("ann", 5, "q1"): -1, ("ann", 0, "q1"): 1}]


def test_what_two_contacts_take_back_in_one_flush_is_told_of_both():
    log = Followed().tell("5 enters q1 customer=ann contact=c1 · 6 enters q1 customer=bob contact=c2")
    log.hear("0 started contact=c1 · 1 started contact=c2").flush()

    assert log.bag() == {("ann", 0, "q1"): 1, ("bob", 1, "q1"): 1}


def test_a_repetition_tells_nothing():
    log = Followed().tell("0 started customer=ann id=a · 0 started customer=ann id=a · 5 ends customer")

    assert log.told() == [{("ann", 0, "-"): 1}]


def test_nobody_is_told_of_a_contact_that_names_no_customer():
    assert Followed().tell("0 started · 1 enters q1 · 9 ends customer").told() == []


def test_a_late_event_changes_nothing():
    log = Followed().tell("100 started · 200 beats pbx · 120 enters q1 customer=ann")

    assert log.told() == []


def test_an_id_that_is_used_again_is_another_contact():
    log = Followed().tell("0 started customer=ann · 5 ends customer · 200 started customer=bob")

    assert log.bag() == {("ann", 0, "-"): 1, ("bob", 200, "-"): 1}


def test_a_restored_book_takes_back_what_another_told():
    log = Followed().tell("5 enters q1 customer=ann")
    log.book = ContactBook("calls", 0, log.settings, customers=KEY)
    log.book.restore(log.changelog.items())

    assert log.tell("0 started").bag() == {("ann", 0, "q1"): 1}


def test_a_restored_book_knows_whose_a_contact_is_and_since_when():
    log = Followed().tell("0 started customer=ann")
    log.book = ContactBook("calls", 0, log.settings, customers=KEY)
    log.book.restore(log.changelog.items())

    assert log.tell("9 enters q1").bag() == {("ann", 0, "q1"): 1}


def test_every_flush_tells_how_far_it_has_come():
    log = Followed().tell("5 enters q1 customer=ann")
    progress = [decode_progress(output.value) for output in log.outputs if output.key == PROGRESS_KEY]

    assert [output.topic for output in log.outputs if output.key == PROGRESS_KEY] == ["customers", "facts"]
    assert progress[0] == progress[1]


def test_another_secret_is_a_change_of_settings():
    log = Followed().tell("5 enters q1 customer=ann")
    for key, changed in ((KEY, False), (CustomerKey("another secret of a test"), True), (None, True)):
        book = ContactBook("calls", 0, log.settings, customers=key)
        book.restore(log.changelog.items())

        assert book.settings_changed is changed


def test_a_secret_is_not_shown():
    assert "secret" not in repr(KEY)
