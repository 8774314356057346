"""Canonical events v1 as msgspec types: one class per `type`.

`time` may arrive as RFC 3339; `decode` leaves epoch milliseconds in every event. Unknown fields are ignored.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

EARLIEST_MS = 946_684_800_000
"""2000-01-01T00:00:00Z: an earlier event time is a broken clock."""
LATEST_MS = 4_102_444_800_000
"""2100-01-01T00:00:00Z: not earlier than this, likewise."""

Name = Annotated[str, Meta(min_length=1, max_length=200)]
QUEUE_PATTERN = r"^[^*@#\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"
CHANNEL_PATTERN = r"^[a-z0-9][a-z0-9_.-]{0,49}$"
Label = Annotated[str, Meta(min_length=1, max_length=200, extra_json_schema={"pattern": QUEUE_PATTERN})]
"""A queue: no control characters, and not a roll-up's name (`*`, `@group`, `#segment`). `decode` checks the pattern
once per name: a regular expression per event would double the time of decoding."""
Channel = Annotated[str, Meta(min_length=1, max_length=50, extra_json_schema={"pattern": CHANNEL_PATTERN})]
"""Lower case."""
Instant = int | Annotated[datetime, Meta(tz=True)]
"""Epoch ms, or RFC 3339 with an offset; epoch ms once decoded."""
Span = Annotated[int, Meta(ge=-(2**42), le=2**42)]
"""Duration in ms as the source measured it, 139 years at most: millions of them in one interval sum up to 64 bits.
Negative ones are clamped to 0 and counted."""
Amount = Annotated[int, Meta(ge=-(10**13), le=10**13)]
"""Integer minor units of the one configured currency; bounded as durations are."""
Count = Annotated[int, Meta(ge=0, le=10**12)]
Grade = Annotated[str, Meta(max_length=200)] | Annotated[int, Meta(ge=-(2**53), le=2**53)]
"""A priority or level, by name or number; kept as it is."""

LeftReason = Literal[
    "timeout", "key", "empty", "full", "closed", "transfer", "voicemail", "callback", "withdrawn", "bot"
]
TicketStatus = Literal["new", "open", "pending", "on_hold", "solved", "closed"]
AgentStatus = Literal["available", "offered", "on_contact", "wrapup", "break", "offline"]
SurveyKind = Literal["csat", "nps", "ces"]

SCALES: Mapping[SurveyKind, tuple[int, int]] = {"csat": (1, 5), "nps": (0, 10), "ces": (1, 7)}
"""Lowest and highest score of a survey that names no scale of its own."""
LARGEST_SCORE = 1_000_000
"""No scale reaches farther from 0."""


class Event(Struct, kw_only=True, tag_field="type", omit_defaults=True, gc=False):
    """Fields that every event has."""

    v: Literal[1]
    id: Name
    time: Instant
    source: Name | None = None


class ContactEvent(Event, kw_only=True, gc=False):
    """An event of one contact: a call, a conversation, a ticket."""

    channel: Channel
    contact: Name
    segment: Name | None = None


class ContactStarted(ContactEvent, tag="contact.started", kw_only=True, gc=False):
    customer: Name | None = None
    bot: bool = False


class QueueEntered(ContactEvent, tag="queue.entered", kw_only=True, gc=False):
    queue: Label
    priority: Grade | None = None
    customer: Name | None = None
    callback: bool = False
    due: Instant | None = None


class AgentOffered(ContactEvent, tag="agent.offered", kw_only=True, gc=False):
    queue: Label
    agent: Name


class AgentMissed(ContactEvent, tag="agent.missed", kw_only=True, gc=False):
    queue: Label
    agent: Name
    ring_ms: Span | None = None


class AgentConnected(ContactEvent, tag="agent.connected", kw_only=True, gc=False):
    queue: Label
    agent: Name
    wait_ms: Span | None = None


class ContactHeld(ContactEvent, tag="contact.held", kw_only=True, gc=False):
    pass


class ContactResumed(ContactEvent, tag="contact.resumed", kw_only=True, gc=False):
    pass


class QueueAbandoned(ContactEvent, tag="queue.abandoned", kw_only=True, gc=False):
    queue: Label
    wait_ms: Span | None = None


class QueueLeft(ContactEvent, tag="queue.left", kw_only=True, gc=False):
    queue: Label
    reason: LeftReason
    wait_ms: Span | None = None


class QueueRejected(ContactEvent, tag="queue.rejected", kw_only=True, gc=False):
    queue: Label
    reason: Name


class ContactTransferred(ContactEvent, tag="contact.transferred", kw_only=True, gc=False):
    kind: Literal["blind", "attended"]
    queue: Label | None = None
    to_queue: Name | None = None


class ContactEnded(ContactEvent, tag="contact.ended", kw_only=True, gc=False):
    by: Literal["customer", "agent", "system"]
    talk_ms: Span | None = None
    hold_ms: Span | None = None
    resolved: bool | None = None


class WrapupStarted(ContactEvent, tag="wrapup.started", kw_only=True, gc=False):
    agent: Name
    acw_ms: Span | None = None


class WrapupEnded(ContactEvent, tag="wrapup.ended", kw_only=True, gc=False):
    agent: Name
    acw_ms: Span | None = None


class MessageAdded(ContactEvent, tag="message.added", kw_only=True, gc=False):
    author: Literal["customer", "agent", "bot", "system"]
    public: bool = True
    agent: Name | None = None


class BotHandedOff(ContactEvent, tag="bot.handed_off", kw_only=True, gc=False):
    queue: Label | None = None


class BotResolved(ContactEvent, tag="bot.resolved", kw_only=True, gc=False):
    queue: Label | None = None


class TicketCreated(ContactEvent, tag="ticket.created", kw_only=True, gc=False):
    queue: Label
    priority: Name | None = None
    customer: Name | None = None
    status: TicketStatus = "new"
    by_agent: bool = False


class TicketUpdated(ContactEvent, tag="ticket.updated", kw_only=True, gc=False):
    status: TicketStatus | None = None
    priority: Name | None = None
    queue: Label | None = None
    agent: Name | None = None


class TicketEscalated(ContactEvent, tag="ticket.escalated", kw_only=True, gc=False):
    level: Grade | None = None
    queue: Label | None = None


class TicketMerged(ContactEvent, tag="ticket.merged", kw_only=True, gc=False):
    pass


class TicketDeleted(ContactEvent, tag="ticket.deleted", kw_only=True, gc=False):
    pass


class AgentState(Event, tag="agent.state", kw_only=True, gc=False):
    agent: Name
    state: AgentStatus
    queues: Annotated[list[Label], Meta(max_length=1_000)] | None = None


class SurveyAnswered(ContactEvent, tag="survey.answered", kw_only=True, gc=False):
    kind: SurveyKind
    score: int | float
    queue: Label | None = None
    agent: Name | None = None
    scale: tuple[int, int] | None = None


class BusinessEvent(Event, kw_only=True, gc=False):
    """An event of the topic `business`: of a customer, or of a source where there is none."""

    customer: Name | None = None
    segment: Name | None = None


class OrderPlaced(BusinessEvent, tag="order.placed", kw_only=True, gc=False):
    customer: Name
    amount: Amount
    queue: Label | None = None
    agent: Name | None = None


class LeadCreated(BusinessEvent, tag="lead.created", kw_only=True, gc=False):
    customer: Name


class CustomerAcquired(BusinessEvent, tag="customer.acquired", kw_only=True, gc=False):
    customer: Name


class MarketingSpent(BusinessEvent, tag="marketing.spent", kw_only=True, gc=False):
    amount: Amount


class CustomerLost(BusinessEvent, tag="customer.lost", kw_only=True, gc=False):
    customer: Name


class CustomersCounted(BusinessEvent, tag="customers.counted", kw_only=True, gc=False):
    count: Count


class ReturnOpened(BusinessEvent, tag="return.opened", kw_only=True, gc=False):
    customer: Name
    amount: Amount


class TrainingSpent(BusinessEvent, tag="training.spent", kw_only=True, gc=False):
    agent: Name
    amount: Amount


class MentionSeen(BusinessEvent, tag="mention.seen", kw_only=True, gc=False):
    sentiment: Literal["positive", "neutral", "negative"]
    network: Name | None = None


class ComplaintOpened(BusinessEvent, tag="complaint.opened", kw_only=True, gc=False):
    queue: Label


class Heartbeat(Event, tag="heartbeat", kw_only=True, gc=False):
    source: Name


VisitEvent = (
    ContactStarted | QueueEntered | AgentOffered | AgentMissed | AgentConnected | ContactHeld | ContactResumed
    | QueueAbandoned | QueueLeft | QueueRejected | ContactTransferred | ContactEnded | WrapupStarted | WrapupEnded
    | MessageAdded | BotHandedOff | BotResolved
)  # fmt: skip
"""Events that the life cycle of queue visits knows."""

TicketEvent = TicketCreated | TicketUpdated | TicketEscalated | TicketMerged | TicketDeleted
BusinessEvents = (
    OrderPlaced | LeadCreated | CustomerAcquired | MarketingSpent | CustomerLost | CustomersCounted | ReturnOpened
    | TrainingSpent | MentionSeen | ComplaintOpened
)  # fmt: skip
AnyEvent = VisitEvent | TicketEvent | AgentState | SurveyAnswered | BusinessEvents | Heartbeat
