"""contact-streams where everything is secured: one configuration, its commands, a worker, a board."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import yaml

from tests.cli.commands import Done, contact_streams
from tests.end_to_end.centre import REPOSITORY, Worker
from tests.security.certificates import Authority
from tests.security.servers import PASSWORD, Broker, Store

GIVE_UP_S = 150


def scram(broker: Broker, authority: Authority, user: str) -> dict[str, Any]:
    """The section `kafka` of a user, but for names."""
    login = {"protocol": "SASL_SSL", "mechanism": "SCRAM-SHA-512", "username": user, "password": PASSWORD}
    return {"brokers": broker.sasl_ssl, "security": {**login, "ca_file": str(authority.ca)}}


class Installation:
    """Names of its own (`prefix`) on servers that others use, too; every user has a configuration file."""

    def __init__(self, directory: Path, prefix: str, settings: dict[str, Any]) -> None:
        self.prefix = prefix
        self._directory = directory
        self._settings = settings
        self.workers: list[Worker] = []

    def config(self, name: str, kafka: dict[str, Any], redis: dict[str, Any] | None = None) -> Path:
        """A configuration file by which somebody gets in."""
        named = {"topic_prefix": self.prefix, "facts_partitions": 2, **kafka}
        text = yaml.safe_dump({**self._settings, "kafka": named, **({"redis": redis} if redis else {})})
        file = self._directory / f"{name}.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    def command(self, config: Path, *arguments: object) -> Done:
        return contact_streams(*arguments, "--config", config)

    def worker(self, config: Path) -> Worker:
        made = Worker(config, self._directory / f"worker-{len(self.workers)}.log")
        self.workers.append(made)
        return made

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()


def redis_section(store: Store, authority: Authority, user: str) -> dict[str, Any]:
    """The section `redis` of an ACL user, but for its prefix."""
    return {"url": store.url, "username": user, "password": PASSWORD, "ca_file": str(authority.ca)}


def until(true: Callable[[], Any], what: Callable[[], object] = str) -> Any:
    """The first truthy value."""
    deadline = time.monotonic() + GIVE_UP_S
    while time.monotonic() < deadline:
        if value := true():
            return value
        time.sleep(0.1)
    raise AssertionError(f"not within {GIVE_UP_S} s: {what()}")


def board(config: Path, log: IO[str]) -> subprocess.Popen[str]:
    """A running board; its first line on stdout is its address."""
    settings = {name: value for name, value in os.environ.items() if not name.startswith("CONTACT_STREAMS_")}
    return subprocess.Popen(
        [sys.executable, "-m", "streams", "wallboard", "--config", str(config)],
        cwd=REPOSITORY,
        env={**settings, "CONTACT_STREAMS_WALLBOARD__PORT": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
