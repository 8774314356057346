"""Servers that let nobody in who has no business there: Kafka with SASL, TLS and ACLs, Redis with TLS and ACL users.

with secured_kafka(authority) as broker: broker.sasl_ssl, broker.sasl_plaintext, broker.ssl: three ways in
with secured_redis(authority) as store:  store.url
"""

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import redis

from tests.conftest import kafka_jars
from tests.security.certificates import Authority
from tests.servers import _cluster_id, _process, _program, _quiet_log4j, _wait_for_port, free_port

ADMIN = "admin"
PASSWORD = "pa55: word=#1!"
"""Of everybody here."""
USERS = ("nina", "olaf")
"""Beside the admin: known to the broker, and allowed what a test grants."""


class Broker(NamedTuple):
    """One node of Apache Kafka; each address is a listener of its own."""

    sasl_ssl: str
    sasl_plaintext: str
    ssl: str
    """Asks for a client's certificate; its common name is the user."""


@contextlib.contextmanager
def secured_kafka(authority: Authority) -> Iterator[Broker]:
    """A KRaft node whose users are `ADMIN` and `USERS`; its authorizer lets nobody but the admin do anything."""
    java, libs = _program("java"), kafka_jars()
    with tempfile.TemporaryDirectory(prefix="kafka-") as name:
        home = Path(name)
        broker, config = _configured(home, authority)
        classpath = ["-cp", f"{libs}/*", f"-Dlog4j.configurationFile={_quiet_log4j(home)}"]
        form = [java, "-Xmx256m", *classpath, "kafka.tools.StorageTool", "format", "-t", _cluster_id()]
        subprocess.run([*form, "-c", str(config), *_scram_users()], check=True, capture_output=True)
        command = [java, "-Xmx384m", "-Xms256m", *classpath, "kafka.Kafka", str(config)]
        with _process(command, home / "log") as process:
            for address in broker:
                _wait_for_port(process, address, home / "log", 180)
            yield broker


def _scram_users() -> list[str]:
    found = []
    for name in (ADMIN, *USERS):
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            found += ["--add-scram", f'{mechanism}=[name="{name}",password="{PASSWORD}"]']
    return found


def _configured(home: Path, authority: Authority) -> tuple[Broker, Path]:
    internal, controller, *ports = (free_port() for _ in range(5))
    broker = Broker(*(f"127.0.0.1:{port}" for port in ports))
    listeners = {
        "INTERNAL": f"127.0.0.1:{internal}",
        "SASL_SSL": broker.sasl_ssl,
        "SASL_PLAINTEXT": broker.sasl_plaintext,
        "SSL": broker.ssl,
    }
    addresses = ",".join(f"{name}://{address}" for name, address in listeners.items())
    named_as_they_are = ",".join(f"{name}:{name}" for name in listeners if name != "INTERNAL")
    server = authority.server("127.0.0.1")
    keystore = home / "server.pem"
    keystore.write_bytes(server.key.read_bytes() + server.cert.read_bytes())
    plain = " ".join(f'user_{name}="{PASSWORD}"' for name in (ADMIN, *USERS))
    module = "org.apache.kafka.common.security"
    lines = [
        "process.roles=broker,controller",
        "node.id=1",
        f"controller.quorum.voters=1@127.0.0.1:{controller}",
        f"listeners={addresses},CONTROLLER://127.0.0.1:{controller}",
        f"advertised.listeners={addresses}",
        "controller.listener.names=CONTROLLER",
        "inter.broker.listener.name=INTERNAL",
        f"listener.security.protocol.map=CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,{named_as_they_are}",
        "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        "ssl.keystore.type=PEM",
        f"ssl.keystore.location={keystore}",
        "ssl.truststore.type=PEM",
        f"ssl.truststore.location={authority.ca}",
        "listener.name.ssl.ssl.client.auth=required",
        "listener.name.ssl.ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/",
        f"log.dirs={home}/data",
        "offsets.topic.replication.factor=1",
        "offsets.topic.num.partitions=2",
        "transaction.state.log.replication.factor=1",
        "transaction.state.log.min.isr=1",
        "transaction.state.log.num.partitions=2",
        "group.initial.rebalance.delay.ms=0",
        "group.min.session.timeout.ms=1000",
        "auto.create.topics.enable=false",
        "log.cleaner.dedupe.buffer.size=20000000",
    ]
    for listener in ("sasl_ssl", "sasl_plaintext"):
        for mechanism in ("scram-sha-256", "scram-sha-512"):
            scram = f"{module}.scram.ScramLoginModule required;"
            lines.append(f"listener.name.{listener}.{mechanism}.sasl.jaas.config={scram}")
        lines.append(
            f"listener.name.{listener}.plain.sasl.jaas.config={module}.plain.PlainLoginModule required {plain};"
        )
    lines += [
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        f"super.users=User:ANONYMOUS;User:{ADMIN}",  # the node itself comes in unnamed
    ]
    config = home / "server.properties"
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return broker, config


class Store(NamedTuple):
    """A redis-server. Its admin is `admin`, certificate not asked for on `url`."""

    url: str
    """Without user and password."""
    admin: redis.Redis

    def user(self, name: str, rules: Sequence[str]) -> None:
        """Make or change a user, with `PASSWORD` and nothing but these rules."""
        self.admin.execute_command("ACL", "SETUSER", name, "reset", "on", f">{PASSWORD}", *rules)


@contextlib.contextmanager
def secured_redis(authority: Authority, *, client_certificates: bool = False) -> Iterator[Store]:
    """TLS only; the default user is off."""
    program, port = _program("redis-server"), free_port()
    with tempfile.TemporaryDirectory(prefix="redis-") as name:
        home = Path(name)
        server = authority.server("127.0.0.1")
        (home / "users.acl").write_text(f"user default off\nuser {ADMIN} on nopass ~* &* +@all\n", encoding="utf-8")
        command = [program, "--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", name]
        command += ["--tls-cert-file", str(server.cert), "--tls-key-file", str(server.key)]
        command += ["--tls-ca-cert-file", str(authority.ca), "--aclfile", str(home / "users.acl")]
        command += ["--tls-auth-clients", "yes" if client_certificates else "no"]
        with _process(command, home / "log") as process:
            _wait_for_port(process, f"127.0.0.1:{port}", home / "log")
            url = f"rediss://127.0.0.1:{port}/0"
            own = authority.client("redis-admin")
            admin = redis.Redis.from_url(
                url,
                username=ADMIN,
                password="any",
                ssl_ca_certs=str(authority.ca),
                ssl_certfile=str(own.cert),
                ssl_keyfile=str(own.key),
                decode_responses=True,
            )
            with contextlib.closing(admin):
                yield Store(url, admin)
