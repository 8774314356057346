"""What docker-compose.yml starts, as processes: the same commands and environments at other addresses."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.servers import broker, free_port

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

SERVICES = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]
DOCKERFILE = (REPOSITORY / "deploy" / "Dockerfile").read_text()
WITHIN_S = 120


@pytest.fixture
def places() -> Mapping[str, str]:
    """What stands in the file → where it is here."""
    kafka, redis = free_port(), free_port()
    return {
        "kafka:19092": f"127.0.0.1:{kafka}",
        "redis:6379": f"127.0.0.1:{redis}",
        "127.0.0.1:8080": f"127.0.0.1:{free_port()}",
        "127.0.0.1:9464": f"127.0.0.1:{free_port()}",
    }


@pytest.fixture
def servers(places: Mapping[str, str], tmp_path: Path) -> Iterator[None]:
    with (
        broker(places["kafka:19092"], kafka_properties(places["kafka:19092"], tmp_path)),
        process(redis_command(places["redis:6379"]), {}, tmp_path / "redis.log"),
    ):
        yield


def kafka_properties(inside: str, home: Path) -> Path:
    """The environment of the service as Kafka's image reads it: KAFKA_LOG_DIRS is log.dirs."""
    settings = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in SERVICES["kafka"]["environment"].items()
        if name.startswith("KAFKA_")
    }
    ports = {":29093": f":{free_port()}", ":9092": f":{free_port()}", ":19092": ":" + inside.split(":")[1]}
    lines = []
    for name, value in (settings | {"log.dirs": str(home / "data")}).items():
        moved = re.sub(r":(29093|19092|9092)\b", lambda found: ports[found[0]], str(value))
        lines.append(f"{name}={re.sub(r'(?<=[/@])(kafka|localhost)?(?=:)', '127.0.0.1', moved)}")
    config = home / "server.properties"
    config.write_text("\n".join(lines))
    return config


def redis_command(address: str) -> list[str]:
    return [*SERVICES["redis"]["command"], "--bind", "127.0.0.1", "--port", address.split(":")[1]]


def environment(service: str, places: Mapping[str, str]) -> dict[str, str]:
    """Of the image and the service; what listens does so here."""
    theirs = dict(re.findall(r"(CONTACT_STREAMS_\w+)=(\S+)", DOCKERFILE)) | SERVICES[service]["environment"]
    ours = {
        "CONTACT_STREAMS_METRICS__HOST": "127.0.0.1",
        "CONTACT_STREAMS_METRICS__PORT": places["127.0.0.1:9464"].split(":")[1],
        "CONTACT_STREAMS_WALLBOARD__HOST": "127.0.0.1",
        "CONTACT_STREAMS_WALLBOARD__PORT": places["127.0.0.1:8080"].split(":")[1],
    }
    return {name: moved(value, places) for name, value in (theirs | ours).items()}


def moved(text: str, places: Mapping[str, str]) -> str:
    for there, here in places.items():
        text = text.replace(there, here)
    return text


def command(service: str, places: Mapping[str, str]) -> list[str]:
    return [sys.executable, "-m", "streams", *(moved(word, places) for word in SERVICES[service]["command"])]


@contextlib.contextmanager
def process(words: list[str], environ: Mapping[str, str], log: Path) -> Iterator[None]:
    """Runs until it is told to stop, politely, as Compose does."""
    with log.open("wb") as out:
        running = subprocess.Popen(
            words, env={**os.environ, **environ}, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
        try:
            yield
        finally:
            running.terminate()
            try:
                running.wait(30)
            finally:
                running.kill()


def is_healthy(check: list[str], places: Mapping[str, str]) -> bool:
    """Whether the health check of an image or service says so."""
    words = [moved(word, places) for word in check[1:]]
    return subprocess.run([sys.executable, *words[1:]], capture_output=True, check=False).returncode == 0


def wait_until(true, what: str, logs: Path) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not true():
        if time.monotonic() > deadline:
            written = {log.name: log.read_text(errors="replace")[-1500:] for log in logs.glob("*.log")}
            pytest.fail(f"{what} not within {WITHIN_S} s: {written}")
        time.sleep(0.5)


def test_the_services_come_up_healthy_and_the_board_fills(servers, places, tmp_path):
    done = subprocess.run(
        command("topics", places), env={**os.environ, **environment("topics", places)}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()

    def start(service: str) -> contextlib.AbstractContextManager[None]:
        return process(command(service, places), environment(service, places), tmp_path / f"{service}.log")

    def board() -> dict[str, set[str]]:
        """Channel → its queues, as the board shows them."""
        with urllib.request.urlopen(f"http://{places['127.0.0.1:8080']}/api/v1/queues", timeout=5) as answer:
            queues = json.load(answer)["queues"]
        found: dict[str, set[str]] = {}
        for queue in queues:
            found.setdefault(queue["channel"], set()).add(queue["queue"])
        return found

    of_worker = json.loads(re.search(r"CMD (\[.*livez.*\])", DOCKERFILE)[1])
    with start("worker"), start("wallboard"), start("simulator"):
        wait_until(lambda: is_healthy(["CMD", *of_worker], places), "the worker was healthy", tmp_path)
        check = SERVICES["wallboard"]["healthcheck"]["test"]
        wait_until(lambda: is_healthy(check, places), "the board was healthy", tmp_path)
        wait_until(lambda: len(board().get("voice", ())) > 1, "the board was full", tmp_path)
