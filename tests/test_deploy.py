"""What is handed to an operator: the reference configuration, the image, the compose file, the scrape configuration."""

import re
import shutil
import subprocess

import pytest
import yaml

from streams.config import Config, load
from tests.commands import unknown_words
from tests.conftest import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
COMPOSE = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
PINNED = re.compile(r"[a-z/-]+:v?\d+\.\d+\.\d+\S*")

OUR_ROLES = {
    name: service["command"] for name, service in SERVICES.items() if "build" in service and "entrypoint" not in service
}


def schema_paths(schema, node, path=()):
    """Paths of all keys that the configuration's schema names."""
    for part in (node, *node.get("anyOf", ()), *node.get("allOf", ())):
        named = schema["$defs"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part
        for key, below in named.get("properties", {}).items():
            yield (*path, key)
            yield from schema_paths(schema, below, (*path, key))


def test_the_reference_configuration_says_what_holds_without_one():
    path = DEPLOY / "contact-streams.yaml"

    written = load(path, environ={}, flags=[]).config

    built_in = Config()
    assert written.fold_settings() == built_in.fold_settings()
    assert written.window_settings() == built_in.window_settings()
    assert written.variants() == built_in.variants()
    assert written.model_dump(exclude={"queues"}) == built_in.model_dump(exclude={"queues"})


def test_the_reference_configuration_shows_every_option():
    written = yaml.safe_load((DEPLOY / "contact-streams.yaml").read_text())
    schema = Config.model_json_schema()
    queue_options = schema["$defs"]["QueueConfig"]["properties"]

    missing = [path for path in schema_paths(schema, schema) if not _holds(written, path)]

    assert missing == []
    assert set(written["queues"]["defaults"]) == set(queue_options)


def _holds(tree, path):
    for key in path:
        if not isinstance(tree, dict) or key not in tree:
            return False
        tree = tree[key]
    return True


@pytest.mark.parametrize("role", OUR_ROLES)
def test_a_container_runs_a_command_that_exists(role):
    assert unknown_words(OUR_ROLES[role]) == []


@pytest.mark.parametrize("role", OUR_ROLES)
def test_a_container_is_configured_by_options_that_exist(role, tmp_path):
    empty = tmp_path / "empty.yaml"
    empty.write_text("{}")

    loaded = load(empty, environ=SERVICES[role]["environment"], flags=[])

    assert loaded.config.kafka.brokers == "kafka:19092"
    assert loaded.config.redis.url == "redis://redis:6379/0"


def test_every_image_is_pinned():
    images = [service["image"] for service in SERVICES.values()]
    images += re.findall(r"^FROM (\S+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)

    assert [image for image in images if not PINNED.fullmatch(image)] == []


def test_services_wait_only_for_services_that_exist():
    awaited = {name for service in SERVICES.values() for name in service.get("depends_on", {})}

    assert awaited <= SERVICES.keys()


def test_a_service_that_is_awaited_healthy_has_a_health_check():
    conditions = [dependency for service in SERVICES.values() for dependency in service.get("depends_on", {}).items()]
    healthy = {name for name, wanted in conditions if wanted["condition"] == "service_healthy"}

    assert {name for name in healthy if "test" not in SERVICES[name].get("healthcheck", {})} == set()


def test_nothing_runs_with_more_than_it_needs():
    """Kafka's image writes its configuration as it starts; it runs as a user of its own."""
    open_to_writing = {name for name, service in SERVICES.items() if not service.get("read_only")}
    with_capabilities = {name for name, service in SERVICES.items() if service.get("cap_drop") != ["ALL"]}

    assert open_to_writing == {"kafka"}
    assert with_capabilities == set()


def test_files_that_are_mounted_exist():
    mounts = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())]

    assert [path for path in mounts if path.startswith("./") and not (REPOSITORY / path).exists()] == []


def test_every_profile_is_switched_on_by_default():
    profiles = {profile for service in SERVICES.values() for profile in service.get("profiles", ())}
    (line,) = re.findall(r"^COMPOSE_PROFILES=(.*)$", (REPOSITORY / ".env").read_text(), re.MULTILINE)

    assert set(line.split(",")) == profiles == {"demo", "full"}


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="no docker-compose on the PATH")
def test_compose_accepts_its_file():
    done = subprocess.run(
        ["docker-compose", "--project-directory", REPOSITORY, "config", "--services"],
        capture_output=True, text=True, check=False, cwd=REPOSITORY,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == SERVICES.keys()


def test_ports_are_open_to_this_machine_only():
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]

    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_the_image_is_configured_by_options_that_exist(tmp_path):
    environment = dict(re.findall(r"(CONTACT_STREAMS_\w+)=(\S+)", (DEPLOY / "Dockerfile").read_text()))
    empty = tmp_path / "empty.yaml"
    empty.write_text("{}")

    loaded = load(empty, environ=environment, flags=[])

    assert loaded.config.metrics.host == "0.0.0.0"
    assert loaded.config.wallboard.host == "0.0.0.0"


def test_the_image_does_not_run_as_root_and_says_how_it_is():
    instructions = (DEPLOY / "Dockerfile").read_text()

    assert re.search(r"^USER [1-9]\d*$", instructions, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK .*\\\n.*/livez", instructions, re.MULTILINE)


@pytest.mark.promtool
def test_prometheus_accepts_its_configuration():
    result = subprocess.run(
        ["promtool", "check", "config", DEPLOY / "prometheus.yml"], capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("unit", sorted((DEPLOY / "systemd").glob("*.service")), ids=lambda path: path.stem)
def test_a_unit_starts_a_command_that_exists_and_may_do_little(unit):
    text = unit.read_text()
    (started,) = re.findall(r"^ExecStart=\S+/contact-streams (.*)$", text, re.MULTILINE)

    assert unknown_words(started.split()) == []
    for line in ("NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=", "User=contact-streams"):
        assert re.search(rf"^{line}$", text, re.MULTILINE), line


def test_the_chart_shows_the_rules_and_dashboards_that_are_made():
    shown = {path.name: path.read_text() for path in (DEPLOY / "helm/contact-streams/files").iterdir()}
    made = [*(DEPLOY / "grafana").glob("*.json"), *(DEPLOY / "prometheus").glob("*.rules.yml")]

    assert shown == {path.name: path.read_text() for path in made}


def test_the_chart_is_configured_by_options_that_exist(tmp_path):
    values = yaml.safe_load((DEPLOY / "helm/contact-streams/values.yaml").read_text())
    written = tmp_path / "contact-streams.yaml"
    written.write_text(yaml.safe_dump(values["config"]))

    assert load(written, environ={}, flags=[]).config.kafka.brokers == "kafka:9092"
