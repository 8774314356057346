"""The page in a real browser: what a person sees."""

import contextlib
import time

import pytest

from tests.servers import redis
from tests.wallboard.browser import chromium
from tests.wallboard.test_server import wallboard
from tests.wallboard.writing import Writer

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
    "offered:5m": 17,
}


@pytest.fixture(scope="module")
def stage():
    """(page, writer, address): one browser and one board for all."""
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(redis())
        _, address = stack.enter_context(wallboard(url))
        yield stack.enter_context(chromium()), Writer(url), address


class Again:
    """Does something at once and every few seconds: what is written once is live for three, and a page may be slow."""

    def __init__(self, do):
        self._do = do
        self._next = time.monotonic()

    def __call__(self):
        if time.monotonic() >= self._next:
            self._do()
            self._next = time.monotonic() + 4


def cell(queue, kpi):
    """JavaScript for the text of a KPI as it is shown."""
    return (
        f"[...document.querySelectorAll('article')].find((tile) => tile.querySelector('h3').title === {queue!r})"
        f"?.querySelector('.kpi-{kpi} .number').textContent"
    )


def chip(queue):
    return (
        f"[...document.querySelectorAll('article')].find((tile) => tile.querySelector('h3').title === {queue!r})"
        f"?.querySelector('.chip').textContent"
    )


@pytest.mark.parametrize(
    ("kpi", "shown"),
    [
        pytest.param("waiting", "3", id="a count"),
        pytest.param("offered", "1,234", id="a large count"),
        pytest.param("service_level", "65.4%", id="a ratio"),
        pytest.param("abandon_rate", "3.1%", id="a small ratio"),
        pytest.param("asa", "0:23", id="a duration is cut, not rounded"),
    ],
)
def test_values_are_written_in_their_unit(stage, kpi, shown):
    page, writer, address = stage
    writer.write("voice", "units", FULL)
    page.open(address)

    page.wait_for(f"{cell('units', kpi)} === {shown!r}")


def test_null_is_a_dash(stage):
    page, writer, address = stage
    writer.write("voice", "nothing", {"waiting": 0, "offered:30m": 0})
    page.open(address)

    page.wait_for(f"{cell('nothing', 'waiting')} === '0'")

    for kpi in ("longest_wait", "service_level", "abandon_rate", "asa"):
        assert page.evaluate(cell("nothing", kpi)) == "–"
    assert page.evaluate(cell("nothing", "offered")) == "0"


def test_a_value_follows_without_a_reload(stage):
    page, writer, address = stage
    writer.write("voice", "moving", {"waiting": 1})
    page.open(address)
    page.wait_for(f"{cell('moving', 'waiting')} === '1'")

    writer.write("voice", "moving", {"waiting": 9})

    page.wait_for(f"{cell('moving', 'waiting')} === '9'")


def test_the_longest_wait_rises_by_itself(stage):
    page, writer, address = stage
    page.open(address)

    # what is written is always 1:15: what comes after it is the page's own clock
    risen = f"['1:16', '1:17'].includes({cell('rising', 'longest_wait')})"
    page.wait_for(risen, meanwhile=Again(lambda: writer.write("voice", "rising", {"waiting": 1, "longest_wait": 75.0})))


def test_what_is_behind_says_so_and_how_old_it_is(stage):
    page, writer, address = stage
    writer.write("voice", "behind", {"waiting": 1}, as_of_ms=_ago(40), state="catching_up")
    page.open(address)

    page.wait_for(f"/Catching up · [45]\\d s old/.test({chip('behind')})")


def test_what_stops_coming_turns_to_catching_up_and_does_not_rise_on(stage):
    page, writer, address = stage
    page.open(address)
    writer.write("voice", "stopping", {"waiting": 1, "longest_wait": 10.0})
    page.wait_for(cell("stopping", "waiting"))
    writer.expire("voice", "stopping")

    page.wait_for(f"/Catching up/.test({chip('stopping')})")

    assert page.evaluate(cell("stopping", "longest_wait")) == "0:10"


@pytest.mark.parametrize(
    ("value", "word"),
    [
        pytest.param(0.8, "On target", id="the goal itself is met"),
        pytest.param(0.79, "Watch", id="below the goal"),
        pytest.param(0.59, "Breach", id="far below"),
    ],
)
def test_a_breach_is_a_word_and_a_sign_not_only_a_colour(stage, value, word):
    page, writer, address = stage
    page.open(address)

    written = Again(lambda: writer.write("voice", "judged", {"waiting": 0, "service_level:30m": value}))
    page.wait_for(f"{chip('judged')} === {word!r}", meanwhile=written)


def test_another_window_is_chosen_and_stands_in_the_address(stage):
    page, writer, address = stage
    writer.write("voice", "windows", FULL)
    page.open(address)
    page.wait_for(f"{cell('windows', 'offered')} === '1,234'")

    page.evaluate("document.querySelector('input[value=\"5m\"]').click()")

    page.wait_for(f"{cell('windows', 'offered')} === '17'")
    assert page.evaluate("location.search") == "?window=5m"
    assert page.evaluate(cell("windows", "service_level")) == "–"


def test_names_are_text_whatever_they_hold(stage):
    page, writer, address = stage
    name = "<img src=x onerror=window.broken=1>"
    writer.write("voice", name, {"waiting": 1})
    page.open(address)

    page.wait_for(f"{cell(name, 'waiting')} === '1'")

    assert page.evaluate("window.broken") is None


def test_the_whole_channel_comes_first(stage):
    page, writer, address = stage
    for queue in ("alpha", "*", "zulu"):
        writer.write("order", queue, {"waiting": 1})
    page.open(address)

    section = "document.querySelector('section[aria-labelledby=channel-order]')"
    page.wait_for(f"{section}?.querySelectorAll('article').length === 3")
    names = f"[...{section}.querySelectorAll('h3')].map((name) => name.title).join()"
    assert page.evaluate(names) == "Order,alpha,zulu"


def test_a_phone_needs_no_sideways_scrolling(stage):
    page, writer, address = stage
    writer.write("voice", "*", FULL)
    writer.write("voice", "a queue with a very long name that goes on and on and on", FULL)
    page.resize(390, 844)
    page.open(address)

    page.wait_for("document.querySelectorAll('article').length >= 2")

    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.resize(1920, 1080)


def test_the_page_complains_about_nothing(stage):
    page, _, _ = stage

    assert page.errors == []


def test_a_lost_server_is_said_with_the_time(stage):
    page, writer, _ = stage
    with wallboard(f"redis://127.0.0.1:{writer.client.get_connection_kwargs()['port']}/0") as (process, address):
        writer.write("voice", "left", {"waiting": 2})
        page.open(address)
        page.wait_for(f"{cell('left', 'waiting')} === '2'")
        process.kill()

        told = "document.getElementById('lost').textContent"
        page.wait_for(f"/^Not live since \\d\\d:\\d\\d:\\d\\d: no connection/.test({told})")

    assert page.evaluate("document.getElementById('link').textContent") == "Not live"
    assert page.evaluate(cell("left", "waiting")) == "2"


def _ago(seconds):
    return time.time_ns() // 1_000_000 - 1_000 * seconds
