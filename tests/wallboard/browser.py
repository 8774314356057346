"""A real Chromium without a window: what a person at the board would see. The system's own, driven by Playwright.

with chromium() as browser, opened(browser, url) as page:
    page.get_by_role("heading", name="billing").wait_for()
"""

import contextlib
import shutil
from collections.abc import Iterator

from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
GIVE_UP_MS = 60_000


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; its pages share nothing."""
    program = next(filter(None, map(shutil.which, NAMES)), "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"], timeout=GIVE_UP_MS
        )
        yield browser
        browser.close()


@contextlib.contextmanager
def opened(
    browser: Browser, url: str, *, size: tuple[int, int] = (1920, 1080), scheme: str = "dark", **options: object
) -> Iterator[Page]:
    """A page of its own. `page.complaints`: what it complained about (exceptions, refused resources)."""
    viewport = {"width": size[0], "height": size[1]}
    context = browser.new_context(viewport=viewport, color_scheme=scheme, locale="en-GB", **options)
    context.set_default_timeout(GIVE_UP_MS)
    page = context.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda message: _note(page, message))
    page.goto(url)
    try:
        yield page
    finally:
        context.close()


def _note(page: Page, message: ConsoleMessage) -> None:
    if message.type in ("error", "warning"):
        page.complaints.append(message.text)
