"""The dashboards: what is shipped, and what every panel has. That their queries give data is seen in `test_stack`."""

import json
import re
import subprocess
import sys
from itertools import pairwise

import pytest
import yaml

from streams.config import Config
from streams.config.model import QueueConfig
from streams.monitoring.dashboards import dashboards
from tests.conftest import REPOSITORY
from tests.monitoring.grafana import panels, queries

SHIPPED = {path.stem: json.loads(path.read_text()) for path in (REPOSITORY / "deploy" / "grafana").glob("*.json")}
NAMES = ["floor-now", "pipeline-health", "queue", "tickets-and-sla"]

each_dashboard = pytest.mark.parametrize("name", NAMES)
each_panel = pytest.mark.parametrize(
    "panel",
    [pytest.param(panel, id=f"{name}: {panel['title']}") for name in NAMES for panel in panels(SHIPPED.get(name, {}))],
)


def threshold_steps(panel):
    return panel["fieldConfig"]["defaults"]["thresholds"]["steps"]


def test_the_shipped_dashboards_are_those_of_the_reference_configuration(reference, shipped):
    shipped("grafana", dashboards(reference))


def test_there_are_four():
    assert sorted(SHIPPED) == NAMES


@each_panel
def test_a_panel_has_a_unit_words_and_thresholds(panel):
    defaults = panel["fieldConfig"]["defaults"]

    assert defaults["unit"]
    assert len(panel["description"]) > 15
    assert threshold_steps(panel)[0]["value"] is None
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@each_panel
def test_a_rate_is_taken_over_the_interval_that_grafana_chooses(panel):
    ranges = {found for query in queries(panel) for found in re.findall(r"\}\[(.+?)\]", query)}

    assert ranges <= {"$__rate_interval"}


@each_panel
def test_it_asks_only_for_the_chosen_job(panel):
    selectors = [found for query in queries(panel) for found in re.findall(r"\{(.*?)\}", query)]

    assert selectors
    assert all('job=~"$job"' in selector for selector in selectors)


@each_dashboard
def test_what_can_be_chosen(name):
    variables = [variable["name"] for variable in SHIPPED[name]["templating"]["list"]]
    of_queues = [] if name == "pipeline-health" else ["channel", "queue", "window"]

    assert variables == ["datasource", "job", *of_queues]


@each_dashboard
def test_panels_have_numbers_and_places_of_their_own(name):
    every = SHIPPED[name]["panels"]
    cells = [
        (x, y)
        for panel in every
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len({panel["id"] for panel in every}) == len(every)
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_thresholds_follow_the_configured_limits():
    config = Config(queues={"defaults": QueueConfig(service_level_goal=0.9, longest_wait_limit_s=60)})
    found = {panel["title"]: panel for panel in panels(json.loads(dashboards(config)["queue.json"]))}

    steps = {
        title: [(step["value"], step["color"]) for step in threshold_steps(found[title])]
        for title in ("Service level", "Longest wait")
    }
    assert steps == {
        "Service level": [(None, "red"), (0.675, "orange"), (0.9, "green")],
        "Longest wait": [(None, "green"), (20, "orange"), (60, "red")],
    }


@each_panel
def test_thresholds_rise(panel):
    values = [step["value"] for step in threshold_steps(panel)[1:]]

    assert all(lower < higher for lower, higher in pairwise(values))


def test_the_provisioned_data_source_scrapes_as_prometheus_does():
    provisioning = REPOSITORY / "deploy" / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "contact-streams.yaml").read_text())["providers"]
    prometheus = yaml.safe_load((REPOSITORY / "deploy" / "prometheus.yml").read_text())

    assert source["type"] == "prometheus"
    assert source["jsonData"]["timeInterval"] == prometheus["global"]["scrape_interval"]
    assert provider["type"] == "file"


def test_without_the_sdk_the_command_says_where_dashboards_are(tmp_path):
    """The SDK is for those who make dashboards; nobody else needs it."""
    hidden = (
        "import sys, importlib.util as u; real = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'grafana_foundation_sdk' else real(name, *rest)\n"
        "from streams.cli.main import main\n"
        f"sys.exit(main(['monitoring', 'dashboards', '--output', {str(tmp_path)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, check=False, cwd=REPOSITORY)

    assert done.returncode == 2
    assert "deploy/grafana/" in done.stderr
