"""Getting into Kafka: every mechanism, with both clients that are used, and why somebody is not let in."""

import asyncio
from pathlib import Path

import pytest

from streams.cli.options import kafka_options
from streams.config import load
from streams.errors import ConnectionFailed
from streams.sources.kafka import administration
from streams.worker.cluster import Cluster
from streams.worker.compose import worker_settings
from tests.security.certificates import Authority
from tests.security.installation import scram
from tests.security.servers import ADMIN, PASSWORD, Broker
from tests.servers import free_port

pytestmark = pytest.mark.kafka


@pytest.fixture
def written(tmp_path):
    """A configuration with this section `kafka`."""

    def write(kafka):
        file = tmp_path / "c.yaml"
        file.write_text(repr({"kafka": kafka}))  # YAML takes that, too
        return load(file, environ={}).config

    return write


def by_aiokafka(config):
    """The topics as the worker's client sees them."""

    async def ask():
        cluster = Cluster(worker_settings(config))
        await cluster.start()
        try:
            return await cluster.partitions(["any"])
        finally:
            await cluster.stop()

    return asyncio.run(ask())


def by_kafka_python(config):
    """The same by the client of the commands."""
    with administration({**kafka_options(config.kafka), "bootstrap_timeout_ms": 1_500}) as topics:
        return topics.partitions()


clients = pytest.mark.parametrize("ask", [by_aiokafka, by_kafka_python])


class TestIn:
    @clients
    @pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
    @pytest.mark.parametrize("protocol", ["SASL_SSL", "SASL_PLAINTEXT"])
    def test_with_a_password(self, broker, authority, written, tmp_path, ask, protocol, mechanism):
        password = tmp_path / "password"
        password.write_text(PASSWORD + "\n")
        security = {"protocol": protocol, "mechanism": mechanism, "username": ADMIN, "password_file": str(password)}
        if protocol == "SASL_SSL":
            security["ca_file"] = str(authority.ca)

        assert ask(written({"brokers": getattr(broker, protocol.lower()), "security": security})) is not None

    @clients
    def test_with_a_certificate(self, broker, authority, written, ask):
        own = authority.client(ADMIN)
        files = {"ca_file": str(authority.ca), "cert_file": str(own.cert), "key_file": str(own.key)}

        assert ask(written({"brokers": broker.ssl, "security": {"protocol": "SSL", **files}})) is not None

    @clients
    def test_a_name_that_the_certificate_does_not_have_is_taken_only_when_told_to(
        self, broker, authority, written, ask
    ):
        kafka = scram(broker, authority, ADMIN)
        kafka["brokers"] = kafka["brokers"].replace("127.0.0.1", "localhost")
        with pytest.raises(ConnectionFailed, match=r"certificate is not accepted: .*Hostname mismatch"):
            ask(written(kafka))

        kafka["security"]["check_hostname"] = False
        assert ask(written(kafka)) is not None


@clients
class TestNotIn:
    def refused(self, ask, config):
        with pytest.raises(ConnectionFailed) as caught:
            ask(config)
        assert PASSWORD not in f"{caught.value!s} {caught.value.hint}"
        return str(caught.value), caught.value.hint

    @pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
    def test_a_wrong_password(self, broker, authority, written, ask, mechanism):
        kafka = scram(broker, authority, ADMIN)
        kafka["security"] |= {"password": "wrong", "mechanism": mechanism}

        message, hint = self.refused(ask, written(kafka))

        assert f"{broker.sasl_ssl} does not let user `admin` in" in message
        assert f"kafka.security.username, .password (or .password_file) and .mechanism ({mechanism})" in hint

    def test_a_server_whose_certificate_nobody_trusted_has_signed(self, broker, authority, written, ask, tmp_path):
        (tmp_path / "other").mkdir()
        kafka = scram(broker, authority, ADMIN)
        kafka["security"]["ca_file"] = str(Authority(tmp_path / "other").ca)

        message, hint = self.refused(ask, written(kafka))

        assert f"{broker.sasl_ssl}: the server's certificate is not accepted" in message
        assert "kafka.security.ca_file" in hint

    def test_a_client_without_a_certificate_where_one_is_asked_for(self, broker, authority, written, ask):
        kafka = {"brokers": broker.ssl, "security": {"protocol": "SSL", "ca_file": str(authority.ca)}}

        message, _ = self.refused(ask, written(kafka))

        assert broker.ssl in message

    def test_the_wrong_protocol(self, broker, written, ask):
        _, hint = self.refused(ask, written({"brokers": broker.sasl_ssl}))

        assert "is kafka.security.protocol that of this address?" in hint

    def test_nobody_there(self, written, ask):
        address = f"127.0.0.1:{free_port()}"

        message, hint = self.refused(ask, written({"brokers": address}))

        assert address in message
        assert "is kafka.brokers" in hint


def test_the_broker_tells_one_user_from_another(broker: Broker, authority: Authority, written):
    """Who has no ACL sees no topic: that is how it is known that the name counts."""
    from kafka import KafkaAdminClient

    options = kafka_options(written(scram(broker, authority, ADMIN)).kafka)
    client = KafkaAdminClient(**options)
    try:
        client.create_topics({"seen": {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
    finally:
        client.close()

    assert "seen" in by_kafka_python(written(scram(broker, authority, ADMIN)))
    assert "seen" not in by_kafka_python(written(scram(broker, authority, "nina")))


@pytest.mark.parametrize(
    ("files", "key", "reason"),
    [
        ({"ca_file": "/not/there.pem"}, "ca_file", "No such file or directory"),
        ({"ca_file": __file__}, "ca_file", "TLS failed"),
        ({"cert_file": "/not/there.pem", "key_file": "/not/there.key"}, "cert_file", "No such file or directory"),
        ({"cert_file": __file__, "key_file": __file__}, "cert_file", "TLS failed"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(written, files, key, reason):
    from streams.errors import ConfigError

    with pytest.raises(ConfigError, match=f"kafka.security.{key}.*{Path(files[key]).name}.*{reason}") as caught:
        by_kafka_python(written({"security": {"protocol": "SSL", **files}}))

    assert caught.value.exit_code == 2
