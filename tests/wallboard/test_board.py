"""The board's memory, without Redis and without a page."""

import msgspec
import pytest

from streams.facts.wire import Dimension
from streams.metrics.catalogue import BY_ID
from streams.metrics.view import QueueView
from streams.wallboard.board import FORGET_MS, Board
from streams.wallboard.history import SAMPLE_MS, SAMPLES
from streams.wallboard.presentation import SHOWN, label

T = 1_800_000_000_000


def view(queue="billing", at=T, live=None, windows=None, state="live"):
    return QueueView("voice", queue, at, state, live or {"waiting": 2}, windows or {}, {})


def board_with(*views):
    board = Board(SHOWN, T)
    board.connected(T)
    board.put(views, T)
    return board


def test_a_new_page_gets_everything():
    board = board_with(view("billing"), view("sales"))

    message = board.message(T + 100)

    assert message.full
    assert [tile.queue for tile in message.tiles] == ["billing", "sales"]
    assert message.now_ms == T + 100


def test_a_page_that_has_seen_everything_gets_nothing():
    board = board_with(view("billing"))

    message = board.message(T, seen=board.version)

    assert not message.full
    assert message.tiles == []


def test_a_page_gets_only_the_queues_that_changed():
    board = board_with(view("billing"), view("sales"))
    seen = board.version

    board.put([view("billing"), view("sales", T + 500, {"waiting": 3})], T)

    [tile] = board.message(T + 500, seen).tiles
    assert (tile.queue, tile.values) == ("sales", {"waiting": 3})


def test_values_that_stay_are_not_sent_again_when_only_time_moves_on():
    board = board_with(view(at=T))
    seen = board.version

    board.put([view(at=T + 500)], T)

    [tile] = board.message(T + 500, seen).tiles
    assert tile.as_of_ms == T + 500
    assert tile.values is msgspec.UNSET


def test_a_slow_page_gets_what_changed_since_it_last_looked():
    board = board_with(view("billing"), view("sales"))
    seen = board.version
    board.put([view("billing", T + 250, {"waiting": 3}), view("sales")], T)
    board.put([view("billing", T + 500, {"waiting": 3}), view("sales")], T)

    [tile] = board.message(T + 500, seen).tiles

    assert (tile.as_of_ms, tile.values) == (T + 500, {"waiting": 3})


def test_null_is_absent_and_kpis_that_are_not_shown_are_left_out():
    windows = {"5m": {"offered": 0, "service_level": None, "wait_p99": 3.5}}

    [tile] = board_with(view(live={"waiting": 0, "longest_wait": None}, windows=windows)).message(T).tiles

    assert tile.values == {"waiting": 0, "offered:5m": 0}


def test_what_has_none_of_the_numbers_on_the_board_has_no_place_there():
    board = board_with(view("billing"), view("support", live={"longest_contact_wait": 3}))

    assert [tile.queue for tile in board.message(T).tiles] == ["billing"]


def test_a_queue_whose_numbers_are_gone_keeps_its_place():
    board = board_with(view("billing"))

    board.put([view("billing", T + 500, {"waiting": None})], T)

    assert [tile.values for tile in board.message(T + 500).tiles] == [{}]


def test_an_age_says_since_when_it_counts():
    [tile] = board_with(view(at=T, live={"waiting": 1, "longest_wait": 42.125})).message(T).tiles

    assert tile.since_ms == {"longest_wait": T - 42_125}


@pytest.mark.parametrize(
    ("later_ms", "written", "expected"),
    [
        pytest.param(3_000, "live", "live", id="live for three seconds"),
        pytest.param(3_001, "live", "catching_up", id="no longer"),
        pytest.param(0, "catching_up", "catching_up", id="what was behind when written is behind"),
    ],
)
def test_a_queue_that_is_not_written_any_more_stays_and_is_catching_up(later_ms, written, expected):
    board = board_with(view(state=written))

    board.put([], T)

    [tile] = board.message(T + later_ms).tiles
    assert (tile.as_of_ms, tile.state, tile.here) == (T, expected, False)


def test_a_queue_not_heard_of_for_a_day_is_forgotten_and_pages_are_told():
    board = board_with(view("gone"), view("here"))
    seen = board.version
    later = T + FORGET_MS + SAMPLE_MS
    board.put([view("here", later)], T)
    board.pass_time(later)

    message = board.message(later, seen)

    assert message.full
    assert [tile.queue for tile in message.tiles] == ["here"]


def waiting_line(board, at):
    return board.tile(Dimension("voice", "billing"), at).history.series["waiting"]


def test_the_waiting_line_is_sampled_with_gaps_where_it_was_not_live():
    board = board_with(view(at=T, live={"waiting": 2}))
    board.pass_time(T + SAMPLE_MS // 2)
    board.put([view(at=T + SAMPLE_MS, live={"waiting": 5})], T)
    board.pass_time(T + SAMPLE_MS)
    board.pass_time(T + 3 * SAMPLE_MS)

    history = board.tile(Dimension("voice", "billing"), T + 3 * SAMPLE_MS).history

    assert history.series["waiting"] == [5, None, None]
    assert history.end == T // SAMPLE_MS + 3


def test_the_memory_of_the_waiting_line_is_bounded():
    board = board_with(view())
    for step in range(SAMPLES + 50):
        board.put([view(at=T + step * SAMPLE_MS)], T)
        board.pass_time(T + step * SAMPLE_MS)

    assert len(waiting_line(board, T)) == SAMPLES


def test_the_line_begins_before_the_board_where_that_is_known():
    board = board_with(view(at=T, live={"waiting": 2}))
    minute = 4 * SAMPLE_MS

    board.fill(Dimension("voice", "billing"), "waiting", {T - 2 * minute: 7, T - minute: 3})

    line = waiting_line(board, T)
    assert len(line) == SAMPLES
    assert line[-9:-1] == [7, 7, 7, 7, 3, 3, 3, 3]
    assert line[:-9] == [None] * (SAMPLES - 9)


def test_what_was_sampled_is_not_written_over():
    board = board_with(view(at=T + SAMPLE_MS, live={"waiting": 2}))
    board.pass_time(T + SAMPLE_MS)

    board.fill(Dimension("voice", "billing"), "waiting", {T - SAMPLE_MS: 7})

    assert waiting_line(board, T + SAMPLE_MS)[-2:] == [7, 2]


def test_a_page_that_is_open_gets_the_past_too():
    board = board_with(view(at=T, live={"waiting": 2}))
    seen = board.version

    board.fill(Dimension("voice", "billing"), "waiting", {T: 7})

    message = board.message(T, seen)
    assert message.full
    assert message.tiles[0].history.series["waiting"][-1] == 7


def test_a_tile_draws_one_line_and_a_queues_page_all_that_there_are():
    board = Board(SHOWN, T, sampled=("waiting", "service_level:5m", "backlog"))
    board.put([view(at=T + SAMPLE_MS, live={"waiting": 2}, windows={"5m": {"service_level": 0.9}})], T)
    board.pass_time(T + SAMPLE_MS)

    [tile] = board.message(T + SAMPLE_MS).tiles

    assert set(tile.history.series) == {"waiting"}
    assert set(board.tile(Dimension("voice", "billing"), T).history.series) == {"waiting", "service_level:5m"}


def test_a_queue_is_closed_when_its_calendar_says_so():
    board = Board(SHOWN, T, opens=lambda queue, now: now + 5 if queue == "billing" else None)

    board.put([view("billing"), view("sales")], T)

    assert [tile.opens_ms for tile in board.message(T).tiles] == [T + 5, None]


def test_redis_lost_keeps_the_time_of_the_first_failure():
    board = board_with(view())

    board.lost(T + 1_000, "redis")
    board.lost(T + 2_000, "redis")

    link = board.message(T + 2_000, board.version).link
    assert (link.connected, link.since_ms) == (False, T + 1_000)


def test_redis_back_is_a_change():
    board = board_with(view())
    board.lost(T + 1_000, "redis")
    seen = board.version

    board.connected(T + 5_000)

    assert board.version > seen
    assert board.link.connected


@pytest.mark.parametrize(
    ("kpi", "expected"), [("service_level", "Service level"), ("asa", "ASA"), ("longest_wait", "Longest wait")]
)
def test_labels_are_the_ids_in_words(kpi, expected):
    assert label(kpi) == expected


def test_everything_shown_is_in_the_catalogue():
    assert set(SHOWN) <= set(BY_ID)
