"""The way into Kafka, for both clients that this project uses: aiokafka in the worker, kafka-python in the commands."""

import ssl
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError, SaslAuthenticationFailed, UnsupportedSaslMechanismError

from streams.security.tls import ClientFiles, client_context, reason_of

SECTION: Final = "kafka.security"
"""Where it stands in the configuration."""

_ASK_WITHIN_MS: Final = 5_000


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """How to get into Kafka."""

    protocol: str = "PLAINTEXT"
    """PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""
    mechanism: str = "PLAIN"
    username: str | None = None
    password: str | None = None
    files: ClientFiles = ClientFiles()

    def __repr__(self) -> str:
        """Without the password: this ends up in logs."""
        return f"Login(protocol={self.protocol!r}, username={self.username!r})"

    @property
    def user(self) -> str:
        """Who this is to the broker, in words."""
        if self.protocol.startswith("SASL_"):
            return f"user `{self.username}`"
        return f"the client of {self.files.cert_file}" if self.files.cert_file else "clients without a name"

    def options(self) -> dict[str, Any]:
        """Arguments that both aiokafka's and kafka-python's clients take. Reads the certificate files.

        Raises ConfigError.
        """
        options: dict[str, Any] = {"security_protocol": self.protocol}
        if self.protocol.endswith("SSL"):
            options["ssl_context"] = client_context(self.files, SECTION)
        if self.protocol.startswith("SASL_"):
            options |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return options


class Refusal(NamedTuple):
    """Why no broker lets this client in."""

    reason: str
    hint: str


async def refusal(options: Mapping[str, Any]) -> Refusal | None:
    """Why the brokers let nobody in: the clients themselves only say that none does. None: one of them would.

    `options`: those of a client. Connects to one after the other; of several reasons the last.
    """
    found: Refusal | None = None
    login = {name: value for name, value in options.items() if name in _LOGIN}
    for broker in options["bootstrap_servers"]:
        host, _, port = broker.rpartition(":")
        try:
            connection = await create_conn(host, int(port), request_timeout_ms=_ASK_WITHIN_MS, **login)
        except (KafkaError, OSError) as error:
            found = _told(broker, login, error)
        else:
            connection.close()
            return None
    return found


_LOGIN: Final = ("security_protocol", "ssl_context", "sasl_mechanism", "sasl_plain_username", "sasl_plain_password")
_UNREACHABLE: Final = (
    "is it running, is kafka.brokers (CONTACT_STREAMS_KAFKA__BROKERS, --brokers) right, "
    f"and is {SECTION}.protocol that of this address?"
)


def _told(broker: str, login: Mapping[str, Any], error: Exception) -> Refusal:
    reason = f"{broker}: {reason_of(error)}"
    if isinstance(error, SaslAuthenticationFailed | UnsupportedSaslMechanismError):
        names = f"{SECTION}.username, .password (or .password_file) and .mechanism ({login['sasl_mechanism']})"
        return Refusal(f"{broker} does not let user `{login['sasl_plain_username']}` in", f"look at {names}")
    if isinstance(error, ssl.SSLCertVerificationError):
        hint = f"{SECTION}.ca_file must name who has signed it, and the certificate the address in kafka.brokers"
        return Refusal(reason, hint)
    return Refusal(reason, _UNREACHABLE)
