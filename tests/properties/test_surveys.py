"""Surveys: at any instant the pipeline gives the numbers that looking at every answer gives."""

from typing import Any

from hypothesis import given, note
from hypothesis import strategies as st

from streams.books import MemoryRecord
from streams.contacts.book import ContactBook
from tests.properties.histories import HOUR_MS, LATENESS_MS, MINUTE_MS, STARTS, gaps
from tests.properties.keeping import Keeper
from tests.properties.keyed import Arriving, Event, Taking, arriving
from tests.properties.wiring import RULES, fold_settings
from tests.reference.surveys import SCALES, SurveysReference

AFTERWARDS = (1, MINUTE_MS, 16 * MINUTE_MS, 61 * MINUTE_MS, 25 * HOUR_MS)
OTHER_SCALES = {"csat": [None, None, [1, 10], [0, 1], [0, 100]], "nps": [None, [0, 10]], "ces": [None, [1, 5]]}
ROUNDING = 0.0005
"""Scores are kept in thousandths."""


@st.composite
def answers(draw: Any, contact: str) -> list[Event]:
    """What one customer answers, somewhere within a day and a half."""
    at = draw(st.shared(st.sampled_from(STARTS), key="start"))
    at += draw(st.one_of(st.integers(0, 10 * MINUTE_MS), st.integers(0, 36 * HOUR_MS)))
    events = []
    for number in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(sorted(SCALES)))
        scale = draw(st.sampled_from(OTHER_SCALES[kind]))
        low, high = scale or SCALES[kind]
        halves = draw(st.integers(2 * low, 2 * high))
        score = halves // 2 if halves % 2 == 0 or kind == "nps" else halves / 2
        said = {"kind": kind, "score": score, "scale": scale, "queue": draw(st.sampled_from((None, "q1", "q2")))}
        base = {"v": 1, "id": f"{contact}#{number}", "type": "survey.answered", "time": at, "channel": "voice"}
        named = {name: value for name, value in said.items() if value is not None}
        events.append({**base, "contact": contact, **named})
        at += draw(gaps())
    return events


@st.composite
def histories(draw: Any, *, most_ms: int = LATENESS_MS) -> list[Arriving]:
    events = [event for contact in ("c1", "c2", "c3") for event in draw(answers(contact))]
    return draw(arriving(events, most_ms=most_ms))


def differences(reference: SurveysReference, real: Taking, now: int) -> list[str]:
    actual = real.values("voice", now)
    found = []
    for queue in sorted(reference.queues() | {queue for queue, _ in actual}):
        for window in RULES.windows:
            theirs = actual.get((queue, window), {})
            for kpi, value in reference.window(queue, window, now).items():
                if not same(value, theirs.get(kpi, 0 if value == 0 else None)):
                    found.append(f"{queue} {window} {kpi}: oracle {value}, pipeline {theirs.get(kpi, 'absent')}")
    return found


def same(ours: float | None, theirs: float | None) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    return ours == theirs if isinstance(ours, int) else abs(ours - theirs) <= ROUNDING


def check(sent: list[Arriving], batches: list[int]) -> None:
    real, reference = Taking(), SurveysReference(RULES, "voice")
    done = 0
    for size in [*batches, len(sent)]:
        batch = sent[done : done + size]
        if not batch:
            break
        real.feed(batch)
        for one in batch:
            note(f"{reference.send(one.event)} +{one.arrives - one.event['time']} ms {one.event}")
        done += len(batch)

        assert differences(reference, real, batch[-1].arrives) == []

    for pause in AFTERWARDS:
        assert differences(reference, real, sent[-1].arrives + pause) == [], f"{pause} ms after the last event"


batches = st.lists(st.integers(1, 6), min_size=2, max_size=2)


@given(histories(), batches)
def test_answers(sent: list[Arriving], batches: list[int]):
    check(sent, batches)


@given(histories(most_ms=5 * MINUTE_MS), batches)
def test_answers_that_come_too_late(sent: list[Arriving], batches: list[int]):
    check(sent, batches)


@given(histories(most_ms=5 * MINUTE_MS))
def test_what_becomes_of_each_record(sent: list[Arriving]):
    real, reference = Taking(), SurveysReference(RULES, "voice")
    became = [reference.send(one.event) for one in sent]
    real.feed(sent)

    assert real.pipeline.outcomes == {what: became.count(what) for what in became}


fates = st.lists(st.tuples(st.integers(1, 5), st.sampled_from(("flush", "fold on", "crash", "crash"))), max_size=8)


@given(histories(most_ms=5 * MINUTE_MS), fates)
def test_any_batches_with_any_crashes(sent: list[Arriving], fates: list[tuple[int, str]]):
    log: list[MemoryRecord] = [one.record(offset) for offset, one in enumerate(sent)]
    plain, battered = (Keeper(lambda: ContactBook("surveys", 0, fold_settings(RULES)), log) for _ in range(2))

    assert battered.live_through(fates) == plain.finish()
