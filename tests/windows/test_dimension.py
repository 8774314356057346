"""One dimension at an instant: which panes its windows hold, which rows are open, who was lost."""

from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from streams.facts.primitives import P
from streams.facts.wire import PANE_MS, Row, RowKind, row_id
from streams.windows.clock import SLOT_MS
from streams.windows.dimension import PANES_PER_SLOT, DimensionState
from streams.windows.settings import WindowSettings

T0 = 1_789_999_200_000
"""2026-09-21T14:00:00Z: the beginning of a pane, an interval and an hour."""
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000


def state(*windows, **settings):
    return DimensionState(WindowSettings(windows=windows, **settings), ZoneInfo("UTC"))


def book(dimension, at_ms, **bag):
    """Add primitives at an instant of the line, as the book does: to its pane and its slot."""
    pane = (T0 + at_ms) // PANE_MS
    counts = {getattr(P, name.upper()): n for name, n in bag.items()}
    dimension.add_pane(pane, counts)
    dimension.add_slot(pane // PANES_PER_SLOT, counts)
    dimension.add_whole(counts)


def offered(dimension, window, at_ms):
    return dimension.totals(T0 + at_ms)[window].bag.get(P.OFFERED, 0)


def waiting_row(begin_ms=0, end_ms=None, **fields):
    at = {"begin": T0 + begin_ms, "end": None if end_ms is None else T0 + end_ms}
    row = Row(RowKind.WAITING, at["begin"], at["end"], at["begin"], at["begin"], 20_000, at["begin"] + 4 * HOUR)
    return replace(row, **fields)


class TestRollingWindows:
    """The window W at `now` is the pane `now` falls in and the W/pane − 1 before it."""

    @pytest.mark.parametrize(
        ("at_ms", "seen"),
        [
            #     the event is at 2.5 s, in the pane of 0–5 s
            pytest.param(-1, 0, id="as_of has not reached its pane"),
            pytest.param(0, 1, id="as_of reaches its pane"),
            pytest.param(4_999, 1, id="in its pane"),
            pytest.param(59_999, 1, id="W − 1 ms after its pane began"),
            pytest.param(60_000, 0, id="W after its pane began"),
        ],
    )
    def test_a_pane_comes_and_goes(self, at_ms, seen):
        dimension = state("1m")
        book(dimension, 2_500, offered=1)

        assert offered(dimension, "1m", at_ms) == seen

    @pytest.mark.parametrize("now_ms", [0, 1, 2_500, 4_999])
    def test_it_covers_at_most_w_and_more_than_w_minus_a_pane(self, now_ms):
        dimension = state("1m")
        for second in range(-100, 1):
            book(dimension, second * SECOND + now_ms, offered=1)
        covered = offered(dimension, "1m", now_ms)

        assert 55 < covered <= 60 + 1

    def test_each_window_has_its_own_length(self):
        dimension = state("1m", "5m", "60m")
        for minute in (0, 3, 30, 90):
            book(dimension, -minute * MINUTE, offered=1)

        assert [offered(dimension, window, 0) for window in ("1m", "5m", "60m")] == [1, 2, 3]

    def test_an_event_out_of_order_is_a_delta_for_another_pane(self):
        dimension = state("1m")
        before = offered(dimension, "1m", 30 * SECOND)
        book(dimension, 10 * SECOND, offered=1)

        assert (before, offered(dimension, "1m", 30 * SECOND), offered(dimension, "1m", 70 * SECOND)) == (0, 1, 0)

    def test_a_correction_takes_back(self):
        dimension = state("1m")
        book(dimension, 0, abandoned=1)
        book(dimension, 0, abandoned=-1, answered=1)

        assert dimension.totals(T0)["1m"].bag == {P.ANSWERED: 1}

    def test_values_fall_though_no_event_comes(self):
        dimension = state("1m", "5m")
        book(dimension, 0, offered=1)

        assert [offered(dimension, "1m", at * MINUTE) for at in (0, 1)] == [1, 0]
        assert [offered(dimension, "5m", at * MINUTE) for at in (0, 1, 4, 5)] == [1, 1, 1, 0]


class TestLocalWindows:
    """`today`, `interval` and `previous_interval`, up to as_of's own pane."""

    @pytest.mark.parametrize(
        ("event_ms", "seen"),
        [
            #                       today interval previous
            pytest.param(0,           (1, 1, 0), id="the interval's first pane"),
            pytest.param(-1,          (1, 0, 1), id="the pane before it"),
            pytest.param(-15 * MINUTE, (1, 0, 1), id="the previous interval's first pane"),
            pytest.param(-15 * MINUTE - 1, (1, 0, 0), id="before the previous interval"),
            pytest.param(-14 * HOUR, (1, 0, 0), id="the day's first pane"),
            pytest.param(-14 * HOUR - 1, (0, 0, 0), id="yesterday"),
            pytest.param(2 * MINUTE + 4_999, (1, 1, 0), id="as_of's own pane"),
            pytest.param(2 * MINUTE + 5_000, (0, 0, 0), id="a pane that as_of has not reached"),
        ],
    )  # fmt: skip
    def test_what_they_hold_at_14_02(self, event_ms, seen):
        dimension = state("today", "interval", "previous_interval")
        book(dimension, event_ms, offered=1)

        assert tuple(offered(dimension, w, 2 * MINUTE) for w in ("today", "interval", "previous_interval")) == seen

    def test_days_follow_the_queues_zone(self):
        dimension = DimensionState(WindowSettings(windows=("today",)), ZoneInfo("Asia/Kathmandu"))
        book(dimension, 4 * HOUR + 14 * MINUTE, offered=1)

        #   18:15 UTC is midnight at +05:45
        assert [offered(dimension, "today", 4 * HOUR + at * MINUTE) for at in (14, 15)] == [1, 0]

    def test_longer_intervals(self):
        dimension = state("interval", "previous_interval", interval_ms=30 * MINUTE)
        book(dimension, -20 * MINUTE, offered=1)
        seen = [offered(dimension, window, 20 * MINUTE) for window in ("interval", "previous_interval")]

        assert seen == [0, 1]

    def test_the_whole_log_where_it_is_asked_for(self):
        dimension = state("1m", whole_log=True)
        book(dimension, -1_000 * HOUR, offered=1)
        book(dimension, 5 * MINUTE, offered=1)

        assert [offered(dimension, "all", at) for at in (0, 5 * MINUTE)] == [1, 2]


class TestRows:
    """A row counts at t iff begin ≤ t < end."""

    @pytest.mark.parametrize(("at_ms", "seen"), [(-1, 0), (0, 1), (9_999, 1), (10_000, 0)])
    def test_its_interval_is_half_open(self, at_ms, seen):
        dimension = state()
        dimension.put_row("r", waiting_row(0, 10_000))

        assert dimension.live(T0 + at_ms).count(RowKind.WAITING) == seen

    @pytest.mark.parametrize(("at_ms", "over"), [(20_000, 0), (20_001, 1)])
    def test_over_target_is_more_than_the_target(self, at_ms, over):
        dimension = state()
        dimension.put_row("r", waiting_row())

        assert dimension.live(T0 + at_ms).count(RowKind.WAITING, over_target=True) == over

    def test_the_earliest_clock_of_those_open(self):
        dimension = state()
        dimension.put_row("gone", waiting_row(0, 5_000))
        dimension.put_row("first", waiting_row(7_000, contact_since=T0))
        dimension.put_row("second", waiting_row(8_000, contact_since=T0 - 1))
        live = dimension.live(T0 + 9_000)

        assert live.earliest(RowKind.WAITING) == T0 + 7_000
        assert live.earliest(RowKind.WAITING, of_contact=True) == T0 - 1
        assert live.earliest(RowKind.FIRST_RESPONSE) is None

    def test_a_row_that_never_was_is_gone(self):
        dimension = state()
        dimension.put_row("r", waiting_row())
        dimension.put_row("r", None)

        assert dimension.live(T0).count(RowKind.WAITING) == 0


class TestGhosts:
    """A waiting row past its age is evicted: by the view from that moment, then by the fold, never both."""

    EVICT_MS = 4 * HOUR

    @pytest.mark.parametrize(("at_ms", "waiting", "evicted"), [(EVICT_MS - 1, 1, 0), (EVICT_MS, 0, 1)])
    def test_the_view_leaves_it_out_and_counts_it(self, at_ms, waiting, evicted):
        dimension = state("1m")
        dimension.put_row("r", waiting_row())

        assert dimension.live(T0 + at_ms).count(RowKind.WAITING) == waiting
        assert dimension.totals(T0 + at_ms)["1m"].bag.get(P.EVICTED, 0) == evicted

    def test_once_the_fold_has_booked_it_it_is_counted_once(self):
        dimension = state("1m", "today", whole_log=True)
        dimension.put_row("r", waiting_row())
        before = {name: total.bag for name, total in dimension.totals(T0 + self.EVICT_MS).items()}
        dimension.put_row("r", waiting_row(0, self.EVICT_MS))
        book(dimension, self.EVICT_MS, evicted=1)

        assert before == {"1m": {P.EVICTED: 1}, "today": {P.EVICTED: 1}, "all": {P.EVICTED: 1}}
        assert {name: total.bag for name, total in dimension.totals(T0 + self.EVICT_MS).items()} == before

    def test_it_leaves_the_window_of_its_pane_like_anything_booked(self):
        dimension = state("1m", "5m")
        dimension.put_row("r", waiting_row())
        totals = dimension.totals(T0 + self.EVICT_MS + MINUTE)

        assert (totals["1m"].bag, totals["5m"].bag) == ({}, {P.EVICTED: 1})

    def test_what_is_counted_for_an_instant_alone_has_no_version(self):
        dimension = state("1m")
        dimension.put_row("r", waiting_row())

        assert dimension.totals(T0)["1m"].version is not None
        assert dimension.totals(T0 + self.EVICT_MS)["1m"].version is None


class TestLost:
    """The last 20 abandoned visits, so that a supervisor can see who is behind a number."""

    def test_who_and_when_and_how_long(self):
        dimension = state()
        dimension.put_row(row_id("call 7", "1w0"), waiting_row(0, 9_000, lost_wait_ms=9_000))

        assert list(dimension.lost.values()) == [(T0 + 9_000, "call 7", 9_000)]

    def test_who_was_answered_is_not_lost(self):
        dimension = state()
        dimension.put_row(row_id("c", "1w0"), waiting_row(0, 9_000))

        assert dimension.lost == {}

    @pytest.mark.parametrize(
        "corrected", [None, waiting_row(0, 5_000), waiting_row()], ids=["gone", "answered", "waiting"]
    )
    def test_a_correction_takes_them_back(self, corrected):
        dimension = state()
        dimension.put_row("r", waiting_row(0, 9_000, lost_wait_ms=9_000))
        dimension.put_row("r", corrected)

        assert dimension.lost == {}
        assert ("l", "r") in dimension.take_changes()

    def test_only_the_last_20_are_kept(self):
        dimension = state()
        for n in reversed(range(25)):
            dimension.put_row(row_id(f"c{n}", "1w"), waiting_row(0, n * SECOND, lost_wait_ms=1))

        assert sorted(lost.contact for lost in dimension.lost.values()) == sorted(f"c{n}" for n in range(5, 25))

    def test_they_outlive_their_rows(self):
        dimension = state()
        dimension.put_row("r", waiting_row(0, 9_000, lost_wait_ms=9_000))
        dimension.forget(0, 0, T0 + HOUR)

        assert (dimension.rows, len(dimension.lost)) == ({}, 1)


class TestForgetting:
    def test_rows_are_kept_until_as_of_has_passed_their_end(self):
        dimension = state()
        dimension.put_row("r", waiting_row(0, 9_000))
        dimension.forget(0, 0, T0 + 8_999)
        kept = "r" in dimension.rows
        dimension.forget(0, 0, T0 + 9_000)

        assert (kept, "r" in dimension.rows) == (True, False)

    def test_open_rows_are_kept(self):
        dimension = state()
        dimension.put_row("r", waiting_row())
        dimension.forget(0, 0, T0 + 1_000 * HOUR)

        assert "r" in dimension.rows

    def test_panes_and_slots_before_the_first_go(self):
        dimension = state("1m")
        book(dimension, -1, offered=1)
        book(dimension, 0, offered=1)
        dimension.forget(T0 // PANE_MS, T0 // SLOT_MS, 0)

        assert (list(dimension.panes), list(dimension.slots)) == ([T0 // PANE_MS], [T0 // SLOT_MS])

    def test_totals_stay_right_when_panes_go_between_two_looks(self):
        """Catching up, as_of leaps: minutes of the log pass between two looks."""
        dimension = state("60m", "today")
        book(dimension, -55 * MINUTE, offered=1)
        book(dimension, -5 * MINUTE, offered=1)
        before = offered(dimension, "60m", 0)
        dimension.forget((T0 - 31 * MINUTE) // PANE_MS, (T0 - 30 * MINUTE) // SLOT_MS, T0)

        assert (before, offered(dimension, "60m", 30 * MINUTE)) == (2, 1)
        assert offered(dimension, "60m", 5 * HOUR) == 0

    def test_changes_are_told_once(self):
        dimension = state("1m")
        book(dimension, 0, offered=1)
        dimension.put_row("r", waiting_row())

        assert dimension.take_changes() == {("p", T0 // PANE_MS), ("s", T0 // SLOT_MS), ("r", "r")}
        assert dimension.take_changes() == set()
