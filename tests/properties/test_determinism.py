"""State is a pure fold of the log: no batching, no crash, no order within the horizon and no repetition shows."""

from hypothesis import assume, given, note
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.books import MemoryRecord
from streams.contacts.book import ContactBook
from streams.facts.wire import PROGRESS_KEY
from streams.windows.book import ViewBook
from tests.properties.histories import (
    HOUR_MS,
    MINUTE_MS,
    Sent,
    centres,
    channels,
    delayed,
    histories,
    lives,
    scattered,
    soups,
)
from tests.properties.keeping import Keeper
from tests.properties.wiring import RULES, Centre, fold_settings, window_settings

WINDOWS = replace(window_settings(RULES), whole_log=False)
"""As in a worker: the window `all` is a replay's, and nothing restores a replay."""
AFTERWARDS = (0, MINUTE_MS, 16 * MINUTE_MS, 3 * HOUR_MS)

fates = st.lists(st.tuples(st.integers(1, 5), st.sampled_from(("flush", "fold on", "crash", "crash"))), max_size=8)


def contact_keeper(sent: list[Sent]) -> Keeper:
    topic = sent[0].topic
    log = [one.record(offset) for offset, one in enumerate(sent)]
    return Keeper(lambda: ContactBook(topic, 0, fold_settings(RULES)), log)


def view_keeper(facts: list[MemoryRecord]) -> Keeper:
    return Keeper(lambda: ViewBook(0, WINDOWS), facts)


def facts_of(keeper: Keeper) -> list[MemoryRecord]:
    """What stage 2 reads, progress included, appended as the log had it."""
    facts = [output for output in keeper.outputs if output.topic == "facts"]
    return [MemoryRecord(offset, 1 + offset, output.key, output.value) for offset, output in enumerate(facts)]


def totals(facts: list[MemoryRecord]) -> object:
    """What the deltas of a facts log add up to, however they were cut."""
    book = ViewBook(0, WINDOWS)
    book.fold([fact for fact in facts if fact.key != PROGRESS_KEY])
    states = book.dimensions.items()
    return {name: (_filled(state.panes), _filled(state.slots), state.rows) for name, state in states if state.panes}


def _filled(bags: dict[int, dict[int, int]]) -> dict[int, dict[int, int]]:
    return {key: bag for key, bag in bags.items() if bag}


@given(st.one_of(histories(), soups(most_ms=5 * MINUTE_MS)), fates)
def test_stage_1_in_any_batches_with_any_crashes(sent: list[Sent], fates: list[tuple[int, str]]):
    assume(sent)
    plain, battered = contact_keeper(sent), contact_keeper(sent)

    assert battered.live_through(fates) == plain.finish()
    assert totals(facts_of(battered)) == totals(facts_of(plain))
    assert [o for o in battered.outputs if o.topic == "visits"] == [o for o in plain.outputs if o.topic == "visits"]


@given(st.one_of(histories(), soups()), fates, fates)
def test_stage_2_in_any_batches_with_any_crashes(
    sent: list[Sent], flushes: list[tuple[int, str]], fates: list[tuple[int, str]]
):
    assume(sent)
    source = contact_keeper(sent)
    source.live_through(flushes)
    facts = facts_of(source)

    assert view_keeper(facts).live_through(fates) == view_keeper(facts).finish()


@st.composite
def reordered(draw, *, tied: bool = False):
    """The same records in two orders, in neither of which any is late."""
    kind = draw(st.sampled_from((lives, scattered)))
    events = draw(centres(draw(channels), kind, most=3))
    assume(events)
    if tied:
        events = [dict(event, time=event["time"] // 10_000 * 10_000) for event in events]
    first = draw(delayed(events))
    delays = draw(st.lists(st.integers(0, 60_000), min_size=len(first), max_size=len(first)))
    second = [Sent(one.event, one.event["time"] + delay, one.channel) for one, delay in zip(first, delays, strict=True)]
    return first, sorted(second, key=lambda one: (one.arrives, one.event["id"]))


def check_order(orders: tuple[list[Sent], list[Sent]]) -> None:
    first, second = orders
    note(f"{first}\n{second}")
    centres_ = [Centre(), Centre()]
    for centre, sent in zip(centres_, orders, strict=True):
        for one in sent:
            centre.feed([one])
    end = max(one.event["time"] for one in first)

    assert contact_keeper(second).finish() == contact_keeper(first).finish()
    for pause in AFTERWARDS:
        values = [centre.values(first[0].channel, end + pause) for centre in centres_]
        assert _something(values[1]) == _something(values[0])


def _something(values):
    """Without queues that show nothing: a correction leaves an empty one behind."""
    return {key: kpis for key, kpis in values.items() if any(kpis.values())}


@given(reordered())
def test_any_order_in_which_nothing_is_late(orders: tuple[list[Sent], list[Sent]]):
    check_order(orders)


@given(reordered(tied=True))
def test_any_order_of_events_of_the_same_instant(orders: tuple[list[Sent], list[Sent]]):
    check_order(orders)


@given(histories(), st.data())
def test_repetitions_change_no_value(sent: list[Sent], data: st.DataObject):
    assume(sent)
    once, often = Centre(), Centre()
    once.feed(sent)
    for one in sent:
        often.feed([one] * data.draw(st.sampled_from((1, 1, 2, 3))))
    end = sent[-1].arrives

    assert often.values(sent[0].channel, end) == once.values(sent[0].channel, end)
