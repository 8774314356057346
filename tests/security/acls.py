"""The ACLs that docs/security.md lists, and a broker's admin who grants and takes them."""

import re
import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ACLResourcePatternType, ResourcePattern, ResourceType

from tests.conftest import REPOSITORY
from tests.security.certificates import Authority
from tests.security.servers import ADMIN, PASSWORD, Broker

DOCUMENT = REPOSITORY / "docs" / "security.md"
RESOURCES = {"--topic": "Topic", "--group": "Group", "--transactional-id": "TransactionalId"}


class Grant(NamedTuple):
    """One operation on a resource, or on all whose names begin so."""

    operation: str
    resource: str
    name: str
    prefixed: bool = False

    def on(self, topic_prefix: str) -> "Grant":
        return self._replace(name=topic_prefix + self.name)

    def __str__(self) -> str:
        return f"{self.operation} on {self.resource} {self.name}{'*' if self.prefixed else ''}"


def documented() -> dict[str, list[Grant]]:
    """Who → what the document lists for him."""
    blocks = re.findall(r"^```sh\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    found: dict[str, list[Grant]] = {}
    who = ""
    for line in "".join(blocks).splitlines():
        if line.startswith("# "):
            who = line.removeprefix("# ")
        elif line.startswith("$acls"):
            found.setdefault(who, []).extend(_grants(shlex.split(line)[1:]))
    return found


def _grants(words: list[str]) -> list[Grant]:
    pairs = list(zip(words[::2], words[1::2], strict=True))
    operations = [value for option, value in pairs if option == "--operation"]
    prefixed = ("--resource-pattern-type", "prefixed") in pairs
    named = [(RESOURCES[option], value) for option, value in pairs if option in RESOURCES]
    return [Grant(operation, resource, name, prefixed) for operation in operations for resource, name in named]


class Admin:
    """Who may do anything."""

    def __init__(self, client: KafkaAdminClient) -> None:
        self.client = client

    def grant(self, user: str, grants: Iterable[Grant]) -> None:
        self.client.create_acls([_acl(user, grant) for grant in grants])

    def take(self, user: str, grants: Iterable[Grant]) -> None:
        self.client.delete_acls([_acl(user, grant) for grant in grants])


def _acl(user: str, grant: Grant) -> ACL:
    resource = "TRANSACTIONAL_ID" if grant.resource == "TransactionalId" else grant.resource.upper()
    operation = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", grant.operation).upper()
    kind = ACLResourcePatternType.PREFIXED if grant.prefixed else ACLResourcePatternType.LITERAL
    return ACL(
        principal=f"User:{user}",
        host="*",
        operation=ACLOperation[operation],
        permission_type=ACLPermissionType.ALLOW,
        resource_pattern=ResourcePattern(ResourceType[resource], grant.name, kind),
    )


@contextmanager
def admin_of(broker: Broker, authority: Authority) -> Iterator[Admin]:
    client = KafkaAdminClient(
        bootstrap_servers=broker.sasl_ssl,
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username=ADMIN,
        sasl_plain_password=PASSWORD,
        ssl_cafile=str(authority.ca),
    )
    try:
        yield Admin(client)
    finally:
        client.close()
