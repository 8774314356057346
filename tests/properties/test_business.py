"""Business events give, at any instant, the numbers that a model which keeps every event gives."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from streams.books import MemoryRecord
from streams.contacts.book import ContactBook
from streams.metrics.settings import Business
from streams.pipeline import Pipeline
from streams.sources.routing import partition_of
from tests.properties.histories import HOUR_MS, LATENESS_MS, MINUTE_MS, STARTS, Event
from tests.properties.keeping import Keeper
from tests.properties.wiring import PARTITIONS, RULES, Number, fold_settings, same, variants, window_settings
from tests.reference.business import YEAR_MS, BusinessReference

DAYS = replace(RULES, windows=("5m", "60m", "today", "1d", "2d", "interval", "previous_interval", "all"))
MARGIN = 0.4
OPENING = 50
AFTERWARDS = (1, 20_001, 16 * MINUTE_MS, 25 * HOUR_MS)

_CUSTOMER = st.sampled_from(("ada", "ada", "bea"))
_AMOUNT = st.integers(0, 5_000)
_QUEUE = st.sampled_from((None, None, "q1", "q2"))

KINDS: Mapping[str, Mapping[str, st.SearchStrategy[Any]]] = {
    "order.placed": {"customer": _CUSTOMER, "amount": _AMOUNT, "queue": _QUEUE},
    "lead.created": {"customer": _CUSTOMER},
    "customer.acquired": {"customer": _CUSTOMER},
    "marketing.spent": {"source": st.just("ads"), "amount": st.integers(1, 5_000)},  # of nothing there is no line
    "customer.lost": {"customer": _CUSTOMER},
    "customers.counted": {"source": st.sampled_from(("crm", "shop")), "count": st.integers(0, 300)},
    "return.opened": {"customer": _CUSTOMER, "amount": _AMOUNT},
    "training.spent": {"source": st.just("hr"), "agent": st.sampled_from(("ann", "bob")), "amount": _AMOUNT},
    "mention.seen": {"source": st.just("web"), "sentiment": st.sampled_from(("positive", "neutral", "negative"))},
    "complaint.opened": {"source": st.just("web"), "queue": st.sampled_from(("q1", "q2"))},
}
ON_THE_HOUR = st.sampled_from([hour * HOUR_MS for hour in (0, 1, 2, 24, 25, 26, 30)])
"""Where days begin, in one zone or another, and a day later."""
OFTEN = ("order.placed", "order.placed", "order.placed", "customers.counted", "training.spent", "customer.lost")


@st.composite
def histories(draw: Any) -> list[tuple[int, Event]]:
    """(arrival, event): within two days, each up to the lateness after it happened, some twice."""
    start = draw(st.sampled_from(STARTS))
    sent = []
    for number in range(draw(st.integers(1, 14))):
        kind = draw(st.sampled_from((*OFTEN, *KINDS)))
        fields = {name: draw(values) for name, values in KINDS[kind].items()}
        offset = draw(st.one_of(st.integers(0, 10 * MINUTE_MS), ON_THE_HOUR, ON_THE_HOUR, st.integers(0, 36 * HOUR_MS)))
        segment = draw(st.sampled_from((None, None, "gold", "trial", "not shown")))
        event = {"v": 1, "id": f"e{number}", "type": kind, "time": start + offset, "segment": segment, **fields}
        event = {name: value for name, value in event.items() if value is not None}
        delays = st.one_of(st.just(0), st.integers(0, LATENESS_MS))
        sent += [(event["time"] + draw(delays), event) for _ in range(draw(st.sampled_from((1, 1, 1, 2))))]
    return sorted(sent, key=lambda one: (one[0], one[1]["id"]))


def record(offset: int, event: Event) -> MemoryRecord:
    return MemoryRecord(offset, None, None, json.dumps(event).encode())


class Shop:
    """The real pipeline, each event in the partition of its customer, else of its source."""

    def __init__(self, horizon_ms: int) -> None:
        fold = changed(fold_settings(DAYS), business_horizon_ms=horizon_ms, **zones())
        shown = changed(variants(DAYS), business=Business(OPENING, MARGIN))
        self.pipeline = Pipeline(fold, window_settings(DAYS), shown)
        self._sent = 0

    def feed(self, events: list[Event]) -> None:
        self.pipeline.feed([(("business", self._partition(event)), self._next(event)) for event in events])

    def _partition(self, event: Event) -> int:
        return partition_of((event.get("customer") or event["source"]).encode(), PARTITIONS)

    def _next(self, event: Event) -> MemoryRecord:
        self._sent += 1
        return record(self._sent - 1, event)

    def values(self, now: int) -> dict[tuple[str, str], Mapping[str, Number]]:
        views = [view for view in self.pipeline.views(now) if view.channel == "business"]
        return {(view.queue, window): values for view in views for window, values in view.windows.items()}


def zones() -> dict[str, Any]:
    return {"timezone": DAYS.timezone, "timezones": {name: queue.timezone for name, queue in DAYS.queues.items()}}


def differences(reference: BusinessReference, shop: Shop, now: int, left_out: tuple[str, ...] = ()) -> list[str]:
    actual, found = shop.values(now), []
    assert {line for line, _ in actual} == reference.lines()
    for line, window in sorted(actual):
        ours, theirs = reference.window(line, window, now), actual[line, window]
        assert ours.keys() == theirs.keys()
        found += [
            f"{line} {window} {kpi}: oracle {ours[kpi]}, pipeline {theirs[kpi]}"
            for kpi in ours
            if kpi not in left_out and not same(kpi, ours[kpi], theirs[kpi])
        ]
    return found


def check(sent: list[tuple[int, Event]], horizon_ms: int, left_out: tuple[str, ...] = ()) -> None:
    shop, reference, now = Shop(horizon_ms), BusinessReference(DAYS, horizon_ms, MARGIN, OPENING), 0
    for half in (sent[: len(sent) // 2], sent[len(sent) // 2 :]):
        shop.feed([event for _, event in half])
        for arrives, event in half:
            reference.send(event)
            now = max(now, arrives)

        assert differences(reference, shop, now, left_out) == [], f"at {now}"

    for pause in AFTERWARDS:
        assert differences(reference, shop, now + pause, left_out) == [], f"{pause} ms after the last event"


@given(histories())
def test_every_number_is_that_of_the_reference(sent: list[tuple[int, Event]]):
    check(sent, YEAR_MS)


@pytest.mark.parametrize("horizon_ms", [5 * MINUTE_MS, 3 * HOUR_MS])
@given(sent=histories())
def test_customers_are_forgotten_at_the_horizon(horizon_ms: int, sent: list[tuple[int, Event]]):
    """Those who come back later are new ones: but for counts of people over more days, all is as it was."""
    people = ("customers_ordering", "agents_trained", "training_per_agent", "lifetime_value", "lifetime_value_to_cost")
    check(sent, horizon_ms, left_out=people)


fates = st.lists(st.tuples(st.integers(1, 5), st.sampled_from(("flush", "fold on", "crash"))), max_size=6)


@given(histories(), fates)
def test_neither_batches_nor_crashes_show(sent: list[tuple[int, Event]], fates: list[tuple[int, str]]):
    log = [record(offset, event) for offset, (_, event) in enumerate(sent)]
    settings = changed(fold_settings(DAYS), **zones())

    def keeper() -> Keeper:
        return Keeper(lambda: ContactBook("business", 0, settings), log)

    assert keeper().live_through(fates) == keeper().finish()


@given(histories())
def test_the_order_of_arrival_does_not_show(sent: list[tuple[int, Event]]):
    assume(len(sent) > 1)
    delayed, punctual = Shop(YEAR_MS), Shop(YEAR_MS)
    delayed.feed([event for _, event in sent])
    punctual.feed(sorted((event for _, event in sent), key=lambda event: event["time"]))
    now = sent[-1][0]

    assert delayed.values(now) == punctual.values(now)
