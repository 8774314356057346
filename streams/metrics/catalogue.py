"""Every KPI in one table: Prometheus, Redis, the board and the docs are generated from it.

`T` service-level threshold, `S` short-abandon threshold of the queue; N answered, A abandoned, F flowed out, N_T and
A_T within T, A_S short. Counted things are visits. See `formulas` for what a formula may be.
"""

from typing import Final, Literal

import msgspec

from streams.facts.primitives import LEFT_REASONS, REJECTED_REASONS, H, P, flowed_out, rejected
from streams.facts.wire import RowKind
from streams.metrics.formulas import Age, Count, Formula, LiveCount, Mean, Quantile, Ratio, Shown

Kind = Literal["count", "ratio", "duration", "live_count", "live_age"]
Good = Literal["up", "down", "neither"]


class Kpi(msgspec.Struct, frozen=True):
    """One row of the catalogue."""

    id: str
    kind: Kind
    unit: Literal["count", "ratio", "s"]
    formula: Formula
    help: str
    """One sentence for a stranger."""
    good: Good = "neither"
    warn: float | None = None
    """Default threshold of a warning on the board, in the KPI's unit; None: never."""
    bad: float | None = None
    source: str = "contact-streams"
    """Who else defines it so."""
    variant_of: str | None = None
    """Id of the KPI that this is a variant of: Prometheus shows it there, under the label `variant`."""

    @property
    def variant(self) -> str | None:
        """Name of the variant, e.g. `strict` of `service_level_strict`."""
        return self.id.removeprefix(f"{self.variant_of}_") if self.variant_of else None

    @property
    def live(self) -> bool:
        """Whether it stands under the window `live` (state at the instant) and not under the time windows."""
        return self.kind in ("live_count", "live_age")


N: Final = {P.ANSWERED: 1}
A: Final = {P.ABANDONED: 1}
OUTCOMES: Final = {P.ANSWERED: 1, P.ABANDONED: 1}
N_T: Final = {P.ANSWERED_IN_TARGET: 1}
NOT_SHORT: Final = {**OUTCOMES, P.SHORT_ABANDONED: -1}
LOST: Final = {P.ABANDONED: 1, P.SHORT_ABANDONED: -1}
WITH_FLOW_OUT: Final = {**OUTCOMES, P.FLOWED_OUT: 1}


def _count(kpi_id: str, primitive: int, help: str, good: Good = "neither", source: str = "contact-streams") -> Kpi:  # noqa: A002 - the field's name
    return Kpi(kpi_id, "count", "count", Count({primitive: 1}), help, good, source=source)


def _service_level(variant: str, above: dict[int, int], below: dict[int, int], help: str, source: str) -> Kpi:  # noqa: A002 - the field's name
    return Kpi(
        f"service_level_{variant}", "ratio", "ratio", Ratio(above, below), help,
        good="up", warn=0.8, bad=0.6, source=source, variant_of="service_level",
    )  # fmt: skip


def _abandon_rate(variant: str, above: dict[int, int], below: dict[int, int], help: str, source: str) -> Kpi:  # noqa: A002 - the field's name
    return Kpi(
        f"abandon_rate_{variant}", "ratio", "ratio", Ratio(above, below), help,
        good="down", warn=0.05, bad=0.1, source=source, variant_of="abandon_rate",
    )  # fmt: skip


def _mean(kpi_id: str, sum_ms: dict[int, int], count: dict[int, int], help: str, source: str) -> Kpi:  # noqa: A002 - the field's name
    return Kpi(kpi_id, "duration", "s", Mean(sum_ms, count), help, good="down", source=source)


def _quantile(kpi_id: str, histogram: int, percent: int, what: str) -> Kpi:
    text = f"{percent} % of {what} took at most this long (nearest rank, within 1.1 %)."
    return Kpi(kpi_id, "duration", "s", Quantile(histogram, percent / 100), text, good="down")


_SERVICE_LEVEL: Final = (
    Kpi(
        "service_level", "ratio", "ratio", Shown("service_level"),
        "Share of visits answered within the target, by the variant configured for the queue.",
        good="up", warn=0.8, bad=0.6,
    ),
    _service_level("strict", N_T, OUTCOMES, "N_T / (N + A): every abandon is a miss.", "Cisco, negative impact"),
    _service_level("answered_only", N_T, N, "N_T / N: abandons are not looked at.", "Genesys Cloud, option"),
    _service_level("ignore_short", N_T, NOT_SHORT, "N_T / (N + A − A_S): short abandons are not looked at.", "Twilio"),
    _service_level(
        "ignore_in_target", N_T, {**OUTCOMES, P.ABANDONED_IN_TARGET: -1},
        "N_T / (N + A − A_T): abandons within the target are not looked at.", "Cisco, ignore abandons",
    ),
    _service_level(
        "abandons_met", {**N_T, P.ABANDONED_IN_TARGET: 1}, OUTCOMES,
        "(N_T + A_T) / (N + A): an abandon within the target is a success.", "Cisco; Asterisk ServiceLevelPerf2",
    ),
    _service_level(
        "short_met", {**N_T, P.SHORT_ABANDONED: 1}, OUTCOMES,
        "(N_T + A_S) / (N + A): a short abandon is a success.", "contact-streams",
    ),
    _service_level(
        "with_flow_out", N_T, WITH_FLOW_OUT,
        "N_T / (N + A + F): visits that left by flow are misses too.", "Amazon Connect",
    ),
    Kpi(
        "service_level_live", "ratio", "ratio", Ratio(N_T, NOT_SHORT, live_misses=RowKind.WAITING),
        "N_T / (N + A − A_S + W_T): who waits longer than the target now is a miss already.",
        good="up", warn=0.8, bad=0.6, variant_of="service_level",
    ),
)  # fmt: skip

_ABANDON_RATE: Final = (
    Kpi(
        "abandon_rate", "ratio", "ratio", Shown("abandon_rate"),
        "Share of visits whose customer left while waiting, by the variant configured for the queue.",
        good="down", warn=0.05, bad=0.1,
    ),
    _abandon_rate("ignore_short", LOST, NOT_SHORT, "(A − A_S) / (N + A − A_S): short ones left out.", "Genesys Cloud"),
    _abandon_rate("strict", A, OUTCOMES, "A / (N + A): every abandon counts.", "Zendesk Talk"),
    _abandon_rate("with_flow_out", A, WITH_FLOW_OUT, "A / (N + A + F): of all that left the queue.", "Amazon Connect"),
    _abandon_rate("short_met", LOST, OUTCOMES, "(A − A_S) / (N + A): a short abandon is no loss.", "contact-streams"),
)  # fmt: skip

_COUNTS: Final = (
    _count("offered", P.OFFERED, "Visits that entered the queue, by arrival."),
    _count("answered", P.ANSWERED, "Visits answered by a human.", good="up"),
    _count("answered_in_target", P.ANSWERED_IN_TARGET, "N_T: visits answered within the target.", good="up"),
    _count("abandoned", P.ABANDONED, "Visits whose customer left while waiting.", good="down"),
    _count("abandoned_in_target", P.ABANDONED_IN_TARGET, "A_T: abandoned within the target."),
    _count("short_abandoned", P.SHORT_ABANDONED, "A_S: abandoned after a wait too short to matter."),
    _count("flowed_out", P.FLOWED_OUT, "Visits that left the queue by flow: neither answered nor abandoned."),
    *(
        _count(f"flowed_out_{reason}", flowed_out(reason), f"Visits that left the queue by flow, reason {reason}.")
        for reason in LEFT_REASONS
    ),
    _count("rejected", P.REJECTED, "Visits that the queue did not take in.", good="down"),
    *(
        _count(f"rejected_{reason}", rejected(reason), f"Visits that the queue did not take in, reason {reason}.")
        for reason in REJECTED_REASONS
    ),
    _count("evicted", P.EVICTED, "Visits given up as ghosts: still waiting at their channel's maximum age."),
    _count("handled", P.HANDLED, "Conversations that have ended, by their end."),
    _count("transfers", P.TRANSFERS, "Conversations handed on by an agent."),
    _count("offers_missed", P.OFFERS_MISSED, "Offers to an agent that rang without answer.", good="down"),
    _count("callbacks", P.CALLBACKS, "Visits that are callbacks."),
    _count("contacts", P.CONTACTS, "Contacts that have started."),
    _count("bot_contained", P.BOT_CONTAINED, "Contacts that a bot resolved without a human.", good="up"),
    _count("first_responses", P.FIRST_RESPONSES, "First responses given, by the reply."),
    _count("replies", P.REPLIES, "Replies given to customers who were waiting for one, after the first response."),
)

_DURATIONS: Final = (
    _mean(
        "asa", {P.WAIT_ANSWERED_MS: 1}, N,
        "Average speed of answer: wait of the answered, zero waits included.", "ICMI",
    ),
    _mean(
        "wait_avg", {P.WAIT_ANSWERED_MS: 1, P.WAIT_ABANDONED_MS: 1}, OUTCOMES,
        "Average wait of the answered and the abandoned.", "Genesys Cloud",
    ),
    _mean(
        "wait_per_answered", {P.WAIT_ANSWERED_MS: 1, P.WAIT_ABANDONED_MS: 1}, N,
        "Wait of answered and abandoned together per answered visit: how some KPI guides define wait.", "KPI guides",
    ),
    _mean("abandon_time_avg", {P.WAIT_ABANDONED_MS: 1}, A, "Average wait of those who left.", "Amazon Connect"),
    *(_quantile(f"wait_p{p}", H.WAIT_ANSWERED, p, "the answered waits") for p in (50, 80, 90, 95, 99)),
    _mean(
        "aht", {P.TALK_MS: 1, P.HOLD_MS: 1, P.ACW_MS: 1}, {P.HANDLED: 1},
        "Average handle time: talk, hold and after-contact work per conversation.", "COPC, ICMI",
    ),
    _mean("talk_avg", {P.TALK_MS: 1}, {P.HANDLED: 1}, "Average talk time, hold left out.", "Genesys Cloud"),
    _mean("hold_avg", {P.HOLD_MS: 1}, {P.HANDLED: 1}, "Average hold time per conversation.", "Genesys Cloud"),
    _mean("acw_avg", {P.ACW_MS: 1}, {P.HANDLED: 1}, "Average after-contact work per conversation.", "Amazon Connect"),
)  # fmt: skip

_RESPONSES: Final = (
    _mean(
        "first_response_avg", {P.FIRST_RESPONSE_MS: 1}, {P.FIRST_RESPONSES: 1},
        "Average time from the start (or the bot's hand-off) to the first public message of a human.", "Zendesk",
    ),
    *(_quantile(f"first_response_p{p}", H.FIRST_RESPONSE, p, "the first responses") for p in (50, 90)),
    Kpi(
        "first_response_within_target", "ratio", "ratio",
        Ratio({P.FIRST_RESPONSES_IN_TARGET: 1}, {P.FIRST_RESPONSES: 1}),
        "Share of first responses given within their target.", good="up", warn=0.8, bad=0.6, source="Chatwoot",
    ),
    _mean(
        "reply_avg", {P.REPLY_MS: 1}, {P.REPLIES: 1},
        "Average time from a customer's message that begins a wait to the next public reply of a human.", "Chatwoot",
    ),
    _quantile("reply_p90", H.REPLY, 90, "the replies"),
    Kpi(
        "deflection_rate", "ratio", "ratio", Ratio({P.BOT_CONTAINED: 1}, {P.CONTACTS: 1}),
        "Contacts resolved by a bot / contacts started.", good="up",
    ),
)  # fmt: skip

_LIVE: Final = (
    Kpi(
        "waiting", "live_count", "count", LiveCount(RowKind.WAITING),
        "Visits waiting now; ringing still waits.", good="down",
    ),
    Kpi(
        "waiting_over_target", "live_count", "count", LiveCount(RowKind.WAITING, over_target=True),
        "W_T: visits waiting now for longer than the target.", good="down", warn=1, bad=3,
    ),
    Kpi(
        "longest_wait", "live_age", "s", Age(RowKind.WAITING),
        "How long the visit that entered first has been waiting.", good="down", warn=60, bad=180,
    ),
    Kpi(
        "longest_contact_wait", "live_age", "s", Age(RowKind.WAITING, of_contact=True),
        "The same from the contact's start: what the customer has gone through.", good="down",
    ),
    Kpi(
        "first_response_pending", "live_count", "count", LiveCount(RowKind.FIRST_RESPONSE),
        "Contacts in a queue's care that no human has answered publicly yet.", good="down",
    ),
    Kpi(
        "first_response_oldest", "live_age", "s", Age(RowKind.FIRST_RESPONSE),
        "How long the contact that has waited longest for a human's first public answer has been waiting.", good="down",
    ),
)  # fmt: skip

CATALOGUE: Final[tuple[Kpi, ...]] = (*_COUNTS, *_SERVICE_LEVEL, *_ABANDON_RATE, *_DURATIONS, *_RESPONSES, *_LIVE)
"""Every KPI, in the order of the docs."""

BY_ID: Final = {kpi.id: kpi for kpi in CATALOGUE}
