"""Servers that are ended, suspended and started again in the middle of a run: same ports, same files."""

import contextlib
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.conftest import kafka_jars
from tests.servers import _cluster_id, _program, _quiet_log4j, _wait_for_port, free_port

STARTS_WITHIN_S: Final = 180


class Server:
    """A process that can be started again."""

    def __init__(self, command: Sequence[str], address: str, log: Path) -> None:
        self.address = address
        self._command = list(command)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """It listens when this returns."""
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        _wait_for_port(self._process, self.address, self._log, STARTS_WITHIN_S)

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def stop(self, within_s: float = 40) -> None:
        """In good order; one that takes too long is killed."""
        if self._process is None:
            return
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(within_s)
        self.kill()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Brokers:
    """Apache Kafka: as many KRaft nodes, each a process of its own. Topics of its own are kept `copies` times."""

    def __init__(self, nodes: Sequence[Server]) -> None:
        self.nodes = nodes

    @property
    def addresses(self) -> str:
        return ",".join(node.address for node in self.nodes)


@contextlib.contextmanager
def brokers(directory: Path, count: int = 1) -> Iterator[Brokers]:
    """Started; ended at the end."""
    ports = [(free_port(), free_port()) for _ in range(count)]
    voters = ",".join(f"{number}@127.0.0.1:{controller}" for number, (_, controller) in enumerate(ports, 1))
    cluster, nodes = _cluster_id(), []
    for number, (port, controller) in enumerate(ports, 1):
        home = directory / f"kafka-{number}"
        home.mkdir()
        config = home / "server.properties"
        config.write_text(_properties(home, number, port, controller, voters, count), encoding="utf-8")
        nodes.append(_node(home, config, cluster, f"127.0.0.1:{port}"))
    try:
        _start_together(nodes)
        yield Brokers(nodes)
    finally:
        for node in nodes:
            node.kill()


def _start_together(nodes: Sequence[Server]) -> None:
    """A quorum listens only when most of its nodes run."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(len(nodes)) as starting:
        list(starting.map(Server.start, nodes))


def _node(home: Path, config: Path, cluster: str, address: str) -> Server:
    java = [_program("java"), "-cp", f"{kafka_jars()}/*", f"-Dlog4j.configurationFile={_quiet_log4j(home)}"]
    subprocess.run(
        [*java, "-Xmx256m", "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(config)],
        check=True,
        capture_output=True,
    )
    return Server([*java, "-Xmx768m", "-Xms256m", "kafka.Kafka", str(config)], address, home / "log")


def _properties(home: Path, number: int, port: int, controller: int, voters: str, count: int) -> str:
    enough = max(1, count - 1)
    return f"""\
process.roles=broker,controller
node.id={number}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={home}/data
min.insync.replicas={enough}
offsets.topic.replication.factor={count}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={count}
transaction.state.log.min.isr={enough}
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor={count}
share.coordinator.state.topic.min.isr={enough}
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=20000000
"""


@contextlib.contextmanager
def store(directory: Path) -> Iterator[tuple[Server, str]]:
    """A redis-server without persistence, which starts again empty; and its URL."""
    port = free_port()
    home = directory / "redis"
    home.mkdir()
    command = [_program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(home)]
    server = Server(command, f"127.0.0.1:{port}", home / "log")
    try:
        server.start()
        yield server, f"redis://127.0.0.1:{port}/0"
    finally:
        server.kill()
