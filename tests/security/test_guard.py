"""Who gets past the guard of the board: token, password, cookie, how often; what browsers are told."""

import asyncio
import base64
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, CookieJar, web
from aiohttp.test_utils import TestServer
from yarl import URL

from streams.config.access import WallboardConfig
from streams.wallboard.guard import ADDRESSES, COOKIE, Limit, protect

TOKEN = "t0ken-t0ken-t0ken-t0ken"
PASSWORD = "pässword: with colon"


class Clock:
    """Stands still until it is set."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def basic(username, password):
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


@asynccontextmanager
async def guarded(clock=None, **settings):
    """A client of a board so configured."""

    async def answer(request):
        return web.Response(text=f"board {request.query_string}")

    app = web.Application()
    protect(app, WallboardConfig(**settings), clock or Clock())
    for path in ("/", "/api/state", "/livez"):
        app.router.add_get(path, answer)
    async with (
        TestServer(app) as server,
        ClientSession(server.make_url("/"), cookie_jar=CookieJar(unsafe=True)) as client,
    ):
        yield client


def seen(requests, **settings):
    """Status of each request (path, headers) to a board so configured, in their order."""

    async def story():
        async with guarded(**settings) as client:
            found = []
            for path, headers in requests:
                async with client.get(path, headers=headers, allow_redirects=False) as answer:
                    found.append(answer.status)
            return found

    return asyncio.run(story())


class TestCredentials:
    def test_without_any_configured_everybody_is_let_in(self):
        assert seen([("/", {}), ("/api/state", {"Authorization": "Bearer whatever"})]) == [200, 200]

    @pytest.mark.parametrize(
        ("shown", "status"),
        [
            (f"Bearer {TOKEN}", 200),
            (f"bearer {TOKEN}", 200),
            (f"Bearer {TOKEN}x", 401),
            (f"Bearer {TOKEN[:-1]}", 401),
            ("Bearer ", 401),
            (TOKEN, 401),
            (basic("", TOKEN), 401),
            ("Bearer \udcff\udcfe", 401),
            (None, 401),
        ],
    )
    def test_a_token_opens_every_route(self, shown, status):
        headers = {} if shown is None else {"Authorization": shown}

        assert seen([("/", headers), ("/api/state", headers), ("/nowhere", headers)], token=TOKEN)[:2] == [status] * 2

    @pytest.mark.parametrize(
        ("shown", "status"),
        [
            (basic("wall", PASSWORD), 200),
            (basic("wall", PASSWORD + " "), 401),
            (basic("Wall", PASSWORD), 401),
            (basic("wall", ""), 401),
            ("Basic not-base64", 401),
            ("Basic äöü", 401),
            ("Basic " + base64.b64encode(b"\xff\xfe").decode(), 401),
            (f"Bearer {PASSWORD}", 401),
        ],
    )
    def test_name_and_password_open_every_route(self, shown, status):
        assert seen([("/", {"Authorization": shown})], username="wall", password=PASSWORD) == [status]

    def test_either_will_do_where_both_are_configured(self):
        shown = [{"Authorization": f"Bearer {TOKEN}"}, {"Authorization": basic("wall", PASSWORD)}]

        assert seen([("/", each) for each in shown], token=TOKEN, username="wall", password=PASSWORD) == [200, 200]

    def test_what_is_not_there_is_told_to_those_only_who_are_let_in(self):
        assert seen([("/nowhere", {}), ("/nowhere", {"Authorization": f"Bearer {TOKEN}"})], token=TOKEN) == [401, 404]

    def test_the_probe_is_open_to_all(self):
        assert seen([("/livez", {})], token=TOKEN) == [200]

    @pytest.mark.parametrize(
        ("settings", "challenge"),
        [
            ({"username": "wall", "password": PASSWORD}, 'Basic realm="contact-streams", charset="UTF-8"'),
            ({"token": TOKEN}, 'Bearer realm="contact-streams"'),
        ],
    )
    def test_a_browser_asks_for_a_password_only_where_there_is_one(self, settings, challenge):
        async def story():
            async with guarded(**settings) as client, client.get("/") as answer:
                return answer.headers["WWW-Authenticate"]

        assert asyncio.run(story()) == challenge


class TestCookie:
    def test_a_token_in_the_address_becomes_a_cookie_and_leaves_the_address(self):
        async def story():
            async with guarded(token=TOKEN) as client:
                async with client.get(f"/?queue=a%26b&token={TOKEN}&theme=light", allow_redirects=False) as answer:
                    redirect = answer.status, answer.headers["Location"]
                    cookie = answer.cookies[COOKIE]
                async with client.get("/api/state") as later:
                    return redirect, cookie, later.status

        redirect, cookie, later = asyncio.run(story())

        assert redirect == (303, "/?queue=a%26b&theme=light")
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["secure"]) == (True, "Lax", "/", "")
        assert TOKEN not in cookie.value
        assert later == 200

    def test_the_address_it_leads_to_is_always_this_board(self):
        async def story():
            async with guarded(token=TOKEN) as client:
                address = URL(f"{client._base_url}/evil.example/?token={TOKEN}", encoded=True)
                assert address.raw_path_qs.startswith("//evil")
                async with client.get(address, allow_redirects=False) as answer:
                    return answer.status, answer.headers["Location"]

        assert asyncio.run(story()) == (303, "/evil.example/")

    @pytest.mark.parametrize(
        ("settings", "expected"),
        [
            ({}, ("Lax", "")),
            ({"cert_file": "c", "key_file": "k"}, ("Lax", True)),
            ({"frame_ancestors": ("https://signage.example",)}, ("Lax", "")),
            ({"cert_file": "c", "key_file": "k", "frame_ancestors": ("https://signage.example",)}, ("None", True)),
        ],
        ids=["plain", "tls", "framed", "framed over tls"],
    )
    def test_a_frame_of_another_site_gets_it_over_tls_only(self, settings, expected):
        async def story():
            async with guarded(token=TOKEN, **settings) as client:
                answer = await client.get(f"/?token={TOKEN}", allow_redirects=False)
                return answer.cookies[COOKIE]["samesite"], answer.cookies[COOKIE]["secure"]

        assert asyncio.run(story()) == expected

    def test_a_cookie_of_another_token_opens_nothing(self):
        async def cookie_of(token):
            async with guarded(token=token) as client:
                return (await client.get(f"/?token={token}", allow_redirects=False)).cookies[COOKIE].value

        stale = asyncio.run(cookie_of(TOKEN.replace("t", "s")))

        assert seen([("/", {"Cookie": f"{COOKIE}={stale}"})], token=TOKEN) == [401]

    def test_a_cookie_is_not_taken_for_a_token(self):
        assert seen([("/", {"Cookie": f"{COOKIE}={TOKEN}"})], token=TOKEN) == [401]


class TestLimits:
    def test_an_address_gets_so_many_a_minute_as_many_at_once(self):
        clock = Clock()
        limit = Limit(3, clock)

        assert [limit.take("a") for _ in range(5)] == [True, True, True, False, False]
        assert limit.take("b")
        clock.now += 20
        assert [limit.take("a") for _ in range(2)] == [True, False]
        clock.now += 3600
        assert [limit.take("a") for _ in range(4)] == [True, True, True, False]

    def test_no_more_addresses_are_remembered_than_fit(self):
        limit = Limit(1, Clock())
        for number in range(ADDRESSES + 10):
            limit.take(str(number))

        assert len(limit._buckets) == ADDRESSES

    def test_who_asks_too_often_is_told_when_to_come_back(self):
        async def story():
            clock = Clock()
            async with guarded(clock, requests_per_minute=2) as client:
                statuses = [(await client.get("/")).status for _ in range(2)]
                refused = await client.get("/")
                probe = await client.get("/livez")
                clock.now += int(refused.headers["Retry-After"])
                return statuses, refused.status, probe.status, (await client.get("/")).status

        assert asyncio.run(story()) == ([200, 200], 429, 200, 200)

    def test_zero_is_no_limit(self):
        assert set(seen([("/", {})] * 700, requests_per_minute=0)) == {200}

    def test_guessing_ends_after_thirty_even_with_the_right_one_but_who_is_in_stays_in(self):
        async def story():
            clock = Clock()
            async with guarded(clock, token=TOKEN) as client:
                right = {"Authorization": f"Bearer {TOKEN}"}
                wrong = [(await client.get("/", headers={"Authorization": f"Bearer {n}"})).status for n in range(32)]
                guessed = (await client.get("/", headers=right)).status
                unnamed = (await client.get("/")).status
                clock.now += 60
                opened = (await client.get(f"/?token={TOKEN}")).status
                for number in range(32):
                    await client.get("/", headers={"Authorization": f"Bearer {number}", "Cookie": ""})
                return wrong, guessed, unnamed, opened, (await client.get("/")).status

        wrong, guessed, unnamed, opened, inside = asyncio.run(story())

        assert wrong == [401] * 30 + [429] * 2
        assert (guessed, unnamed, opened, inside) == (429, 401, 200, 200)


class TestHeaders:
    def headers_of(self, path="/", **settings):
        async def story():
            async with guarded(**settings) as client, client.get(path) as answer:
                return dict(answer.headers)

        return asyncio.run(story())

    @pytest.mark.parametrize("path", ["/", "/livez", "/nowhere"])
    def test_nothing_from_elsewhere_and_nothing_inline(self, path):
        headers = self.headers_of(path)
        policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))

        assert policy == {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "img-src": "'self'",
            "connect-src": "'self'",
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "'none'",
        }
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "aiohttp" not in str(headers)

    def test_who_is_refused_is_told_the_same(self):
        assert "default-src 'none'" in self.headers_of(token=TOKEN)["Content-Security-Policy"]

    def test_pages_of_configured_origins_may_show_it_in_a_frame(self):
        headers = self.headers_of(frame_ancestors=("self", "https://*.signage.example:8443"))

        assert headers["Content-Security-Policy"].endswith("; frame-ancestors 'self' https://*.signage.example:8443")
        assert "X-Frame-Options" not in headers
