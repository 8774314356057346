"""Who may see the board, how often, and what a browser may do with what it gets.

A browser that opens `/?token=…` is given a cookie and sent on to the same address without the token. `/livez` is open
to all: it says nothing, and what probes it knows no secrets.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from aiohttp import web

from streams.config.access import WallboardConfig
from streams.security.http import Handler, equal

OPEN: Final = frozenset({"/livez"})
COOKIE: Final = "contact-streams"
COOKIE_S: Final = 400 * 86_400
"""As long as browsers keep one at most: a screen on a wall is opened once."""

SERVER: Final = "contact-streams"
"""Instead of the names and versions of what it is made of."""

TOKEN: Final = "token"  # noqa: S105 (the name of a parameter)
WRONG_PER_MINUTE: Final = 30
"""Wrong credentials of one address. Beyond, right ones are refused too, or guessing would go on; a cookie is not."""

ADDRESSES: Final = 10_000
"""So many are remembered, by their last request."""


def protect(app: web.Application, config: WallboardConfig, clock: Callable[[], float]) -> None:
    """Put the guard before every route of `app`. `clock`: seconds, never set back."""
    guard = _Guard(config, clock)
    app.middlewares.append(guard.middleware)
    app.on_response_prepare.append(guard.add_headers)


class _Guard:
    def __init__(self, config: WallboardConfig, clock: Callable[[], float]) -> None:
        self._credentials = config.credentials()
        self._cookie = self._credentials.derived("cookie of the board")
        self._tls = config.certificate() is not None
        self._framed = bool(config.frame_ancestors)
        self._headers = headers(config)
        self._requests = Limit(config.requests_per_minute, clock) if config.requests_per_minute else None
        self._wrong = Limit(WRONG_PER_MINUTE, clock)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse, or let the request through."""
        if request.path in OPEN:
            return await handler(request)
        if self._requests is not None and not self._requests.take(_address(request)):
            return _too_many(self._requests)
        return await handler(request) if self._has_cookie(request) else await self._judge(request, handler)

    async def _judge(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """By what the request shows now."""
        authorization, token = request.headers.get("Authorization"), request.query.get(TOKEN)
        if not self._credentials.required:
            return await handler(request)
        if authorization is None and token is None:
            return self._unknown("this board asks who you are; open it as /?token=…, or send credentials")
        if not self._wrong.left(_address(request)):
            return _too_many(self._wrong)
        if self._credentials.accept(authorization):
            return await handler(request)
        if token is not None and self._credentials.is_token(token):
            return self._welcome(request)
        self._wrong.take(_address(request))
        return self._unknown("these credentials are wrong")

    def _has_cookie(self, request: web.Request) -> bool:
        shown = request.cookies.get(COOKIE)
        return shown is not None and self._credentials.required and equal(shown, self._cookie)

    def _unknown(self, reason: str) -> web.Response:
        return web.Response(
            status=401, text=f"401: {reason}\n", headers={"WWW-Authenticate": self._credentials.challenge()}
        )

    def _welcome(self, request: web.Request) -> web.Response:
        rest = request.url.without_query_params(TOKEN)
        # two slashes at the beginning, of either kind, would lead to another host
        path = "/" + rest.raw_path.lstrip("/\\")
        location = f"{path}?{rest.raw_query_string}" if rest.raw_query_string else path
        return web.Response(status=303, headers={"Location": location, "Set-Cookie": self._set_cookie()})

    def _set_cookie(self) -> str:
        cookie = f"{COOKIE}={self._cookie}; Max-Age={COOKIE_S}; Path=/; HttpOnly"
        if not self._tls:
            return f"{cookie}; SameSite=Lax"
        # In a frame of another site a browser sends a cookie only if it says None, and takes that only over TLS.
        return f"{cookie}; Secure; " + ("SameSite=None; Partitioned" if self._framed else "SameSite=Lax")

    async def add_headers(self, _: web.Request, response: web.StreamResponse) -> None:
        """Those of `headers`, where a route has not said otherwise."""
        for name, value in self._headers.items():
            response.headers.setdefault(name, value)
        response.headers["Server"] = SERVER


def headers(config: WallboardConfig) -> Mapping[str, str]:
    """What every answer says to browsers: nothing from elsewhere, nothing inline, in no frame but those configured."""
    ancestors = " ".join("'self'" if origin == "self" else origin for origin in config.frame_ancestors) or "'none'"
    found = {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
            f"base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cache-Control": "no-cache",
    }
    return found if config.frame_ancestors else {**found, "X-Frame-Options": "DENY"}


class _Bucket(NamedTuple):
    left: float
    at: float
    """When so much was left, by the clock."""


class Limit:
    """So many a minute of each address, as many at once. Remembers `ADDRESSES` of them."""

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def left(self, address: str) -> bool:
        """Whether one more would be taken."""
        return self._left(address) >= 1

    def take(self, address: str) -> bool:
        """Take one; False: there is none left."""
        left = self._left(address)
        enough = left >= 1
        self._buckets[address] = _Bucket(left - enough, self._clock())
        self._buckets.move_to_end(address)
        if len(self._buckets) > ADDRESSES:
            self._buckets.popitem(last=False)
        return enough

    def _left(self, address: str) -> float:
        bucket = self._buckets.get(address)
        if bucket is None:
            return self.per_minute
        return min(self.per_minute, bucket.left + (self._clock() - bucket.at) * self.per_minute / 60)


def _address(request: web.Request) -> str:
    """Who asks. Behind a proxy that is the proxy: what it says of others could be said by anybody."""
    return request.remote or ""


def _too_many(limit: Limit) -> web.Response:
    wait_s = max(1, round(60 / limit.per_minute))
    return web.Response(status=429, text="429: too many requests\n", headers={"Retry-After": str(wait_s)})
