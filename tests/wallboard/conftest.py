"""One browser, one Redis and one board for all tests of the page."""

import pytest

from tests.servers import redis
from tests.wallboard.browser import chromium, opened
from tests.wallboard.test_server import wallboard
from tests.wallboard.writing import Writer


@pytest.fixture(scope="module")
def browser():
    """For one file at a time: while Playwright is there, no other test of the process can run an event loop."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def stage():
    """(writer, address)."""
    with redis() as url, wallboard(url) as (_, address):
        yield Writer(url), address


@pytest.fixture
def writer(stage):
    """Writes to an empty Redis; what the board remembers of other tests is not of these queues."""
    writer, _ = stage
    writer.client.flushall()
    with writer:
        yield writer


@pytest.fixture
def open_board(stage, browser):
    """`open_board("?window=5m", size=…)`: a page of its own, which must not complain but of what it `may` say."""
    _, address = stage
    pages, allowed = [], []

    def opening(query="", *, may=None, **options):
        context = opened(browser, f"{address}{query}", **options)
        page = context.__enter__()
        pages.append((context, page))
        if may is not None:
            allowed.append(may)
        return page

    yield opening
    said = [complaint for _, page in pages for complaint in page.complaints]
    complaints = [complaint for complaint in said if not any(may in complaint for may in allowed)]
    for context, _ in pages:
        context.__exit__(None, None, None)
    assert complaints == []
