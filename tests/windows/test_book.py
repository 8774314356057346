"""Stage 2's book: progress and as_of, expiry, and that neither flushes nor restarts show."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.books import META_KEY, MemoryRecord, Reading
from streams.errors import StateError
from streams.facts.primitives import P
from streams.facts.wire import PANE_MS, PROGRESS_KEY, Delta, Dimension, Progress, Row, RowKind, dimension_key, encode
from streams.windows.book import ViewBook
from streams.windows.settings import WindowSettings

T0 = 1_789_999_200_000
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
QUEUE = Dimension("voice", "q1")
SETTINGS = WindowSettings(windows=("1m", "60m", "today"))
CAUGHT_UP = Reading(caught_up=True, lag=0)


def reported(at_ms, *, topic="calls", partition=0, caught_up=True, folded_ms=None, lag=0):
    """Progress appended at an instant of the line; `folded_ms`: append time of the last folded record."""
    folded = T0 + (at_ms if folded_ms is None else folded_ms)
    progress = Progress(topic, partition, 1, folded, lag, folded, caught_up)
    return T0 + at_ms, PROGRESS_KEY, encode(progress)


def delta(at_ms=0, rows=None, dimension=QUEUE, **counts):
    bag = {getattr(P, name.upper()): n for name, n in counts.items()}
    panes = {(T0 + at_ms) // PANE_MS: bag} if bag else {}
    return T0 + at_ms, dimension_key(dimension), encode(Delta(panes, rows or {}))


def waiting(begin_ms, end_ms=None, lost_wait_ms=None):
    begin = T0 + begin_ms
    end = None if end_ms is None else T0 + end_ms
    return Row(RowKind.WAITING, begin, end, begin, begin, 20_000, begin + 4 * HOUR, lost_wait_ms)


def records(*facts):
    return [MemoryRecord(offset, at, key, value) for offset, (at, key, value) in enumerate(facts)]


def folded(*facts):
    book = ViewBook(0, SETTINGS)
    book.fold(records(*facts))
    return book


def kept(changelog, flush):
    changelog.update({**flush.rows, META_KEY: flush.meta})
    return {key: value for key, value in changelog.items() if value is not None}


def offered(book, window, at_ms, dimension=QUEUE):
    return book.dimensions[dimension].totals(T0 + at_ms)[window].bag.get(P.OFFERED, 0)


class TestAsOf:
    """The instant up to which every partition of the sources is folded."""

    def test_is_the_smallest_progress(self):
        book = folded(reported(9_000), reported(7_000, partition=1), reported(8_000, topic="chats"))

        assert book.as_of([("calls", 2)]) == T0 + 7_000
        assert book.as_of([("chats", 1)]) == T0 + 8_000
        assert book.as_of([("calls", 2), ("chats", 1)]) == T0 + 7_000

    def test_is_not_known_while_one_never_reported(self):
        book = folded(reported(9_000))

        assert book.as_of([("calls", 2)]) is None
        assert book.as_of([("chats", 1)]) is None

    def test_is_not_known_without_sources(self):
        assert folded(reported(9_000)).as_of([]) is None

    @pytest.mark.parametrize(
        ("caught_up", "reached"), [(True, 9_000), (False, 4_000)], ids=["caught up", "catching up"]
    )
    def test_who_is_caught_up_has_reached_the_append_time_of_saying_so(self, caught_up, reached):
        book = folded(reported(9_000, caught_up=caught_up, folded_ms=4_000))

        assert book.as_of([("calls", 1)]) == T0 + reached

    @pytest.mark.parametrize(
        ("proved_ms", "reached"),
        [(8_500, 9_000), (4_000, 5_000), (1_000, 3_000)],
        ids=["at once", "held up on the way", "held up, though something was folded since"],
    )
    def test_who_was_held_up_knows_nothing_of_what_came_after_the_look(self, proved_ms, reached):
        """A worker that was stopped between its look at the log and its flush."""
        progress = Progress("calls", 0, 1, T0 + 3_000, 0, T0 + 3_000, caught_up=True, proved_at=T0 + proved_ms)

        book = folded((T0 + 9_000, PROGRESS_KEY, encode(progress)))

        assert book.as_of([("calls", 1)]) == T0 + reached

    def test_progress_never_falls(self):
        book = folded(reported(9_000), reported(10_000, caught_up=False, folded_ms=4_000))

        assert book.as_of([("calls", 1)]) == T0 + 9_000

    def test_a_topic_no_longer_asked_for_holds_nobody_up(self):
        book = folded(reported(0, topic="old"), reported(9_000))

        assert book.as_of([("calls", 1)]) == T0 + 9_000

    def test_what_was_reported_last_is_known(self):
        book = folded(reported(9_000), reported(10_000, caught_up=False, folded_ms=4_000, lag=17))

        assert book.progress["calls", 0] == (T0 + 9_000, T0 + 4_000, 17, False)


def test_a_topic_that_is_no_longer_configured_keeps_nothing_from_expiring():
    log = records(delta(0, offered=1), reported(0), reported(0, topic="gone"), reported(3 * HOUR), reported(3 * HOUR))
    settings = msgspec.structs.replace(SETTINGS, sources=frozenset({"calls"}))
    books = ViewBook(0, settings), ViewBook(0, SETTINGS)
    for book in books:
        book.fold(log)

    assert [len(book.dimensions[QUEUE].panes) for book in books] == [0, 1]


class TestExpiry:
    """What no window can show any more is dropped; a count that comes later still is dropped and counted."""

    def test_a_count_for_a_slot_that_is_gone_is_counted_expired(self):
        book = folded(reported(0), delta(-50 * HOUR, offered=2, abandoned=-1))

        assert book.expired == 3
        assert offered(book, "today", 0) == 0

    def test_a_count_for_a_pane_that_is_gone_still_counts_today(self):
        book = folded(reported(0), delta(-3 * HOUR, offered=1))

        assert (book.expired, offered(book, "60m", 0), offered(book, "today", 0)) == (0, 0, 1)
        assert not book.dimensions[QUEUE].panes

    def test_follows_the_slowest_source(self):
        book = folded(reported(-50 * HOUR, partition=1), reported(0), delta(-50 * HOUR, offered=1))

        assert (book.expired, offered(book, "60m", -50 * HOUR)) == (0, 1)

    def test_every_window_is_right_up_to_as_of(self):
        """As_of leaps by half an hour at a time; nothing that a window still shows has been dropped."""
        facts = [fact for n in range(20) for fact in (delta(n * 10 * MINUTE, offered=1), reported(n * 10 * MINUTE))]
        book = ViewBook(0, SETTINGS)
        seen = []
        for n, record in enumerate(records(*facts)):
            book.fold([record])
            if n % 6 == 5:
                seen.append(offered(book, "60m", (n // 2) * 10 * MINUTE))

        assert seen == [3, 6, 6, 6, 6, 6]

    def test_old_panes_leave_the_changelog(self):
        book = folded(delta(0, offered=1), reported(0))
        changelog = kept({}, book.drain(CAUGHT_UP))
        book.fold([MemoryRecord(2, *reported(30 * HOUR))])
        changelog = kept(changelog, book.drain(CAUGHT_UP))

        assert {key[:1] for key in changelog if key != META_KEY} == {b"g"}


ROWS = {
    "open": {"c\x1f1w": waiting(0)},
    "over": {"c\x1f1w": waiting(0, 5_000)},
    "lost": {"c\x1f1w": waiting(0, 5_000, lost_wait_ms=5_000)},
    "gone": {"c\x1f1w": None},
}
steps = st.one_of(
    st.integers(-60, 40).map(lambda hours: delta(hours * HOUR, offered=1)),
    st.integers(-60, 60).map(lambda seconds: delta(seconds * SECOND, offered=1, abandoned=-1)),
    st.sampled_from([delta(0, rows) for rows in ROWS.values()]),
    st.tuples(st.integers(-40, 40), st.booleans()).map(lambda each: reported(each[0] * HOUR, caught_up=each[1])),
    st.integers(0, 90).map(lambda minutes: reported(minutes * MINUTE)),
)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.lists(steps, max_size=15), st.data())
def test_neither_flushes_nor_restarts_show(facts, data):
    plain = folded(*facts)
    book, changelog = ViewBook(0, SETTINGS), {}
    for record in records(*facts):
        book.fold([record])
        fate = data.draw(st.sampled_from(["go on", "flush", "look", "restart"]))
        if fate == "look":
            for state in book.dimensions.values():
                state.totals(T0)
        elif fate != "go on":
            changelog = kept(changelog, book.drain(CAUGHT_UP))
        if fate == "restart":
            book = ViewBook(0, SETTINGS)
            book.restore(changelog.items())

    assert contents(book) == contents(plain)
    for name, state in plain.dimensions.items():
        for at in (0, HOUR, 40 * HOUR):
            assert totals(book.dimensions.get(name), at) == totals(state, at)


def contents(book):
    """All that is kept, without what corrections have emptied."""
    parts = {(name, *part): bag for name, state in book.dimensions.items() for part, bag in filled(state)}
    return book.offset, book.expired, book.progress, parts


def filled(state):
    for part in ("panes", "slots", "rows", "lost"):
        yield from (((part, key), value) for key, value in getattr(state, part).items() if value)


def totals(state, at_ms):
    """Window → bag, where there is something."""
    found = state.totals(T0 + at_ms) if state is not None else {}
    return {window: total.bag for window, total in found.items() if total.bag}


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param([delta(0, offered=1), reported(40 * HOUR)], id="expired"),
        pytest.param([delta(0, offered=1), delta(0, offered=-1)], id="taken back"),
        pytest.param([delta(0, ROWS["open"]), delta(0, ROWS["gone"])], id="a row that never was"),
    ],
)
def test_a_queue_of_which_nothing_is_left_is_gone_with_and_without_a_restart(facts):
    book = folded(*facts)
    restored = ViewBook(0, SETTINGS)
    restored.restore(kept({}, book.drain(CAUGHT_UP)).items())

    assert restored.snapshot() == book.snapshot()


def test_the_lost_are_restored():
    book = folded(delta(0, ROWS["lost"]))
    restored = ViewBook(0, SETTINGS)
    restored.restore(kept({}, book.drain(CAUGHT_UP)).items())

    assert restored.dimensions[QUEUE].lost == book.dimensions[QUEUE].lost != {}


@pytest.mark.parametrize("corrected", ["open", "over", "gone"])
def test_who_was_not_lost_after_all_is_not_restored_as_lost(corrected):
    book = folded(delta(0, ROWS["lost"]))
    changelog = kept({}, book.drain(CAUGHT_UP))
    book.fold([MemoryRecord(1, *delta(0, ROWS[corrected]))])
    restored = ViewBook(0, SETTINGS)
    restored.restore(kept(changelog, book.drain(CAUGHT_UP)).items())

    assert not any(state.lost for state in restored.dimensions.values())


def test_names_of_contacts_may_hold_any_character():
    name = "a\x1e\x1f\x00b"
    book = folded(delta(0, {f"{name}\x1f1w": waiting(0)}))
    restored = ViewBook(0, SETTINGS)
    restored.restore(kept({}, book.drain(CAUGHT_UP)).items())

    assert restored.snapshot() == book.snapshot()


def test_every_bag_is_told_to_who_counts_and_restored_ones_are_not():
    told = []
    book = ViewBook(0, SETTINGS, on_delta=lambda *seen: told.append(seen))
    book.fold(records(delta(0, offered=1), reported(0), delta(-50 * HOUR, offered=1)))
    restored = ViewBook(0, SETTINGS, on_delta=lambda *seen: told.append("restored"))
    restored.restore(kept({}, book.drain(CAUGHT_UP)).items())

    assert told == [(QUEUE, {P.OFFERED: 1}, 0, T0), (QUEUE, {P.OFFERED: 1}, 2, T0 - 50 * HOUR)]


def test_records_below_the_offset_were_folded_before():
    book = ViewBook(0, SETTINGS)
    log = records(delta(0, offered=1), delta(0, offered=1), delta(0, offered=1))
    book.fold(log[:2])
    book.fold(log)

    assert (offered(book, "1m", 0), book.offset, book.pending) == (3, 3, 3)


@pytest.mark.parametrize(
    ("meta", "message"),
    [(msgspec.msgpack.encode([99, 0, 0, 0, 0, 0]), "format 99"), (b"\xc1", "an unreadable format")],
    ids=["another", "unreadable"],
)
def test_another_format_is_refused_with_a_hint(meta, message):
    with pytest.raises(StateError, match=message) as caught:
        ViewBook(0, SETTINGS).restore([(META_KEY, meta)])

    assert "kafka.app" in caught.value.hint


def test_a_row_that_ended_before_the_first_pane_kept_is_not_kept():
    book = folded(
        reported(0), delta(0, {"c\x1f1w": waiting(-3 * HOUR)}), delta(0, {"c\x1f1w": waiting(-3 * HOUR, -2 * HOUR)})
    )
    late = folded(reported(0), delta(0, {"c\x1f1w": waiting(-3 * HOUR, -MINUTE)}))

    assert not book.dimensions[QUEUE].rows
    assert list(late.dimensions[QUEUE].rows) == ["c\x1f1w"]
