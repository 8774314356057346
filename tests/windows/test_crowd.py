"""A flood of names: so many queues are kept by name, the rest as one, and which ones follows from the log alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.books import MemoryRecord, Reading
from streams.facts.primitives import P
from streams.facts.wire import PANE_MS, PROGRESS_KEY, Delta, Dimension, Progress, Row, RowKind, dimension_key, encode
from streams.windows.book import ViewBook
from streams.windows.settings import WindowSettings
from tests.properties.keeping import Keeper

T0 = 1_789_999_200_000
HOUR = 3_600_000
SETTINGS = WindowSettings(windows=("5m", "today"), most_queues=3, channels=frozenset({"voice", "agents"}))
OTHER = Dimension("voice", "~other-0")


def fact(queue: str, n: int = 1, *, at: int = 0, channel: str = "voice", domain: str = "", rows=None):
    panes = {(T0 + at) // PANE_MS: {P.OFFERED: n}} if n else {}
    return dimension_key(Dimension(channel, queue, domain)), encode(Delta(panes, rows or {}))


def passed(at: int):
    """All sources have come to an instant."""
    return PROGRESS_KEY, encode(Progress("calls", 0, 1, T0 + at, 0, T0 + at, caught_up=True))


def waiting(end: int | None = None) -> Row:
    return Row(RowKind.WAITING, T0, end, T0, T0, 20_000, T0 + 4 * HOUR)


def log(*facts) -> list[MemoryRecord]:
    return [MemoryRecord(offset, None, key, value) for offset, (key, value) in enumerate(facts)]


def folded(*facts) -> ViewBook:
    book = ViewBook(0, SETTINGS)
    book.fold(log(*facts))
    return book


def offered(book: ViewBook) -> dict[tuple[str, str], int]:
    """(channel, queue) → offered today."""
    totals = {name: state.totals(T0)["today"].bag.get(P.OFFERED, 0) for name, state in book.dimensions.items()}
    return {name[:2]: n for name, n in totals.items() if name.domain == ""}


def named(*queues: str, channel: str = "voice") -> dict[tuple[str, str], int]:
    return {(channel, queue): 1 for queue in queues}


def test_who_comes_first_is_kept_by_name():
    book = folded(*map(fact, ["a", "b", "c", "d", "a", "e"]))

    assert offered(book) == {**named("b", "c"), ("voice", "a"): 2, ("voice", "~other-0"): 2}
    assert book.crowded == 2


def test_without_a_limit_all_are():
    book = ViewBook(0, WindowSettings(windows=("today",)))
    book.fold(log(*(fact(str(number)) for number in range(100))))

    assert len(book.dimensions) == 100
    assert book.crowded == 0


@pytest.mark.parametrize("queue", ["*", "@sales", "#gold"])
def test_roll_ups_of_a_configured_channel_always_are(queue):
    book = folded(*map(fact, ["a", "b", "c", "d", queue]))

    assert offered(book)["voice", queue] == 1


def test_a_flood_of_channels_is_one_channel():
    facts = [fact(queue, channel=f"made.up.{number}") for number in range(50) for queue in ("x", "*")]
    book = folded(*map(fact, ["a", "b", "c"]), *facts)

    assert offered(book) == {**named("a", "b", "c"), ("~other", "~other-0"): 50, ("~other", "*"): 50}


def test_other_numbers_of_a_queue_come_with_it():
    book = folded(*map(fact, ["a", "b", "c", "d"]), fact("a", domain="surveys"), fact("d", domain="surveys"))

    assert Dimension("voice", "a", "surveys") in book.dimensions
    assert Dimension("voice", "d", "surveys") not in book.dimensions


def test_agents_have_room_of_their_own():
    book = folded(*map(fact, ["a", "b", "c", "*ann", "*bob", "*cid", "*dan", "*eve"]))

    assert offered(book) == {**named("a", "b", "c", "*ann", "*bob", "*cid"), ("voice", "*~other-0"): 2}


def test_a_correction_goes_where_the_count_went():
    # a is gone, so there would be room for d: but d is counted elsewhere.
    book = folded(*map(fact, ["a", "b", "c", "d"]), fact("a", -1), fact("d"), fact("d", -1))

    assert offered(book)["voice", "~other-0"] == 1
    assert ("voice", "d") not in offered(book)


def test_a_contact_that_moves_between_two_of_them_stays():
    book = folded(
        *map(fact, ["a", "b", "c"]),
        fact("d", 0, rows={"c1\x1fv0": waiting()}),
        fact("e", 0, rows={"c1\x1fv1": waiting(), "c2\x1fv0": waiting()}),
        fact("d", 0, rows={"c1\x1fv0": None, "c2\x1fv0": None}),
    )

    assert book.dimensions[OTHER].live(T0 + 1).count(RowKind.WAITING) == 2


def test_room_comes_back_when_nothing_is_left_of_a_queue_and_of_the_others():
    days = 72 * HOUR
    later = [fact(queue, at=days) for queue in ("x", "y", "z")]
    book = folded(*map(fact, ["a", "b", "c", "d"]), passed(days), *later)
    book.drain(Reading(caught_up=True, lag=0))

    assert set(offered(book)) == set(named("x", "y", "z"))


def test_nobody_new_is_let_in_while_the_others_hold_somebody():
    days = 72 * HOUR
    held = fact("d", 0, rows={"c1\x1fv0": waiting()})
    book = folded(*map(fact, ["a", "b", "c"]), held, passed(days), fact("x", at=days))

    assert set(book.dimensions) >= {OTHER}
    assert Dimension("voice", "x") not in book.dimensions


names = st.sampled_from(["a", "b", "c", "d", "e", "*", "@g", "*ann", "*bob", "*cid", "*dan", "*eve"])
facts = st.one_of(
    st.builds(fact, names, st.integers(-1, 2), at=st.integers(0, 3).map(lambda n: n * 20 * HOUR),
              channel=st.sampled_from(["voice", "voice", "fax"]), domain=st.sampled_from(["", "", "surveys"])),
    st.integers(0, 4).map(lambda n: passed(n * 20 * HOUR)),
)  # fmt: skip
fates = st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["flush", "fold on", "crash"])), max_size=10)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(facts, max_size=40), fates)
def test_neither_flushes_nor_restarts_decide_who_is_kept(given_facts, fates):
    records = log(*given_facts)
    keeper = Keeper(lambda: ViewBook(0, SETTINGS), records)
    undisturbed = ViewBook(0, SETTINGS)
    undisturbed.fold(records)
    undisturbed.drain(Reading(caught_up=True, lag=0))

    assert keeper.live_through(fates) == undisturbed.snapshot()


def test_a_flood_leaves_no_more_than_the_limit():
    book = ViewBook(0, SETTINGS)
    for start in range(0, 20_000, 1_000):
        book.fold([r._replace(offset=start + r.offset) for r in log(*(fact(f"q{start + n}") for n in range(1_000)))])
        book.drain(Reading(caught_up=True, lag=0))

    assert len(book.dimensions) == 4
    assert offered(book)["voice", "~other-0"] == 19_997
