"""Nobody is left out: axe-core finds nothing in any state and theme, and the keyboard reaches everything."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.wallboard.test_page import FULL, GOOD, number, says, tile
from tests.wallboard.writing import now_ms

pytestmark = [pytest.mark.redis, pytest.mark.browser]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture
def every_state(writer):
    writer.keep("voice", "*", FULL)
    writer.keep("agents", "*", {"agents_available": 3, "agents_staffed": 12, "agents_on_contact": 9})
    writer.keep("voice", "fine", GOOD)
    writer.keep("voice", "watched", {**GOOD, "service_level:30m": 0.7})
    writer.keep("voice", "breached", {**FULL, "service_level:30m": 0.1})
    writer.keep("voice", "quiet", {"waiting": 0})
    writer.keep("ticket", "desk", {"backlog": 31, "sla_breached_open": 2, "sla_due_soon": 4})
    writer.write("voice", "old", FULL, as_of_ms=now_ms() - 14_000, ttl_ms=300_000)
    writer.write("voice", "behind", FULL, as_of_ms=now_ms() - 700_000, state="catching_up", ttl_ms=300_000)


def findings(page):
    found = Axe().run(page, options=RULES).response["violations"]
    return [(each["id"], node["html"], node["failureSummary"]) for each in found for node in each["nodes"]]


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("query", ["", "&view=table", "&kiosk=1", "&queue=voice/breached", "&queue=ticket/desk"])
def test_axe_finds_nothing(every_state, open_board, theme, query):
    page = open_board(f"?theme={theme}{query}")
    page.locator(".chip[data-sign]").first.wait_for()

    assert findings(page) == []


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing_in_what_opens(every_state, open_board, theme):
    page = open_board(f"?theme={theme}")
    number(page, "fine", "service_level").click()
    page.locator("#explain", has_text="Denominator").wait_for()
    assert findings(page) == []

    page.get_by_role("button", name="Options").click()
    page.locator("#panel select").first.wait_for()

    assert findings(page) == []


class TestKeyboard:
    def test_arrows_go_from_number_to_number_and_one_of_them_is_in_the_tab_order(self, every_state, open_board):
        page = open_board("?filter=fine,watched&order=name")
        number(page, "watched", "waiting").wait_for()
        number(page, "fine", "waiting").focus()

        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.dataset.kpi") == "longest_wait"
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.dataset.kpi") != "longest_wait"
        assert page.locator("#board button.number[tabindex='0']").count() == 1

    def test_what_has_the_focus_explains_itself_and_escape_closes_that(self, every_state, open_board):
        page = open_board("?filter=fine")
        number(page, "fine", "waiting").wait_for()
        page.locator("#board button.number[tabindex='0']").focus()
        page.keyboard.press("ArrowRight")

        says(page.locator("#explain .explain-head strong"), "Longest wait")
        described = page.evaluate("document.activeElement.getAttribute('aria-describedby')")
        assert described == "explain"
        page.keyboard.press("Escape")
        assert not page.locator("#explain").is_visible()

    def test_a_queue_opens_with_enter_and_escape_goes_back_to_where_one_was(self, every_state, open_board):
        page = open_board("?filter=fine,watched")
        page.get_by_role("link", name="watched").focus()

        page.keyboard.press("Enter")

        says(page.locator(".page-name .text"), "watched")
        assert "queue=voice/watched" in page.url
        page.keyboard.press("Escape")
        page.locator("#tiles article").first.wait_for()
        assert page.evaluate("document.activeElement.textContent") == "watched"

    def test_a_number_says_what_it_is(self, every_state, open_board):
        page = open_board("?filter=breached")

        tile(page, "breached").get_by_role("button", name="Service level: 10.0%, Breach").wait_for()
        rising = re.compile("^Longest wait: 1 minute 1[5-9] seconds, Watch$")
        tile(page, "breached").get_by_role("button", name=rising).wait_for()
