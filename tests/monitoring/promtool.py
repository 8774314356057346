"""Rules under promtool: series over time in, the alerts that fire out."""

import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import yaml

from streams.config import Config
from streams.monitoring.rules import FILE, rules
from tests.conftest import REPOSITORY

SHIPPED = REPOSITORY / "deploy" / "prometheus" / FILE
JOB = {"job": "contact-streams", "instance": "worker-1:9464"}
STEP_S = 15


class Series(NamedTuple):
    """A metric of one worker, scraped every 15 s."""

    name: str
    labels: Mapping[str, str]
    values: str
    """As promtool writes them: `3+0x40` is 3, forty-one times; `0+5x40` rises by 5 each time; `_` is absent."""

    def written(self) -> dict[str, str]:
        labels = ",".join(f'{name}="{value}"' for name, value in {**JOB, **self.labels}.items())
        return {"series": f"{self.name}{{{labels}}}", "values": self.values}


class Fired(NamedTuple):
    """An alert that fires."""

    severity: str
    scope: str
    labels: Mapping[str, str]
    summary: str
    description: str

    def written(self, alert: str, runbooks: str) -> dict[str, object]:
        return {
            "exp_labels": {"severity": self.severity, "scope": self.scope, **self.labels},
            "exp_annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": f"{runbooks}/{alert}.md",
            },
        }


def steady(value: float, minutes: float = 20) -> str:
    """The value for so long."""
    return f"{value}+0x{int(minutes * 60 / STEP_S)}"


def of_queue(name: str, value: float | str, queue: str = "billing", channel: str = "voice", **labels: str) -> Series:
    """A number of a queue; one that does not change, unless its values are written."""
    values = value if isinstance(value, str) else steady(value)
    return Series(name, {"channel": channel, "queue": queue, **labels}, values)


def check(
    directory: Path,
    alert: str,
    series: Iterable[Series],
    at: str,
    fired: Iterable[Fired],
    config: Config | None = None,
    *,
    step_s: int = STEP_S,
) -> str:
    """What promtool objects to; empty where exactly these alerts of the name fire at `at`.

    By the shipped rules, or by those of a configuration; `step_s`: from scrape to scrape.
    """
    of_config = config or Config()
    file = directory / FILE
    file.write_text(SHIPPED.read_text(encoding="utf-8") if config is None else rules(of_config), encoding="utf-8")
    test = {
        "rule_files": [str(file)],
        "evaluation_interval": f"{step_s}s",
        "tests": [
            {
                "interval": f"{step_s}s",
                "input_series": [each.written() for each in series],
                "alert_rule_test": [
                    {
                        "eval_time": at,
                        "alertname": alert,
                        "exp_alerts": [each.written(alert, of_config.alerts.runbooks.rstrip("/")) for each in fired],
                    }
                ],
            }
        ],
    }
    path = directory / "alert.test.yml"
    path.write_text(yaml.safe_dump(test, allow_unicode=True), encoding="utf-8")
    done = subprocess.run(["promtool", "test", "rules", path], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr
