"""The layout of the simulated centre: its queues, what their contacts are like, and how many agents they need."""

import math
from typing import Final

import msgspec

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000


class QueuePlan(msgspec.Struct, frozen=True, kw_only=True):
    """One queue. Means in seconds."""

    channel: str
    name: str
    share: float
    """Of all contacts of the centre; 0: reached from other queues only."""
    talk_s: float
    wrapup_s: float
    patience_s: float
    """Mean time until a customer gives up."""
    timeout_s: float | None = None
    """Wait after which the contact flows on. None: never."""
    overflow: str | None = None
    """Queue that contacts flow on to. None: to voicemail."""
    capacity: float | None = None
    """Contacts that may wait for each agent on duty; more are rejected. None: any number."""
    hours: tuple[int, int] = (0, 24)
    """Open from … to, UTC hours, in a centre with the daily shape."""


VOICE: Final = "voice"
CHAT: Final = "chat"
TICKET: Final = "ticket"

SOURCES: Final = {VOICE: "pbx", CHAT: "webchat", TICKET: "helpdesk"}
DESKS: Final = {VOICE: 1, CHAT: 3}
"""Contacts that one agent serves at the same time."""

QUEUES: Final = (
    QueuePlan(channel=VOICE, name="billing", share=0.20, talk_s=240, wrapup_s=45, patience_s=200, timeout_s=240,
              overflow="overflow"),
    QueuePlan(channel=VOICE, name="support", share=0.20, talk_s=390, wrapup_s=60, patience_s=300, timeout_s=360,
              overflow="overflow", capacity=1),
    QueuePlan(channel=VOICE, name="sales", share=0.15, talk_s=300, wrapup_s=90, patience_s=120, timeout_s=120,
              overflow="overflow", hours=(7, 21), capacity=0.5),
    QueuePlan(channel=VOICE, name="claims", share=0.10, talk_s=480, wrapup_s=120, patience_s=260, hours=(8, 18)),
    QueuePlan(channel=VOICE, name="overflow", share=0.0, talk_s=260, wrapup_s=50, patience_s=180, timeout_s=600),
    QueuePlan(channel=CHAT, name="webshop", share=0.14, talk_s=300, wrapup_s=20, patience_s=240, timeout_s=900),
    QueuePlan(channel=CHAT, name="support", share=0.14, talk_s=480, wrapup_s=40, patience_s=360, timeout_s=900),
    QueuePlan(channel=CHAT, name="returns", share=0.07, talk_s=260, wrapup_s=30, patience_s=240, timeout_s=900),
)  # fmt: skip

ALLROUND_SHARE: Final = 0.2
"""Share of a channel's work that agents who serve all its queues do."""

HUMAN_SHARE: Final = {VOICE: 0.95, CHAT: 0.7}
"""Share of a channel's contacts that come to a queue: the rest ends in the menu or with the bot."""


class TeamPlan(msgspec.Struct, frozen=True):
    """Agents with the same skills: the queues they serve, and the work planned for them."""

    name: str
    channel: str
    queues: tuple[str, ...]
    erlangs: float
    """Contacts in hand at the mean rate, divided by the contacts one agent serves at a time."""


def teams(rate_per_hour: float) -> list[TeamPlan]:
    """A team for every queue, and one per channel that serves them all: together they cope with the mean rate."""
    plans = []
    for channel in DESKS:
        queues = [queue for queue in QUEUES if queue.channel == channel]
        work = {queue.name: _erlangs(queue, rate_per_hour) for queue in queues}
        own = [
            TeamPlan(f"{channel}-{name}", channel, (name,), erlangs * (1 - ALLROUND_SHARE))
            for name, erlangs in work.items()
            if erlangs
        ]
        everything = sum(work.values()) * ALLROUND_SHARE
        plans += [*own, TeamPlan(f"{channel}-allround", channel, tuple(work), everything)]
    return plans


def agents_needed(erlangs: float, staffing: float) -> int:
    """Agents on duty for this work, at least 1: the square-root rule of staffing, a little on the short side."""
    return max(1, round((erlangs + 0.25 * math.sqrt(erlangs)) * staffing))


def _erlangs(queue: QueuePlan, rate_per_hour: float) -> float:
    hours = (queue.talk_s + queue.wrapup_s) / 3600
    return rate_per_hour * queue.share * HUMAN_SHARE[queue.channel] * hours / DESKS[queue.channel]
