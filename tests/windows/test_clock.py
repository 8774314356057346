"""Days and intervals by a queue's own clock, cut out of 15-minute slots of UTC."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from streams.windows.clock import SLOT_MS, slots, start_of_day, start_of_interval
from streams.windows.settings import WindowSettings

MINUTE = 60_000


def ms(text):
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1_000)


def utc(at):
    return datetime.fromtimestamp(at / 1_000, UTC).strftime("%m-%d %H:%M")


@pytest.mark.parametrize(
    ("zone", "at", "start"),
    [
        #             the instant                    local midnight, in UTC
        pytest.param("UTC", "2026-03-29T12:00Z", "03-29 00:00", id="UTC"),
        pytest.param("Europe/Berlin", "2026-01-15T12:00Z", "01-14 23:00", id="winter"),
        pytest.param("Europe/Berlin", "2026-07-15T12:00Z", "07-14 22:00", id="summer"),
        pytest.param("Europe/Berlin", "2026-03-29T00:30Z", "03-28 23:00", id="before the clocks go forward"),
        pytest.param("Europe/Berlin", "2026-03-29T12:00Z", "03-28 23:00", id="after the clocks went forward"),
        pytest.param("Europe/Berlin", "2026-10-25T12:00Z", "10-24 22:00", id="after the clocks went back"),
        pytest.param("Asia/Kolkata", "2026-03-29T18:29Z", "03-28 18:30", id="+05:30, the last minute"),
        pytest.param("Asia/Kolkata", "2026-03-29T18:30Z", "03-29 18:30", id="+05:30, the first minute"),
        pytest.param("Asia/Kathmandu", "2026-03-29T12:00Z", "03-28 18:15", id="+05:45"),
        pytest.param("America/St_Johns", "2026-01-15T12:00Z", "01-15 03:30", id="-03:30"),
        pytest.param("America/Santiago", "2026-09-06T12:00Z", "09-06 04:00", id="a day whose midnight does not exist"),
        pytest.param("America/Havana", "2026-11-01T12:00Z", "11-01 04:00", id="a day that begins twice"),
    ],
)
def test_the_local_day_begins_at_its_first_instant(zone, at, start):
    assert utc(start_of_day(ms(at), ZoneInfo(zone))) == start


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-28", 24), ("2026-03-29", 23), ("2026-10-24", 24), ("2026-10-25", 25)]
)
def test_days_of_23_and_25_hours(day, hours):
    zone = ZoneInfo("Europe/Berlin")
    midnight = start_of_day(ms(f"{day}T12:00+00:00"), zone)
    last = midnight + hours * 3_600_000 - 1
    first_slot, last_slot = slots("today", last, zone, 15 * MINUTE)

    assert last_slot - first_slot + 1 == 4 * hours
    assert start_of_day(last, zone) == midnight
    assert start_of_day(last + 1, zone) == last + 1


@pytest.mark.parametrize(
    ("zone", "minutes", "at", "start"),
    [
        pytest.param("UTC", 15, "2026-03-29T12:14:59.999Z", "03-29 12:00", id="15 min, its last ms"),
        pytest.param("UTC", 15, "2026-03-29T12:15Z", "03-29 12:15", id="15 min, its first ms"),
        pytest.param("UTC", 30, "2026-03-29T12:29Z", "03-29 12:00", id="30 min"),
        pytest.param("UTC", 60, "2026-03-29T12:59Z", "03-29 12:00", id="60 min"),
        pytest.param("Asia/Kolkata", 60, "2026-03-29T12:29Z", "03-29 11:30", id="an hour of +05:30"),
        pytest.param("Asia/Kolkata", 30, "2026-03-29T12:29Z", "03-29 12:00", id="half an hour of +05:30"),
        pytest.param("Asia/Kathmandu", 60, "2026-03-29T12:29Z", "03-29 12:15", id="an hour of +05:45"),
        pytest.param("Asia/Kathmandu", 30, "2026-03-29T12:29Z", "03-29 12:15", id="half an hour of +05:45"),
        pytest.param("America/St_Johns", 60, "2026-01-15T12:29Z", "01-15 11:30", id="an hour of -03:30"),
        pytest.param("Europe/Berlin", 60, "2026-03-29T01:15Z", "03-29 01:00", id="the hour after the one skipped"),
        pytest.param("Europe/Berlin", 60, "2026-10-25T00:30Z", "10-25 00:00", id="02:30 the first time"),
        pytest.param("Europe/Berlin", 60, "2026-10-25T01:30Z", "10-25 01:00", id="02:30 the second time"),
    ],
)
def test_intervals_are_aligned_to_the_local_hour(zone, minutes, at, start):
    assert utc(start_of_interval(ms(at), ZoneInfo(zone), minutes * MINUTE)) == start


@pytest.mark.parametrize("minutes", [15, 30, 60])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns"])
@pytest.mark.parametrize("at", ["2026-03-29T01:07Z", "2026-10-25T01:07Z", "2026-10-25T00:59Z", "2026-06-01T18:20Z"])
def test_an_interval_and_the_one_before_it_are_neighbours(zone, minutes, at):
    this = slots("interval", ms(at), ZoneInfo(zone), minutes * MINUTE)
    before = slots("previous_interval", ms(at), ZoneInfo(zone), minutes * MINUTE)

    assert this[1] == ms(at) // SLOT_MS
    assert before[1] + 1 == this[0]
    assert before[1] - before[0] + 1 == minutes // 15


def test_today_reaches_up_to_now():
    at = ms("2026-06-01T10:20Z")

    assert slots("today", at, ZoneInfo("UTC"), 15 * MINUTE) == (ms("2026-06-01T00:00Z") // SLOT_MS, at // SLOT_MS)


@pytest.mark.parametrize(
    ("window", "at", "first"),
    [
        pytest.param("1d", "2026-06-01T10:20Z", "2026-05-31T22:00Z", id="one day is today"),
        pytest.param("7d", "2026-06-07T21:59Z", "2026-05-31T22:00Z", id="seven with today"),
        pytest.param("2d", "2026-03-29T12:00Z", "2026-03-27T23:00Z", id="over the day of 23 hours"),
        pytest.param("2d", "2026-10-26T12:00Z", "2026-10-24T22:00Z", id="over the day of 25 hours"),
    ],
)
def test_days_are_those_of_the_local_calendar(window, at, first):
    assert slots(window, ms(at), ZoneInfo("Europe/Berlin"), 15 * MINUTE) == (ms(first) // SLOT_MS, ms(at) // SLOT_MS)


@pytest.mark.parametrize(
    ("settings", "hours"),
    [
        pytest.param(WindowSettings(), 25.5, id="the longest day, and two intervals"),
        pytest.param(WindowSettings(windows=("7d", "28d")), 28 * 24 + 1.5, id="the longest window"),
        pytest.param(WindowSettings(windows=("7d",), volume_ratio=True), 28 * 24 + 1.5, id="four weeks to compare"),
    ],
)
def test_so_far_back_reaches_what_is_shown(settings, hours):
    assert settings.look_back_ms() == hours * 60 * MINUTE
