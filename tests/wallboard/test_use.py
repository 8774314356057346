"""What one does with the board: asks a number, opens a queue, lets it stand for a day, deploys another version."""

import re

import pytest
from playwright.sync_api import expect

from streams.wallboard.presentation import SHOWN
from tests.wallboard.test_page import FULL, GOOD, number, says
from tests.wallboard.writing import now_ms

pytestmark = [pytest.mark.redis, pytest.mark.browser]

PARTS = {"answered_in_target:30m": 30, "answered:30m": 40, "abandoned:30m": 12, "short_abandoned:30m": 2}
LANGUAGES = ["en", "de", "es", "fr"]


class TestExplanation:
    @pytest.fixture
    def page(self, writer, open_board):
        writer.keep("voice", "asked", {**FULL, **PARTS, "service_level:30m": 0.6})
        page = open_board("?filter=asked")
        number(page, "asked", "service_level").wait_for()
        return page

    def test_tells_formula_threshold_window_numerator_and_denominator(self, page):
        number(page, "asked", "service_level").hover()

        explanation = page.locator("#explain")
        says(explanation.locator(".explain-value"), "60.0%")
        explanation.get_by_text("148").or_(explanation.get_by_text("50 =")).wait_for()
        told = explanation.inner_text()
        for text in (
            "last 30 min", "N_T / (N + A − A_S)", "Watch below 80%, breach below 60%", "80% within 20 s",
            "30 Answered in target", "50 =", "40 Answered", "+ 12 Abandoned", "− 2 Short abandons",
        ):  # fmt: skip
            assert text in told

    def test_goes_when_the_pointer_goes_but_not_while_it_rests_there(self, page):
        number(page, "asked", "waiting").hover()
        page.locator("#explain").wait_for()
        page.locator("#explain").hover()
        page.wait_for_timeout(600)
        assert page.locator("#explain").is_visible()

        page.mouse.move(900, 1_070)

        page.locator("#explain").wait_for(state="hidden")

    def test_opens_at_a_touch(self, writer, open_board):
        writer.keep("voice", "touched", FULL)
        page = open_board("?filter=touched", has_touch=True)

        number(page, "touched", "asa").tap()

        says(page.locator("#explain .explain-head strong"), "ASA")

    def test_says_when_there_are_too_few_to_judge(self, writer, open_board):
        writer.keep("voice", "small", {"service_level:30m": 0.0, "answered:30m": 2})
        page = open_board("?filter=small")

        number(page, "small", "service_level").click()

        page.get_by_text("Too few visits to judge").wait_for()


class TestQueuePage:
    @pytest.fixture
    def page(self, writer, open_board):
        at = now_ms()
        writer.keep("voice", "opened", FULL)
        writer.list("waiting", "voice", "opened", [{"since": at - 61_000, "contact": "<b>c-1</b>"}])
        writer.list("recent", "voice", "opened", [{"left_at": at, "contact": "c-0", "wait_ms": 65_000}])
        minutes = [{"at": at - n * 60_000, "counts": {"answered": n, "abandoned": 1}, "waiting": n} for n in range(9)]
        writer.list("minutes", "voice", "opened", minutes[::-1])
        values = {"offered": 9, "answered": 8, "service_level": 0.875, "asa": None}
        writer.list("intervals", "voice", "opened", [{"at": at, "values": values}])
        writer.list("waits", "voice", "opened", [{"up_to_s": 20, "count": 3}, {"up_to_s": None, "count": 1}])
        return open_board("?queue=voice/opened")

    def test_shows_who_waits_by_id_and_how_long_rising(self, page):
        row = page.locator(".panel-waiting tbody tr")
        says(row.locator("th"), "<b>c-1</b>")
        says(row.locator("td"), re.compile(r"[1-9]:\d\d"))

    def test_shows_who_left(self, page):
        says(page.locator(".panel-recent tbody tr td").last, "1:05")

    def test_shows_the_distribution_with_what_is_beyond_the_target_told_apart(self, page):
        rows = page.locator(".panel-waits tr")
        says(rows.first, "≤ 20 s375%")
        says(rows.last, "> 20 s125%")
        assert [rows.nth(n).get_attribute("data-met") for n in (0, 1)] == ["true", "false"]

    def test_shows_the_intervals_with_a_dash_for_what_cannot_be_computed(self, page):
        says(page.locator(".panel-intervals tbody tr td"), ["9", "8", "87.5%", "–"])

    def test_draws_the_flow(self, page):
        expect(page.locator("path.stack-answered")).to_have_attribute("d", re.compile("^M.{50,}"), timeout=60_000)

        assert page.locator(".axis-top").text_content() == "9"

    def test_of_tickets_shows_what_is_due_and_what_is_overdue(self, writer, open_board):
        at = now_ms()
        member = '{"channel":"ticket","contact":"t-9","queue":"desk","target":"resolution"}'
        writer.keep("ticket", "desk", {"backlog": 3})
        writer.list("overdue", "ticket", "desk", [{"due_at": at - 90_000, "contact": "t-1", "target": "first_reply"}])
        writer.client.zadd("cs:due", {member: at + 3_600_000})
        writer.client.sadd("cs:due:ticket:desk", member)
        page = open_board("?queue=ticket/desk")

        says(page.locator(".panel-recent tbody td"), ["First reply", re.compile(r"1:[3-9]\d|\d:\d\d")])
        says(page.locator(".panel-due tbody td"), ["Resolution", re.compile(r"59:\d\d|5\d:\d\d")])

    def test_of_a_queue_that_is_not_there_says_so(self, writer, open_board):
        page = open_board("?queue=voice/nowhere", may="404")  # the browser tells of what it asks for in vain

        says(page.locator(".page-about"), "This queue is not on the board.")


def test_options_change_the_address(writer, open_board):
    writer.keep("voice", "optional", GOOD)
    page = open_board()
    number(page, "optional", "waiting").wait_for()
    page.get_by_role("button", name="Options").click()

    page.get_by_label("Order").select_option("name")
    page.get_by_label("Queues").fill("opt*")

    assert page.evaluate("location.search") == "?order=name&filter=opt*"


def test_the_window_changes_the_line_of_text_too(writer, open_board):
    page = open_board("?window=today&kiosk=1")

    says(page.locator("#window-name"), "today")


def test_an_empty_board_says_what_it_waits_for(browser, writer):
    from tests.servers import redis
    from tests.wallboard.browser import opened
    from tests.wallboard.test_server import wallboard

    with redis() as url, wallboard(url) as (_, address), opened(browser, address) as page:
        page.get_by_text("No queue has reported yet").wait_for()


def test_a_filter_that_nothing_matches_says_so(writer, open_board):
    writer.keep("voice", "somebody", GOOD)

    open_board("?filter=nobody-is-called-so").get_by_text("No queue matches the filter").wait_for()


class Scripted:
    """A page whose server-sent events come from the test."""

    SCRIPT = """
    window.EventSource = class extends EventTarget {
        static OPEN = 1; static CLOSED = 2;
        readyState = 1;
        constructor() { super(); window.feed = this; }
        close() { this.readyState = 2; }
    };
    window.tell = (name, data) => {
        const event = new MessageEvent(name, { data: JSON.stringify(data) });
        window.feed.dispatchEvent(event);
    };
    const history = (at) => ({ step_ms: 15000, end: Math.floor(at / 15000), series: { waiting: [] } });
    window.day = (from, hours) => {
        const link = { connected: true, since_ms: from };
        for (let minute = 0; minute < hours * 60; minute += 3) {
            const now_ms = from + minute * 60000;
            const tiles = [...Array(12).keys()].map((n) => ({
                channel: "voice", queue: `q${n}`, as_of_ms: now_ms, state: "live", here: true,
                values: { waiting: (minute * 7 + n) % 40, longest_wait: minute % 200, "answered:30m": minute % 900,
                          "service_level:30m": (minute % 100) / 100, "abandon_rate:30m": 0.01 },
                since_ms: { longest_wait: now_ms - 1000 },
                ...(minute ? {} : { history: history(now_ms) }),
            }));
            window.tell("board", { now_ms, version: minute, full: minute % 97 === 0, link, tiles });
        }
        return document.querySelectorAll("*").length;
    };
    """


def test_it_does_not_grow_in_a_day(open_board, stage, browser):
    _, address = stage
    context = browser.new_context(bypass_csp=True)  # the test itself evaluates text
    context.add_init_script(Scripted.SCRIPT)
    page = context.new_page()
    page.set_default_timeout(300_000)
    page.goto(f"{address}?filter=q&page=0")
    page.wait_for_function("window.feed !== undefined")
    devtools = context.new_cdp_session(page)

    def heap():
        devtools.send("HeapProfiler.collectGarbage")
        return devtools.send("Runtime.getHeapUsage")["usedSize"]

    nodes = page.evaluate("day(1800000000000, 3)")
    before = heap()
    later = page.evaluate("day(1800010800000, 24)")

    assert later == nodes
    assert heap() < 1.3 * before + 1_000_000
    context.close()


def test_another_version_is_loaded_once(stage, browser):
    _, address = stage
    context = browser.new_context(bypass_csp=True)  # the test itself evaluates text
    context.add_init_script(Scripted.SCRIPT)
    page = context.new_page()
    page.set_default_timeout(60_000)
    loads = []
    page.on("load", lambda _: loads.append(1))
    page.goto(address)
    page.wait_for_function("window.feed !== undefined")

    for _ in range(2):
        with page.expect_event("load") if len(loads) == 1 else _nothing():
            page.evaluate("setTimeout(() => tell('hello', { now_ms: 1, build: 'another' }))")
        page.wait_for_function("window.feed !== undefined")
    page.wait_for_timeout(500)

    assert len(loads) == 2
    context.close()


class TestLanguages:
    """Every language has the same words."""

    def test_each_has_all_words(self, open_board):
        found = open_board().evaluate(f"""async () => {{
            const isGroup = (word) => typeof word === "object" && !Array.isArray(word);
            const keys = (words, at) => Object.entries(words).flatMap(([name, word]) =>
                isGroup(word) ? keys(word, `${{at}}${{name}}.`) : [`${{at}}${{name}}`]);
            const all = await Promise.all({LANGUAGES}.map((name) => import(`/static/lang/${{name}}.js`)));
            return all.map((module) => keys(module.default, "").filter((key) => !key.startsWith("kpis.")).sort());
        }}""")

        assert all(words == found[0] for words in found)

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_each_names_and_explains_all_numbers_of_the_board(self, open_board, language):
        kpis = open_board().evaluate(f"import('/static/lang/{language}.js').then((words) => words.default.kpis)")

        catalogue_is_english = language == "en"
        assert [kpi for kpi in SHOWN if not catalogue_is_english and len(kpis.get(kpi, [])) < 2] == []


def _nothing():
    import contextlib

    return contextlib.nullcontext()
