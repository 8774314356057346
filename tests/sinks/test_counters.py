"""Which facts the process-local counters count."""

import pytest

from streams.facts.primitives import P
from streams.facts.wire import Dimension
from streams.sinks.counters import Counters

BILLING = Dimension("voice", "billing")
CLAIMED_AT = 1_000


def counted(*records, claims=((0, CLAIMED_AT),), partitions=(0,), dimension=BILLING):
    """Offered visits after these records: (partition, offset, appended_at), each of one visit."""
    counters = Counters()
    on_delta = {partition: counters.follow(partition) for partition, *_ in records}
    for partition, claimed_at in claims:
        counters.claim(partition, claimed_at)
    for partition, offset, appended_at in records:
        on_delta[partition](dimension, {P.OFFERED: 1}, offset, appended_at)
    return sum(bag[P.OFFERED] for _, bag in counters.totals(partitions))


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param([(0, 5, 1_001)], 1, id="appended after the claim"),
        pytest.param([(0, 5, 1_000)], 0, id="appended at the claim: the former owner's"),
        pytest.param([(0, 5, 400), (0, 6, 999), (0, 7, 1_500)], 1, id="a backlog adds nothing"),
        pytest.param([(0, 5, 1_100), (0, 5, 1_100), (0, 6, 1_100)], 3, id="a record of several panes"),
        pytest.param([(0, 5, None)], 0, id="no append time: a file"),
        pytest.param([(1, 5, 2_000)], 0, id="a partition that was never claimed"),
    ],
)
def test_a_fact_counts_once_and_only_after_the_claim(records, expected):
    assert counted(*records) == expected


def test_offsets_of_two_partitions_have_nothing_to_do_with_each_other():
    assert counted((0, 50, 2_000), (1, 3, 2_000), claims=((0, 0), (1, 0)), partitions=(0, 1)) == 2


def test_what_is_folded_before_the_claim_is_known_is_judged_by_it():
    """A sink hears of a claim with its next tick; the book has begun to fold by then."""
    counters = Counters()
    on_delta = counters.follow(0)
    on_delta(BILLING, {P.OFFERED: 1}, 5, 900)
    on_delta(BILLING, {P.OFFERED: 1}, 6, 1_100)
    before = counters.totals([0])
    counters.claim(0, 1_000)

    assert before == []
    assert counters.totals([0]) == [(BILLING, {P.OFFERED: 1})]


def test_what_a_new_book_folds_again_adds_nothing():
    counters = Counters()
    for offsets in ([5, 6], [6, 7]):
        on_delta = counters.follow(0)
        counters.claim(0, 0)
        for offset in offsets:
            on_delta(BILLING, {P.OFFERED: 1}, offset, 1_000)

    assert counters.totals([0]) == [(BILLING, {P.OFFERED: 3})]


def test_a_partition_that_comes_back_goes_on_where_it_was():
    """Claimed at 1000, lost, another owner until 5000, claimed again: what the other one counted stays its own."""
    counters = Counters()
    for claimed_at, records in ((1_000, [(10, 1_500)]), (5_000, [(20, 4_000), (30, 5_500)])):
        on_delta = counters.follow(0)
        counters.claim(0, claimed_at)
        for offset, appended_at in records:
            on_delta(BILLING, {P.OFFERED: 1}, offset, appended_at)

    assert counters.totals([0]) == [(BILLING, {P.OFFERED: 2})]


def test_a_partition_that_is_not_owned_shows_nothing():
    assert counted((0, 5, 2_000), partitions=()) == 0


@pytest.mark.parametrize("queue", ["*", "@sales", "#gold"])
def test_roll_ups_have_no_counters(queue):
    assert counted((0, 5, 2_000), dimension=Dimension("voice", queue)) == 0


def test_contacts_that_never_entered_a_queue_are_counted():
    assert counted((0, 5, 2_000), dimension=Dimension("chat", "-")) == 1


def test_totals_are_copies():
    counters = Counters()
    on_delta = counters.follow(0)
    counters.claim(0, 0)
    on_delta(BILLING, {P.OFFERED: 1}, 1, 1)
    before = counters.totals([0])
    on_delta(BILLING, {P.OFFERED: 1}, 2, 2)

    assert before == [(BILLING, {P.OFFERED: 1})]
