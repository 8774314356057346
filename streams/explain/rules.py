"""By which rule something counted, or did not: one table from a primitive to the words for it.

What has no rule of its own is named as it is booked, so that a new primitive needs nothing here.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from streams.contacts.settings import Thresholds
from streams.facts.levels import STEPS, Level
from streams.facts.primitives import (
    HISTOGRAM,
    LEFT_REASONS,
    PRIORITIES,
    REJECTED_REASONS,
    TARGETS,
    Bag,
    H,
    P,
    flowed_out,
    rejected,
    sla_ended,
    sla_met,
)
from streams.facts.wire import Row, RowKind

Rule = Callable[[Bag, Thresholds], str]
"""(what was booked, the thresholds of its queue) → why."""

_REASONS: Final = {flowed_out(reason): f"flowed_out_{reason}" for reason in LEFT_REASONS} | {
    rejected(reason): f"rejected_{reason}" for reason in REJECTED_REASONS
}
_INSTANCES: Final = {
    primitive_of(target, rank): f"{word}_{target}_{priority}"
    for word, primitive_of in (("sla_ended", sla_ended), ("sla_met", sla_met))
    for target in TARGETS
    for rank, priority in enumerate(PRIORITIES)
}
_NAMES: Final[Mapping[int, str]] = {
    **{number: name.lower() for name, number in vars(P).items() if isinstance(number, int)},
    **_REASONS,
    **_INSTANCES,
}

AMONG: Final[Mapping[int, int]] = {
    P.ANSWERED_IN_TARGET: P.ANSWERED,
    P.WAIT_ANSWERED_MS: P.ANSWERED,
    P.ABANDONED_IN_TARGET: P.ABANDONED,
    P.SHORT_ABANDONED: P.ABANDONED,
    P.WAIT_ABANDONED_MS: P.ABANDONED,
    P.TALK_MS: P.HANDLED,
    P.HOLD_MS: P.HANDLED,
    P.CALLBACKS: P.OFFERED,
    P.BOT_CONTAINED: P.CONTACTS,
    P.FIRST_RESPONSE_MS: P.FIRST_RESPONSES,
    P.FIRST_RESPONSES_IN_TARGET: P.FIRST_RESPONSES,
    P.FIRST_RESPONSES_BUSINESS: P.FIRST_RESPONSES,
    P.FIRST_RESPONSE_BUSINESS_MS: P.FIRST_RESPONSES,
    P.REPLY_MS: P.REPLIES,
    P.RESOLUTIONS: P.SOLVED,
    P.FIRST_RESOLUTIONS: P.RESOLUTIONS,
    P.RESOLUTION_FIRST_MS: P.RESOLUTIONS,
    P.RESOLUTIONS_BUSINESS: P.RESOLUTIONS,
    P.CSAT_TOP_TWO: P.CSAT_ANSWERS,
    P.NPS_PROMOTERS: P.NPS_ANSWERS,
    P.NPS_DETRACTORS: P.NPS_ANSWERS,
    P.RESOLVED: P.RESOLUTION_KNOWN,
    P.REPEAT_CONTACTS: P.CONTACTS_SEEN,
    P.FCR_MET: P.FCR_JUDGED,
    P.REPEAT_ORDERS: P.ORDERS,
    P.NEGATIVE_MENTIONS: P.MENTIONS,
    **dict.fromkeys(map(flowed_out, LEFT_REASONS), P.FLOWED_OUT),
    **dict.fromkeys(map(rejected, REJECTED_REASONS), P.REJECTED),
    **{sla_met(target, rank): sla_ended(target, rank) for target in TARGETS for rank in range(len(PRIORITIES))},
}
"""Primitive → the one whose things it is asked of: of these it is 0, of others nothing."""

OUTCOMES: Final = frozenset({P.ANSWERED, P.ABANDONED, P.FLOWED_OUT, P.REJECTED, P.EVICTED})
"""Of them a visit comes to one: a share of some has left out the others."""


def name_of(primitive: int) -> str:
    """The primitive in words, as in `P`."""
    return _NAMES.get(primitive, str(primitive))


def added(name: str, n: int) -> str:
    """What something adds under a name: `answered +1`, `wait_answered +35.0 s`."""
    sign = "−" if n < 0 else "+"
    if name.endswith("_ms"):
        return f"{name.removesuffix('_ms')} {sign}{seconds(abs(n))}"
    return f"{name} {sign}{abs(n)}"


def seconds(ms: float) -> str:
    """A duration, to the last millisecond: `35.0 s`, `0.125 s`."""
    text = f"{ms / 1000:.3f}".rstrip("0")
    return f"{text}0 s" if text.endswith(".") else f"{text} s"


def heads(primitives: Iterable[int]) -> frozenset[int]:
    """What the primitives are asked of: themselves where they are part of nothing."""
    return frozenset(AMONG.get(primitive, primitive) for primitive in primitives)


def why(bag: Bag, asked: Iterable[int], thresholds: Thresholds) -> list[str]:
    """The rules by which the asked primitives are in a bag or are not; where there are none, what the bag says."""
    told = [RULES[primitive](bag, thresholds) for primitive in asked if _is_asked(primitive, bag)]
    if told:
        return list(dict.fromkeys(told))
    return [RULES[primitive](bag, thresholds) for primitive in bag if primitive in _BY_THEMSELVES]


def named(bag: Bag) -> str:
    """What a bag holds, in the names of its primitives; steps of levels say nothing by themselves."""
    told = [(key, n) for key, n in sorted(bag.items()) if key < HISTOGRAM and key not in STEPS and n]
    return ", ".join(added(name_of(key), n) for key, n in told)


def _is_asked(primitive: int, bag: Bag) -> bool:
    """Whether there is a rule for it, and it is asked of what is in the bag."""
    head = AMONG.get(primitive)
    return primitive in RULES and head is not None and bag.get(head, 0) > 0


# --- the rules ---


def _compared(duration_ms: int, limit_ms: int, *, within: bool, inclusive: bool = True) -> str:
    """`35.0 s > 20.0 s`; `inclusive`: whether the limit itself is within it."""
    kept, missed = ("≤", ">") if inclusive else ("<", "≥")
    return f"{seconds(duration_ms)} {kept if within else missed} {seconds(limit_ms)}"


def _waited(verb: str, wait: int, within: int) -> Rule:
    def rule(bag: Bag, thresholds: Thresholds) -> str:
        kept, inclusive = bag.get(within, 0) > 0, thresholds.target_inclusive
        return f"{verb} {_compared(bag.get(wait, 0), thresholds.target_ms, within=kept, inclusive=inclusive)}"

    return rule


def _short(bag: Bag, thresholds: Thresholds) -> str:
    short = bag.get(P.SHORT_ABANDONED, 0) > 0
    compared = _compared(bag.get(P.WAIT_ABANDONED_MS, 0), thresholds.short_abandon_ms, within=short)
    return f"{'short abandon' if short else 'no short abandon'}, {compared}"


def _responded(bag: Bag, thresholds: Thresholds) -> str:
    within = bag.get(P.FIRST_RESPONSES_IN_TARGET, 0) > 0
    limit_ms = thresholds.first_response_target_ms
    return f"first response after {_compared(bag.get(P.FIRST_RESPONSE_MS, 0), limit_ms, within=within)}"


def _after(verb: str, duration: int) -> Rule:
    return lambda bag, _: f"{verb} after {seconds(bag.get(duration, 0))}"


def _by_reason(words: str, first: int, reasons: tuple[str, ...]) -> Rule:
    def rule(bag: Bag, _thresholds: Thresholds) -> str:
        found = [reason for index, reason in enumerate(reasons) if bag.get(first + index)]
        return f"{words}, reason {', '.join(found)}" if found else words

    return rule


def _whether(primitive: int, yes: str, no: str) -> Rule:
    return lambda bag, _: yes if bag.get(primitive) else no


def _always(words: str) -> Rule:
    return lambda _bag, _thresholds: words


_LEFT: Final = _by_reason("left by flow", P.FLOWED_OUT_BY_REASON, LEFT_REASONS)
_REFUSED: Final = _by_reason("refused by the queue", P.REJECTED_BY_REASON, REJECTED_REASONS)

_BY_THEMSELVES: Final[Mapping[int, Rule]] = {
    P.ANSWERED: _after("answered", P.WAIT_ANSWERED_MS),
    P.ABANDONED: _after("abandoned", P.WAIT_ABANDONED_MS),
    P.FLOWED_OUT: _LEFT,
    P.REJECTED: _REFUSED,
    P.EVICTED: _always("given up as a ghost, still waiting at the channel's maximum age"),
    P.FIRST_RESPONSES: _after("first response", P.FIRST_RESPONSE_MS),
    P.REPLIES: _after("reply", P.REPLY_MS),
    P.HANDLED: _always("conversation ended"),
    P.ACW_MS: _always("wrap-up ended"),
}
"""What these say needs nothing that is asked."""

RULES: Final[Mapping[int, Rule]] = {
    **_BY_THEMSELVES,
    P.ANSWERED_IN_TARGET: _waited("waited", P.WAIT_ANSWERED_MS, P.ANSWERED_IN_TARGET),
    P.ABANDONED_IN_TARGET: _waited("abandoned after", P.WAIT_ABANDONED_MS, P.ABANDONED_IN_TARGET),
    P.SHORT_ABANDONED: _short,
    P.FIRST_RESPONSES_IN_TARGET: _responded,
    P.FIRST_RESPONSES_BUSINESS: _whether(
        P.FIRST_RESPONSES_BUSINESS, "within the calendar of the queue", "the queue has no calendar"
    ),
    P.RESOLVED: _whether(P.RESOLVED, "resolved", "not resolved"),
    P.REPEAT_ORDERS: _whether(P.REPEAT_ORDERS, "ordered before", "the first order on record"),
    P.NEGATIVE_MENTIONS: _whether(P.NEGATIVE_MENTIONS, "negative", "not negative"),
    P.CALLBACKS: _whether(P.CALLBACKS, "a callback", "no callback"),
    P.BOT_CONTAINED: _whether(P.BOT_CONTAINED, "resolved by a bot", "not resolved by a bot"),
    P.RESOLUTIONS: _whether(P.RESOLUTIONS, "its creation was seen", "its creation was not seen"),
    P.FIRST_RESOLUTIONS: _whether(P.FIRST_RESOLUTIONS, "the first solve", "solved before"),
    P.RESOLUTIONS_BUSINESS: _whether(
        P.RESOLUTIONS_BUSINESS, "within the calendar of the queue", "the queue has no calendar"
    ),
    P.CSAT_TOP_TWO: _whether(P.CSAT_TOP_TWO, "one of the two highest scores", "not one of the two highest scores"),
    P.NPS_PROMOTERS: _whether(P.NPS_PROMOTERS, "promoter, 9 or 10", "no promoter, below 9"),
    P.NPS_DETRACTORS: _whether(P.NPS_DETRACTORS, "detractor, 6 or below", "no detractor, above 6"),
    **dict.fromkeys(map(flowed_out, LEFT_REASONS), _LEFT),
    **dict.fromkeys(map(rejected, REJECTED_REASONS), _REFUSED),
    **{
        sla_met(target, rank): _whether(sla_met(target, rank), f"{target} met", f"{target} breached at its due time")
        for target in TARGETS
        for rank in range(len(PRIORITIES))
    },
}


# --- rows ---


_ROW_NAMES: Final = {
    number: name.lower().replace("_", " ") for name, number in vars(RowKind).items() if isinstance(number, int)
}
_HISTOGRAM_NAMES: Final = {number: name.lower() for name, number in vars(H).items() if isinstance(number, int)}


def row_name(kind: int) -> str:
    """What a row counts, in words."""
    return _ROW_NAMES.get(kind, f"rows of kind {kind}")


def histogram_name(histogram: int) -> str:
    """What a histogram's durations are of, as in `H`."""
    of_calendar = _HISTOGRAM_NAMES.get(histogram - H.BUSINESS, f"histogram {histogram}")
    return _HISTOGRAM_NAMES.get(histogram, f"{of_calendar}_business")


def level_name(level: Level) -> str:
    """What lasts at a level, in words."""
    return name_of(level.steps).removesuffix("_steps")


def standing(row: Row, as_of: int) -> str:
    """How a row stands at an instant."""
    name = row_name(row.kind)
    if row.due_at is not None:
        which = TARGETS[row.group]
        late_ms = as_of - row.due_at
        return f"{which} past due for {seconds(late_ms)}" if late_ms > 0 else f"{which} due in {seconds(-late_ms)}"
    for_ms = as_of - row.since
    if row.kind == RowKind.BACKLOG:
        return f"in the backlog for {seconds(for_ms)}, priority {PRIORITIES[row.group]}"
    if row.evict_at is not None and row.evict_at <= as_of:
        return f"{name} for {seconds(for_ms)}: given up as a ghost at the channel's maximum age"
    if row.target_ms:
        return f"{name} for {_compared(for_ms, row.target_ms, within=for_ms <= row.target_ms)}"
    return f"{name} for {seconds(for_ms)}"
