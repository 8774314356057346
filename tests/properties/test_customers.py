"""Customers across their contacts: at any instant the numbers that looking at every pair of contacts gives."""

import json
from collections import Counter
from typing import Any

from hypothesis import given, note
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.books import MemoryRecord, Output
from streams.contacts.book import ContactBook
from streams.contacts.customers import CustomerKey
from streams.customers.book import CustomerBook
from streams.customers.settings import CustomerSettings
from streams.facts.wire import PROGRESS_KEY, Progress, encode
from streams.metrics.settings import Variants
from streams.pipeline import Pipeline, Source
from streams.windows.book import ViewBook
from tests.properties.histories import (
    HOUR_MS,
    LATENESS_MS,
    MAX_AGE_MS,
    MINUTE_MS,
    STARTS,
    Event,
    Sent,
    delayed,
    heartbeat,
)
from tests.properties.keeping import Keeper
from tests.properties.wiring import RULES, fold_settings, window_settings
from tests.reference.customers import DAY_MS, CustomersReference
from tests.reference.murmur import partition_of

KEY = CustomerKey("only a test's secret")
DAYS = 7
SETTINGS = CustomerSettings(
    horizon_ms=DAYS * DAY_MS, lateness_ms=LATENESS_MS, correctable_ms=max(MAX_AGE_MS.values()) + LATENESS_MS
)
WINDOWS = ("60m", "today", "2d", "all")
VIEWS = replace(window_settings(RULES), windows=WINDOWS[:-1], timezones={}, whole_log=True)
CUSTOMERS = (None, "ann", "ann", "ann", "bob", "cem")
APART = (0, 1, 5 * MINUTE_MS, 3 * HOUR_MS, DAY_MS, 3 * DAY_MS, 7 * DAY_MS - 1, 7 * DAY_MS, 7 * DAY_MS + 1, 20 * DAY_MS)
AFTERWARDS = (LATENESS_MS, 7 * DAY_MS - 1, 7 * DAY_MS, 7 * DAY_MS + LATENESS_MS, 9 * DAY_MS)
"""How long after the last event somebody says that he is still there."""


class Telling:
    """Tells one contact; each event is later than the one before."""

    def __init__(self, draw: Any, channel: str, contact: str, at: int) -> None:
        self.draw, self.channel, self.contact, self.at = draw, channel, contact, at
        self.events: list[Event] = []

    def say(self, kind: str, **fields: Any) -> None:
        number = f"{self.contact}#{len(self.events)}"
        base = {"v": 1, "id": number, "type": kind, "time": self.at, "channel": self.channel, "contact": self.contact}
        self.events.append({**base, **{name: value for name, value in fields.items() if value is not None}})
        self.at += self.draw(st.sampled_from((1, 4_999, 20_000, MINUTE_MS, 20 * MINUTE_MS)))

    def live(self) -> list[Event]:
        maybe = st.booleans()
        if self.draw(maybe):
            self.say("contact.started", customer=self.draw(st.sampled_from(CUSTOMERS)))
        for queue in self.draw(st.lists(st.sampled_from(("q1", "q2")), max_size=2, unique=True)):
            self.say("queue.entered", queue=queue, customer=self.draw(st.sampled_from(CUSTOMERS)))
            if self.draw(maybe):
                self.say("agent.connected", queue=queue, agent="joe")
        if self.draw(maybe) or not self.events:
            self.say("contact.ended", by="customer")
        return self.events


@st.composite
def weeks(draw: Any) -> list[Sent]:
    """Contacts of some customers over some weeks, calls and chats, in order of arrival."""
    at = draw(st.sampled_from(STARTS))
    events: list[Event] = []
    for number in range(draw(st.integers(2, 7))):
        channel = draw(st.sampled_from(("voice", "chat")))
        events += Telling(draw, channel, f"{channel[0]}{number}", at).live()
        at += draw(st.sampled_from(APART))
    return draw(delayed(events))


class Taking:
    """The real pipeline."""

    def __init__(self) -> None:
        self.pipeline = Pipeline(fold_settings(RULES), VIEWS, Variants(), customers=(KEY, SETTINGS))
        self._offsets: Counter[Source] = Counter()

    def feed(self, sent: list[Sent]) -> None:
        records = []
        for one in sent:
            for source in sources(one):
                records.append((source, one.record(self._offsets[source])))
                self._offsets[source] += 1
        self.pipeline.feed(records)

    def differences(self, reference: CustomersReference, now: int) -> list[str]:
        views = {(view.channel, view.queue): view for view in self.pipeline.views(now)}
        found = []
        for channel, queue in sorted(reference.queues() | views.keys()):
            for window in WINDOWS:
                theirs = views[channel, queue].windows[window]
                for kpi, value in reference.window(channel, queue, window, now, RULES.interval_ms).items():
                    if theirs[kpi] != value and (theirs[kpi] or value):
                        found.append(f"{channel} {queue} {window} {kpi}: oracle {value}, pipeline {theirs[kpi]}")
        return found


def sources(one: Sent) -> list[Source]:
    """A contact has its partition; a heartbeat goes to every one."""
    if one.event["type"] == "heartbeat":
        return [(one.topic, partition) for partition in range(RULES.partitions)]
    return [(one.topic, partition_of(one.event["contact"], RULES.partitions))]


@given(weeks(), st.lists(st.integers(1, 6), min_size=5, max_size=5))
def test_any_customers_over_some_weeks(sent: list[Sent], batches: list[int]):
    real, reference = Taking(), CustomersReference(DAYS, LATENESS_MS)
    done = 0
    for size in [*batches, len(sent)]:
        batch = sent[done : done + size]
        done += len(batch)
        real.feed(batch)
        for one in batch:
            note(f"{one} {one.channel} {one.event.get('contact')}")
            reference.send(one.event)

        assert real.differences(reference, reference.clock) == []

    last = reference.clock
    for pause in AFTERWARDS:
        beat = heartbeat(last + pause, "voice")
        real.feed([beat])
        reference.send(beat.event)

        assert real.differences(reference, last + pause) == [], f"{pause} ms after the last event"


# --- the books as a worker keeps them ---

fates = st.lists(st.tuples(st.integers(1, 5), st.sampled_from(("flush", "fold on", "crash", "crash"))), max_size=8)


def by_source(sent: list[Sent]) -> dict[Source, list[MemoryRecord]]:
    """The log of each source partition."""
    logs: dict[Source, list[MemoryRecord]] = {(topic, n): [] for topic in ("calls", "chats") for n in range(2)}
    for one in sent:
        for source in sources(one):
            logs[source].append(one.record(len(logs[source])))
    return logs


def contact_keeper(source: Source, log: list[MemoryRecord]) -> Keeper:
    return Keeper(lambda: ContactBook(*source, fold_settings(RULES), customers=KEY), log)


def customer_keeper(log: list[MemoryRecord]) -> Keeper:
    return Keeper(lambda: CustomerBook(0, SETTINGS, [("calls", 2), ("chats", 2)]), log)


def totals(outputs: list[Output]) -> dict[Any, Any]:
    """What facts add up to, however they were cut."""
    book = ViewBook(0, replace(VIEWS, whole_log=False))
    facts = [output for output in outputs if output.topic == "facts" and output.key != PROGRESS_KEY]
    book.fold([MemoryRecord(offset, None, fact.key, fact.value) for offset, fact in enumerate(facts)])
    filled = {
        name: {pane: {key: n for key, n in bag.items() if n} for pane, bag in state.panes.items()}
        for name, state in book.dimensions.items()
    }
    return {
        name: {pane: bag for pane, bag in panes.items() if bag}
        for name, panes in filled.items() if any(panes.values())
    }  # fmt: skip


def log_of(outputs: list[Output]) -> list[MemoryRecord]:
    """The topic `customers`; who says that he is caught up, is so as far as his watermark."""
    told = [output for output in outputs if output.topic == "customers"]
    return [MemoryRecord(offset, 0, output.key, output.value) for offset, output in enumerate(told)]


def to_the_end(source: Source, at: int) -> Output:
    progress = Progress(*source, 0, at, 0, at, caught_up=False)
    return Output("customers", PROGRESS_KEY, encode(progress))


@given(weeks(), fates, fates, st.randoms(use_true_random=False))
def test_any_crashes_and_sources_of_any_progress(sent: list[Sent], before: Any, after: Any, chance: Any):
    """Each source comes as far as it comes, in its own time: it all adds up to the same, once all have come."""
    plain, told = [], []
    for source, log in by_source(sent).items():
        keeper, battered = contact_keeper(source, log), contact_keeper(source, log)
        keeper.finish()
        battered.live_through(before)
        plain += keeper.outputs
        told.append([output for output in battered.outputs if output.topic == "customers"])
    end = max(one.event["time"] for one in sent) + 30 * DAY_MS
    ends = [to_the_end(source, end) for source in by_source(sent)]
    mixed = mixed_in_any_way(told, chance)
    log = log_of([*mixed, *ends])
    once, often = customer_keeper(log), customer_keeper(log)

    assert often.live_through(after) == once.finish()
    assert totals(often.outputs) == totals(once.outputs)

    in_turn = customer_keeper(log_of([output for output in plain if output.key != PROGRESS_KEY] + ends))
    in_turn.finish()

    assert once.book.late == 0
    assert totals(once.outputs) == totals(in_turn.outputs)


def mixed_in_any_way(lists: list[list[Output]], chance: Any) -> list[Output]:
    """One list, in which each keeps its order."""
    turns = [number for number, outputs in enumerate(lists) for _ in outputs]
    chance.shuffle(turns)
    left = [iter(outputs) for outputs in lists]
    return [next(left[number]) for number in turns]


def test_who_is_meant_is_nowhere_to_be_seen():
    """Neither in what is stored nor in what is sent on: of the three books only the source's own log knows."""
    base = {"v": 1, "channel": "voice", "contact": "c1"}
    told = [
        {**base, "id": "1", "type": "contact.started", "time": STARTS[0], "customer": "Ann Example"},
        {**base, "id": "2", "type": "queue.entered", "time": STARTS[0] + 1, "queue": "q1", "customer": "Ann Example"},
        {**base, "id": "3", "type": "ticket.created", "time": STARTS[0] + 2, "queue": "q1", "customer": "Ann Example"},
        {"v": 1, "id": "4", "type": "order.placed", "time": STARTS[0] + 3, "customer": "Ann Example", "amount": 1},
    ]
    log = [MemoryRecord(number, None, b"c1", json.dumps(event).encode()) for number, event in enumerate(told)]
    keeper = contact_keeper(("calls", 0), log)
    state = keeper.finish()
    customers = customer_keeper(log_of(keeper.outputs))
    everything = [state, *keeper._changelog, *keeper._changelog.values(), customers.finish(), *customers._changelog]
    everything += [part for output in keeper.outputs for part in (output.key, output.value) if part]

    assert KEY.hide("Ann Example").encode() in b"".join(everything)
    assert b"Ann" not in b"".join(everything)
    assert not keeper.book.stats.rejected


def test_without_a_key_customers_of_contacts_are_forgotten():
    event = {"v": 1, "id": "1", "type": "contact.started", "time": STARTS[0], "channel": "voice", "contact": "c1"}
    log = [MemoryRecord(0, None, b"c1", json.dumps({**event, "customer": "Ann Example"}).encode())]
    keeper = Keeper(lambda: ContactBook("calls", 0, fold_settings(RULES)), log)
    everything = [keeper.finish(), *keeper._changelog.values(), *(output.value for output in keeper.outputs)]

    assert b"Ann" not in b"".join(everything)
    assert {output.topic for output in keeper.outputs} == {"facts"}
