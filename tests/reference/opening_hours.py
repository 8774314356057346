"""Business time by looking at the clock on the wall at every minute."""

from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from tests.reference.rules import MINUTE_MS, QueueRules


@cache
def open_ms(start: int, end: int, rules: QueueRules) -> int:
    """How much of [start, end) lies in the queue's opening hours. O(minutes)."""
    minutes = range(start // MINUTE_MS * MINUTE_MS, end, MINUTE_MS)
    return sum(min(end, at + MINUTE_MS) - max(start, at) for at in minutes if is_open(at, rules))


def is_open(at: int, rules: QueueRules) -> bool:
    wall = datetime.fromtimestamp(at / 1000, ZoneInfo(rules.timezone))
    shown = wall.hour * 60 + wall.minute
    return wall.weekday() in rules.weekdays and any(opens <= shown < closes for opens, closes in rules.opening_hours)
