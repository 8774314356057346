"""What a calendar must say."""

import pytest

from streams.calendars.settings import CalendarSettings
from tests.calendars.opening_hours import DAY, HOUR, weekdays

NINE = 9 * HOUR


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"week": ((),) * 7}, "has no opening hours; give", id="never open"),
        pytest.param({"week": (((0, 1),),) * 6}, "a week of 6 days", id="six days"),
        pytest.param({"week": (((NINE, NINE),),) * 7}, "no interval of a day", id="nothing between the ends"),
        pytest.param({"week": (((0, DAY + 1),),) * 7}, "no interval of a day", id="past midnight"),
        pytest.param({"week": (((-1, NINE),),) * 7}, "no interval of a day", id="before midnight"),
        pytest.param({"week": (((0, 3), (2, 4)),) * 7}, "overlap", id="two at a time"),
        pytest.param({"week": (((2, 4), (0, 1)),) * 7}, "not in order", id="the later first"),
        pytest.param({"timezone": "Mars/Olympus"}, "'Mars/Olympus' is not a time zone", id="no zone"),
        pytest.param({"holidays": ("2026-02-30",)}, "'2026-02-30' is not a date", id="no date"),
        pytest.param({"holidays": ("20261225",)}, "'20261225' is not a date", id="a date written otherwise"),
        pytest.param({"holidays": ("2026-12-25", "2026-01-01")}, "not in order", id="the later date first"),
        pytest.param({"holidays": ("2026-12-25", "2026-12-25")}, "each once", id="a date twice"),
    ],
)
def test_what_makes_no_sense_is_refused(fields, reason):
    with pytest.raises(ValueError, match=reason):
        CalendarSettings(**{"timezone": "UTC", "week": weekdays((9, 17)), **fields})


def test_intervals_may_touch():
    assert CalendarSettings("UTC", (((0, NINE), (NINE, DAY)),) * 7).week[0] == ((0, NINE), (NINE, DAY))
