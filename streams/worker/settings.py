"""What a worker must be told: where Kafka is, who it is, which topics it reads."""

from typing import Final, NamedTuple

import msgspec

from streams.security.http import Credentials
from streams.security.kafka import Login

FACTS: Final = "facts"
CUSTOMERS: Final = "customers"
INTERNAL: Final = frozenset({FACTS, CUSTOMERS})
"""Logical topics between the books of one app."""
OUTPUTS: Final = (FACTS, "visits", "deadletters")
"""Logical topics that every worker writes, beside its state."""


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long the watchdog lets something stand still, in seconds, before it ends the process."""

    records_s: float = 30.0
    """Records wait, and none comes."""
    flow_s: float = 60.0
    """Nothing is fetched at all: a rebalance takes at most 30 s."""
    restore_s: float = 60.0
    """A partition is taken over, and nothing moves: no record of its changelog, no next step."""
    loop_s: float = 60.0
    """The event loop does not turn."""


class WorkerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One worker. Workers with the same `app` on the same cluster share the partitions."""

    brokers: tuple[str, ...]
    """host:port of some brokers."""
    sources: tuple[str, ...]
    """Logical source topics, e.g. calls, chats."""
    app: str = "contact-streams"
    """Names the consumer group, the internal topics and the transactional ids."""
    topic_prefix: str = ""
    login: Login = Login()
    session_timeout_s: float = 10.0
    """How long the partitions of a dead worker stay unowned, and how long a transaction may be open."""
    patience: Patience = Patience()
    check_crcs: bool = True
    """False for librdkafka's mock cluster: the markers it writes at the end of a transaction have no checksum."""
    http_host: str = "127.0.0.1"
    http_port: int = 9464
    """Of the probes and `/metrics`; 0: any free one."""
    http_credentials: Credentials = Credentials()
    """What `/metrics` asks for."""
    http_certificate: tuple[str, str] | None = None
    """PEM files of the certificate and its key; None: HTTP without TLS."""

    @property
    def facts_topic(self) -> str:
        """Kafka name of the topic between the two stages."""
        return self.topic("facts")

    @property
    def group(self) -> str:
        """Name of the consumer group."""
        return f"{self.topic_prefix}{self.app}"

    def topic(self, logical: str) -> str:
        """Kafka name of a source or output topic."""
        return f"{self.topic_prefix}{self.app}-{logical}" if logical in INTERNAL else f"{self.topic_prefix}{logical}"

    def state_topic(self, logical: str) -> str:
        """Kafka name of the changelog of the books that read `logical`."""
        return f"{self.topic_prefix}{self.app}-state-{logical}"

    def transactional_id(self, logical: str, partition: int) -> str:
        """Kafka fences by this: one producer at a time per input partition."""
        return f"{self.group}-{logical}-{partition}"

    def topics(self, *, customers: bool) -> "TopicNames":
        """What a worker reads and writes; `customers`: whether they are followed across their contacts."""
        between = (CUSTOMERS,) if customers else ()
        return TopicNames(
            {name: self.topic(name) for name in (*self.sources, *between, FACTS)},
            {name: self.topic(name) for name in (*OUTPUTS, *between)},
        )


class TopicNames(NamedTuple):
    """Logical name → name in Kafka."""

    inputs: dict[str, str]
    """Each has a changelog beside it (`WorkerSettings.state_topic`)."""
    outputs: dict[str, str]
