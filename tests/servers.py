"""Real servers for tests: each a context manager, on free loopback ports, in a directory of its own, ended by its pid.

    with kafka() as brokers: ...           Apache Kafka 4.x, one KRaft node (needs Java and the jars)
    with mock_kafka() as brokers: ...      librdkafka's mock cluster (in a process of its own)
    with redis() as url: ...               redis-server

The markers of `conftest` (`kafka`, `redis`) skip a test, with the reason, where its server is not installed.
"""

import base64
import contextlib
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import kafka_jars


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listened on a moment ago.

    Below those that Linux gives to outgoing connections: until the server listens, one of these could take it.
    """
    while True:
        port = 10_000 + secrets.randbelow(22_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def kafka() -> Iterator[str]:
    """A broker of its own: yields its address. Topics are created by the tests, each with its own settings."""
    with tempfile.TemporaryDirectory(prefix="kafka-") as home:
        address, config = _kafka_config(Path(home))
        with broker(address, config):
            yield address


@contextlib.contextmanager
def broker(address: str, config: Path) -> Iterator[None]:
    """A broker with these properties, in whose folder its log is written; it listens at `address` when this yields."""
    java, libs, home = _program("java"), kafka_jars(), config.parent
    classpath = ["-cp", f"{libs}/*", f"-Dlog4j.configurationFile={_quiet_log4j(home)}"]
    subprocess.run(
        [java, "-Xmx256m", *classpath, "kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c", str(config)],
        check=True,
        capture_output=True,
    )
    command = [java, "-Xmx512m", "-Xms256m", *classpath, "kafka.Kafka", str(config)]
    with _process(command, home / "log") as process:
        _wait_for_port(process, address, home / "log")
        yield


def _kafka_config(home: Path) -> tuple[str, Path]:
    broker, controller = free_port(), free_port()
    config = home / "server.properties"
    config.write_text(
        f"""\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={home}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=20000000
""",
        encoding="utf-8",
    )
    return f"127.0.0.1:{broker}", config


def _quiet_log4j(home: Path) -> Path:
    config = home / "log4j2.xml"
    config.write_text(
        '<Configuration status="error"><Appenders><Console name="c"><PatternLayout pattern="%d %p %c %m%n"/></Console>'
        '</Appenders><Loggers><Root level="warn"><AppenderRef ref="c"/></Root></Loggers></Configuration>',
        encoding="utf-8",
    )
    return config


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise FileNotFoundError(f"no {name} on the PATH")
    return path


def _cluster_id() -> str:
    """A random UUID as Kafka writes it, never with a dash at its beginning: that would be taken for an option."""
    return base64.urlsafe_b64encode(b"\0" + uuid.uuid4().bytes[1:]).decode().rstrip("=")


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """A redis-server without persistence: yields its URL."""
    program = _program("redis-server")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="redis-") as home:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", home]
        with _process(command, Path(home) / "log") as process:
            _wait_for_port(process, f"127.0.0.1:{port}", Path(home) / "log")
            yield f"redis://127.0.0.1:{port}/0"


_MOCK = """
import sys, threading
from confluent_kafka import Producer
cluster = Producer({"bootstrap.servers": "unused", "test.mock.num.brokers": 1, "log_level": 0,
                    "allow.auto.create.topics": True})
brokers = [str(broker).split("/")[0] for broker in cluster.list_topics(timeout=10).brokers.values()]
for topic in sys.argv[1:]:
    cluster.list_topics(topic, timeout=10)
print(",".join(brokers), flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def mock_kafka() -> Iterator[str]:
    """librdkafka's mock cluster in a process of its own: yields its address. It creates topics with 4 partitions."""
    command = [sys.executable, "-c", _MOCK]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        if not address:
            raise RuntimeError("the mock cluster of confluent-kafka does not start")
        yield address
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def _process(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """At once: nobody needs what it would put in order, and Kafka takes ten seconds for that."""
    process.kill()
    process.wait()


def _wait_for_port(process: subprocess.Popen[bytes], address: str, log: Path, timeout_s: float = 60) -> None:
    host, port = address.split(":")
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
            return
        time.sleep(0.1)
    raise RuntimeError(f"the server at {address} did not start:\n{log.read_text(errors='replace')[-2000:]}")
