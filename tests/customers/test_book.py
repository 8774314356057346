"""The book of customers: what is booked for a contact, where, and when it is corrected."""

import pytest
from msgspec.structs import replace

from streams.customers.settings import DAY_MS
from streams.errors import StateError
from streams.facts.starts import Starts
from streams.facts.wire import encode
from tests.customers.log import LATENESS_MS, SETTINGS, T0, Log, day

SECOND_D = 1 / 86_400
MILLISECOND_D = 1 / DAY_MS


# --- repeated contacts, and contacts that none followed ---


@pytest.mark.parametrize(
    ("starts", "repeat", "met"),
    [
        #            day 0 ────────── 7 ────────── 14
        pytest.param([0],                 0, 1, id="one contact, and none after it"),
        pytest.param([0, 3],              1, 1, id="the second repeats the first: only the second was resolved"),
        pytest.param([0, 7],              1, 1, id="exactly seven days are within"),
        pytest.param([0, 7 + MILLISECOND_D], 0, 2, id="a millisecond more is not"),
        pytest.param([0, 3, 6],           2, 1, id="each repeats the one before"),
        pytest.param([0, 6, 12],          2, 1, id="more than seven days in all, but not from one to the next"),
        pytest.param([0, 8, 9],           1, 2, id="a pause between"),
        pytest.param([0, 0],              1, 1, id="two at once: one repeats the other"),
    ],
)  # fmt: skip
def test_repeats_and_resolutions(starts, repeat, met):
    log = Log()
    for start in starts:
        log.contact(start)
    log.source(30)

    counts = log.counts()

    assert counts == {name: n for name, n in {
        "seen": len(starts), "repeat": repeat, "judged": len(starts), "met": met,
    }.items() if n}  # fmt: skip
    assert counts["seen"] - counts.get("repeat", 0) == counts["met"]


def test_in_any_order_of_arrival():
    forth, back = Log(), Log()
    for start in (0, 3, 8, 20):
        forth.contact(start)
    for start in (20, 8, 3, 0):
        back.contact(start)

    assert forth.source(30).panes == back.source(30).panes


def test_over_all_channels_and_queues_each_where_it_started():
    log = Log().contact(0, queue="q1").contact(1, queue="q2", channel="chat").source(30)

    assert log.counts("q1") == {"seen": 1, "judged": 1}
    assert log.counts("q2", "chat") == {"seen": 1, "repeat": 1, "judged": 1, "met": 1}


def test_customers_do_not_mix():
    log = Log().contact(0, customer="ann").contact(1, customer="bob").source(30)

    assert log.counts() == {"seen": 2, "judged": 2, "met": 2}


def test_a_channel_and_its_groups_are_sums_of_queues():
    log = Log(replace(SETTINGS, groups={"sales": ("q1", "q2"), "all": ("q1", "q2", "q3"), "none": ("q4",)}))
    log.contact(0, queue="q1").contact(1, queue="q2").contact(2, queue="q3").source(30)

    assert log.counts("*") == log.counts("@all") == {"seen": 3, "repeat": 2, "judged": 3, "met": 1}
    assert log.counts("@sales") == {"seen": 2, "repeat": 1, "judged": 2}
    assert log.counts("@none") == {}


# --- where it is booked, and when ---


def test_a_repeat_is_booked_at_its_start_and_a_resolution_where_the_days_end():
    log = Log().contact(0).contact(3).source(30)

    assert log.when("seen") == {0: 1, 3: 1}
    assert log.when("repeat") == {3: 1}
    assert log.when("judged") == {7: 1, 10: 1}
    assert log.when("met") == {10: 1}


def test_nothing_is_judged_before_the_days_have_ended():
    log = Log().contact(0).source(7 - SECOND_D)

    assert log.counts() == {"seen": 1}
    assert log.source(7).counts() == {"seen": 1, "judged": 1, "met": 1}


def test_other_days_as_configured():
    log = Log(replace(SETTINGS, horizon_ms=2 * DAY_MS)).contact(0).contact(3).source(30)

    assert log.counts() == {"seen": 2, "judged": 2, "met": 2}
    assert log.when("met") == {2: 1, 5: 1}


# --- sources: the watermark is that of the one farthest behind ---


def test_the_source_farthest_behind_says_what_is_judged():
    log = Log(sources=(("calls", 2), ("chats", 1))).contact(0)
    log.source(30, number=0).source(30, number=1)

    assert log.counts() == {"seen": 1}, "chats have not reported"

    log.source(6, topic="chats")

    assert log.counts() == {"seen": 1}, "a contact of day 6 may still come"

    log.source(8, topic="chats")

    assert log.counts() == {"seen": 1, "judged": 1, "met": 1}


def test_an_idle_source_holds_nobody_up():
    log = Log(sources=(("calls", 1), ("chats", 1))).contact(0).source(30)
    log.source(1, topic="chats", idle_at_d=7)

    assert log.counts() == {"seen": 1}, "what was late by a minute may still come"

    log.source(1, topic="chats", idle_at_d=7 + LATENESS_MS / DAY_MS)

    assert log.counts() == {"seen": 1, "judged": 1, "met": 1}


def test_a_source_that_is_not_configured_is_ignored():
    log = Log().contact(0).source(1, topic="chats").source(8)

    assert log.counts() == {"seen": 1, "judged": 1, "met": 1}


def test_the_watermark_never_falls():
    log = Log().contact(0).source(8, idle_at_d=8).source(1)

    assert log.book.watermark == day(8)


def test_its_progress_is_that_of_the_source_farthest_behind():
    log = Log(sources=(("calls", 1), ("chats", 1))).source(3)

    assert log.progress is None, "chats have not reported"

    log.source(1, topic="chats")

    assert (log.progress.topic, log.progress.appended_at) == ("customers", day(1))

    log.source(1, topic="chats", idle_at_d=5)

    assert (log.progress.appended_at, log.progress.caught_up) == (day(3), False)


# --- corrections: what was booked is taken back where it was ---


def test_a_contact_that_comes_after_the_judgement():
    log = Log().contact(0).source(7.5)

    assert log.counts() == {"seen": 1, "judged": 1, "met": 1}

    log.contact(6.9)

    assert log.counts() == {"seen": 2, "repeat": 1, "judged": 1}


def test_a_contact_that_comes_between_two_others():
    log = Log(replace(SETTINGS, correctable_ms=10 * DAY_MS)).contact(0).contact(10).source(17)

    assert log.counts() == {"seen": 2, "judged": 2, "met": 2}

    log.contact(7)

    assert log.counts() == {"seen": 3, "repeat": 2, "judged": 3, "met": 1}


def test_a_contact_that_is_taken_back():
    log = Log().contact(0).contact(0.5).source(7.6)

    assert log.counts() == {"seen": 2, "repeat": 1, "judged": 2, "met": 1}

    log.contact(0.5, -1)

    assert log.counts() == {"seen": 1, "judged": 1, "met": 1}
    assert log.when("judged") == {7: 1}


def test_a_contact_that_turns_out_to_have_started_earlier():
    log = Log().contact(0).contact(7.0001).source(7.9)

    assert log.counts() == {"seen": 2, "judged": 1, "met": 1}

    log.moves(7.0001, 6.9999)

    assert log.counts() == {"seen": 2, "repeat": 1, "judged": 1}
    assert log.when("repeat") == {(day(6.9999) // 5_000 * 5_000 - T0) / DAY_MS: 1}


def test_a_contact_that_enters_a_queue_counts_there():
    log = Log().contact(0, queue="-").contact(1, queue="-").moves(1, 1, queue="-", to_queue="q2").source(30)

    assert log.counts("-") == {"seen": 1, "judged": 1}
    assert log.counts("q2") == {"seen": 1, "repeat": 1, "judged": 1, "met": 1}


def test_of_two_at_once_one_is_taken_back():
    log = Log().contact(0, 2).contact(0, -1).source(30)

    assert log.counts() == {"seen": 1, "judged": 1, "met": 1}


def test_a_backfill_of_old_contacts_while_the_sources_are_idle():
    """Whatever their age, for some time they are remembered: an import is not late."""
    log = Log(sources=(("calls", 1), ("chats", 1))).source(100, idle_at_d=100).source(100, topic="chats", idle_at_d=100)
    for start in (0, 3, 20, 50, 56):
        log.contact(start).source(start, idle_at_d=100.001)

    assert log.counts() == {"seen": 5, "repeat": 2, "judged": 5, "met": 3}


def test_what_never_was_cannot_be_taken_back():
    log = Log().contact(3, customer="bob").contact(3, -1).contact(4, -1, customer="bob")

    assert log.counts() == {"seen": 1}
    assert log.book.late == 2


# --- state ---


def test_contacts_are_kept_as_long_as_they_can_change_anything():
    settings = replace(SETTINGS, correctable_ms=DAY_MS)
    log = Log(settings).contact(0).contact(3).source(8)

    assert log.contacts_kept == 2

    log.source(8 + MILLISECOND_D)

    assert log.contacts_kept == 1, "nothing within its seven days can come, change or be taken back any more"

    log.source(12)

    assert log.contacts_kept == 0
    assert log.counts() == {"seen": 2, "repeat": 1, "judged": 2, "met": 1}


def test_a_repeat_stays_one_when_what_it_repeats_is_forgotten():
    log = Log(replace(SETTINGS, correctable_ms=DAY_MS)).contact(0).contact(6.9).source(8.1)

    assert log.contacts_kept == 1
    assert log.counts() == {"seen": 2, "repeat": 1, "judged": 1}

    log.contact(8)

    assert log.counts() == {"seen": 3, "repeat": 2, "judged": 1}

    log.restart().contact(8, -1)

    assert log.counts() == {"seen": 2, "repeat": 1, "judged": 1}


def test_a_contact_stays_followed_when_what_followed_it_is_forgotten():
    """The older one came later, so it is remembered longer."""
    log = Log(replace(SETTINGS, correctable_ms=DAY_MS)).contact(3).source(10.5).contact(1).source(11.2)

    assert log.contacts_kept == 1
    assert log.counts() == {"seen": 2, "repeat": 1, "judged": 2, "met": 1}

    log.contact(0.5)

    assert log.counts() == {"seen": 3, "repeat": 2, "judged": 3, "met": 1}


def test_a_restored_book_goes_on():
    log = Log(sources=(("calls", 1), ("chats", 1))).contact(0).source(5).source(4, topic="chats").contact(4.5)
    before = log.book.snapshot()
    log.restart()

    assert log.book.snapshot() == before

    log.source(20).source(12, topic="chats")

    assert log.counts() == {"seen": 2, "repeat": 1, "judged": 2, "met": 1}


def test_what_was_folded_is_not_folded_again():
    log = Log().contact(0)
    log.restart()
    log._appended = 0
    log.contact(0)

    assert log.counts() == {"seen": 1}


def test_other_days_hold_for_contacts_seen_from_then_on():
    """What was booked by seven days is not judged by two, nor taken back where it never was."""
    log = Log().contact(0)
    log.restart(replace(SETTINGS, horizon_ms=2 * DAY_MS))

    assert log.book.settings_changed

    log.contact(3).source(30)

    assert log.when("judged") == {5: 1, 7: 1}
    assert log.counts() == {"seen": 2, "judged": 2, "met": 1}


def test_the_state_of_another_version_is_refused():
    log = Log().contact(0)
    log.changelog = {key: value.replace(b"\x95\x01", b"\x95\x63", 1) for key, value in log.changelog.items()}

    with pytest.raises(StateError, match=r"customers\[0\] has format 99"):
        log.restart()


def test_a_delta_that_would_be_too_large_is_cut():
    log = Log()
    starts = [(day(number / 200), "q1", 1) for number in range(40_000)]
    log.append(b"ann", encode(Starts("voice", starts)))

    assert sum(len(output.value) for output in log.outputs) > 512_000 > max(len(output.value) for output in log.outputs)
    assert log.counts("*") == {"seen": 40_000, "repeat": 39_999}
