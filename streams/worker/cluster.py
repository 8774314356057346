"""The Kafka cluster as a worker uses it, beside the consumer group: producers, readers, what topics there are."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.errors import KafkaError

from streams.errors import ConnectionFailed
from streams.security.kafka import refusal
from streams.worker.clock import BrokerClock
from streams.worker.permissions import Permission, check
from streams.worker.settings import WorkerSettings

BATCH_BYTES: Final = 512 * 1024
"""Bound of a produced batch. A record larger than this goes alone (and must be below the broker's 1 MB)."""

DELETE_WITHIN_S: Final = 5.0

log = logging.getLogger(__name__)


class Cluster:
    """Hands out clients with the worker's credentials. Start it before use; stop it last."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._connection = connection(settings)
        self.clock = BrokerClock()
        """Learns from every flush."""
        self._admin: AIOKafkaAdminClient | None = None
        self._can_delete = True

    async def start(self) -> None:
        """Connect. Raises ConnectionFailed."""
        admin = AIOKafkaAdminClient(**self._connection)
        try:
            await admin.start()
        except (KafkaError, OSError) as exc:
            await admin.close()
            raise await _unreachable(self._connection, exc) from exc
        self._admin = admin

    async def stop(self) -> None:
        if self._admin is not None:
            await self._admin.close()

    async def id(self) -> str:
        """The cluster's own id."""
        return str((await self._started().describe_cluster())["cluster_id"])

    async def partitions(self, topics: Iterable[str]) -> dict[str, int]:
        """Partition count of each of `topics` that exists. Creates none, whatever the broker allows."""
        admin = self._started()
        wanted = set(topics) & set(await admin.list_topics())
        described = await admin.describe_topics(sorted(wanted)) if wanted else []
        return {topic["topic"]: len(topic["partitions"]) for topic in described}

    async def check(self, permissions: Iterable[Permission]) -> None:
        """Raise ConnectionFailed that names each of `permissions` that the broker does not grant."""
        await check(self._started(), list(permissions), self._settings)

    async def delete_before(self, topic: str, partition: int, offset: int) -> None:
        """Delete the records below `offset`; where the broker cannot, that is said once."""
        if not self._can_delete:
            return
        try:
            async with asyncio.timeout(DELETE_WITHIN_S):
                await self._started().delete_records({TopicPartition(topic, partition): RecordsToDelete(offset)})
        except (TimeoutError, KafkaError, OSError) as exc:
            if getattr(exc, "retriable", True):
                log.debug("%s could not be trimmed this time: %r", topic, exc)
                return
            self._grows(topic, exc)

    def _grows(self, topic: str, reason: Exception) -> None:
        if self._can_delete:
            log.warning("records of %s that are done with cannot be deleted, it will grow: %r", topic, reason)
        self._can_delete = False

    def producer(self, transactional_id: str) -> AIOKafkaProducer:
        """A transactional producer, not started: starting it fences its predecessor."""
        return AIOKafkaProducer(
            transactional_id=transactional_id,
            transaction_timeout_ms=int(self._settings.session_timeout_s * 1000),
            max_batch_size=BATCH_BYTES,
            acks="all",
            enable_idempotence=True,
            **self._connection,
        )

    def reader(self) -> AIOKafkaConsumer:
        """A `read_committed` consumer outside of any group, not started; nothing is assigned to it."""
        return AIOKafkaConsumer(
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=100,
            check_crcs=self._settings.check_crcs,
            **self._connection,
        )

    def _started(self) -> AIOKafkaAdminClient:
        if self._admin is None:
            raise RuntimeError("the cluster is not started")
        return self._admin


def connection(settings: WorkerSettings) -> dict[str, Any]:
    """Arguments that every aiokafka client takes: addresses and credentials. Reads the certificate files."""
    return {"bootstrap_servers": list(settings.brokers), "client_id": settings.app, **settings.login.options()}


async def _unreachable(options: Mapping[str, Any], error: Exception) -> ConnectionFailed:
    refused = await refusal(options)
    if refused is None:
        return ConnectionFailed(f"Kafka cannot be reached: {error}", hint="it may only just have started: try again")
    return ConnectionFailed(f"Kafka cannot be reached: {refused.reason}", hint=refused.hint)
