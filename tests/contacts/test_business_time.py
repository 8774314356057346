"""First responses on the business clock of the queue that gives them."""

import pytest

from streams.calendars.settings import CalendarSettings
from streams.contacts.settings import FoldSettings, Thresholds
from streams.facts.primitives import HISTOGRAM, H, P
from tests.contacts.timeline import Log

MINUTE = 60_000
TWO_O_CLOCK = 14 * 60 * MINUTE
"""Second 0 of every line, in UTC."""

# open         :00─────────:01          :02─────────:10
HALVES = CalendarSettings(
    "UTC", (((TWO_O_CLOCK, TWO_O_CLOCK + MINUTE), (TWO_O_CLOCK + 2 * MINUTE, TWO_O_CLOCK + 10 * MINUTE)),) * 7
)
MORNING = CalendarSettings("UTC", (((9 * 60 * MINUTE, 12 * 60 * MINUTE),),) * 7)

SETTINGS = FoldSettings(
    queues={"halves": Thresholds(calendar="halves"), "morning": Thresholds(calendar="morning")},
    calendars={"halves": HALVES, "morning": MORNING},
)


def business(log: Log, queue: str) -> tuple[int, int]:
    """(how many first responses, how many business ms they took)."""
    return log.primitive(P.FIRST_RESPONSES_BUSINESS, queue), log.primitive(P.FIRST_RESPONSE_BUSINESS_MS, queue)


@pytest.mark.parametrize(
    ("line", "queue", "booked"),
    [
        #             :00 open      :60 closed       :120 open
        pytest.param("0 started · 0 enters halves · 40 says agent", "halves", (1, 40_000), id="within hours"),
        pytest.param("0 started · 0 enters halves · 150 says agent", "halves", (1, 90_000), id="over a break"),
        pytest.param("70 started · 70 enters halves · 110 says agent", "halves", (1, 0), id="while closed: no time"),
        pytest.param("0 started · 0 enters morning · 40 says agent", "morning", (1, 0), id="hours of another day time"),
        pytest.param("0 started · 0 enters none · 40 says agent", "none", (0, 0), id="a queue without a calendar"),
        pytest.param(
            "0 started · 70 handed_off · 70 enters halves · 150 says agent",
            "halves", (1, 30_000), id="from the hand-off",
        ),
        pytest.param(
            "0 started · 0 enters morning · 50 leaves morning timeout · 50 enters halves · 150 says agent",
            "halves", (1, 90_000), id="by the queue it is in at the reply, from the start",
        ),
        pytest.param(
            "0 started · 0 enters halves · 40 says agent · 50 says customer · 150 says agent",
            "halves", (1, 40_000), id="a later reply is none",
        ),
    ],
)  # fmt: skip
def test_a_first_response_takes_the_open_time(line, queue, booked):
    assert business(Log(SETTINGS).tell(line), queue) == booked


def test_calendar_time_stands_beside_it():
    log = Log(SETTINGS).tell("0 started · 0 enters halves · 150 says agent")

    assert log.counts("halves")["first_response_ms"] == 150_000
    assert [n for key, n in log.bins("halves").items() if key // HISTOGRAM == H.FIRST_RESPONSE_BUSINESS] == [1]


def test_the_channel_counts_what_its_queues_with_a_calendar_do():
    log = Log(SETTINGS).tell(
        "0 started contact=a · 0 enters halves contact=a · 0 started contact=b · 0 enters none contact=b"
        " · 40 says agent contact=a · 50 says agent contact=b"
    )

    assert business(log, "*") == (1, 40_000)
    assert log.primitive(P.FIRST_RESPONSES) == 2


def test_an_earlier_reply_that_comes_late_takes_the_other_back():
    log = Log(SETTINGS).tell("0 started · 0 enters halves · 150 says agent · 130 says agent")

    assert business(log, "halves") == (1, 70_000)
    assert len([n for n in log.bins("halves") if n // HISTOGRAM == H.FIRST_RESPONSE_BUSINESS]) == 1


def test_what_is_taken_back_is_what_was_booked_whatever_the_hours_are_now():
    """The reply at 150 was booked under HALVES; the one at 130 counts under the new hours, which begin at 120."""
    later = CalendarSettings("UTC", (((TWO_O_CLOCK + 2 * MINUTE, TWO_O_CLOCK + 10 * MINUTE),),) * 7)
    changed = FoldSettings(queues={"halves": Thresholds(calendar="halves")}, calendars={"halves": later})
    log = Log(SETTINGS).tell("0 started · 0 enters halves · 150 says agent")

    log.restart(changed).tell("130 says agent id=e130")

    assert business(log, "halves") == (1, 10_000)
    assert len([n for n in log.bins("halves") if n // HISTOGRAM == H.FIRST_RESPONSE_BUSINESS]) == 1
