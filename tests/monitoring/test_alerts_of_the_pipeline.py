"""When an alert on the pipeline fires, when it does not, and what it says."""

import pytest

from tests.monitoring.promtool import Fired, Series, check, of_queue, steady

pytestmark = pytest.mark.promtool

JOB = {"job": "contact-streams"}


def pipeline(name: str, values: str, **labels: str) -> Series:
    """A metric of the pipeline's own."""
    return Series(f"contact_streams_{name}", labels, values)


def freshness(live: int, age_s: float, queue: str = "billing") -> list[Series]:
    return [
        of_queue("contact_streams_live", live, queue),
        of_queue("contact_streams_as_of_age_seconds", age_s, queue),
    ]


def events(applied: str, rejected: str = "0+0x80") -> list[Series]:
    return [
        pipeline("events_total", applied, type="queue.entered", outcome="applied"),
        pipeline("events_total", rejected, type="", outcome="rejected"),
    ]


def delay(seconds: float) -> list[Series]:
    """One event a scrape, each so long on its way."""
    return [
        pipeline("event_to_view_seconds_sum", f"0+{seconds}x80"),
        pipeline("event_to_view_seconds_count", "0+1x80"),
    ]


NO_DATA = Fired(
    "critical", "pipeline", JOB, "No numbers: no worker shows a queue",
    "Prometheus gets no queue from any worker of contact-streams: none runs, none can be reached, or none has got as "
    "far as to show something.",
)  # fmt: skip


@pytest.mark.parametrize(
    ("live", "at", "fired"),
    [
        pytest.param("1 1 stale", "75s", [NO_DATA], id="the worker is gone"),
        pytest.param("1 1 stale", "45s", [], id="for a moment"),
        pytest.param("1 1 stale _ 1 1 1 1", "75s", [], id="it was only started again"),
        pytest.param(steady(0), "5m", [], id="it is catching up: another alert"),
    ],
)
def test_no_data(tmp_path, live, at, fired):
    series = [of_queue("contact_streams_live", live)]

    assert check(tmp_path, "ContactStreamsNoData", series, at, fired) == ""


CATCHING_UP = Fired(
    "critical", "pipeline", JOB, "The numbers are 1m 35s old",
    "2 lines of queues are not live, the oldest is 1m 35s behind. Until they have caught up their live values and "
    "windows are absent, and their alerts are silent.",
)  # fmt: skip


@pytest.mark.parametrize(
    ("series", "at", "fired"),
    [
        pytest.param(
            [*freshness(0, 95), *freshness(0, 60, "*"), *freshness(1, 0.5, "sales")], "2m", [CATCHING_UP],
            id="two of three lines are behind",
        ),
        pytest.param([*freshness(0, 95), *freshness(0, 60, "*")], "30s", [], id="for a moment"),
        pytest.param(freshness(1, 1.9), "5m", [], id="live"),
    ],
)  # fmt: skip
def test_catching_up(tmp_path, series, at, fired):
    assert check(tmp_path, "ContactStreamsCatchingUp", series, at, fired) == ""


NO_EVENTS = Fired(
    "warning", "pipeline", JOB, "No event has come for 5 minutes",
    "Nothing at all has come in the last 5 minutes, not even a heartbeat, and something had in the hour before: the "
    "sources are silent, or cut off. Whoever waited then seems to wait on.",
)  # fmt: skip


@pytest.mark.parametrize(
    ("applied", "at", "fired"),
    [
        pytest.param("0+5x20 100+0x60", "13m", [NO_EVENTS], id="silent since minute 5"),
        pytest.param("0+5x20 100+0x60", "9m", [], id="silent for four minutes"),
        pytest.param("0+1x80", "13m", [], id="heartbeats come"),
        pytest.param("7+0x80", "13m", [], id="there never was anything"),
    ],
)
def test_no_events(tmp_path, applied, at, fired):
    assert check(tmp_path, "ContactStreamsNoEvents", events(applied), at, fired) == ""


@pytest.mark.parametrize(
    ("seconds", "fired"),
    [
        pytest.param(20, [Fired(
            "warning", "pipeline", JOB, "Events take 20s to the board",
            "From its append to the views an event took 20s on average in the last 5 minutes, the limit is 10s.",
        )], id="over the limit"),
        pytest.param(0.3, [], id="as usual"),
    ],
)  # fmt: skip
def test_delayed(tmp_path, seconds, fired):
    assert check(tmp_path, "ContactStreamsDelayed", delay(seconds), "5m", fired) == ""


def test_where_nothing_happens_nothing_is_delayed(tmp_path):
    series = [pipeline("event_to_view_seconds_sum", "5+0x80"), pipeline("event_to_view_seconds_count", "9+0x80")]

    assert check(tmp_path, "ContactStreamsDelayed", series, "8m", []) == ""


@pytest.mark.parametrize(
    ("seconds", "fired"),
    [
        pytest.param(45, [Fired(
            "warning", "pipeline", {**JOB, "source": "pbx"}, "pbx sends its events 45s late",
            "What pbx says comes 45s after it has happened. From 1m (`lateness`) on, events come too late to count as "
            "they should.",
        )], id="near the lateness"),
        pytest.param(29, [], id="below half of it"),
    ],
)  # fmt: skip
def test_source_delayed(tmp_path, seconds, fired):
    series = [pipeline("source_delay_seconds", steady(seconds), source="pbx")]

    assert check(tmp_path, "ContactStreamsSourceDelayed", series, "5m", fired) == ""


@pytest.mark.parametrize(
    ("series", "fired"),
    [
        pytest.param(events("0+75x80", "0+25x80"), [Fired(
            "warning", "pipeline", JOB, "25% of the records are refused",
            "25% of the records of the last 15 minutes were rejected, of an unknown type or too late; the limit is 1% "
            "with at least 20. They are in the dead letters.",
        )], id="a quarter of them"),
        pytest.param(events("0+0x80", "0+0x10 2+0x69"), [], id="both records that came: too few to say so"),
        pytest.param(events("0+9999x80", "0+1x80"), [], id="few of many"),
    ],
)  # fmt: skip
def test_rejecting(tmp_path, series, fired):
    assert check(tmp_path, "ContactStreamsRejecting", series, "15m", fired) == ""


@pytest.mark.parametrize(
    ("up", "at", "fired"),
    [
        pytest.param("1 1 0+0x40", "2m", [Fired(
            "critical", "pipeline", {**JOB, "sink": "redis"}, "The boards get no numbers: redis is away",
            "Workers that cannot write to redis: 1. What they own stands still on the boards.",
        )], id="away"),
        pytest.param("1 1 0 1 1 1 1", "75s", [], id="for a moment"),
        pytest.param(steady(1), "5m", [], id="there"),
    ],
)  # fmt: skip
def test_sink_down(tmp_path, up, at, fired):
    series = [pipeline("sink_up", up, sink="redis")]

    assert check(tmp_path, "ContactStreamsSinkDown", series, at, fired) == ""


@pytest.mark.parametrize(
    ("flushed_at", "fired"),
    [
        pytest.param("0+15x8 120+0x40", [Fired(
            "warning", "pipeline", {**JOB, "topic": "calls"}, "calls: nothing committed for 2m 0s",
            "A partition of calls has had no committed flush for 2m 0s, the limit is 1m: after a restart all of that "
            "is folded again.",
        )], id="two minutes ago"),
        pytest.param("0+15x60", [], id="at each scrape"),
    ],
)  # fmt: skip
def test_checkpoint_old(tmp_path, flushed_at, fired):
    series = [
        pipeline("last_flush_timestamp_seconds", flushed_at, topic="calls", partition="0"),
        pipeline("last_flush_timestamp_seconds", "0+15x60", topic="calls", partition="1"),
    ]

    assert check(tmp_path, "ContactStreamsCheckpointOld", series, "4m", fired) == ""
