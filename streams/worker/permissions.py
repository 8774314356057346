"""What a worker must be allowed at the broker, and saying which of it is missing, in the words of `kafka-acls.sh`.

A broker without an authorizer allows everything. One that does not tell (before Kafka 2.3) is not asked: then the first
refusal ends the worker.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
from aiokafka.protocol.admin import DescribeGroupsRequest_v3, DescribeGroupsResponse_v3
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

from streams.errors import ConnectionFailed
from streams.worker.settings import INTERNAL, WorkerSettings

READ: Final = "Read"
WRITE: Final = "Write"
DELETE: Final = "Delete"
_BITS: Final = {READ: 3, WRITE: 4, DELETE: 6}
_NOT_TOLD: Final = -(1 << 31)
_TOPIC: Final = "Topic"
_GROUP: Final = "Group"
_TRANSACTIONAL_ID: Final = "TransactionalId"


class Permission(NamedTuple):
    """An operation on a resource. Each of these implies Describe."""

    operation: str
    resource: str
    """Topic, Group or TransactionalId."""
    name: str
    """One that ends in `*` stands for all that begin so."""

    def __str__(self) -> str:
        return f"{self.operation} on {self.resource} {self.name}"


def needed(settings: WorkerSettings, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> list[Permission]:
    """All that a worker does. Logical name of each input and output topic → its name in Kafka."""
    found = [Permission(READ, _TOPIC, topic) for topic in inputs.values()]
    found += [Permission(WRITE, _TOPIC, topic) for topic in outputs.values()]
    found += [Permission(DELETE, _TOPIC, topic) for name, topic in inputs.items() if name in INTERNAL]
    for name in inputs:
        found += [Permission(operation, _TOPIC, settings.state_topic(name)) for operation in (READ, WRITE)]
    found.append(Permission(READ, _GROUP, settings.group))
    found.append(Permission(WRITE, _TRANSACTIONAL_ID, f"{settings.group}-*"))
    return found


async def check(admin: AIOKafkaAdminClient, wanted: Sequence[Permission], settings: WorkerSettings) -> None:
    """Raise ConnectionFailed that names every one of `wanted` that the broker says is not there.

    It does not tell of transactional ids: that one shows when the first partition is taken (`explained`).
    """
    of_topics = await _of_topics(admin, {each.name for each in wanted if each.resource == _TOPIC})
    of_group = await _of_group(admin, settings.group)
    allowed = {(_TOPIC, topic): operations for topic, operations in of_topics.items()} | {
        (_GROUP, settings.group): of_group
    }
    missing = [each for each in wanted if _is_missing(each, allowed.get((each.resource, each.name)))]
    if missing:
        raise denied(missing, settings)


def _is_missing(permission: Permission, operations: int | None) -> bool:
    """`operations`: bits of those allowed; None: not known."""
    return operations is not None and not operations >> _BITS[permission.operation] & 1


def denied(missing: Iterable[Permission], settings: WorkerSettings) -> ConnectionFailed:
    """The error that names what is missing, and the commands that grant it."""
    listed = ", ".join(map(str, missing))
    grant = "grant it with `kafka-acls.sh --add --allow-principal …`; docs/security.md lists all that a worker needs"
    return ConnectionFailed(f"Kafka does not allow {settings.login.user}: {listed}", hint=grant)


def explained(error: BaseException, settings: WorkerSettings) -> BaseException:
    """A refusal by the broker as an error that says what is missing; any other error as it is."""
    refusal = next((cause for cause in _causes(error) if isinstance(cause, _REFUSALS)), None)
    if isinstance(refusal, TransactionalIdAuthorizationFailed):
        return denied([Permission(WRITE, _TRANSACTIONAL_ID, f"{settings.group}-*")], settings)
    if isinstance(refusal, GroupAuthorizationFailedError):
        return denied([Permission(READ, _GROUP, settings.group)], settings)
    if isinstance(refusal, TopicAuthorizationFailedError):
        return ConnectionFailed(
            f"Kafka refuses {settings.login.user} a topic that it allowed at the start: {refusal}",
            hint="have its ACLs changed? docs/security.md lists all that a worker needs; start it again to see which",
        )
    return error


_REFUSALS: Final = (TransactionalIdAuthorizationFailed, GroupAuthorizationFailedError, TopicAuthorizationFailedError)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it was made of: aiokafka wraps what happens while it sends."""
    while error is not None:
        yield error
        error = error.__cause__


async def _of_topics(admin: AIOKafkaAdminClient, topics: Iterable[str]) -> dict[str, int | None]:
    """Topic → bits of what is allowed; None: not known. A topic that does not exist is left out."""
    try:
        answer = await admin._send_request(_MetadataRequest(topics))  # noqa: SLF001 (it has no public way)
    except (IncompatibleBrokerVersion, NotImplementedError):
        return {}
    found: dict[str, int | None] = {}
    for error, topic, _, _, operations in answer.topics:
        if error == TopicAuthorizationFailedError.errno:
            found[topic] = 0
        elif not error:
            found[topic] = None if operations == _NOT_TOLD else operations
    return found


async def _of_group(admin: AIOKafkaAdminClient, group: str) -> int | None:
    """Bits of what is allowed; None: not known."""
    try:
        coordinator = await admin.find_coordinator(group)
        answer = await admin._send_request(_DescribeGroup(group), coordinator)  # noqa: SLF001 (as above)
    except GroupAuthorizationFailedError:
        return 0
    except (KafkaError, NotImplementedError):
        return None
    ((error, *_, operations),) = answer.groups
    if error == GroupAuthorizationFailedError.errno:
        return 0
    return None if operations == _NOT_TOLD else int(operations)


class _DescribeGroupStruct(DescribeGroupsRequest_v3):  # type: ignore[misc] # it ships no types
    """As aiokafka has it, which reads the answer as one of version 2."""

    RESPONSE_TYPE = DescribeGroupsResponse_v3


class _DescribeGroup(Request[_DescribeGroupStruct]):  # type: ignore[misc] # as above
    API_KEY = 15

    def __init__(self, group: str) -> None:
        self._group = group

    def build(self, request_struct_class: type[_DescribeGroupStruct]) -> _DescribeGroupStruct:
        return request_struct_class([self._group], True)  # noqa: FBT003 (in the order of the schema)


class _MetadataResponse(Response):  # type: ignore[misc] # it ships no types
    """Version 8, the first that tells what is allowed."""

    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", Array(("id", Int32), ("host", String("utf-8")), ("port", Int32), ("rack", String("utf-8")))),
        ("cluster_id", String("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", String("utf-8")),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
        ("cluster_authorized_operations", Int32),
    )


class _MetadataStruct(RequestStruct):  # type: ignore[misc] # it ships no types
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        ("topics", Array(String("utf-8"))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class _MetadataRequest(Request[_MetadataStruct]):  # type: ignore[misc] # as above
    API_KEY = 3

    def __init__(self, topics: Iterable[str]) -> None:
        self._topics = sorted(topics)

    def build(self, request_struct_class: type[_MetadataStruct]) -> _MetadataStruct:
        return request_struct_class(self._topics, False, False, True)  # noqa: FBT003 (in the order of the schema)
