"""Words of the configuration file that stand for numbers: durations, sizes, time zones, addresses."""

import re
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

_UNITS_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_UNITS_BYTES: Final = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20}
_NUMBER: Final = re.compile(r"(\d+)\s*([a-zA-Z]+)")


def _quantity(value: object, units: dict[str, int], what: str, example: str) -> int:
    """Integer in the smallest of `units`; ValueError names the units there are."""
    match = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or match[2] not in units:
        message = f"is not a {what}; write a whole number and a unit ({', '.join(units)}), such as {example}"
        raise ValueError(message)
    return int(match[1]) * units[match[2]]


def parse_duration(value: object) -> int:
    """Milliseconds of `60s`, `15m`, `4h`. A bare number has no unit and is refused."""
    return _quantity(value, _UNITS_MS, "duration", "60s")


def parse_size(value: object) -> int:
    """Bytes of `256KiB`."""
    return _quantity(value, _UNITS_BYTES, "size", "256KiB")


def _in_largest_unit(number: int, units: dict[str, int]) -> str:
    unit = max((unit for unit in units if number % units[unit] == 0), key=lambda unit: units[unit])
    return f"{number // units[unit]}{unit}"


def format_duration(ms: int) -> str:
    """Inverse of `parse_duration`, in the largest unit that fits without a rest."""
    return _in_largest_unit(ms, _UNITS_MS) if ms else "0s"


def format_size(size: int) -> str:
    """Inverse of `parse_size`."""
    return _in_largest_unit(size, _UNITS_BYTES)


def _positive(number: int) -> int:
    if number <= 0:
        message = "must be more than 0"
        raise ValueError(message)
    return number


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        message = "is not a time zone; write an IANA name, such as UTC or Europe/Berlin"
        raise ValueError(message) from error
    return name


def _brokers(value: object) -> object:
    return ",".join(map(str, value)) if isinstance(value, list) else value


def _addresses(brokers: str) -> str:
    addresses = [address.strip() for address in brokers.split(",")]
    for address in addresses:
        if "@" in address or "/" in address:
            message = "holds more than host:port; protocol, user and password belong under kafka.security"
            raise ValueError(message)
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
            message = f"{address!r} is not host:port; write for example 127.0.0.1:9092"
            raise ValueError(message)
    return ",".join(addresses)


Milliseconds = Annotated[int, BeforeValidator(parse_duration), PlainSerializer(format_duration)]
"""A duration: `60s` in the file, milliseconds in the program."""

PositiveMilliseconds = Annotated[Milliseconds, AfterValidator(_positive)]

Size = Annotated[int, BeforeValidator(parse_size), AfterValidator(_positive), PlainSerializer(format_size)]
"""A number of bytes: `256KiB` in the file."""

TimeZone = Annotated[str, AfterValidator(_time_zone)]
"""An IANA name that zoneinfo knows."""

Brokers = Annotated[str, BeforeValidator(_brokers), AfterValidator(_addresses)]
"""`host:port`, several separated by commas (in the file a list will do)."""

ShownPath = Annotated[Path, PlainSerializer(str)]
