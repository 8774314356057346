"""Strategies: records from nearly right to anything at all. Times in epoch ms, around `NOW`."""

import json
from typing import Any, get_args

from hypothesis import strategies as st

from streams.events.model import AnyEvent

NOW = 1_790_000_000_000
HOUR_MS = 3_600_000

Record = tuple[bytes | None, int | None]
"""Value and append time; None: the log has none."""

FIELDS = ["type", *sorted({field for cls in get_args(AnyEvent) for field in cls.__struct_fields__})]

times = st.one_of(
    st.integers(NOW - HOUR_MS, NOW + HOUR_MS),
    st.integers(0, 120).map(lambda seconds: NOW + 1_000 * seconds),
    st.sampled_from([946_684_800_000, 4_102_444_799_999, "2026-09-21T15:13:20+01:00", "2026-09-21T15:13:20.0001Z"]),
)
few = st.sampled_from(["a", "b", "c"])
queues = st.sampled_from(["q1", "q2", "Köln 💬", "-", "gold", "~other-0"])
spans = st.one_of(st.integers(-5_000, 600_000), st.sampled_from([0, 2**42, -(2**42)]))
RIGHT: dict[str, st.SearchStrategy[Any]] = {
    "v": st.just(1),
    "id": st.integers(0, 40).map(str),
    "time": times,
    "source": st.sampled_from(["pbx", "crm"]),
    "channel": st.sampled_from(["voice", "chat", "ticket", "email", "fax"]),
    "contact": few,
    "segment": st.sampled_from(["gold", "lead"]),
    "customer": few,
    "bot": st.booleans(),
    "queue": queues,
    "queues": st.lists(queues, max_size=4),
    "priority": st.sampled_from(["low", "normal", "high", "urgent", "?"]),
    "callback": st.booleans(),
    "due": times,
    "agent": few,
    "ring_ms": spans,
    "wait_ms": spans,
    "talk_ms": spans,
    "hold_ms": spans,
    "acw_ms": spans,
    "reason": st.sampled_from(["timeout", "callback", "withdrawn", "transfer", "bot", "full"]),
    "kind": st.sampled_from(["blind", "attended", "csat", "nps", "ces"]),
    "to_queue": queues,
    "by": st.sampled_from(["customer", "agent", "system"]),
    "resolved": st.booleans(),
    "author": st.sampled_from(["customer", "agent", "bot", "system"]),
    "public": st.booleans(),
    "status": st.sampled_from(["new", "open", "pending", "on_hold", "solved", "closed"]),
    "by_agent": st.booleans(),
    "level": st.sampled_from(["2", 2]),
    "state": st.sampled_from(["available", "offered", "on_contact", "wrapup", "break", "offline"]),
    "score": st.one_of(st.integers(-1, 11), st.floats(0, 10)),
    "scale": st.sampled_from([[1, 5], [0, 10], [-1_000_000, 1_000_000]]),
    "amount": st.one_of(st.integers(-10_000, 10_000), st.sampled_from([10**13, -(10**13)])),
    "count": st.sampled_from([0, 7, 10**12]),
    "sentiment": st.sampled_from(["positive", "neutral", "negative"]),
    "network": few,
}
"""A value for each field, mostly one that it may have."""

TEXTS = ["", " ", "*", "@x", "#x", "\x00", "\x1f", "\x1e", "\n", "\ud800", "\udfff\ud800", "x" * 201, "é" * 200]
strange = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(TEXTS),
    st.sampled_from([2**31, 2**53, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**30, 10**400, 1e308, -0.0]),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
"""Values that hardly any field may have."""


@st.composite
def events(draw: Any) -> dict[str, Any]:
    """An event with what its type asks for, and some of what it allows."""
    kind = draw(st.sampled_from(get_args(AnyEvent)))
    required = [name for name in kind.__struct_fields__ if name not in _optional(kind) or draw(st.booleans())]
    event = {"type": kind.__struct_config__.tag, **{name: draw(RIGHT[name]) for name in required}}
    if event["type"] == "survey.answered":
        event["kind"] = draw(st.sampled_from(["csat", "nps", "ces"]))
    return event


def _optional(kind: Any) -> set[str]:
    fields, defaults = kind.__struct_fields__, kind.__struct_defaults__
    required = len(fields) - len(defaults)
    return {name for name, default in zip(fields[required:], defaults, strict=True) if "NODEFAULT" not in repr(default)}


@st.composite
def spoilt(draw: Any) -> bytes:
    """An event with a few fields that are not as they should be, one of them perhaps twice."""
    event = draw(events())
    for name in draw(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=3)):
        event[name] = draw(strange)
    text = written(event)
    if draw(st.booleans()):
        twice = {draw(st.sampled_from(FIELDS)): draw(strange)}
        text = text[:-1] + b"," + written(twice)[1:]
    return text


def written(value: object) -> bytes:
    """JSON, and what Python writes beyond it: NaN, Infinity, halves of surrogate pairs, as escapes."""
    return json.dumps(value).encode()


@st.composite
def mutilated(draw: Any) -> bytes:
    """An event whose bytes were cut, doubled or overwritten, as a broken disk or a bad proxy does."""
    text = bytearray(written(draw(events())))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        until = min(len(text), at + draw(st.integers(0, 8)))
        text[at:until] = draw(st.one_of(st.binary(max_size=4), st.just(bytes(text[at:until]) * 2)))
    return bytes(text)


nested = st.tuples(
    st.sampled_from([b"[", b'{"a":', b'{"type":', b'[{"time":']), st.sampled_from([10, 1_000, 60_000])
).map(lambda shape: shape[0] * shape[1])
deep_inside = st.integers(1, 3_000).map(lambda depth: b'{"more":' + b"[" * depth + b"]" * depth + b"}")
values: st.SearchStrategy[bytes | None] = st.one_of(
    events().map(written),
    events().map(written),
    events().map(written),
    events().map(lambda event: json.dumps(event, ensure_ascii=False).encode()),
    spoilt(),
    spoilt(),
    mutilated(),
    st.binary(max_size=60),
    strange.map(written),
    st.sampled_from(TEXTS).map(lambda text: text.encode(errors="surrogatepass")),
    nested,
    deep_inside,
    st.none(),
)
"""Values of records, more than half of them right."""

appended = st.one_of(st.integers(NOW - HOUR_MS, NOW + HOUR_MS), st.sampled_from([0, 2**62]))
"""What a broker's clock says, when it jumps."""


def _log(times: st.SearchStrategy[int | None]) -> st.SearchStrategy[list[Record]]:
    return st.lists(st.tuples(values, times), max_size=40)


logs: st.SearchStrategy[list[Record]] = _log(st.none()) | _log(appended)
"""What arrives in one partition: of a file without append times, or of a broker."""
