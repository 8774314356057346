"""The integers that everything is computed from: one number per primitive, never renumbered (they are on disk).

A bag is `dict[int, int]`: primitive → sum. Bags add and subtract exactly. Histogram bins share the bag: their key is
`HISTOGRAM × histogram + upper edge in ms` (see `bins`).
"""

from typing import Final

Bag = dict[int, int]

LEFT_REASONS: Final = (
    "timeout", "key", "empty", "full", "closed", "transfer", "voicemail", "callback", "withdrawn", "bot",
)  # fmt: skip
"""Reasons of `queue.left`, in the order of their primitives."""

REJECTED_REASONS: Final = ("full", "closed", "no_agents", "other")
"""Reasons of `queue.rejected`, in the order of their primitives; what a source names otherwise is `other`."""


class P:
    """Primitive ids. Counts unless the name ends in `_MS` (integer milliseconds)."""

    OFFERED: Final = 1
    ANSWERED: Final = 2
    ANSWERED_IN_TARGET: Final = 3
    WAIT_ANSWERED_MS: Final = 4
    ABANDONED: Final = 5
    ABANDONED_IN_TARGET: Final = 6
    SHORT_ABANDONED: Final = 7
    WAIT_ABANDONED_MS: Final = 8
    EVICTED: Final = 9
    HANDLED: Final = 10
    TALK_MS: Final = 11
    HOLD_MS: Final = 12
    ACW_MS: Final = 13
    TRANSFERS: Final = 14
    OFFERS_MISSED: Final = 15
    CALLBACKS: Final = 16
    FIRST_RESPONSES: Final = 17
    FIRST_RESPONSE_MS: Final = 18
    FIRST_RESPONSES_IN_TARGET: Final = 19
    REPLIES: Final = 20
    REPLY_MS: Final = 21
    CONTACTS: Final = 22
    BOT_CONTAINED: Final = 23
    FLOWED_OUT: Final = 24
    REJECTED: Final = 25
    FIRST_RESPONSES_BUSINESS: Final = 30
    """First responses of queues that have a business clock, and on it how long they took."""
    FIRST_RESPONSE_BUSINESS_MS: Final = 31
    FLOWED_OUT_BY_REASON: Final = 100
    """First of one primitive per reason of `LEFT_REASONS`."""
    REJECTED_BY_REASON: Final = 150
    """First of one primitive per reason of `REJECTED_REASONS`."""


class H:
    """Histogram ids: which duration a bin belongs to."""

    WAIT_ANSWERED: Final = 1
    FIRST_RESPONSE: Final = 2
    REPLY: Final = 3
    FIRST_RESPONSE_BUSINESS: Final = 4


HISTOGRAM: Final = 1 << 40
"""Keys from here on are histogram bins; the upper edge in ms (< 2^40, 34 years) is the rest."""


def flowed_out(reason: str) -> int:
    """Primitive of visits that left with `reason` (one of `LEFT_REASONS`)."""
    return P.FLOWED_OUT_BY_REASON + LEFT_REASONS.index(reason)


def rejected(reason: str) -> int:
    """Primitive of rejected visits; a reason not of `REJECTED_REASONS` is `other`."""
    known = reason if reason in REJECTED_REASONS else "other"
    return P.REJECTED_BY_REASON + REJECTED_REASONS.index(known)
