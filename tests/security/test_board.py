"""The board as its users meet it: over TLS, by a token, with names that somebody chose to do harm."""

import contextlib
import json
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from streams.config.access import WallboardConfig
from streams.sinks.counters import Counters
from streams.sinks.prometheus import PrometheusSink
from tests.security.installation import board, until
from tests.servers import redis
from tests.sinks.stand_ins import NOW, Book, Partition, look, view
from tests.wallboard.browser import chromium, opened
from tests.wallboard.writing import Writer

TOKEN = "t0ken-t0ken-t0ken-t0ken"
HARM = (
    "<script>alert(1)</script>",
    "<img src=x onerror=\"document.title='harmed'\">",
    '" onmouseover="document.title=\'harmed\'" x="',
    "</title></style></script><svg/onload=\"document.title='harmed'\">",
    "javascript:document.title='harmed'",
    "{{7*7}} ${7*7} &lt;b&gt;",
)
"""Names of queues, agents and contacts."""


class Served:
    """A running board, and what its Redis is filled with."""

    def __init__(self, address: str, writer: Writer, authority, log: Path) -> None:
        self.address = address
        self.writer = writer
        self.log = log
        self._tls = ssl.create_default_context(cafile=authority.ca)

    def get(self, path: str, token: str | None = TOKEN):
        """Status, headers, body."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        request = urllib.request.Request(self.address + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30, context=self._tls) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers, refused.read().decode()


@pytest.fixture(scope="module")
def served(authority, tmp_path_factory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("board")
    pair = authority.server("127.0.0.1")
    wallboard = {"token": TOKEN, "cert_file": str(pair.cert), "key_file": str(pair.key)}
    config, log = directory / "board.yaml", directory / "board.log"
    with redis() as url, log.open("w") as out, Writer(url) as writer:
        config.write_text(yaml.safe_dump({"redis": {"url": url}, "wallboard": wallboard}))
        for name in HARM:
            writer.keep("voice", name, {"waiting": 3, "longest_wait": 40, "offered:30m": 7})
            lost = {"contact": name, "left_at": 1, "wait_ms": 5_000}
            writer.list("recent", "voice", name, [lost])
            writer.keep("agents", name, {"agents_available": 1})
        process = board(config, out)
        try:
            address = process.stdout.readline().removeprefix("board: ").strip()
            yield Served(address, writer, authority, log)
        finally:
            process.kill()
            process.communicate()


@pytest.mark.redis
class TestTls:
    def test_the_address_says_so(self, served):
        assert served.address.startswith("https://127.0.0.1:")

    def test_nobody_gets_in_without_the_token(self, served):
        paths = ("", "static/main.js", "api/v1/board", "api/v1/events", "api/v1/openapi.json")

        assert {served.get(path, token=None)[0] for path in paths} == {401}
        assert served.get("", token="another-token-of-that-length")[0] == 401
        assert served.get("livez", token=None)[0] == 200

    def test_who_shows_it_gets_all_of_it(self, served):
        _, _, body = until(lambda: HARM[0] in json.dumps((answer := served.get("api/v1/board"))[2]) and answer)

        assert {served.get(path)[0] for path in ("", "static/main.js", "api/v1/board")} == {200}
        assert "&lt;" not in body.replace(HARM[-1], "")

    def test_nobody_is_answered_without_tls(self, served):
        host, port = served.address.removeprefix("https://").rstrip("/").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as plain:
            plain.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                assert b"200" not in plain.recv(100)

    @pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
    def test_the_oldest_protocol_is_1_2(self, served):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        host, port = served.address.removeprefix("https://").rstrip("/").split(":")

        with pytest.raises(ssl.SSLError), socket.create_connection((host, int(port)), timeout=10) as plain:
            context.wrap_socket(plain)

    def test_the_token_is_in_no_log(self, served):
        served.get(f"?token={TOKEN}", token=None)

        assert TOKEN not in served.log.read_text()


@pytest.fixture(scope="module")
def page(served):
    address = f"{served.address}?token={TOKEN}"
    with chromium() as browser, opened(browser, address, ignore_https_errors=True) as page:
        yield page


@pytest.mark.redis
@pytest.mark.browser
class TestInTheBrowser:
    @pytest.mark.parametrize("name", HARM)
    def test_a_harmful_name_is_shown_as_text(self, page, name):
        until(lambda: shows(page, name), lambda: page.evaluate("document.body.innerText"))

    def test_on_the_page_of_a_queue_too(self, page, served):
        page.goto(f"{served.address}?queue=voice/{quote(HARM[1], safe='')}")
        until(lambda: page.locator("#queue").is_visible())

        until(lambda: HARM[1] in page.locator("#queue").inner_text(), page.locator("#queue").inner_text)

    def test_and_nothing_comes_of_it(self, page, served):
        injected = "script:not([src]), [onerror], [onload], [onmouseover], img[src=x], a[href^='javascript:']"
        for address in (served.address, page.url):
            page.goto(address)
            until(lambda: shows(page, HARM[1]))

            assert page.evaluate("selector => document.querySelectorAll(selector).length", injected) == 0
            assert "harmed" not in page.title()
        assert [said for said in page.complaints if "certificate" not in said] == []

    def test_the_token_has_left_the_address_and_no_script_can_read_the_cookie(self, page):
        assert TOKEN not in page.url
        assert page.evaluate("document.cookie") == ""

    def test_the_page_goes_on_by_its_cookie(self, page, served):
        page.goto(served.address)
        served.writer.keep("voice", "came later", {"waiting": 1})

        until(lambda: shows(page, "came later"), lambda: page.evaluate("document.body.innerText"))

    def test_an_inline_script_that_got_in_all_the_same_would_not_run(self, page):
        page.evaluate(
            "() => { const tag = document.createElement('script'); tag.textContent = 'window.harmed = 1';"
            " document.body.append(tag); document.body.setAttribute('onclick', 'window.harmed = 2');"
            " document.body.click(); }"
        )

        assert page.evaluate("typeof window.harmed") == "undefined"


def shows(page, text: str) -> bool:
    return page.evaluate("text => document.body.textContent.includes(text)", text)


def scraped(*names: str) -> str:
    """What Prometheus gets of queues with these names."""
    views = [view(queue=name, live={"waiting": 1}) for name in names]
    sink = PrometheusSink(look, Counters(), clock_ms=lambda: NOW, edges_ms=(20_000,))
    return sink.render(sink.snapshot(NOW, {0: Partition(Book(*views))})).decode()


class TestInPrometheus:
    NAMES = (*HARM, 'a"b', "a\\b", 'a\\"b', "a\nb", "ü # HELP x y", "{}")

    def test_names_come_out_as_they_went_in(self):
        families = text_string_to_metric_families(scraped(*self.NAMES))
        shown = [sample.labels["queue"] for family in families for sample in family.samples if "waiting" in sample.name]

        assert sorted(shown) == sorted(self.NAMES)

    @pytest.mark.promtool
    def test_promtool_finds_nothing(self):
        command = ["promtool", "check", "metrics"]
        done = subprocess.run(command, input=scraped(*self.NAMES), capture_output=True, text=True, check=False)

        assert done.returncode == 0, done.stdout + done.stderr


def test_it_listens_on_this_machine_only_unless_told_otherwise():
    assert WallboardConfig().host == "127.0.0.1"
