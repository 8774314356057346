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

TARGETS: Final = ("first_reply", "next_reply", "requester_wait", "agent_work", "resolution")
"""Service-level targets of tickets, in the order of their primitives."""

PRIORITIES: Final = ("urgent", "high", "normal", "low", "other")
"""Priorities of tickets, in the order of their primitives; what a source names otherwise is `other`."""


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
    HANDLED_AT_COST: Final = 40
    """Conversations handled in queues that have a cost per hour."""
    HANDLE_COST: Final = 41
    """Σ handle time in ms × cost per hour in minor units."""
    FLOWED_OUT_BY_REASON: Final = 100
    """First of one primitive per reason of `LEFT_REASONS`."""
    REJECTED_BY_REASON: Final = 150
    """First of one primitive per reason of `REJECTED_REASONS`."""
    CREATED: Final = 200
    SOLVED: Final = 201
    REOPENED: Final = 202
    REASSIGNED: Final = 203
    ESCALATED: Final = 204
    MERGED: Final = 205
    DELETED: Final = 206
    RESOLUTIONS: Final = 210
    """Solves of tickets whose creation was seen: those that are measured."""
    FIRST_RESOLUTIONS: Final = 211
    RESOLUTION_FIRST_MS: Final = 212
    RESOLUTION_FULL_MS: Final = 213
    REQUESTER_WAIT_MS: Final = 214
    AGENT_WORK_MS: Final = 215
    RESOLUTIONS_BUSINESS: Final = 220
    """The same of queues that have a business clock, and on it how long they took."""
    FIRST_RESOLUTIONS_BUSINESS: Final = 221
    RESOLUTION_FIRST_BUSINESS_MS: Final = 222
    RESOLUTION_FULL_BUSINESS_MS: Final = 223
    REQUESTER_WAIT_BUSINESS_MS: Final = 224
    AGENT_WORK_BUSINESS_MS: Final = 225
    SLA_ENDED: Final = 300
    """First of one primitive per target and priority: instances that have ended, met or breached."""
    SLA_MET: Final = 350
    """First of one primitive per target and priority."""
    BUSY_STEPS: Final = 400
    """Agents that became busy (on a contact, wrapping up) less those that no longer were: see `levels`."""
    BUSY_MOMENTS_MS: Final = 401
    """Σ step × its epoch ms."""
    AVAILABLE_STEPS: Final = 402
    AVAILABLE_MOMENTS_MS: Final = 403
    RESOLVED: Final = 410
    """Conversations of one agent that ended resolved, and those of which that is known."""
    RESOLUTION_KNOWN: Final = 411
    CSAT_ANSWERS: Final = 450
    CSAT_TOP_TWO: Final = 451
    """Answers within the two highest steps of their scale."""
    CSAT_THOUSANDTHS: Final = 452
    """Σ score on the scale from 1 to 5, in thousandths."""
    NPS_ANSWERS: Final = 453
    NPS_PROMOTERS: Final = 454
    NPS_DETRACTORS: Final = 455
    CES_ANSWERS: Final = 456
    CES_THOUSANDTHS: Final = 457
    """Σ score on the scale from 1 to 7, in thousandths."""
    CONTACTS_SEEN: Final = 480
    """Contacts whose customer is known."""
    REPEAT_CONTACTS: Final = 481
    FCR_JUDGED: Final = 482
    """Contacts whose days have passed."""
    FCR_MET: Final = 483
    ORDERS: Final = 500
    REVENUE: Final = 501
    """This and all that is spent or costs: integer minor units of the one currency."""
    REPEAT_ORDERS: Final = 502
    """Orders of customers who had ordered before."""
    CUSTOMER_DAYS: Final = 503
    """Customers who ordered, each once per local day."""
    LEADS: Final = 510
    CUSTOMERS_ACQUIRED: Final = 511
    MARKETING_SPENT: Final = 512
    CUSTOMERS_LOST: Final = 520
    CUSTOMERS_STEPS: Final = 521
    """Σ (count of customers − the count before)."""
    RETURNS: Final = 530
    COST_OF_RETURNS: Final = 531
    TRAINING_SPENT: Final = 540
    AGENT_DAYS: Final = 541
    """Agents who were trained, each once per local day."""
    MENTIONS: Final = 550
    NEGATIVE_MENTIONS: Final = 551
    COMPLAINTS: Final = 560


class H:
    """Histogram ids: which duration a bin belongs to."""

    WAIT_ANSWERED: Final = 1
    FIRST_RESPONSE: Final = 2
    REPLY: Final = 3
    FIRST_RESPONSE_BUSINESS: Final = 4
    RESOLUTION_FIRST: Final = 10
    RESOLUTION_FULL: Final = 11
    REQUESTER_WAIT: Final = 12
    AGENT_WORK: Final = 13
    CUSTOMER_DAY_BEFORE: Final = 50
    """Not of durations: `CUSTOMER_DAYS` by the ordinal of the day on which the customer had ordered before."""
    AGENT_DAY_BEFORE: Final = 51
    BUSINESS: Final = 10
    """Added to one of the four above: the same duration on the business clock."""


HISTOGRAM: Final = 1 << 40
"""Keys from here on are histogram bins; the upper edge in ms (< 2^40, 34 years) is the rest."""


def flowed_out(reason: str) -> int:
    """Primitive of visits that left with `reason` (one of `LEFT_REASONS`)."""
    return P.FLOWED_OUT_BY_REASON + LEFT_REASONS.index(reason)


def rejected(reason: str) -> int:
    """Primitive of rejected visits; a reason not of `REJECTED_REASONS` is `other`."""
    known = reason if reason in REJECTED_REASONS else "other"
    return P.REJECTED_BY_REASON + REJECTED_REASONS.index(known)


def sla_ended(target: str, priority: int) -> int:
    """Primitive of a target's instances that have ended; `priority`: index in `PRIORITIES`."""
    return P.SLA_ENDED + len(PRIORITIES) * TARGETS.index(target) + priority


def sla_met(target: str, priority: int) -> int:
    """Primitive of those among them that were met."""
    return P.SLA_MET + len(PRIORITIES) * TARGETS.index(target) + priority
