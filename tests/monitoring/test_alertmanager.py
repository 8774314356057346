"""Alertmanager's example: who is told what, and that it is accepted. What inhibits what is seen in `test_stack`."""

import subprocess

import pytest
import yaml

from streams.config import Config
from streams.monitoring import business, pipeline
from streams.monitoring.alertmanager import FILE, routes
from tests.conftest import REPOSITORY

SHIPPED = REPOSITORY / "deploy" / "alertmanager" / FILE
JOB = "job=contact-streams"


def test_the_shipped_example_is_of_the_reference_configuration(reference, shipped):
    shipped("alertmanager", {FILE: routes(reference)})


@pytest.mark.amtool
def test_alertmanager_accepts_it():
    done = subprocess.run(["amtool", "check-config", SHIPPED], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.amtool
@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        pytest.param(["scope=business", "severity=warning"], "supervisors", id="a queue"),
        pytest.param(["scope=business", "severity=critical"], "on-call,supervisors", id="a queue, at once"),
        pytest.param(["scope=pipeline", "severity=warning"], "engineers", id="the pipeline"),
        pytest.param(["scope=pipeline", "severity=critical"], "on-call,engineers", id="the pipeline, at once"),
    ],
)
def test_who_is_told(labels, receivers):
    command = ["amtool", "config", "routes", "test", f"--config.file={SHIPPED}", JOB, *labels]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.stdout.strip() == receivers, done.stderr


def test_it_names_only_alerts_that_there_are():
    known = {alert.name for scope in (business, pipeline) for alert in scope.alerts(Config())}
    named = {
        *business.FOLLOW_FROM_IT, business.NOBODY_STAFFED, pipeline.NO_DATA, *pipeline.NUMBERS_ARE_WRONG,
    }  # fmt: skip

    assert named <= known
    assert all(name in SHIPPED.read_text(encoding="utf-8") for name in named)


def test_another_job_is_told_apart():
    config = Config(alerts={"job": "centre-2"})
    matchers = [route["matchers"][0] for route in yaml.safe_load(routes(config))["route"]["routes"]]

    assert set(matchers) == {'job="centre-2"'}
