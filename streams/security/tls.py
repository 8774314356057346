"""TLS as a client and as a server: certificates from PEM files, TLS 1.2 or later."""

import ssl
from typing import NamedTuple

from streams.errors import ConfigError


class ClientFiles(NamedTuple):
    """What a client trusts and shows. Paths of PEM files; None where there is none."""

    ca_file: str | None = None
    """Who signs the servers' certificates; None: the authorities of this machine."""
    cert_file: str | None = None
    key_file: str | None = None
    check_hostname: bool = True
    """False: any certificate that the authority has signed will do, whatever name is in it."""


def client_context(files: ClientFiles, section: str) -> ssl.SSLContext:
    """A context for connecting. The server's certificate is always verified.

    Raises ConfigError, with the key below `section` of the configuration, when a file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=files.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise _unusable(f"{section}.ca_file", files.ca_file, "certificates", error) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = files.check_hostname
    if files.cert_file is not None:
        _load(context, files.cert_file, files.key_file, section)
    return context


def server_context(cert_file: str, key_file: str, section: str) -> ssl.SSLContext:
    """A context for listening; `cert_file` holds the certificate and the chain above it. Raises ConfigError, too."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load(context, cert_file, key_file, section)
    return context


def _load(context: ssl.SSLContext, cert_file: str, key_file: str | None, section: str) -> None:
    def no_passphrase() -> str:
        raise ConfigError(f"{section}.key_file: {key_file} has a passphrase", hint="store the key without one")

    try:
        context.load_cert_chain(cert_file, key_file, no_passphrase)
    except (OSError, ssl.SSLError) as error:
        where = f"{section}.cert_file, {section}.key_file"
        raise _unusable(where, f"{cert_file}, {key_file}", "a certificate and its key", error) from error


def _unusable(where: str, what: str | None, should_hold: str, error: OSError) -> ConfigError:
    reason = error.strerror if error.strerror and not isinstance(error, ssl.SSLError) else reason_of(error)
    return ConfigError(
        f"{where}: {what} cannot be used: {reason}", hint=f"name readable PEM files that hold {should_hold}"
    )


def reason_of(error: BaseException) -> str:
    """An error in one line; of TLS what failed, without the place in OpenSSL's source."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {(error.reason or 'not PEM').replace('_', ' ').lower()}"
    return str(error) or type(error).__name__
