"""KPIs of first responses and replies: of chats and calls, and of tickets."""

from typing import Final

from streams.facts.primitives import H, P
from streams.facts.wire import RowKind
from streams.metrics.formulas import Age, LiveCount, Ratio
from streams.metrics.kpi import Kpi, count, mean, quantile
from streams.metrics.settings import Scope

_SCOPES: Final[tuple[Scope, ...]] = ("contacts", "tickets")

RESPONSES: Final[tuple[Kpi, ...]] = (
    count("first_responses", P.FIRST_RESPONSES, "First responses given, by the reply.", scopes=_SCOPES),
    count(
        "replies", P.REPLIES, "Replies given to customers who were waiting for one, after the first response.",
        scopes=_SCOPES,
    ),
    mean(
        "first_response_avg", {P.FIRST_RESPONSE_MS: 1}, {P.FIRST_RESPONSES: 1},
        "Average time from the start (or the bot's hand-off) to the first public message of a human.", "Zendesk",
        scopes=_SCOPES,
    ),
    *(quantile(f"first_response_p{p}", H.FIRST_RESPONSE, p, "the first responses", scopes=_SCOPES) for p in (50, 90)),
    Kpi(
        "first_response_within_target", "ratio", "ratio",
        Ratio({P.FIRST_RESPONSES_IN_TARGET: 1}, {P.FIRST_RESPONSES: 1}),
        "Share of first responses given within their target.", good="up", warn=0.8, bad=0.6, source="Chatwoot",
        scopes=_SCOPES,
    ),
    mean(
        "first_response_business_avg", {P.FIRST_RESPONSE_BUSINESS_MS: 1}, {P.FIRST_RESPONSES_BUSINESS: 1},
        "Average first response time in the opening hours of the queue; only where the queue has a calendar.",
        "Zendesk", scopes=_SCOPES,
    ),
    *(
        quantile(
            f"first_response_business_p{p}", H.FIRST_RESPONSE_BUSINESS, p, "the first responses, in opening hours,",
            scopes=_SCOPES,
        )
        for p in (50, 90)
    ),
    mean(
        "reply_avg", {P.REPLY_MS: 1}, {P.REPLIES: 1},
        "Average time from a customer's message that begins a wait to the next public reply of a human.", "Chatwoot",
        scopes=_SCOPES,
    ),
    quantile("reply_p90", H.REPLY, 90, "the replies", scopes=_SCOPES),
    Kpi(
        "first_response_pending", "live_count", "count", LiveCount(RowKind.FIRST_RESPONSE),
        "Contacts in a queue's care that no human has answered publicly yet.", good="down", scopes=_SCOPES,
    ),
    Kpi(
        "first_response_oldest", "live_age", "s", Age(RowKind.FIRST_RESPONSE),
        "How long the contact that has waited longest for a human's first public answer has been waiting.",
        good="down", scopes=_SCOPES,
    ),
)  # fmt: skip
"""In the order of the docs."""
