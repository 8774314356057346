"""Prometheus and Alertmanager as processes, with the files that are shipped or made, and somebody who is told.

    with Told() as told, stack(config, ["127.0.0.1:9464"], told.address, directory) as running:
        running.query("up"); told.of("ContactStreamsNoData", "on-call")

What differs from the shipped files: whom Prometheus scrapes and tells, and where Alertmanager sends to. `interval` is
the pace of scrapes and evaluations; None: as shipped.
"""

import contextlib
import json
import shutil
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Self

import yaml

from streams.config import load
from streams.monitoring import alertmanager, rules
from tests import servers
from tests.conftest import REPOSITORY

JOB = "contact-streams"
WITHIN_S = 240


class Notification(NamedTuple):
    """What a receiver is told."""

    at: float
    """Unix time."""
    receiver: str
    status: str
    alert: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


class Told:
    """Everybody whom Alertmanager tells: a web server that keeps what it gets."""

    def __init__(self) -> None:
        self.notifications: list[Notification] = []
        told = self.notifications

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                at = time.time()
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                told.extend(_told(at, body["receiver"], alert) for alert in body["alerts"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing: the test says what it got."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def of(self, alert: str, receiver: str, **labels: str) -> list[Notification]:
        """What this receiver was told of the alert, with these labels."""
        return [
            each
            for each in self.notifications
            if (each.alert, each.receiver) == (alert, receiver) and labels.items() <= each.labels.items()
        ]


def _told(at: float, receiver: str, alert: Mapping[str, Any]) -> Notification:
    labels = alert["labels"]
    return Notification(at, receiver, alert["status"], labels["alertname"], labels, alert["annotations"])


class Stack(NamedTuple):
    """Addresses of the servers."""

    prometheus: str
    alertmanager: str

    def ready(self) -> bool:
        """Whether both answer questions by now."""
        with contextlib.suppress(OSError):
            for server in (self.prometheus, self.alertmanager):
                urllib.request.urlopen(f"{server}/-/ready", timeout=5).close()
            return True
        return False

    def query(self, query: str) -> list[dict[str, Any]]:
        """What Prometheus answers now."""
        answer = _get(f"{self.prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query})}")
        return list(answer["data"]["result"])

    def alerts(self, name: str) -> list[dict[str, Any]]:
        """What Alertmanager knows of the alert: its `status` has `state` and `inhibitedBy`."""
        query = urllib.parse.urlencode({"filter": f'alertname="{name}"'})
        return list(_get(f"{self.alertmanager}/api/v2/alerts?{query}"))


def wait_for(true: Callable[[], object], what: str) -> None:
    """Until it is so."""
    deadline = time.monotonic() + WITHIN_S
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {WITHIN_S} s: {what}")
        time.sleep(0.2)


@contextlib.contextmanager
def stack(
    config: Path, targets: list[str], told: str, directory: Path, *, interval: str | None = None
) -> Iterator[Stack]:
    """Both servers, with the rules of the configuration file; `targets`: workers to scrape, host:port."""
    sender, keeper = servers.free_port(), servers.free_port()
    settings = load(config, environ={}).config
    (directory / "prometheus").mkdir()
    (directory / "prometheus" / rules.FILE).write_text(rules.rules(settings), encoding="utf-8")
    told_by = alertmanager.routes(settings).replace("http://127.0.0.1:9095", told)
    (directory / "alertmanager.yml").write_text(told_by, encoding="utf-8")
    (directory / "prometheus.yml").write_text(_prometheus_yml(targets, sender, interval), encoding="utf-8")
    with (
        _server(directory, sender, [*_alertmanager(sender), f"--storage.path={directory}/alertmanager"]),
        _server(directory, keeper, [*_prometheus(keeper, directory), f"--storage.tsdb.path={directory}/tsdb"]),
    ):
        running = Stack(f"http://127.0.0.1:{keeper}", f"http://127.0.0.1:{sender}")
        wait_for(running.ready, "both are ready")
        yield running


def _prometheus_yml(targets: list[str], alertmanager_port: int, interval: str | None) -> str:
    shipped = yaml.safe_load((REPOSITORY / "deploy" / "prometheus.yml").read_text(encoding="utf-8"))
    if interval is not None:
        shipped["global"] = {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval}
    tells = [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager_port}"]}]}]
    shipped["alerting"] = {"alertmanagers": tells}
    shipped["scrape_configs"] = [{"job_name": JOB, "static_configs": [{"targets": targets}]}]
    return str(yaml.safe_dump(shipped))


def _alertmanager(port: int) -> list[str]:
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager") or "alertmanager"
    return [program, f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]


def _prometheus(port: int, directory: Path) -> list[str]:
    return ["prometheus", f"--web.listen-address=127.0.0.1:{port}", f"--config.file={directory}/prometheus.yml"]


@contextlib.contextmanager
def _server(directory: Path, port: int, command: list[str]) -> Iterator[None]:
    log = directory / f"{Path(command[0]).name}.log"
    if "alertmanager" in command[0]:
        command = [*command, f"--config.file={directory}/alertmanager.yml"]
    with servers._process(command, log) as process:
        servers._wait_for_port(process, f"127.0.0.1:{port}", log)
        yield


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)
