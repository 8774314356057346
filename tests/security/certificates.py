"""An authority of the test's own, and what it has signed: PEM files that last as long as the test run."""

from pathlib import Path
from typing import NamedTuple

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


class Pair(NamedTuple):
    """A certificate with the chain above it, and its key (PKCS #8, the only form that Kafka reads)."""

    cert: Path
    key: Path


class Authority:
    """Signs certificates. `ca` is the file that its users trust."""

    def __init__(self, directory: Path) -> None:
        self._ca = trustme.CA()
        self._directory = directory
        self.ca = directory / "ca.pem"
        self._ca.cert_pem.write_to_path(self.ca)

    def server(self, *names: str) -> Pair:
        """For a server that is reached by these names or addresses."""
        return self._written("-".join(names), self._ca.issue_cert(*names))

    def client(self, name: str) -> Pair:
        """For a client whose common name is `name`."""
        return self._written(name, self._ca.issue_cert(f"{name}.clients.test", common_name=name))

    def _written(self, name: str, issued: trustme.LeafCert) -> Pair:
        pair = Pair(self._directory / f"{name}.pem", self._directory / f"{name}.key")
        pair.cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key = load_pem_private_key(issued.private_key_pem.bytes(), None)
        pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return pair
