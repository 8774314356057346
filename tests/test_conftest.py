"""What the tests are promised: a visible skip where something is missing, none where skips are forbidden, goldens."""

import os
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

NEEDS_KAFKA = """
import pytest

@pytest.mark.kafka
def test_with_a_broker():
    assert True
"""
EXPECTED_FAILURE = """
import pytest

@pytest.mark.xfail(strict=True)
def test_known_to_fail():
    assert False
"""
SKIPPED_MODULE = """
import pytest

pytest.importorskip("a_module_that_nobody_has")
"""


@pytest.fixture
def run(tmp_path):
    """`run(test module, variables…)` → (exit code, output) of a run of its own, where no Kafka is installed."""

    def run_one(module, **variables):
        (tmp_path / "test_it.py").write_text(module)
        without = {name: value for name, value in os.environ.items() if name != "CONTACT_STREAMS_NO_SKIPS"}
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "tests.conftest",
            "-c",
            os.devnull,
            "-ra",
            "--rootdir",
            tmp_path,
        ]
        result = subprocess.run(
            [*command, tmp_path],
            cwd=REPOSITORY,
            env=without | {"CONTACT_STREAMS_KAFKA_JARS": str(tmp_path)} | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        return result.returncode, result.stdout + result.stderr

    return run_one


def test_a_test_whose_server_is_missing_is_skipped_and_says_why(run):
    code, output = run(NEEDS_KAFKA)

    assert code == 0, output
    assert "1 skipped" in output
    assert "SKIPPED [1]" in output
    assert "make kafka" in output or "no java" in output


@pytest.mark.parametrize("module", [NEEDS_KAFKA, SKIPPED_MODULE], ids=["a test", "a whole module"])
def test_a_skip_is_a_failure_where_skips_are_forbidden(run, module):
    code, output = run(module, CONTACT_STREAMS_NO_SKIPS="1")

    assert code != 0, output
    assert "CONTACT_STREAMS_NO_SKIPS=1 forbids" in output


def test_an_expected_failure_is_no_skip(run):
    code, output = run(EXPECTED_FAILURE, CONTACT_STREAMS_NO_SKIPS="1")

    assert code == 0, output
    assert "1 xfailed" in output


def test_a_golden_file_must_be_there_and_equal(run):
    module = "def test_it(golden):\n    golden('no-such-file.txt', 'text')\n"

    code, output = run(module)

    assert code == 1, output
    assert "--update-golden" in output
