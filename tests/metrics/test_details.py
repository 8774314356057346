"""What stands behind a queue's numbers: who waits, the last hour by the minute, the day by intervals."""

import pytest

from streams.books import MemoryRecord
from streams.facts.bins import Bins
from streams.facts.primitives import H, P
from streams.facts.wire import PANE_MS, Delta, Dimension, Row, RowKind, dimension_key, encode
from streams.metrics.details import INTERVALS, MINUTE_MS, SHOWN, Detailer, Details
from streams.metrics.settings import Channels, Staffing, Variant, Variants
from streams.windows.book import ViewBook
from streams.windows.settings import WindowSettings

NOON = 1_789_992_000_000  # 12:00 UTC
SECOND = 1_000
BINS = Bins([20_000])
BILLING, EMAIL = Dimension("voice", "billing"), Dimension("email", "billing")


class Facts:
    """A facts partition, fed by hand; instants are milliseconds after noon."""

    def __init__(self, **settings):
        self.book = ViewBook(0, WindowSettings(windows=("5m", "60m", "today"), **settings))
        self.detailer = Detailer(Variants(Variant(staffing=Staffing(target_s=20))), Channels())

    def add(self, at_ms, bag=None, rows=None, dimension=BILLING):
        panes = {(NOON + at_ms) // PANE_MS: bag} if bag else {}
        record = MemoryRecord(self.book.offset, NOON, dimension_key(dimension), encode(Delta(panes, rows or {})))
        self.book.fold([record])
        return self

    def details(self, at_ms, dimension=BILLING):
        return self.detailer.details(self.book, dimension.channel, dimension.queue, NOON + at_ms)


def waiting(begin_ms, end_ms=None, kind=RowKind.WAITING):
    end = None if end_ms is None else NOON + end_ms
    return Row(kind, NOON + begin_ms, end, NOON + begin_ms, NOON + begin_ms, 20_000, None)


def target(due_ms, group=0, end_ms=None):
    end = None if end_ms is None else NOON + end_ms
    return Row(RowKind.TARGET, NOON - 1, end, NOON - 1, NOON - 1, 1, None, None, group, NOON + due_ms)


def test_who_waits_longest_comes_first_and_who_has_gone_is_not_named():
    rows = {"c-1\x1f1": waiting(9_000), "c-2\x1f1": waiting(2_000), "c-3\x1f1": waiting(1_000, end_ms=5_000)}

    found = Facts().add(0, rows=rows).details(10_000).waiting

    assert [(each.contact, each.since - NOON) for each in found] == [("c-2", 2_000), ("c-1", 9_000)]


def test_not_more_than_a_page_of_them():
    rows = {f"c-{n}\x1f1": waiting(n) for n in range(SHOWN + 5)}

    assert len(Facts().add(0, rows=rows).details(10_000).waiting) == SHOWN


def test_of_tickets_those_wait_who_have_no_first_response():
    rows = {"t-1\x1f1": waiting(0, kind=RowKind.FIRST_RESPONSE), "t-2\x1f1": waiting(0, kind=RowKind.BACKLOG)}

    assert [each.contact for each in Facts().add(0, rows=rows, dimension=EMAIL).details(1, EMAIL).waiting] == ["t-1"]


def test_targets_past_due_are_named_the_longest_past_due_first():
    rows = {
        "t-1\x1ftarget": target(5_000),
        "t-2\x1ftarget": target(3_000, group=4),
        "t-3\x1ftarget": target(20_000),
        "t-4\x1ftarget": target(1_000, end_ms=2_000),
    }

    found = Facts().add(0, rows=rows, dimension=EMAIL).details(10_000, EMAIL).overdue

    assert [(due.contact, due.target) for due in found] == [("t-2", "resolution"), ("t-1", "first_reply")]


def test_each_minute_of_the_last_hour_is_counted_and_the_current_one_up_to_now():
    facts = Facts().add(-90 * MINUTE_MS, {P.OFFERED: 7}).add(-SECOND, {P.OFFERED: 2}).add(0, {P.OFFERED: 1})
    facts.add(30 * SECOND, {P.OFFERED: 5})

    minutes = facts.details(10 * SECOND).minutes

    assert len(minutes) == 60
    assert [(minute.at - NOON, minute.counts["offered"]) for minute in minutes][-2:] == [(-MINUTE_MS, 2), (0, 1)]
    assert sum(minute.counts["offered"] for minute in minutes) == 3


def test_how_many_waited_at_the_end_of_a_minute_follows_from_who_came_and_left_since():
    facts = Facts().add(0, {P.OFFERED: 4}, {f"c-{n}\x1f1": waiting(0) for n in range(2)})
    facts.add(70 * SECOND, {P.ANSWERED: 1, P.ABANDONED: 1})

    assert [minute.waiting for minute in facts.details(90 * SECOND).minutes][-3:] == [0, 4, 2]


@pytest.mark.parametrize(
    ("at_s", "lateness_s"),
    [
        pytest.param(62, 60, id="a minute that has just ended"),
        pytest.param(90, 60, id="as late as an event may be"),
        pytest.param(600, 600, id="however long that is"),
    ],
)
def test_what_comes_late_is_counted_in_its_minute(at_s, lateness_s):
    facts = Facts(lateness_ms=lateness_s * SECOND).add(0, {P.OFFERED: 1})
    facts.details(at_s * SECOND)
    facts.add(30 * SECOND, {P.OFFERED: 1})

    minutes = facts.details(at_s * SECOND).minutes

    assert {minute.at - NOON: minute.counts["offered"] for minute in minutes}[0] == 2


def test_intervals_are_those_of_the_local_day():
    facts = Facts(timezone="Asia/Kolkata").add(-SECOND, {P.OFFERED: 3, P.ANSWERED: 4, P.ANSWERED_IN_TARGET: 3})

    intervals = facts.details(SECOND).intervals

    assert [interval.at - NOON for interval in intervals][-2:] == [-15 * MINUTE_MS, 0]
    assert len(intervals) == INTERVALS
    assert (intervals[-2].values["offered"], intervals[-2].values["service_level"]) == (3, 0.75)
    assert (intervals[-1].values["offered"], intervals[-1].values["service_level"]) == (0, None)


def test_an_interval_holds_nothing_that_lies_ahead():
    facts = Facts().add(0, {P.OFFERED: 1}).add(30 * SECOND, {P.OFFERED: 1})

    assert facts.details(10 * SECOND).intervals[-1].values["offered"] == 1


def test_waits_are_sorted_by_their_length_exactly_at_the_target():
    bag = {}
    for wait_ms in (0, 4_000, 20_000, 20_001, 1_000_000):
        key = BINS.key(H.WAIT_ANSWERED, wait_ms)
        bag[key] = bag.get(key, 0) + 1

    shares = {share.up_to_s: share.count for share in Facts().add(0, bag).details(SECOND).waits}

    assert (shares[5], shares[20], shares[30], shares[None]) == (2, 1, 1, 1)
    assert sum(shares.values()) == 5


def test_what_has_no_visits_and_no_tickets_has_no_details():
    agents = Dimension("agents", "billing", "agents")

    assert Facts().add(0, rows={"a\x1f1": waiting(0)}, dimension=agents).details(1, agents) == Details()
