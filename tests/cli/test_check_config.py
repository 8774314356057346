"""`check-config`: right or wrong, and what is in effect."""

from pathlib import Path

import pytest

from tests.cli.commands import contact_streams


@pytest.fixture
def file(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "contact-streams.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def effective(done) -> dict[str, list[str]]:
    """Path → value and origin."""
    return {line.split()[0]: line.split(maxsplit=1)[1].rsplit(maxsplit=1) for line in done.stdout.splitlines()}


def test_what_is_in_effect_is_shown_with_where_it_comes_from(file):
    path = file("timezone: Europe/Berlin\nqueues:\n  billing: {target_s: 30}\n")
    done = contact_streams("check-config", path, environ={"CONTACT_STREAMS_METRICS__PORT": "9999"})
    shown = effective(done)

    assert (done.returncode, done.stderr) == (0, "the configuration is right\n")
    assert shown["timezone"] == ["Europe/Berlin", f"{path}:1"]
    assert shown["queues.billing.target_s"] == ["30", f"{path}:3"]
    assert shown["metrics.port"] == ["9999", "CONTACT_STREAMS_METRICS__PORT"]
    assert shown["lateness"] == ["1m", "default"]


def test_secrets_are_masked(file):
    path = file(
        "redis: {url: 'redis://u:s3cret@h/0'}\nkafka: {security: {protocol: SASL_SSL, username: u, password: s3cret}}\n"
    )
    done = contact_streams("check-config", path, environ={"CONTACT_STREAMS_METRICS__TOKEN": "s3cret-s3cret-s3cret"})

    assert done.returncode == 0
    assert "s3cret" not in done.stdout + done.stderr
    assert done.stdout.count("********") == 3


def test_a_wrong_file_is_exit_code_2_and_every_mistake_is_named(file):
    path = file("timezone: Mars\nqueues: {defaults: {tarqet_s: 3}}\n")
    done = contact_streams("check-config", path)

    assert (done.returncode, done.stdout) == (2, "")
    assert "error: the configuration has 2 mistakes" in done.stderr
    assert f"timezone ({path}:1): 'Mars' is not a time zone" in done.stderr
    assert f"queues.defaults.tarqet_s ({path}:2): unknown key: did you mean `target_s`?" in done.stderr


def test_a_wrong_variable_is_exit_code_2(file):
    done = contact_streams(
        "check-config", file(""), environ={"CONTACT_STREAMS_LATENES": "5s", "CONTACT_STREAMS_LATENESS": "5"}
    )

    assert done.returncode == 2
    assert "error: lateness (CONTACT_STREAMS_LATENESS): '5' is not a duration" in done.stderr


def test_a_variable_that_names_no_key_is_a_warning(file):
    done = contact_streams("check-config", file(""), environ={"CONTACT_STREAMS_PORT": "tcp://10.0.0.1:80"})

    assert done.returncode == 0
    assert "warning: environment variable CONTACT_STREAMS_PORT names no key" in done.stderr


def test_a_file_that_is_not_there_is_exit_code_2():
    assert contact_streams("check-config", "/not/there.yaml").returncode == 2
