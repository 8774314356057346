"""Business calendars as the file says them: weekdays by name, hours as text, holidays by date and by country."""

import re
import warnings
from collections.abc import Iterable
from datetime import date, datetime
from itertools import pairwise
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, model_validator

from streams.calendars.settings import CalendarSettings, Interval
from streams.config.quantities import TimeZone

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAILY: Final = "daily"
HOLIDAY_YEARS: Final = range(2000, 2101)
"""The years of which a country's holidays are worked out."""

_MINUTE_MS: Final = 60_000
_HOURS: Final = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")


def _weekdays(name: str) -> list[int]:
    """Monday = 0; of `mon`, `mon-fri`, `fri-mon` (over the weekend), `daily`. ValueError otherwise."""
    if name == DAILY:
        return list(range(7))
    first, _, last = name.partition("-")
    if first not in WEEKDAYS or (last or first) not in WEEKDAYS:
        message = f"`{name}` is no weekday; write {', '.join(WEEKDAYS)}, a range such as mon-fri, or {DAILY}"
        raise ValueError(message)
    start = WEEKDAYS.index(first)
    return [(start + n) % 7 for n in range((WEEKDAYS.index(last or first) - start) % 7 + 1)]


def _interval(text: str) -> Interval:
    match = _HOURS.fullmatch(text.strip())
    numbers = [int(number) for number in match.groups()] if match else []
    if not match or numbers[1] > 59 or numbers[3] > 59:
        message = "are no hours; write for example 09:00-17:00"
        raise ValueError(message)
    opens, closes = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
    if not opens < closes <= 24 * 60:
        message = "ends before it begins or after 24:00; give what is after midnight to the next day"
        raise ValueError(message)
    return opens * _MINUTE_MS, closes * _MINUTE_MS


def _intervals(hours: Iterable[str]) -> tuple[Interval, ...]:
    intervals = sorted(_interval(text) for text in hours)
    if any(later[0] < earlier[1] for earlier, later in pairwise(intervals)):
        message = "overlap; join them"
        raise ValueError(message)
    return tuple(intervals)


def _checked_interval(text: str) -> str:
    _interval(text)
    return text


def _checked_hours(hours: list[str]) -> list[str]:
    _intervals(hours)
    return hours


def _week(week: dict[str, list[str]]) -> tuple[tuple[Interval, ...], ...]:
    """Seven days from Monday. Of two keys that name a day, the one of fewer days holds."""
    days: list[tuple[Interval, ...]] = [()] * 7
    named_by: dict[int, tuple[int, str]] = {}
    for key, hours in week.items():
        weekdays = _weekdays(key)
        for day in weekdays:
            width, other = named_by.get(day, (8, ""))
            if width == len(weekdays):
                message = f"`{other}` and `{key}` both name {WEEKDAYS[day]}; name it once, or by itself"
                raise ValueError(message)
            if len(weekdays) < width:
                days[day] = _intervals(hours)
                named_by[day] = len(weekdays), key
    return tuple(days)


def _checked_week(week: dict[str, list[str]]) -> dict[str, list[str]]:
    _week(week)
    return week


def _one_or_several(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _iso_date(value: object) -> object:
    """YAML makes a date of 2026-12-25 where it is not quoted."""
    return value.isoformat() if isinstance(value, date) and not isinstance(value, datetime) else value


def _checked_date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        message = "is not a date; write year, month and day, such as 2026-12-25"
        raise ValueError(message) from error


def _text_only(value: object) -> object:
    """Norway's NO and Ontario's ON are truth values to YAML, and a region may be a number."""
    if value is not None and not isinstance(value, str):
        message = "is no text to YAML; put it in quotes"
        raise ValueError(message)
    return value


Hours = Annotated[
    list[Annotated[str, AfterValidator(_checked_interval)]],
    BeforeValidator(_one_or_several),
    AfterValidator(_checked_hours),
]
"""Intervals of a day, such as 09:00-12:00; of several they do not overlap."""
IsoDate = Annotated[str, BeforeValidator(_iso_date), AfterValidator(_checked_date)]
Code = Annotated[str | None, BeforeValidator(_text_only)]


class CalendarConfig(BaseModel):
    """Opening hours by the local clock, and the days without them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timezone: TimeZone
    week: Annotated[dict[str, Hours], AfterValidator(_checked_week)]
    holidays: Annotated[list[IsoDate], BeforeValidator(_one_or_several)] = []
    country: Code = None
    subdivision: Code = None

    @model_validator(mode="after")
    def _complete(self) -> "CalendarConfig":
        if self.country is None and self.subdivision is not None:
            message = f"subdivision {self.subdivision} needs its country; add for example `country: DE`"
            raise ValueError(message)
        if self.country is not None:
            _check_country(self.country, self.subdivision)
        CalendarSettings(self.timezone, _week(self.week))
        return self

    def settings(self) -> CalendarSettings:
        """With the holidays of the country worked out, from 2000 to 2100 and as far as they are known."""
        days = set(self.holidays)
        if self.country is not None:
            days |= _public_holidays(self.country, self.subdivision)
        return CalendarSettings(self.timezone, _week(self.week), tuple(sorted(days)))


def _check_country(country: str, subdivision: str | None) -> None:
    import holidays  # noqa: PLC0415 (a tenth of a second that only those pay who name a country)

    known = holidays.list_supported_countries(include_aliases=True)
    if country not in known:
        near = country.upper()
        hint = f"did you mean `{near}`?" if near in known else "write its ISO 3166 code, such as DE or US"
        message = f"country {country!r} is not known; {hint}"
        raise ValueError(message)
    if subdivision is not None and subdivision not in known[country]:
        hint = f"known there: {', '.join(known[country])}" if known[country] else "leave it out"
        message = f"subdivision {subdivision!r} of {country} is not known; {hint}"
        raise ValueError(message)


def _public_holidays(country: str, subdivision: str | None) -> set[str]:
    import holidays  # noqa: PLC0415 (as above)

    with warnings.catch_warnings():
        # some movable feasts are known for fewer years than asked for: docs/configuration.md says so
        warnings.simplefilter("ignore", UserWarning)
        days = holidays.country_holidays(country, subdiv=subdivision, years=HOLIDAY_YEARS)
    return {day.isoformat() for day in days}
