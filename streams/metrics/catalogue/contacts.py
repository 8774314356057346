"""KPIs of calls and chats: what their visits come to.

`T` service-level threshold, `S` short-abandon threshold of the queue; N answered, A abandoned, F flowed out, N_T and
A_T within T, A_S short. Counted things are visits. See `formulas` for what a formula may be.
"""

from typing import Final

from streams.facts.primitives import LEFT_REASONS, REJECTED_REASONS, H, P, flowed_out, rejected
from streams.facts.wire import RowKind
from streams.metrics.formulas import Age, LiveCount, Ratio, Shown
from streams.metrics.kpi import Kpi, count, mean, quantile
from streams.metrics.settings import Scope

N: Final = {P.ANSWERED: 1}
A: Final = {P.ABANDONED: 1}
OUTCOMES: Final = {P.ANSWERED: 1, P.ABANDONED: 1}
N_T: Final = {P.ANSWERED_IN_TARGET: 1}
NOT_SHORT: Final = {**OUTCOMES, P.SHORT_ABANDONED: -1}
LOST: Final = {P.ABANDONED: 1, P.SHORT_ABANDONED: -1}
WITH_FLOW_OUT: Final = {**OUTCOMES, P.FLOWED_OUT: 1}

_HANDLING: Final[tuple[Scope, ...]] = ("contacts", "handling")


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
    count("offered", P.OFFERED, "Visits that entered the queue, by arrival."),
    count("answered", P.ANSWERED, "Visits answered by a human.", good="up"),
    count("answered_in_target", P.ANSWERED_IN_TARGET, "N_T: visits answered within the target.", good="up"),
    count("abandoned", P.ABANDONED, "Visits whose customer left while waiting.", good="down"),
    count("abandoned_in_target", P.ABANDONED_IN_TARGET, "A_T: abandoned within the target."),
    count("short_abandoned", P.SHORT_ABANDONED, "A_S: abandoned after a wait too short to matter."),
    count("flowed_out", P.FLOWED_OUT, "Visits that left the queue by flow: neither answered nor abandoned."),
    *(
        count(f"flowed_out_{reason}", flowed_out(reason), f"Visits that left the queue by flow, reason {reason}.")
        for reason in LEFT_REASONS
    ),
    count("rejected", P.REJECTED, "Visits that the queue did not take in.", good="down"),
    *(
        count(f"rejected_{reason}", rejected(reason), f"Visits that the queue did not take in, reason {reason}.")
        for reason in REJECTED_REASONS
    ),
    count("evicted", P.EVICTED, "Visits given up as ghosts: still waiting at their channel's maximum age."),
    count("handled", P.HANDLED, "Conversations that have ended, by their end.", scopes=_HANDLING),
    count("transfers", P.TRANSFERS, "Conversations handed on by an agent."),
    count("offers_missed", P.OFFERS_MISSED, "Offers to an agent that rang without answer.", good="down"),
    count("callbacks", P.CALLBACKS, "Visits that are callbacks."),
)

_DURATIONS: Final = (
    mean(
        "asa", {P.WAIT_ANSWERED_MS: 1}, N,
        "Average speed of answer: wait of the answered, zero waits included.", "ICMI",
    ),
    mean(
        "wait_avg", {P.WAIT_ANSWERED_MS: 1, P.WAIT_ABANDONED_MS: 1}, OUTCOMES,
        "Average wait of the answered and the abandoned.", "Genesys Cloud",
    ),
    mean(
        "wait_per_answered", {P.WAIT_ANSWERED_MS: 1, P.WAIT_ABANDONED_MS: 1}, N,
        "Wait of answered and abandoned together per answered visit: how some KPI guides define wait.", "KPI guides",
    ),
    mean("abandon_time_avg", {P.WAIT_ABANDONED_MS: 1}, A, "Average wait of those who left.", "Amazon Connect"),
    *(quantile(f"wait_p{p}", H.WAIT_ANSWERED, p, "the answered waits") for p in (50, 80, 90, 95, 99)),
    mean(
        "aht", {P.TALK_MS: 1, P.HOLD_MS: 1, P.ACW_MS: 1}, {P.HANDLED: 1},
        "Average handle time: talk, hold and after-contact work per conversation.", "COPC, ICMI", scopes=_HANDLING,
    ),
    mean(
        "talk_avg", {P.TALK_MS: 1}, {P.HANDLED: 1},
        "Average talk time, hold left out.", "Genesys Cloud", scopes=_HANDLING,
    ),
    mean(
        "hold_avg", {P.HOLD_MS: 1}, {P.HANDLED: 1},
        "Average hold time per conversation.", "Genesys Cloud", scopes=_HANDLING,
    ),
    mean(
        "acw_avg", {P.ACW_MS: 1}, {P.HANDLED: 1},
        "Average after-contact work per conversation.", "Amazon Connect", scopes=_HANDLING,
    ),
)  # fmt: skip

_BOTS: Final = (
    count("contacts", P.CONTACTS, "Contacts that have started."),
    count("bot_contained", P.BOT_CONTAINED, "Contacts that a bot resolved without a human.", good="up"),
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
)  # fmt: skip

CONTACTS: Final[tuple[Kpi, ...]] = (*_COUNTS, *_SERVICE_LEVEL, *_ABANDON_RATE, *_DURATIONS, *_BOTS, *_LIVE)
"""In the order of the docs."""
