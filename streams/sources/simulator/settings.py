"""What a simulation can be asked for."""

from typing import Final, Literal

import msgspec

from streams.errors import ConfigError
from streams.events.model import EARLIEST_MS, LATEST_MS

Shape = Literal["flat", "daily"]

DEFAULT_START_MS: Final = 1_772_409_600_000
"""2026-03-02T00:00:00Z, a Monday: a simulation says the same whenever it is run."""


class SimulationSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One simulated centre. Raises `ConfigError` for a value that makes no sense."""

    seed: int = 1
    rate_per_hour: float = 600.0
    """New contacts per hour, all channels together; with shape `daily` the mean over a day."""
    start_ms: int = DEFAULT_START_MS
    """Epoch ms of the first moment; the centre is empty then."""
    duration_ms: int | None = None
    """How long new contacts keep coming; those in hand are then served to their end. None: for ever."""
    shape: Shape = "flat"
    """`daily`: quiet nights, busy mornings, agents on shifts, some queues closed at night (UTC). `flat`: the same at
    any hour. Both have waves of some minutes that no roster follows, so that queues build up and drain."""
    staffing: float = 1.0
    """Factor on the number of agents; 1 is a centre that copes except in its waves."""
    speed: float = 1.0
    """How many times faster than life all goes: with 10 a call of 5 min takes 30 s, and ten times as many come."""
    disorder_ms: int = 0
    """Longest time from an event to its arrival. 0: everything arrives at once, in order of time."""
    duplicate_share: float = 0.0
    """Share of events that arrive a second time, within the disorder or 5 s, whichever is longer."""
    bad_share: float = 0.0
    """Broken records per event: they come in addition, so that the numbers of the rest stay the same."""
    agents: bool = False
    """Whether agents say what they do."""
    survey_share: float = 0.0
    """Share of conversations after which the customer answers a survey."""
    ticket_share: float = 0.0
    """Tickets that come for each contact, in addition; those not closed at the end stay as they are."""
    heartbeats: bool = True
    """A heartbeat every 10 s, and for a while after the last event, so that the watermark passes it."""

    def __post_init__(self) -> None:
        _demand(self.rate_per_hour > 0, "the rate must be positive", "for example --rate 600/h")
        sane = EARLIEST_MS <= self.start_ms < LATEST_MS
        _demand(sane, "the start must lie within the years 2000 to 2099", "it is in epoch milliseconds")
        _demand(self.duration_ms is None or self.duration_ms > 0, "the duration must be positive", "for example 1h")
        _demand(self.staffing > 0, "the staffing must be positive", "1 is normal, 0.5 half the agents")
        _demand(self.speed > 0, "the speed must be positive", "1 is real time, 10 ten times as fast")
        _demand(self.disorder_ms >= 0, "the disorder must not be negative", "for example 30s")
        for name in ("duplicate_share", "bad_share", "survey_share", "ticket_share"):
            _demand(0 <= getattr(self, name) <= 1, f"the {name.replace('_', ' ')} must be 0 to 1", "0.01 is 1 %")


def _demand(fits: bool, message: str, hint: str) -> None:  # noqa: FBT001 (the condition, as in an assert)
    if not fits:
        raise ConfigError(message, hint=hint)
