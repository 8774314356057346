"""Any calendar, anywhere near the days on which clocks change, against a walk along the wall clock."""

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.calendars.clock import Calendar
from streams.calendars.settings import CalendarSettings
from streams.calendars.stretches import BLOCK_MS
from tests.calendars.opening_hours import DAY, HOUR, MINUTE, Oracle, ms

CHANGES = {
    "Europe/Berlin": ["2013-03-21", "2026-03-29", "2026-10-25"],
    "America/New_York": ["2006-04-02", "2026-11-01"],
    "America/St_Johns": ["2006-10-29", "2026-03-08"],
    "America/Santiago": ["2026-04-05", "2026-09-06"],
    "America/Caracas": ["2007-12-09", "2016-05-01"],
    "Africa/Casablanca": ["2026-02-15", "2026-03-22"],
    "Antarctica/Troll": ["2026-03-29", "2026-10-25"],
    "Asia/Kathmandu": ["2026-01-01"],
    "Asia/Pyongyang": ["2015-08-15", "2018-05-05"],
    "Australia/Lord_Howe": ["2026-04-05", "2026-10-04"],
    "Pacific/Apia": ["2011-12-30", "2021-04-04"],
    "Pacific/Kiritimati": ["2000-01-01", "2026-06-01"],
    "UTC": ["2000-02-29", "2026-12-31"],
}
"""Time zone → days on or near which something happens to its clock."""


@st.composite
def intervals(draw):
    """Up to three of a day, on whole minutes; 00:00, 24:00 and the hours at which clocks change are frequent."""
    edge = st.sampled_from([0, 60, 90, 120, 150, 180, 540, 1_020, 1_380, 1_440]) | st.integers(0, 1_440)
    edges = sorted(draw(st.sets(edge, max_size=6)))
    return tuple((start * MINUTE, end * MINUTE) for start, end in zip(edges[::2], edges[1::2], strict=False))


@st.composite
def cases(draw):
    """(calendar settings, an instant) near a change of the calendar's zone, or near the edge of a block."""
    zone = draw(st.sampled_from(sorted(CHANGES)))
    day = date.fromisoformat(draw(st.sampled_from(CHANGES[zone])))
    week = draw(st.tuples(*[intervals()] * 7).filter(any))
    closed = draw(st.sets(st.integers(-3, 5), max_size=2))
    holidays = tuple(sorted((day + timedelta(days=n)).isoformat() for n in closed))
    around = ms(f"{day}T00:00Z")
    if draw(st.booleans()):
        around = around // BLOCK_MS * BLOCK_MS
    minutes = draw(st.integers(-2 * 1_440, 2 * 1_440))
    rest_ms = draw(st.sampled_from([0, 1, 59_999]) | st.integers(0, 59_999))
    return CalendarSettings(zone, week, holidays), around + minutes * MINUTE + rest_ms


spans = st.integers(0, 2 * DAY) | st.sampled_from([1, MINUTE, HOUR, DAY])


@settings(max_examples=150, deadline=None)
@given(cases(), spans)
def test_elapsed_is_the_sum_of_the_open_minutes(case, span):
    calendar, start = case

    assert Calendar(calendar).elapsed_ms(start, start + span) == Oracle(calendar).elapsed_ms(start, start + span)


@settings(max_examples=150, deadline=None)
@given(cases(), st.integers(1, 10 * HOUR) | st.sampled_from([1, MINUTE, HOUR]))
def test_due_is_where_the_walk_has_used_it_up(case, duration_ms):
    calendar, start = case
    due = Calendar(calendar).due_at(start, duration_ms)
    until = start + 4 * DAY

    expected = Oracle(calendar).due_at(start, duration_ms, until)

    assert due == expected if expected is not None else due > until // MINUTE * MINUTE


@settings(max_examples=100, deadline=None)
@given(cases())
def test_open_is_what_the_wall_clock_says(case):
    calendar, at = case

    assert Calendar(calendar).is_open(at) == Oracle(calendar).is_open(at)


@settings(max_examples=100, deadline=None)
@given(cases(), st.integers(0, 400 * DAY), st.integers(0, 400 * DAY))
def test_time_adds_up(case, first, second):
    calendar, start = case
    clock = Calendar(calendar)
    middle, end = start + first, start + first + second

    assert clock.elapsed_ms(start, middle) + clock.elapsed_ms(middle, end) == clock.elapsed_ms(start, end)


@settings(max_examples=100, deadline=None)
@given(cases(), st.integers(1, 2_000 * HOUR))
def test_due_is_the_first_instant_at_which_the_duration_has_elapsed(case, duration_ms):
    calendar, start = case
    clock = Calendar(calendar)
    due = clock.due_at(start, duration_ms)

    assert clock.elapsed_ms(start, due) == duration_ms
    assert clock.elapsed_ms(start, due - 1) == duration_ms - 1
