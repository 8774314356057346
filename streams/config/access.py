"""Who may in: to Kafka, to Redis, to what this project serves. Every secret may stand in a file of its own (`loading`).

Nothing here shows a secret: not in its `repr`, not in an error.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qs, urlsplit, urlunsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from streams.config.quantities import PositiveMilliseconds, ShownPath
from streams.config.section import Section
from streams.security.http import Credentials
from streams.security.kafka import Login
from streams.security.tls import ClientFiles

MASK: Final = "********"

TOKEN_LENGTH: Final = 16
"""Characters that a token has at least."""
PASSWORD_LENGTH: Final = 8
"""Characters that a password by which people come in has at least."""

Port = Annotated[int, Field(ge=0, le=65_535)]


def revealed(secret: SecretStr | None) -> str | None:
    """The secret itself."""
    return None if secret is None else secret.get_secret_value()


class _Client(Section):
    """The files of a TLS client."""

    ca_file: ShownPath | None = None
    cert_file: ShownPath | None = None
    key_file: ShownPath | None = None
    check_hostname: bool = True

    @property
    def files(self) -> ClientFiles:
        return ClientFiles(_text(self.ca_file), _text(self.cert_file), _text(self.key_file), self.check_hostname)

    def _check_files(self, *, tls: bool, where: str) -> None:
        """`tls`: whether there is any, `where` the key that decides that. ValueError."""
        if not tls and (self.ca_file or self.cert_file or self.key_file or not self.check_hostname):
            message = f"ca_file, cert_file, key_file and check_hostname are for TLS, and {where} has none"
            raise ValueError(message)
        _check_pair(self.cert_file, self.key_file)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _check_pair(cert_file: Path | None, key_file: Path | None) -> None:
    if (cert_file is None) != (key_file is None):
        message = "cert_file and key_file go together"
        raise ValueError(message)


class SecurityConfig(_Client):
    """How to get into Kafka. User and password in the broker address are not supported."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    username: str | None = None
    password: SecretStr | None = None
    password_file: ShownPath | None = None

    @property
    def sasl(self) -> bool:
        """Whether the broker asks for a name and a password."""
        return self.protocol.startswith("SASL_")

    @property
    def tls(self) -> bool:
        """Whether the way to the broker is encrypted."""
        return self.protocol.endswith("SSL")

    @model_validator(mode="after")
    def _complete(self) -> "SecurityConfig":
        if self.sasl and (not self.username or not revealed(self.password)):
            message = f"protocol {self.protocol} needs username, and password or password_file"
            raise ValueError(message)
        if not self.sasl and (self.username is not None or self.password is not None):
            message = f"username and password are for protocol SASL_PLAINTEXT or SASL_SSL, not {self.protocol}"
            raise ValueError(message)
        self._check_files(tls=self.tls, where=f"protocol {self.protocol}")
        return self

    def login(self) -> Login:
        """The same for the clients."""
        return Login(
            protocol=self.protocol,
            mechanism=self.mechanism,
            username=self.username,
            password=revealed(self.password),
            files=self.files,
        )


def _redis_url(url: str) -> str:
    parts = urlsplit(url)
    if "@" in parts.path + parts.query:
        message = "has an @ after the host; write @, : and / in a password as %40, %3A and %2F, or use password_file"
        raise ValueError(message)
    given = sorted({"username", "password", "ssl_password"} & parse_qs(parts.query, keep_blank_values=True).keys())
    if given:
        message = f"names {given[0]} after the ?; use redis.username and redis.password_file"
        raise ValueError(message)
    return url


class RedisConfig(_Client):
    """Where the values are shown."""

    url: Annotated[str, Field(pattern=r"^(rediss?|unix)://", repr=False), AfterValidator(_redis_url)] = (
        "redis://127.0.0.1:6379/0"
    )
    prefix: Annotated[str, Field(pattern=r"^[^\s:{}]{1,100}$")] = "cs"
    ttl: PositiveMilliseconds = 10_000
    username: Annotated[str, Field(min_length=1)] | None = None
    password: SecretStr | None = None
    password_file: ShownPath | None = None

    @model_validator(mode="after")
    def _complete(self) -> "RedisConfig":
        said = urlsplit(self.url)
        if self.password is not None and said.password:
            message = "password is given beside one in url; keep one of the two"
            raise ValueError(message)
        if self.username is not None and (said.username or self.password is None):
            message = "username needs a password or password_file beside it, and no user in url"
            raise ValueError(message)
        self._check_files(tls=said.scheme == "rediss", where=f"a url that begins with {said.scheme}://")
        return self

    @property
    def shown_url(self) -> str:
        """`url` without its password, for logs and messages."""
        return masked_url(self.url)

    def login(self) -> dict[str, Any]:
        """Arguments of redis-py beside `url`."""
        options: dict[str, Any] = {"username": self.username, "password": revealed(self.password)}
        if self.url.startswith("rediss://"):
            options |= {
                "ssl_ca_certs": _text(self.ca_file),
                "ssl_certfile": _text(self.cert_file),
                "ssl_keyfile": _text(self.key_file),
                "ssl_check_hostname": self.check_hostname,
            }
        return {name: value for name, value in options.items() if value is not None}


def masked_url(url: str) -> str:
    """The URL with its password, if any, hidden."""
    parts = urlsplit(url)
    if not parts.password:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:{MASK}@{host}"))


def without_credentials(text: str) -> str:
    """Any text with what may be `user:password@` hidden, be the rest of it an address or not."""
    return re.sub(r"[^\s'\"]*:.*@", f"{MASK}@", text, flags=re.DOTALL)


def _token(token: SecretStr) -> SecretStr:
    text = token.get_secret_value()
    if len(text) < TOKEN_LENGTH or not re.fullmatch(r"[A-Za-z0-9._~+/=-]+", text):
        message = (
            f"is no token; use {TOKEN_LENGTH} characters or more of A-Z a-z 0-9 . _ ~ + / = - (openssl rand -hex 32)"
        )
        raise ValueError(message)
    return token


def _password(password: SecretStr) -> SecretStr:
    if len(password.get_secret_value()) < PASSWORD_LENGTH:
        message = f"is too short; use {PASSWORD_LENGTH} characters or more"
        raise ValueError(message)
    return password


class ServedConfig(Section):
    """Something that listens, and who may ask: whoever shows the token or the password; without either, everybody."""

    host: str = "127.0.0.1"
    port: Port
    token: Annotated[SecretStr, AfterValidator(_token)] | None = None
    token_file: ShownPath | None = None
    username: Annotated[str, Field(pattern=r"^[^:\x00-\x1f\x7f]+$")] | None = None
    password: Annotated[SecretStr, AfterValidator(_password)] | None = None
    password_file: ShownPath | None = None
    cert_file: ShownPath | None = None
    key_file: ShownPath | None = None

    @model_validator(mode="after")
    def _complete(self) -> "ServedConfig":
        if (self.username is None) != (self.password is None):
            message = "username and password (or password_file) go together"
            raise ValueError(message)
        _check_pair(self.cert_file, self.key_file)
        return self

    def credentials(self) -> Credentials:
        """What must be shown."""
        return Credentials(revealed(self.token), self.username, revealed(self.password))

    def certificate(self) -> tuple[str, str] | None:
        """PEM files of the certificate and its key; None: HTTP without TLS."""
        return None if self.cert_file is None else (str(self.cert_file), str(self.key_file))


class MetricsConfig(ServedConfig):
    """Where a worker answers Prometheus and the probes."""

    port: Port = 9464


_ORIGIN: Final = re.compile(r"https?://(?:(?:\*\.)?[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::(?:\d{1,5}|\*))?")


def _ancestor(origin: str) -> str:
    if origin != "self" and not _ORIGIN.fullmatch(origin):
        message = "is no origin; write for example https://signage.example.org, or self"
        raise ValueError(message)
    return origin


class WallboardConfig(ServedConfig):
    """Where the board is served."""

    port: Port = 8080
    requests_per_minute: Annotated[int, Field(ge=0)] = 600
    frame_ancestors: tuple[Annotated[str, AfterValidator(_ancestor)], ...] = ()
