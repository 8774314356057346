"""Business time: worked values, edges of opening hours, days on which the clocks change."""

from datetime import date, timedelta

import pytest

from streams.calendars.clock import CALENDAR_TIME, NEVER, Calendar
from streams.calendars.settings import CalendarSettings
from tests.calendars.opening_hours import DAY, HOUR, MINUTE, Oracle, daily, hours, ms, utc, weekdays

OFFICE = Calendar(CalendarSettings("UTC", weekdays((9, 17))))
BERLIN = Calendar(CalendarSettings("Europe/Berlin", weekdays((9, 17))))

FRIDAY = "2026-03-20"
MONDAY = "2026-03-23"


class TestWorkedValues:
    def test_created_friday_16_30_target_1_h_is_due_monday_09_30(self):
        assert utc(OFFICE.due_at(ms(f"{FRIDAY}T16:30Z"), HOUR)) == "Mon 03-23 09:30"

    @pytest.mark.parametrize(("target_min", "due"), [(60, "10:30"), (180, "12:30"), (240, "13:30")])
    def test_berlin_created_2013_03_21_09_30_utc(self, target_min, due):
        assert utc(BERLIN.due_at(ms("2013-03-21T09:30Z"), target_min * MINUTE)) == f"Thu 03-21 {due}"

    def test_berlin_a_reply_at_14_00_utc_has_used_270_min_210_over(self):
        used = BERLIN.elapsed_ms(ms("2013-03-21T09:30Z"), ms("2013-03-21T14:00Z"))

        assert (used // MINUTE, used // MINUTE - 60) == (270, 210)

    @pytest.mark.parametrize(
        ("pending", "target_min", "due"),
        [
            pytest.param(("10:00", "10:30"), 120, "11:30", id="first reply, half an hour pending"),
            pytest.param(("10:00", "10:30"), 250, "13:40", id="resolution, half an hour pending"),
            pytest.param(("10:00", "15:00"), 120, "16:00", id="first reply, five hours pending"),
        ],
    )
    def test_a_pause_moves_the_due_time_along_the_business_clock(self, pending, target_min, due):
        clock = Calendar(CalendarSettings("UTC", daily((9, 18))))
        paused, resumed = (ms(f"2013-06-04T{at}Z") for at in pending)
        used = clock.elapsed_ms(ms("2013-06-04T09:00Z"), paused)

        assert utc(clock.due_at(resumed, target_min * MINUTE - used)) == f"Tue 06-04 {due}"

    def test_a_hold_over_the_weekend_costs_no_business_time(self):
        assert OFFICE.elapsed_ms(ms(f"{FRIDAY}T16:59:59Z"), ms(f"{MONDAY}T09:00:01Z")) == 2_000


class TestEdges:
    @pytest.mark.parametrize(
        ("start", "duration_ms", "due"),
        [
            pytest.param(f"{FRIDAY}T16:00Z", HOUR, "Fri 03-20 17:00", id="used up when the hours end"),
            pytest.param(f"{FRIDAY}T16:00Z", HOUR + 1_000, "Mon 03-23 09:00:01", id="a second more"),
            pytest.param(f"{FRIDAY}T17:00Z", HOUR, "Mon 03-23 10:00", id="created when they end"),
            pytest.param("2026-03-21T12:00Z", 8 * HOUR, "Mon 03-23 17:00", id="created on a closed day"),
            pytest.param(f"{FRIDAY}T17:00Z", 0, "Fri 03-20 17:00", id="no duration while closed"),
            pytest.param(f"{FRIDAY}T12:00Z", -HOUR, "Fri 03-20 12:00", id="more than all is used"),
            pytest.param(f"{FRIDAY}T12:00Z", 5 * HOUR + 400 * HOUR, "Fri 05-29 17:00", id="ten weeks"),
        ],
    )
    def test_due(self, start, duration_ms, due):
        assert utc(OFFICE.due_at(ms(start), duration_ms)) == due

    def test_a_millisecond_on_either_side_of_an_edge(self):
        opens, closes = ms(f"{FRIDAY}T09:00Z"), ms(f"{FRIDAY}T17:00Z")

        assert [OFFICE.is_open(at) for at in (opens - 1, opens, closes - 1, closes)] == [False, True, True, False]
        assert OFFICE.elapsed_ms(opens - 1, opens + 1) == 1
        assert OFFICE.elapsed_ms(closes - 1, closes + 1) == 1
        assert OFFICE.due_at(opens - 1, 1) == opens + 1
        assert OFFICE.due_at(closes - 1, 1) == closes
        assert OFFICE.due_at(closes - 1, 2) == ms(f"{MONDAY}T09:00Z") + 1

    def test_nothing_elapses_backwards(self):
        noon = ms(f"{FRIDAY}T12:00Z")

        assert [OFFICE.elapsed_ms(noon, noon), OFFICE.elapsed_ms(noon, noon - HOUR)] == [0, 0]

    def test_two_days_meet_at_midnight(self):
        night = Calendar(CalendarSettings("UTC", daily((0, 6), (22, 24))))
        start = ms(f"{FRIDAY}T21:00Z")

        assert utc(night.due_at(start, 8 * HOUR)) == "Sat 03-21 06:00"
        assert night.elapsed_ms(start, ms("2026-03-21T05:00Z")) == 7 * HOUR

    def test_intervals_may_be_cut_at_any_millisecond(self):
        clock = Calendar(CalendarSettings("UTC", (((1, 4), (7, 8)),) * 7))
        midnight = ms(f"{FRIDAY}T00:00Z")

        assert [clock.elapsed_ms(midnight, midnight + at) for at in range(10)] == [0, 0, 1, 2, 3, 3, 3, 3, 4, 4]
        assert [clock.due_at(midnight, d) - midnight for d in range(6)] == [0, 2, 3, 4, 8, DAY + 2]


class TestHolidays:
    LONG_WEEKEND = Calendar(CalendarSettings("Europe/Berlin", weekdays((9, 17)), ("2026-04-03", "2026-04-06")))

    def test_they_have_no_hours(self):
        start = ms("2026-04-02T16:30+02:00")

        assert utc(self.LONG_WEEKEND.due_at(start, HOUR)) == "Tue 04-07 07:30"
        assert self.LONG_WEEKEND.elapsed_ms(start, ms("2026-04-07T09:30+02:00")) == HOUR

    def test_they_are_days_by_the_local_clock(self):
        clock = Calendar(CalendarSettings("Pacific/Auckland", daily((0, 24)), ("2026-12-25",)))
        local_midnight = ms("2026-12-24T11:00Z")

        assert clock.is_open(local_midnight - 1)
        assert not clock.is_open(local_midnight)
        assert utc(clock.due_at(local_midnight, 1_000)) == "Fri 12-25 11:00:01"

    def test_a_long_run_of_them_ends(self):
        first = date(2026, 1, 1)
        every_day = tuple((first + timedelta(days=n)).isoformat() for n in range(3_652))
        clock = Calendar(CalendarSettings("UTC", daily((9, 17)), every_day))

        assert clock.due_at(ms("2026-01-01T00:00Z"), HOUR) == ms("2036-01-01T10:00Z")

    def test_what_comes_to_no_end_is_due_never(self):
        """One hour a week: the 9,000 hours asked for are 172 years, and calendars reach to 2200."""
        clock = Calendar(CalendarSettings("UTC", (hours((9, 10)), (), (), (), (), (), ())))
        start = ms("2030-01-01T00:00Z")

        assert clock.due_at(start, 8_000 * HOUR) < ms("2190-01-01T00:00Z")
        assert clock.due_at(start, 9_000 * HOUR) == NEVER


class TestDaysOnWhichTheClocksChange:
    @pytest.mark.parametrize(
        ("zone", "day", "business_hours"),
        [
            pytest.param("Europe/Berlin", "2026-03-28", 24, id="an ordinary day"),
            pytest.param("Europe/Berlin", "2026-03-29", 23, id="the clocks go forward"),
            pytest.param("Europe/Berlin", "2026-10-25", 25, id="the clocks go back"),
            pytest.param("Australia/Lord_Howe", "2026-10-04", 23.5, id="half an hour forward"),
            pytest.param("Australia/Lord_Howe", "2026-04-05", 24.5, id="half an hour back"),
            pytest.param("Antarctica/Troll", "2026-03-29", 22, id="two hours forward"),
            pytest.param("America/Santiago", "2026-09-06", 23, id="a day whose midnight does not exist"),
            pytest.param("America/Havana", "2026-11-01", 25, id="a day that begins twice"),
            pytest.param("America/St_Johns", "2006-10-28", 24 + 59 / 60, id="back over midnight, from 00:01"),
            pytest.param("America/St_Johns", "2006-10-29", 24 + 1 / 60, id="one minute of it before going back"),
            pytest.param("America/Caracas", "2007-12-09", 24.5, id="a zone moves by half an hour for good"),
            pytest.param("Asia/Pyongyang", "2018-05-04", 23.5, id="a zone moves at midnight"),
            pytest.param("Pacific/Apia", "2011-12-29", 24, id="the day before the one that Samoa left out"),
            pytest.param("Pacific/Apia", "2011-12-30", 0, id="the day that Samoa left out"),
            pytest.param("Africa/Monrovia", "1972-01-07", 24 - 44.5 / 60, id="an offset of seconds"),
        ],
    )
    def test_a_day_open_around_the_clock_is_as_long_as_it_was(self, zone, day, business_hours):
        """Only its own weekday is open, and a week around it looked at."""
        at = date.fromisoformat(day)
        week = tuple(hours((0, 24)) if n == at.weekday() else () for n in range(7))
        noon = ms(f"{day}T12:00Z")

        elapsed = Calendar(CalendarSettings(zone, week)).elapsed_ms(noon - 3 * DAY, noon + 3 * DAY)

        assert elapsed == round(business_hours * HOUR)

    @pytest.mark.parametrize(
        ("day", "interval", "start", "hour_due"),
        [
            #                                         open                    the first hour of it is over at
            pytest.param("2026-03-29", (2, 3), "00:00", "Mon 03-30 01:00", id="hours that do not exist"),
            pytest.param("2026-03-29", (1.5, 3.5), "00:00", "Sun 03-29 01:30", id="hours with a hole"),
            pytest.param("2026-10-25", (2, 3), "00:00", "Sun 10-25 01:00", id="hours that come twice, the first time"),
            pytest.param("2026-10-25", (2, 3), "01:00", "Sun 10-25 02:00", id="hours that come twice, the second time"),
            pytest.param("2026-10-25", (1, 2.5), "00:00", "Sun 10-25 01:30", id="an end that comes twice"),
        ],
    )  # fmt: skip
    def test_a_time_that_is_not_shown_is_not_open_and_one_shown_twice_is_open_twice(
        self, day, interval, start, hour_due
    ):
        clock = Calendar(CalendarSettings("Europe/Berlin", daily(interval)))

        assert utc(clock.due_at(ms(f"{day}T{start}Z"), HOUR)) == hour_due


class TestLongSpans:
    @pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Pacific/Auckland"])
    def test_years_are_the_sum_of_their_hours(self, zone):
        settings = CalendarSettings(zone, weekdays((0, 6), (9, 17), (23, 24)), ("2021-01-01", "2021-12-27"))
        start, end = ms("2019-12-31T23:00Z"), ms("2023-02-01T05:00Z")
        oracle = Oracle(settings)

        expected = HOUR * sum(oracle.is_open(at) for at in range(start, end, HOUR))

        assert Calendar(settings).elapsed_ms(start, end) == expected
        assert Calendar(settings).elapsed_ms(start, Calendar(settings).due_at(start, expected)) == expected

    def test_before_1970_and_from_2200_on_it_is_closed(self):
        clock = Calendar(CalendarSettings("UTC", daily((0, 24))))

        assert not clock.is_open(-1)
        assert clock.elapsed_ms(-400 * DAY, DAY) == DAY
        assert clock.due_at(-400 * DAY, DAY) == DAY
        assert clock.elapsed_ms(0, NEVER) == clock.elapsed_ms(0, ms("2201-01-01T00:00Z")) > ms("2200-01-01T00:00Z")


class TestCalendarTime:
    def test_it_never_stops(self):
        assert CALENDAR_TIME.is_open(ms("2026-12-25T03:00Z"))
        assert CALENDAR_TIME.elapsed_ms(1_000, 4_000) == 3_000
        assert CALENDAR_TIME.elapsed_ms(4_000, 1_000) == 0
        assert CALENDAR_TIME.due_at(1_000, 3_000) == 4_000
        assert CALENDAR_TIME.due_at(1_000, -3_000) == 1_000
