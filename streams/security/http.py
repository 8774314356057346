"""Who may ask over HTTP: whoever shows a token (`Authorization: Bearer …`) or a name and password (Basic)."""

import base64
import hashlib
import hmac
import logging
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Final, NamedTuple

from aiohttp import web
from aiohttp.typedefs import Middleware

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

REALM: Final = "contact-streams"


class Credentials(NamedTuple):
    """What must be shown; of token and password either will do. Without both, nothing is asked for."""

    token: str | None = None
    username: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        """Without secrets: this may end up in logs."""
        return f"Credentials(token={self.token is not None}, username={self.username!r})"

    @property
    def required(self) -> bool:
        """Whether anything is asked for."""
        return self.token is not None or self.password is not None

    def accept(self, authorization: str | None) -> bool:
        """Whether this header, as it came, opens. How long it takes tells nothing of what would be right."""
        scheme, _, shown = (authorization or "").partition(" ")
        if scheme.lower() == "bearer":
            return self.is_token(shown.strip())
        if scheme.lower() == "basic" and self.password is not None:
            return equal(_decoded(shown), f"{self.username}:{self.password}")
        return False

    def is_token(self, text: str) -> bool:
        """Whether this is the token."""
        return self.token is not None and equal(text, self.token)

    def challenge(self) -> str:
        """Value of `WWW-Authenticate`: browsers ask for name and password only if it says Basic."""
        if self.password is not None:
            return f'Basic realm="{REALM}", charset="UTF-8"'
        return f'Bearer realm="{REALM}"'

    def derived(self, purpose: str) -> str:
        """A key of its own for `purpose`, 64 hex digits: changes with the credentials and does not give them away."""
        secret = f"{self.token}\n{self.username}\n{self.password}"
        return hmac.new(secret.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def _decoded(basic: str) -> str:
    try:
        return base64.b64decode(basic, validate=True).decode()
    except ValueError:  # not base64, or not UTF-8 in it
        return ""


def equal(left: str, right: str) -> bool:
    """Whether two texts are the same; how long that takes tells nothing of them."""
    return hmac.compare_digest(left.encode(errors="surrogateescape"), right.encode(errors="surrogateescape"))


def demand(credentials: Credentials, *paths: str) -> Middleware:
    """A middleware that answers 401 to whoever asks for one of `paths` and shows nothing that opens."""

    @web.middleware
    async def demanding(request: web.Request, handler: Handler) -> web.StreamResponse:
        shown = request.headers.get("Authorization")
        if not credentials.required or request.path not in paths or credentials.accept(shown):
            return await handler(request)
        return web.Response(status=401, text="401: not without credentials\n", headers=_asking(credentials))

    return demanding


def _asking(credentials: Credentials) -> dict[str, str]:
    return {"WWW-Authenticate": credentials.challenge()}


def warn_if_open(log: logging.Logger, what: str, host: str, credentials: Credentials, *, tls: bool) -> None:
    """Say what others on the network may do with a server that listens on `host`."""
    if _is_loopback(host):
        return
    if not credentials.required:
        log.warning("%s is open to everybody who reaches %s: no token and no password is set", what, host)
    elif not tls:
        log.warning("%s sends its numbers and takes its credentials unencrypted on %s: no cert_file is set", what, host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
