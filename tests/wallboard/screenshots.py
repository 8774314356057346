"""`make screenshots`: the board in its states, as pictures for the docs, from a simulated centre.

Needs redis-server and Chromium. Each picture is made small enough to be kept in a repository.
"""

import contextlib
import io
import itertools
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from tests.servers import redis
from tests.wallboard.browser import chromium, opened
from tests.wallboard.staging import CENTRE, fed, now_ms, staged
from tests.wallboard.test_server import wallboard

IMAGES = Path(__file__).parents[2] / "docs" / "images"
LARGEST = 300_000
"""Bytes of a picture."""
COLOURS = 160

FULL_HD, PORTRAIT, UHD, PHONE = (1920, 1080), (1080, 1920), (3840, 2160), (390, 844)
CALM = {"seed": 11, "staffing": 1.35}
BUSY_STAFFING = 0.9
RUSH = 3
"""So many callers wait in a busy centre's queue `billing`."""


def main() -> int:
    """Make all pictures; 1 if one is too large."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        _calm(browser)
        _busy(browser)
        _catching_up(browser)
        _empty(browser)
    sizes = {path.name: path.stat().st_size for path in sorted(IMAGES.glob("*.png"))}
    for name, size in sizes.items():
        sys.stdout.write(f"{size:>8} {name}\n")
    return int(any(size > LARGEST for size in sizes.values()))


def _calm(browser: Browser) -> None:
    with (
        _hours() as config_file,
        redis() as url,
        _board(url, config_file) as address,
        staged(url, config_file=config_file, still=True, **CALM),
    ):
        _picture(browser, address, "board")
        _picture(browser, address, "board-light", "?theme=light&lang=de")
        _picture(browser, address, "board-portrait", "?kiosk=1", PORTRAIT)
        _picture(browser, address, "board-phone", "", PHONE)


def _busy(browser: Browser) -> None:
    with redis() as url, _board(url, CENTRE) as address:
        busy = {"staffing": BUSY_STAFFING, "seed": _rush()}
        with staged(url, **busy):
            _picture(browser, address, "queue", "?queue=voice/billing")  # what waits there must age as it does live
        with staged(url, still=True, **busy):
            _picture(browser, address, "board-breach", "?kiosk=1")
            _picture(browser, address, "board-kiosk-4k", "?kiosk=1", UHD)
            _picture(browser, address, "board-table", "?view=table")
            _picture(browser, address, "queue-tickets", "?queue=ticket/support&theme=light")
            with _open(browser, address) as page:
                page.locator("#tiles .kpi-service_level .number").first.click()
                page.locator("#explain", has_text="Denominator").wait_for()
                _save(page, "explain")
        # nobody writes any more
        with _open(browser, address) as page:
            page.locator("#tiles [data-standing=dead]").first.wait_for()
            time.sleep(12)
            _save(page, "board-stale")


def _rush() -> int:
    """A seed that has callers waiting just now: what a centre does goes by the time of day."""
    return next(seed for seed in itertools.count(1) if _waiting(seed) >= RUSH)


def _waiting(seed: int) -> float:
    views = fed(seed=seed, staffing=BUSY_STAFFING).views(None, now_ms())
    (billing,) = [view for view in views if (view.channel, view.queue) == ("voice", "billing")]
    return billing.live["waiting"] or 0


def _catching_up(browser: Browser) -> None:
    with redis() as url, _board(url, CENTRE) as address, staged(url, still=True, behind_ms=12 * 60_000, **CALM):
        _picture(browser, address, "board-catching-up", fresh=False)


def _empty(browser: Browser) -> None:
    with redis() as url, _board(url, CENTRE) as address, _open(browser, address, ready="#message") as page:
        page.get_by_text("No queue has reported yet").wait_for()
        _save(page, "board-empty")


@contextlib.contextmanager
def _hours() -> Iterator[Path]:
    """The demo's centre, with one queue that is closed whenever it is looked at."""
    weekday = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(time.gmtime().tm_wday + 1) % 7]
    calendars = f'calendars:\n  tomorrow: {{timezone: UTC, week: {{{weekday}: ["08:00-18:00"]}}}}\n'
    with tempfile.TemporaryDirectory() as home:
        file = Path(home) / "centre.yaml"
        text = CENTRE.read_text(encoding="utf-8")
        file.write_text(calendars + text.replace("queues:\n", "queues:\n  overflow: {calendar: tomorrow}\n"))
        yield file


@contextlib.contextmanager
def _board(url: str, config_file: Path) -> Iterator[str]:
    with wallboard(url, config_file=config_file) as (_, address):
        yield address


@contextlib.contextmanager
def _open(
    browser: Browser, address: str, query: str = "", size: tuple[int, int] = FULL_HD, ready: str = "article, .stat"
) -> Iterator[Page]:
    with opened(browser, f"{address}{query}", size=size) as page:
        page.locator(ready).first.wait_for()
        yield page


def _picture(
    browser: Browser,
    address: str,
    name: str,
    query: str = "",
    size: tuple[int, int] = FULL_HD,
    *,
    fresh: bool = True,
) -> None:
    with _open(browser, address, query, size) as page:
        time.sleep(3)  # what stands behind the numbers comes, too
        if fresh:
            page.locator("body[data-link=live]:has([data-standing=live])").wait_for()
        _save(page, name)


def _save(page: Page, name: str) -> None:
    """A palette is enough for a page of flat colours, and a third of the size."""
    drawn = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    drawn.quantize(COLOURS, dither=Image.Dither.NONE).save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    sys.exit(main())
