"""Service-level targets of tickets as the file says them: what is due, to which tickets, on which clock, from when."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator

from streams.config.calendars import IsoDate
from streams.config.quantities import PositiveMilliseconds
from streams.contacts.settings import ZAMMAD, ZENDESK, TargetRule
from streams.facts.primitives import TARGETS

Target = Literal["first_reply", "next_reply", "requester_wait", "agent_work", "resolution"]
PRESETS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {"zendesk": ZENDESK, "zammad": ZAMMAD}
PAUSING: Final = ("new", "open", "pending", "on_hold")
"""Statuses that may stop a clock."""

_ALWAYS: Final = "1970-01-01"


def _one_or_several(value: object) -> object:
    return [value] if isinstance(value, str) else value


Priority = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(str.lower)]


class TargetConfig(BaseModel):
    """One rule. Of several that hold for a ticket, the one that names its queue goes first, then the one that names
    its priority, then the latest.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    metric: Target
    target: PositiveMilliseconds
    clock: Literal["calendar", "business"] = "calendar"
    priority: Priority | None = None
    queues: Annotated[list[str], BeforeValidator(_one_or_several), Field(min_length=1)] | None = None
    since: Annotated[IsoDate, Field(alias="from")] = _ALWAYS

    def rule(self, zone: ZoneInfo) -> TargetRule:
        """It begins at midnight in `zone`."""
        begins = datetime.combine(date.fromisoformat(self.since), datetime.min.time(), zone)
        return TargetRule(
            metric=self.metric,
            target_ms=self.target,
            business=self.clock == "business",
            priority=self.priority,
            queues=None if self.queues is None else tuple(sorted(set(self.queues))),
            from_ms=0 if self.since == _ALWAYS else int(begins.timestamp()) * 1_000,
        )


def checked_targets(targets: list[TargetConfig]) -> list[TargetConfig]:
    """ValueError where two rules contradict each other: both would hold, and neither goes first."""
    seen: dict[tuple[object, ...], int] = {}
    for number, target in enumerate(targets, start=1):
        for queue in target.queues or (None,):
            other = seen.setdefault((target.metric, target.priority, queue, target.since), number)
            if other != number:
                message = f"rules {other} and {number} are about the same tickets from the same day; keep one"
                raise ValueError(message)
    return targets


Targets = Annotated[list[TargetConfig], AfterValidator(checked_targets)]


def uncalendared(target: TargetConfig, calendars: Mapping[str, str | None], other: str | None) -> str | None:
    """The queue for want of whose calendar a business target is not measured; None: there is none.

    `calendars`: queue → its calendar, of the queues configured; `other`: that of all others. A rule for every queue
    holds where there is a calendar: it is an error only where there is none at all.
    """
    if target.clock != "business":
        return None
    if target.queues is None:
        return None if other or any(calendars.values()) else "any queue"
    return next((f"`{queue}`" for queue in target.queues if calendars.get(queue, other) is None), None)


def _checked_clocks(value: object) -> str | dict[str, list[str]]:
    """The name of a preset, or statuses by target. One check for both: a union would complain of each."""
    if isinstance(value, str) and value in PRESETS:
        return value
    if not isinstance(value, dict):
        message = f"is no preset; write {' or '.join(PRESETS)}, or the statuses that stop the clock of each target"
        raise ValueError(message)  # noqa: TRY004 (pydantic takes no other)
    for target, statuses in value.items():
        if target not in TARGETS:
            message = f"names no target {target!r}; known: {', '.join(TARGETS)}"
            raise ValueError(message)
        if not isinstance(statuses, list) or not set(statuses) <= set(PAUSING):
            message = f"says of {target} what is no list of statuses; known: {', '.join(PAUSING)}"
            raise ValueError(message)
    return value


Clocks = Annotated[str | dict[str, list[str]], PlainValidator(_checked_clocks)]
"""Which statuses stop which clock: as one of two products has it, or by target; one not named never pauses."""


def pauses(clocks: Clocks) -> Mapping[str, tuple[str, ...]]:
    """Target → statuses in which its clock stands still."""
    if isinstance(clocks, str):
        return PRESETS[clocks]
    return {target: tuple(sorted(set(statuses))) for target, statuses in clocks.items()}
