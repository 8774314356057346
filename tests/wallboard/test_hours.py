"""When a queue is closed, and until when."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from streams.config import Config
from streams.wallboard.hours import Hours

BERLIN = ZoneInfo("Europe/Berlin")
CONFIG = Config(
    calendars={
        "office": {"timezone": "Europe/Berlin", "week": {"mon-fri": ["09:00-17:00"]}, "holidays": ["2026-12-25"]},
    },
    queues={"billing": {"calendar": "office"}, "sales": {}},
)


def at(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp() * 1_000)


@pytest.mark.parametrize(
    ("queue", "now", "opens"),
    [
        pytest.param("billing", "2026-11-23T10:00", None, id="open"),
        pytest.param("billing", "2026-11-23T08:59", "2026-11-23T09:00", id="before it opens"),
        pytest.param("billing", "2026-11-23T17:00", "2026-11-24T09:00", id="the end of the hours is closed"),
        pytest.param("billing", "2026-11-20T18:00", "2026-11-23T09:00", id="over the weekend"),
        pytest.param("billing", "2026-12-24T18:00", "2026-12-28T09:00", id="over a holiday"),
        pytest.param("sales", "2026-11-22T03:00", None, id="no calendar, never closed"),
        pytest.param("unheard of", "2026-11-22T03:00", None, id="not configured"),
        pytest.param("*", "2026-11-22T03:00", None, id="a whole channel has no hours"),
    ],
)
def test_closed_until(queue, now, opens):
    assert Hours(CONFIG).opens(queue, at(now)) == (None if opens is None else at(opens))


def test_a_queue_that_never_opens_again():
    """Calendars end with January 2200."""
    assert Hours(CONFIG).opens("billing", at("2200-03-03T10:00")) == 0


def test_queues_that_are_not_configured_go_by_the_defaults():
    config = Config(calendars=CONFIG.calendars, queues={"defaults": {"calendar": "office"}})

    assert Hours(config).opens("any", at("2026-11-23T08:00")) == at("2026-11-23T09:00")
    assert Hours(config).opens("@group", at("2026-11-23T08:00")) is None
