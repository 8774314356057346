"""A worker under measurement: a process of its own, looked at from outside only."""

import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from benchmarks.processes import Cost, cost
from streams.config.model import Config

ENDS_WITHIN_S = 15


class RunningWorker:
    """`contact-streams worker` with a configuration."""

    def __init__(self, process: subprocess.Popen[bytes], config: Config, log: Path) -> None:
        self.pid = process.pid
        self._process = process
        self._config = config
        self._log = log

    def cost(self) -> Cost:
        """What it has taken so far. Raises RuntimeError when it has ended."""
        if self._process.poll() is not None:
            raise RuntimeError(f"the worker ended:\n{self._log.read_text(errors='replace')[-3000:]}")
        return cost(self.pid)

    def counters(self) -> Mapping[str, Mapping[str, float]]:
        """Name of each counter of queues → `channel/queue` → value."""
        metrics = self._config.metrics
        with urllib.request.urlopen(f"http://{metrics.host}:{metrics.port}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        counted: defaultdict[str, dict[str, float]] = defaultdict(dict)
        for family in text_string_to_metric_families(text):
            for sample in family.samples if family.type == "counter" else ():
                if "queue" in sample.labels:
                    counted[sample.name][f"{sample.labels['channel']}/{sample.labels['queue']}"] = sample.value
        return counted


@contextlib.contextmanager
def running(config: Config, directory: Path) -> Iterator[RunningWorker]:
    """Start a worker and end it by its pid, whatever happens."""
    log, file = (directory / f"{config.kafka.app}.{end}" for end in ("log", "yaml"))
    file.write_text(json.dumps({"topics": config.topics}), encoding="utf-8")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "streams", "worker", "--config", str(file)],
            env={**os.environ, **_environment(config)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
        try:
            yield RunningWorker(process, config, log)
        finally:
            process.terminate()
            try:
                process.wait(ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _environment(config: Config) -> dict[str, str]:
    return {
        "CONTACT_STREAMS_KAFKA__BROKERS": config.kafka.brokers,
        "CONTACT_STREAMS_KAFKA__APP": config.kafka.app,
        "CONTACT_STREAMS_KAFKA__TOPIC_PREFIX": config.kafka.topic_prefix,
        "CONTACT_STREAMS_REDIS__URL": config.redis.url,
        "CONTACT_STREAMS_REDIS__PREFIX": config.redis.prefix,
        "CONTACT_STREAMS_METRICS__PORT": str(config.metrics.port),
    }
