"""Business calendars in the configuration: how they are written, what they mean to the core, and what is refused."""

from pathlib import Path

import pytest

from streams.calendars.settings import CalendarSettings
from streams.config import Config, load
from streams.errors import ConfigError

MINUTE = 60_000
HOUR = 60 * MINUTE
NINE_TO_FIVE = ((9 * HOUR, 17 * HOUR),)


@pytest.fixture
def config_of(tmp_path: Path):
    def read(text: str, environ: dict[str, str] | None = None) -> Config:
        file = tmp_path / "c.yaml"
        file.write_text(text, encoding="utf-8")
        return load(file, environ=environ or {}).config

    return read


def office(week: str, rest: str = "") -> str:
    return f"calendars: {{office: {{timezone: Europe/Berlin, week: {{{week}}} {rest}}}}}"


@pytest.fixture
def calendar_of(config_of):
    def read(week: str, rest: str = "") -> CalendarSettings:
        return config_of(office(week, rest)).fold_settings().calendars["office"]

    return read


class TestWeek:
    @pytest.mark.parametrize(
        ("written", "open_days"),
        [
            pytest.param("wed: 09:00-17:00", [2], id="a day"),
            pytest.param("mon-fri: 09:00-17:00", [0, 1, 2, 3, 4], id="a range"),
            pytest.param("sun-thu: 09:00-17:00", [0, 1, 2, 3, 6], id="a range over the end of the week"),
            pytest.param("sat-sat: 09:00-17:00", [5], id="a range of one day"),
            pytest.param("daily: 09:00-17:00", [0, 1, 2, 3, 4, 5, 6], id="daily"),
            pytest.param("daily: 09:00-17:00, sun: []", [0, 1, 2, 3, 4, 5], id="daily but one"),
            pytest.param("sun: [], daily: 09:00-17:00", [0, 1, 2, 3, 4, 5], id="in whichever order"),
            pytest.param("daily: 09:00-17:00, sat-sun: [], sun: 09:00-17:00", [0, 1, 2, 3, 4, 6], id="three deep"),
        ],
    )
    def test_days_are_named_singly_by_range_or_all(self, calendar_of, written, open_days):
        assert calendar_of(written).week == tuple(NINE_TO_FIVE if day in open_days else () for day in range(7))

    def test_a_day_has_several_intervals_up_to_midnight_in_any_order(self, calendar_of):
        week = calendar_of('mon: ["18:30-24:00", "00:00-12:00", "13:05-17:00"]').week

        assert week[0] == (
            (0, 12 * HOUR),
            (13 * HOUR + 5 * MINUTE, 17 * HOUR),
            (18 * HOUR + 30 * MINUTE, 24 * HOUR),
        )


class TestHolidays:
    def test_own_dates_are_sorted_each_once(self, calendar_of):
        dates = calendar_of("daily: 09:00-17:00", ', holidays: [2026-12-25, "2026-01-01", 2026-12-25]').holidays

        assert dates == ("2026-01-01", "2026-12-25")

    def test_those_of_a_country_join_them(self, calendar_of):
        dates = calendar_of("daily: 09:00-17:00", ", holidays: [2026-12-24], country: DE").holidays

        assert [day for day in dates if day.startswith("2026")] == [
            "2026-01-01", "2026-04-03", "2026-04-06", "2026-05-01", "2026-05-14",
            "2026-05-25", "2026-10-03", "2026-12-24", "2026-12-25", "2026-12-26",
        ]  # fmt: skip
        assert (dates[0], dates[-1]) == ("2000-01-01", "2100-12-26")

    def test_a_subdivision_has_more(self, calendar_of):
        """The women's day, in Berlin since 2019."""
        in_berlin = calendar_of("daily: 09:00-17:00", ", country: DE, subdivision: BE").holidays

        assert [day for day in in_berlin if day.endswith("-03-08")][:2] == ["2019-03-08", "2020-03-08"]


class TestQueues:
    TEXT = (
        f"{office('mon-fri: 09:00-17:00')}\n"
        "queues: {defaults: {calendar: office}, billing: {target_s: 30}, night: {calendar: always}}\n"
    ).replace("calendars: {", "calendars: {always: {timezone: UTC, week: {daily: 00:00-24:00}}, ")

    def test_a_queue_has_its_own_calendar_or_that_of_the_defaults(self, config_of):
        fold = config_of(self.TEXT).fold_settings()

        assert [fold.thresholds(queue).calendar for queue in ("billing", "night", "any")] == [
            "office", "always", "office",
        ]  # fmt: skip
        assert set(fold.calendars) == {"office", "always"}

    def test_without_any_it_has_none(self):
        assert Config().fold_settings().thresholds("any").calendar is None

    def test_the_environment_may_name_it(self, config_of):
        text = f"{office('mon-fri: 09:00-17:00')}\nqueues: {{Billing: {{}}}}\n"
        config = config_of(text, {"CONTACT_STREAMS_QUEUES__BILLING__CALENDAR": "office"})

        assert config.queue("Billing").calendar == "office"

    def test_a_calendar_that_changes_changes_the_digest_of_the_fold(self, config_of):
        week = office("mon-fri: 09:00-17:00")
        texts = [
            week,
            office("mon-fri: 09:00-16:00"),
            office("mon-fri: 09:00-17:00", ", holidays: [2026-12-24]"),
            week.replace("Berlin", "Paris"),
            f"{week}\nqueues: {{q: {{calendar: office}}}}",
        ]

        assert len({config_of(text).fold_settings().digest() for text in texts}) == len(texts)


@pytest.mark.parametrize(
    ("text", "place", "reason", "hint"),
    [
        (office("mo: 09:00-17:00"), ".week", "`mo` is no weekday", "write mon, tue, wed"),
        (office("mon-fry: 09:00-17:00"), ".week", "`mon-fry` is no weekday", "a range such as mon-fri, or daily"),
        (office("mon: 9-17"), ".week.mon.0", "'9-17' are no hours", "for example 09:00-17:00"),
        (office('mon: ["09:00-10:00", "10:60-11:00"]'), ".week.mon.1", "'10:60-11:00' are no hours", "for example"),
        (office("mon: 22:00-06:00"), ".week.mon.0", "ends before it begins", "to the next day"),
        (office("mon: 22:00-24:01"), ".week.mon.0", "after 24:00", "to the next day"),
        (office("mon: 09:00-09:00"), ".week.mon.0", "ends before it begins", "to the next day"),
        (office('mon: ["09:00-12:00", "11:59-13:00"]'), ".week.mon", "overlap", "join them"),
        (office("mon-wed: 09:00-17:00, wed-fri: []"), ".week", "`mon-wed` and `wed-fri` both name wed", "name it once"),
        (office(""), "", "has no opening hours", "at least one weekday"),
        (office("mon-fri: []"), "", "has no opening hours", "at least one weekday"),
        (office("mon: 09:00-17:00", ", holidays: [christmas]"), ".holidays.0", "'christmas' is not a date", "such as"),
        (office("mon: 09:00-17:00", ", holidays: [2026-13-01]"), ".holidays", "month must be in 1..12", "mend"),
        (office("mon: 09:00-17:00", ', holidays: ["2026-02-30"]'), ".holidays.0", "is not a date", "such as"),
        (office("mon: 09:00-17:00", ", country: XX"), "", "country 'XX' is not known", "ISO 3166"),
        (office("mon: 09:00-17:00", ", country: de"), "", "country 'de' is not known", "did you mean `DE`?"),
        (office("mon: 09:00-17:00", ", country: NO"), ".country", "is no text to YAML", "put it in quotes"),
        (office("mon: 09:00-17:00", ", country: DE, subdivision: XY"), "", "subdivision 'XY' of DE", "BB, BE, BW"),
        (office("mon: 09:00-17:00", ", subdivision: BE"), "", "needs its country", "`country: DE`"),
        (office("mon: 09:00-17:00", ", holiday: []"), ".holiday", "unknown key", "did you mean `holidays`?"),
        ("calendars: {office: {week: {mon: 09:00-17:00}}}", ".timezone", "is missing", "add timezone"),
        (office("mon: 09:00-17:00").replace("Berlin", "Berln"), ".timezone", "is not a time zone", "IANA name"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_mending(config_of, text, place, reason, hint):
    with pytest.raises(ConfigError) as caught:
        config_of(text)

    assert str(caught.value).startswith(f"calendars.office{place} (")
    assert reason in str(caught.value)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        pytest.param(f"{office('mon: 09:00-17:00')}\n", "did you mean `office`?", id="a slip"),
        pytest.param(f"{office('mon: 09:00-17:00')}\n".replace("office", "shop"), "known: shop", id="another name"),
        pytest.param("", "write it under `calendars`", id="there are none"),
    ],
)
def test_a_queue_of_an_unknown_calendar_is_refused(config_of, text, hint):
    with pytest.raises(ConfigError) as caught:
        config_of(f"{text}queues:\n  billing:\n    calendar: offce\n")

    assert str(caught.value).startswith("queues.billing.calendar (")
    assert str(caught.value).endswith("offce is no calendar")
    assert caught.value.hint == hint
