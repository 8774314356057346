"""A ticket desk in a few words: `09:00 created · 10:00 status=pending · 10:45 agent says`, told to the whole pipeline.

Times are those of a clock in UTC; a day may stand before one (`mon 09:30`), of the week that the first day is in.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from msgspec.structs import replace

from streams.books import MemoryRecord
from streams.calendars.settings import CalendarSettings
from streams.contacts.settings import FoldSettings, TargetRule
from streams.metrics.settings import Variants
from streams.pipeline import Pipeline
from streams.windows.settings import WindowSettings

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONDAY: Final = "2013-06-03"

WORDS: Final = {
    "created": "ticket.created",
    "escalated": "ticket.escalated",
    "merged": "ticket.merged",
    "deleted": "ticket.deleted",
}
COUNTS: Final = ("created", "solved", "reopened", "reassigned", "escalated", "merged", "deleted", "backlog")
Number = int | float | None


def clock(text: str, day: str = MONDAY) -> int:
    """Epoch ms of `09:30`, `fri 09:30` or `fri 09:30:00.001`, the day within the week of `day`."""
    *weekday, time = text.split()
    date = datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=UTC)
    if weekday:
        number = DAYS.index(weekday[0].removeprefix("+"))
        date += timedelta(days=number - date.weekday() + 7 * weekday[0].startswith("+"))
    return int(date.timestamp() * 1_000)


def events(story: str, contact: str = "t1", day: str = MONDAY, channel: str = "email") -> list[dict[str, Any]]:
    """The events of a story, its steps parted by `·`; what is not said otherwise is in queue q."""
    return [_event(step.split(), number, contact, day, channel) for number, step in enumerate(story.split("·"))]


def _event(words: list[str], number: int, contact: str, day: str, channel: str) -> dict[str, Any]:
    dated = 2 if words[0].removeprefix("+") in DAYS else 1
    at, rest = clock(" ".join(words[:dated]), day), words[dated:]
    fields = dict(word.split("=") for word in rest if "=" in word)
    said = [word for word in rest if "=" not in word]
    kind = WORDS.get(said[0], "message.added") if said else "ticket.updated"
    if kind == "message.added":
        fields["author"] = said[0]
    if kind == "ticket.created":
        fields.setdefault("queue", "q")
    base = {"v": 1, "id": f"{contact}#{number}", "type": kind, "time": at, "channel": channel, "contact": contact}
    return {**base, **{name: {"true": True, "false": False}.get(text, text) for name, text in fields.items()}}


class Desk:
    """The pipeline with a desk's settings, the window `all` among its windows."""

    def __init__(
        self,
        *rules: TargetRule,
        calendar: CalendarSettings | None = None,
        day: str = MONDAY,
        **settings: Any,
    ) -> None:
        fold = FoldSettings(ticket_targets=rules, **settings)
        if calendar is not None:
            defaults = replace(fold.defaults, calendar="hours")
            fold = replace(fold, calendars={"hours": calendar}, defaults=defaults)
        self.pipeline = Pipeline(fold, WindowSettings(whole_log=True), Variants())
        self.day = day
        self._told = 0

    def tell(self, story: str, contact: str = "t1", channel: str = "email") -> Self:
        return self.feed(events(story, contact, self.day, channel))

    def feed(self, told: list[dict[str, Any]]) -> Self:
        """Events in the order they arrive, each folded by itself."""
        for event in told:
            self._told += 1
            record = MemoryRecord(self._told, None, event["contact"].encode(), json.dumps(event).encode())
            self.pipeline.feed([(("tickets", 0), record)])
        return self

    def beat(self, at: str) -> Self:
        """The source is alive: its watermark moves."""
        event = {"v": 1, "id": f"beat{at}", "type": "heartbeat", "time": clock(at, self.day), "source": "desk"}
        return self.feed([{**event, "contact": ""}])

    def at(self, at: str, queue: str = "*", channel: str = "email") -> dict[str, Number]:
        """Every number, live and of the window `all`."""
        now = clock(at, self.day)
        view = next(v for v in self.pipeline.views(now) if (v.channel, v.queue) == (channel, queue))
        return {**view.windows["all"], **view.live}

    def counted(self, at: str, queue: str = "*") -> dict[str, Number]:
        """What was counted and what is in the backlog, without zeros."""
        values = self.at(at, queue)
        return {name: values[name] for name in COUNTS if values[name]}

    @property
    def outcomes(self) -> Mapping[str, int]:
        return self.pipeline.outcomes
