"""The page in a real browser: what a person sees."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.wallboard.browser import opened
from tests.wallboard.test_server import wallboard
from tests.wallboard.writing import now_ms

pytestmark = [pytest.mark.redis, pytest.mark.browser]

FULL = {
    "waiting": 3,
    "longest_wait": 75.0,
    "offered:30m": 1234,
    "answered:30m": 1100,
    "abandoned:30m": 40,
    "service_level:30m": 0.6543,
    "abandon_rate:30m": 0.031,
    "asa:30m": 23.9,
    "answered:5m": 17,
}
GOOD = {"waiting": 0, "service_level:30m": 0.95, "abandon_rate:30m": 0.0, "answered:30m": 50, "abandoned:30m": 0}


def tile(page, queue, channel="voice"):
    return page.locator(f"#tiles article:has(button[data-queue='{queue}'][data-channel='{channel}'])")


def number(page, queue, kpi, channel="voice"):
    return tile(page, queue, channel).locator(f".kpi-{kpi} .number")


def chip(page, queue, channel="voice"):
    return tile(page, queue, channel).locator(".chip")


def says(locator, expected):
    """Wait until the text is as expected: a string, or a pattern."""
    expect(locator).to_have_text(expected, timeout=60_000)


class TestValues:
    @pytest.mark.parametrize(
        ("kpi", "shown"),
        [
            pytest.param("waiting", "3", id="a count"),
            pytest.param("answered", "1,100", id="a large count"),
            pytest.param("service_level", "65.4%", id="a ratio is cut, not rounded"),
            pytest.param("abandon_rate", "3.1%", id="a small ratio"),
            pytest.param("asa", "0:23", id="a duration is cut, not rounded"),
        ],
    )
    def test_are_written_in_their_unit(self, writer, open_board, kpi, shown):
        writer.keep("voice", "units", FULL)

        says(number(open_board(), "units", kpi), shown)

    def test_a_share_just_below_its_goal_never_looks_as_if_it_had_reached_it(self, writer, open_board):
        writer.keep("voice", "nearly", {**GOOD, "service_level:30m": 0.79999})
        page = open_board()

        says(number(page, "nearly", "service_level"), "79.9%")
        says(chip(page, "nearly"), "Watch")

    def test_null_is_a_dash_and_zero_is_zero(self, writer, open_board):
        writer.keep("voice", "nothing", {"waiting": 0, "answered:30m": 0})
        page = open_board()

        says(number(page, "nothing", "waiting"), "0")
        says(number(page, "nothing", "answered"), "0")
        for kpi in ("longest_wait", "service_level", "abandon_rate", "asa"):
            says(number(page, "nothing", kpi), "–")

    def test_follow_without_a_reload(self, writer, open_board):
        writer.keep("voice", "moving", {"waiting": 1})
        page = open_board()
        says(number(page, "moving", "waiting"), "1")

        writer.keep("voice", "moving", {"waiting": 9})

        says(number(page, "moving", "waiting"), "9")

    def test_the_longest_wait_rises_by_itself(self, writer, open_board):
        # what is written is always 1:15, as of a second ago: what comes after it is the page's own clock
        writer.keep("voice", "rising", {"waiting": 1, "longest_wait": 75.0}, lag_ms=1_000)

        says(number(open_board(), "rising", "longest_wait"), re.compile("1:1[6-9]"))

    def test_agents_stand_on_the_tile_of_their_queue(self, writer, open_board):
        writer.keep("voice", "manned", GOOD)
        writer.keep("agents", "manned", {"agents_available": 2, "agents_staffed": 9})
        page = open_board()

        says(number(page, "manned", "agents_available"), "2")
        says(tile(page, "manned").locator(".kpi-agents_available .beside"), " of 9")

    def test_tickets_have_tiles_of_their_own(self, writer, open_board):
        values = {"backlog": 31, "sla_breached_open": 2, "sla_due_soon": 4, "first_response_p90:30m": 5400.0}
        writer.keep("ticket", "desk", values)
        page = open_board()

        for kpi, shown in (("backlog", "31"), ("sla_breached_open", "2"), ("sla_due_soon", "4")):
            says(number(page, "desk", kpi, "ticket"), shown)
        says(number(page, "desk", "first_response_p90", "ticket"), "1:30:00")
        says(chip(page, "desk", "ticket"), "Watch")

    def test_whole_channels_stand_above_all_queues(self, writer, open_board):
        writer.keep("voice", "*", FULL)
        writer.keep("agents", "*", {"agents_available": 3, "agents_staffed": 12})
        page = open_board()

        says(page.locator("#wholes article").first.locator(".name"), "Voice")
        says(page.locator("#wholes article").last.locator(".kpi-agents_staffed .number"), "12")

    def test_names_are_text_whatever_they_hold(self, writer, open_board):
        name = "<img src=x onerror=window.broken=1>"
        writer.keep("voice", name, {"waiting": 1})
        page = open_board()

        says(tile(page, name).locator(".name"), name)
        assert page.evaluate("window.broken") is None


class TestJudgement:
    @pytest.mark.parametrize(
        ("value", "word"),
        [
            pytest.param(0.8, "On target", id="the goal itself is met"),
            pytest.param(0.79, "Watch", id="below the goal"),
            pytest.param(0.59, "Breach", id="far below"),
        ],
    )
    def test_is_a_word_and_a_sign_not_only_a_colour(self, writer, open_board, value, word):
        writer.keep("voice", "judged", {**GOOD, "service_level:30m": value})
        page = open_board()

        says(chip(page, "judged"), word)
        assert chip(page, "judged").locator("use").count() == 1

    def test_a_breach_comes_first(self, writer, open_board):
        writer.keep("voice", "aaa", GOOD)
        writer.keep("voice", "zzz", GOOD)
        page = open_board("?filter=aaa,zzz")
        says(page.locator("#tiles .name").first, "aaa")

        writer.keep("voice", "zzz", {**GOOD, "service_level:30m": 0.1})

        says(page.locator("#tiles .name").first, "zzz")
        says(page.locator("#count-bad"), "1 breach")

    def test_a_breach_that_comes_is_told_to_screen_readers_once(self, writer, open_board):
        writer.keep("voice", "calm", GOOD)
        page = open_board("?filter=calm")
        says(chip(page, "calm"), "On target")
        assert page.locator("#announcements").text_content() == ""

        writer.keep("voice", "calm", {**GOOD, "longest_wait": 500.0, "waiting": 1})

        says(page.locator("#announcements"), "Breach: calm")

    def test_somebody_who_waits_where_nobody_is_staffed_is_a_breach(self, writer, open_board):
        writer.keep("voice", "alone", {"waiting": 1, "longest_wait": 2.0})
        writer.keep("agents", "alone", {"agents_staffed": 0, "agents_available": 0})
        page = open_board("?filter=alone")

        says(chip(page, "alone"), "Nobody staffed")
        assert tile(page, "alone").get_attribute("data-status") == "bad"


class TestAge:
    def test_what_is_behind_says_so_and_how_far(self, writer, open_board):
        writer.write("voice", "behind", {"waiting": 1}, as_of_ms=now_ms() - 400_000, state="catching_up", ttl_ms=90_000)
        page = open_board()

        says(chip(page, "behind"), re.compile(r"^Catching up · −\d min$"))
        assert tile(page, "behind").get_attribute("data-standing") == "dead"

    def test_what_stops_coming_shows_its_age_from_ten_seconds_on_and_is_grey_from_thirty(self, writer, open_board):
        writer.keep("voice", "stopping", {"waiting": 1, "longest_wait": 10.0})
        page = open_board()
        says(number(page, "stopping", "waiting"), "1")
        writer.leave("voice", "stopping")

        says(chip(page, "stopping"), re.compile(r"^Data \d+ s old$"))
        assert tile(page, "stopping").get_attribute("data-standing") == "old"
        assert page.locator("#age-data").is_visible()
        tile(page, "stopping").and_(page.locator("[data-standing=dead]")).wait_for()
        shown = number(page, "stopping", "longest_wait").text_content()
        time.sleep(1.5)
        assert number(page, "stopping", "longest_wait").text_content() == shown

    def test_each_link_of_the_chain_has_an_age(self, writer, open_board):
        writer.keep("voice", "aged", GOOD)
        page = open_board()

        for name in ("data", "source", "link"):
            says(page.locator(f"#age-{name}"), re.compile(r"^(Data|Source|Link) \d+ s$"))

    def test_a_lost_server_is_said_with_the_time_and_the_numbers_stay(self, stage, browser, writer):
        url = f"redis://127.0.0.1:{writer.client.get_connection_kwargs()['port']}/0"
        with wallboard(url) as (process, address):
            writer.keep("voice", "left", {"waiting": 2})
            with opened(browser, address) as page:
                says(number(page, "left", "waiting"), "2")
                process.kill()

                says(page.locator("#lost"), re.compile(r"^Not live since \d\d:\d\d:\d\d: no connection"))
                says(page.locator("#link"), "Not live")
                says(number(page, "left", "waiting"), "2")

    def test_a_server_that_comes_back_is_found_again(self, browser, writer):
        port = int(writer.client.get_connection_kwargs()["port"])
        url = f"redis://127.0.0.1:{port}/0"
        writer.keep("voice", "again", {"waiting": 2})
        with wallboard(url) as (process, address):
            board_port = int(address.rsplit(":", 1)[1].rstrip("/"))
            with opened(browser, address) as page:
                says(number(page, "again", "waiting"), "2")
                process.kill()
                process.wait()
                with wallboard(url, board_port):
                    writer.keep("voice", "again", {"waiting": 5})

                    says(number(page, "again", "waiting"), "5")
                    says(page.locator("#link"), "Live")


class TestAddress:
    def test_another_window_is_chosen_and_stands_in_the_address(self, writer, open_board):
        writer.keep("voice", "windows", FULL)
        page = open_board()
        says(number(page, "windows", "answered"), "1,100")

        page.get_by_role("radio", name="5 min", exact=True).check()

        says(number(page, "windows", "answered"), "17")
        says(number(page, "windows", "service_level"), "–")
        assert page.evaluate("location.search") == "?window=5m"

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            pytest.param("?filter=north-*&order=name", ["north-a", "north-b"], id="queues by name"),
            pytest.param("?filter=north&order=waiting", ["north-b", "north-a"], id="most waiting first"),
            pytest.param("?filter=-north*,-south", ["west"], id="all but some"),
            pytest.param("?filter=north&channel=chat", ["north-c"], id="one channel"),
        ],
    )
    def test_filter_channel_and_order(self, writer, open_board, query, expected):
        for queue, waiting in (("north-a", 1), ("north-b", 4), ("south", 2), ("west", 1)):
            writer.keep("voice", queue, {**GOOD, "waiting": waiting})
        writer.keep("chat", "north-c", GOOD)
        page = open_board(query if "channel" in query else f"{query}&channel=voice")
        page.locator("#tiles article").nth(len(expected) - 1).wait_for()

        known = {"north-a", "north-b", "north-c", "south", "west"}
        shown = [name for name in page.locator("#tiles .name").all_text_contents() if name in known]
        assert shown == expected

    @pytest.mark.parametrize("theme", ["dark", "light"])
    def test_the_theme_of_the_address_goes_before_that_of_the_system(self, writer, open_board, theme):
        page = open_board(f"?theme={theme}", scheme="light" if theme == "dark" else "dark")

        expect(page.locator("html")).to_have_css("color-scheme", theme, timeout=60_000)

    @pytest.mark.parametrize(
        ("language", "word", "shown"),
        [("en", "On target", "95.0%"), ("de", "Im Ziel", "95,0\xa0%"), ("es", "En objetivo", "95,0\xa0%"),
         ("fr", "Dans l’objectif", "95,0\xa0%")],
    )  # fmt: skip
    def test_words_and_numbers_are_of_the_language(self, writer, open_board, language, word, shown):
        writer.keep("voice", "spoken", GOOD)
        page = open_board(f"?lang={language}")

        says(chip(page, "spoken"), word)
        # Which of the two narrow spaces stands before the sign changes with the browser's version.
        assert number(page, "spoken", "service_level").text_content().replace("\u202f", "\xa0") == shown
        assert page.evaluate("document.documentElement.lang") == language

    def test_a_kiosk_has_nothing_to_press(self, writer, open_board):
        writer.keep("voice", "shown", GOOD)
        page = open_board("?kiosk=1")
        tile(page, "shown").wait_for()

        assert not page.locator("#bar-controls").is_visible()
        says(page.locator("#window-name"), "last 30 min")

    def test_what_makes_no_sense_is_as_usual(self, writer, open_board):
        writer.keep("voice", "usual", FULL)
        page = open_board("?window=7x&view=cube&order=up&lang=xx&page=soon&theme=pink")

        says(number(page, "usual", "answered"), "1,100")

    def test_the_table_shows_the_same_numbers(self, writer, open_board):
        writer.keep("voice", "listed", FULL)
        page = open_board("?view=table")

        row = page.locator("tr:has(button[data-queue='listed'])")
        says(row.locator(".kpi-service_level .number"), "65.4%")
        says(row.locator(".chip"), "Watch")


class TestPages:
    @pytest.fixture
    def many(self, writer):
        for number in range(30):
            writer.keep("voice", f"many-{number:02}", GOOD)

    def test_all_fit_without_scrolling_and_the_rest_stands_on_more_pages(self, many, open_board):
        page = open_board("?filter=many&page=0")
        says(page.locator("#page"), re.compile(r"^Page 1 of [23]$"))

        assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        height = (
            "Math.max(...[...document.querySelectorAll('#tiles article')].map((a) => a.getBoundingClientRect().bottom))"
        )
        assert page.evaluate(f"{height} <= innerHeight")

    def test_pages_turn_by_themselves(self, many, open_board):
        page = open_board("?filter=many&page=1")

        says(page.locator("#page"), re.compile("^Page 2"))

    def test_pages_turn_with_the_keyboard_and_can_be_held(self, many, open_board):
        page = open_board("?filter=many&page=0")
        says(page.locator("#page"), re.compile("^Page 1 of [23]$"))

        page.keyboard.press("PageDown")

        says(page.locator("#page"), re.compile("^Page 2"))
        assert page.get_by_role("button", name="Turn pages").is_visible()

    def test_what_fits_is_the_same_whatever_was_shown_before(self, writer, open_board):
        writer.keep("voice", "*", FULL)
        for number in range(8):
            writer.keep("voice", f"wide-{number}", FULL)
        fresh = open_board("?filter=wide&page=0", size=(1366, 768))
        fresh.locator("#tiles article").first.wait_for()
        pages = fresh.locator("#page").text_content()
        resized = open_board("?filter=wide&page=0", size=(1366, 500))
        says(resized.locator("#page"), re.compile("^Page 1 of [3-8]$"))

        resized.set_viewport_size({"width": 1366, "height": 768})

        says(resized.locator("#page"), pages)

    def test_so_many_tiles_on_a_page_as_the_address_says(self, many, open_board):
        page = open_board("?filter=many&tiles=4&page=0")
        says(page.locator("#page"), "Page 1 of 8")

        assert page.locator("#tiles article").count() == 4

    @pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (3840, 2160), (1366, 768)], ids=str)
    def test_no_number_leaves_its_tile_and_what_is_large_can_be_read_from_six_metres(self, writer, open_board, size):
        for number in range(8):
            values = {**FULL, "waiting": 128, "longest_wait": 4_321.0, "service_level:30m": 1.0}
            writer.keep("video", f"wide-{number}", values)
        page = open_board("?filter=wide&channel=video", size=size)  # which no other test has a whole of
        expect(page.locator("#tiles article")).to_have_count(8, timeout=60_000)

        leaving = page.evaluate("""[...document.querySelectorAll('#tiles .number')].filter((number) => {
            const [inner, outer] = [number, number.closest('article')].map((node) => node.getBoundingClientRect());
            return inner.right > outer.right || inner.bottom > outer.bottom;
        }).length""")
        # 72 px of 1080 are 40 mm on a screen of 50 inches: 23 arc minutes at 6 m
        large = page.evaluate(
            "parseFloat(getComputedStyle(document.querySelector('.kpi-service_level .number')).fontSize)"
        )
        assert leaving == 0
        assert large >= 0.027 * max(size)

    def test_a_phone_needs_no_sideways_scrolling(self, writer, open_board):
        writer.keep("voice", "*", FULL)
        writer.keep("voice", "a queue with a very long name that goes on and on and on", FULL)
        page = open_board(size=(390, 844))
        page.locator("#tiles article").first.wait_for()

        assert page.evaluate("document.documentElement.scrollWidth") == 390
