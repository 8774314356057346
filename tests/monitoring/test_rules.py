"""The rules file: what is shipped, that Prometheus takes it, and that each alert leads to a page."""

import re
import subprocess

import pytest
import yaml

from streams.cli.main import main
from streams.config import Config
from streams.errors import ConfigError
from streams.metrics.catalogue import BY_ID
from streams.monitoring import business, pipeline
from streams.monitoring.rules import FILE, rules
from streams.sinks import metric_names
from streams.sinks.pipeline_metrics import COUNTED, OF_VIEWS
from tests.conftest import REPOSITORY

RUNBOOKS = REPOSITORY / "docs" / "runbooks"
ALERTS = sorted({alert.name for scope in (business, pipeline) for alert in scope.alerts(Config())})
METRIC = re.compile(r"(?<![\w:`])(contact_\w+)(?=[{ \[)])")
RECORDED = re.compile(r"\b\w+:\w+:\w+\b")
QUEUE_ALERTS = {alert.name for alert in business.alerts(Config())}


def every_rule(config: Config) -> list[dict]:
    return [rule for group in yaml.safe_load(rules(config))["groups"] for rule in group["rules"]]


def test_the_shipped_rules_are_those_of_the_reference_configuration(reference, shipped):
    shipped("prometheus", {FILE: rules(reference)})


def test_what_prometheus_scrapes_is_what_the_rules_ask_for(reference):
    prometheus = yaml.safe_load((REPOSITORY / "deploy" / "prometheus.yml").read_text())

    assert [scraped["job_name"] for scraped in prometheus["scrape_configs"]] == [reference.alerts.job]


@pytest.mark.promtool
def test_prometheus_accepts_them():
    file = REPOSITORY / "deploy" / "prometheus" / FILE
    done = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_they_ask_only_for_metrics_that_there_are():
    tables = (metric_names.live_gauges(), metric_names.since_gauges(), metric_names.window_gauges())
    declared = {gauge.metric.name for table in tables for gauge in table}
    declared |= {metric.name for metric in (*COUNTED, *OF_VIEWS) if metric.type != "summary"}
    declared |= {f"{m.name}_{part}" for m in COUNTED if m.type == "summary" for part in ("sum", "count")}
    asked = {name for rule in every_rule(Config()) for name in METRIC.findall(rule["expr"])}

    assert len(asked) > 15
    assert asked - declared == set()


def test_they_ask_only_for_what_is_recorded_before_in_the_same_group():
    for group in yaml.safe_load(rules(Config()))["groups"]:
        known: set[str] = set()
        for rule in group["rules"]:
            texts = [rule["expr"], *rule.get("annotations", {}).values()]

            assert {name for text in texts for name in RECORDED.findall(text)} <= known

            known |= {rule["record"]} if "record" in rule else set()


def test_the_built_in_limits_of_queues_are_those_of_the_catalogue():
    queue = Config().queue("any")

    assert queue.longest_wait_limit_s == BY_ID["longest_wait"].bad
    assert queue.abandon_rate_limit == BY_ID["abandon_rate"].bad
    assert queue.service_level_goal == BY_ID["service_level"].warn


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        pytest.param(0.8, 3, id="60 % of visits missed: half of the goal"),
        pytest.param(0.95, 3, id="15 % of visits missed"),
        pytest.param(0.5, 1.5, id="three times more misses than the half are impossible"),
    ],
)
def test_a_burn_rate_to_alert_on_can_be_reached(goal, expected):
    assert business.reachable(3.0, goal) == expected


def test_a_window_that_is_not_configured_is_an_error_with_its_mending():
    with pytest.raises(ConfigError, match="15m, 60m") as raised:
        rules(Config(windows=["5m", "30m"]))

    assert "`windows`" in raised.value.hint


def test_every_critical_alert_on_a_ratio_asks_for_a_minimum():
    ratios = [alert for alert in business.alerts(Config()) if alert.severity == "critical" and "ratio" in alert.expr]
    ratios += [alert for alert in business.alerts(Config()) if alert.severity == "critical" and "burn" in alert.expr]

    assert {alert.name for alert in ratios} == {"ServiceLevelInDanger"}
    assert all(f">= {Config().alerts.min_visits}" in alert.expr for alert in ratios)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_page_that_says_what_to_do(alert):
    page = (RUNBOOKS / f"{alert}.md").read_text(encoding="utf-8")

    assert page.startswith(f"# {alert}\n")
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == ["Meaning", "First look", "Mending"]


def test_no_page_is_of_an_alert_that_is_not():
    assert sorted(path.stem for path in RUNBOOKS.glob("*.md")) == ALERTS


def test_the_command_writes_into_a_folder_or_shows_the_text(tmp_path, capsys):
    assert main(["monitoring", "rules", "--output", str(tmp_path / "new")]) == 0
    capsys.readouterr()
    assert main(["monitoring", "rules"]) == 0

    assert capsys.readouterr().out == (tmp_path / "new" / FILE).read_text() == rules(Config())


def test_the_command_says_where_it_may_not_write(tmp_path, capsys):
    (tmp_path / "file").write_text("", encoding="utf-8")

    assert main(["monitoring", "alertmanager", "--output", str(tmp_path / "file" / "below")]) == 1
    assert "name a folder that you may write to" in capsys.readouterr().err
