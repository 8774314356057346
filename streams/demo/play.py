"""The demo itself: which parts there are, in which order they start, and what is told when."""

import importlib.util
import os
import signal
import socket
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from streams.config import Config
from streams.config.layers import ENV_PREFIX
from streams.demo.store import HOST, redis_server, store_command
from streams.demo.supervisor import Stopped, Supervisor
from streams.errors import ContactStreamsError

CENTRE: Final = Path(__file__).parent / "centre.yaml"
"""The configuration of worker and board; addresses come from the environment."""

START_S: Final = 60.0
"""How long a part may take to answer."""


def play(port: int, speed: float, tell: Callable[[str], None]) -> int:
    """Run the demo until SIGINT, SIGTERM or SIGHUP: 0. `port` 0 takes a free one.

    Raises ContactStreamsError when a port is taken, something is not installed, or a part ends by itself.
    """
    _demand_installed()
    board_port = _claim(port)
    with tempfile.TemporaryDirectory(prefix="contact-streams-demo-") as home, _signals() as stopped:
        parts = Supervisor(Path(home), stopped=stopped)
        try:
            _start(parts, Path(home), board_port, speed, tell)
            parts.watch()
        except Stopped:
            tell("ending …")
        finally:
            parts.stop()
    return 0


def _start(parts: Supervisor, home: Path, board_port: int, speed: float, tell: Callable[[str], None]) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.upper().startswith(ENV_PREFIX)}
    environ["PYTHONUNBUFFERED"] = "1"
    store_port, metrics_port = _free_port(), _metrics_port()
    broker = parts.start("broker", _module("broker", *_topics(Config())), environ)
    parts.start("store", store_command(store_port, home), environ)
    brokers = parts.wait(broker.said, "the broker did not start", START_S).strip()
    environ |= _settings(brokers, store_port, metrics_port, board_port)
    parts.start("simulator", _module("centre", brokers, str(speed)), environ)
    parts.wait(lambda: _listens(store_port), "the store did not start", START_S)
    parts.start("worker", _command("worker", "--config", str(CENTRE)), environ)
    parts.start("wallboard", _command("wallboard", "--config", str(CENTRE)), environ)
    parts.wait(lambda: _answers(board_port), "the wallboard did not start", START_S)
    tell(f"board    http://{HOST}:{board_port}/")
    parts.wait(lambda: _answers(metrics_port), "the worker did not start", START_S)
    tell(f"metrics  http://{HOST}:{metrics_port}/metrics")
    tell("Ctrl-C ends it; nothing is kept.")


def _settings(brokers: str, store_port: int, metrics_port: int, board_port: int) -> Mapping[str, str]:
    values = {
        "KAFKA__BROKERS": brokers,
        "REDIS__URL": f"redis://{HOST}:{store_port}/0",
        "METRICS__HOST": HOST,
        "METRICS__PORT": str(metrics_port),
        "WALLBOARD__HOST": HOST,
        "WALLBOARD__PORT": str(board_port),
    }
    return {ENV_PREFIX + name: value for name, value in values.items()}


def _topics(config: Config) -> list[str]:
    """Everything a worker expects to find, for a broker that cannot be asked to create it."""
    kafka = config.kafka
    sources = list(config.topics)
    states = [kafka.state_topic(logical) for logical in (*sources, "facts")]
    return [kafka.topic(name) for name in (*sources, "visits", "deadletters")] + [kafka.facts_topic, *states]


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", f"streams.demo.{name}", *arguments]


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "streams", *arguments]


def _demand_installed() -> None:
    """Raise ContactStreamsError when what the demo needs beyond a worker is not there."""
    needed = ["confluent_kafka"] if redis_server() else ["confluent_kafka", "fakeredis"]
    for module in needed:
        if importlib.util.find_spec(module) is None:
            hint = "pip install 'contact-streams[demo]'"
            raise ContactStreamsError(f"the demo needs {module.replace('_', '-')}, which is not installed", hint=hint)


@contextmanager
def _signals() -> "Iterator[Callable[[], bool]]":
    """Whether the demo was told to end."""
    came: list[int] = []
    ends = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in ends}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _claim(port: int) -> int:
    """`port`, or a free one for 0. Raises ContactStreamsError when somebody listens there."""
    if port and not _is_free(port):
        raise ContactStreamsError(
            f"port {port} is taken: another demo, or another program, listens there",
            hint=f"choose another for the board: contact-streams demo --port {port + 1}",
        )
    return port or _free_port()


def _metrics_port() -> int:
    """The port that everybody expects, or a free one."""
    usual = Config().metrics.port
    return usual if _is_free(usual) else _free_port()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/livez", timeout=1):
            return True
    except OSError:
        return False
