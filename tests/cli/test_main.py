"""The command line as a whole: help, exit codes, how errors look."""

import pytest

from streams.cli.main import COMMANDS, SUMMARIES, main
from tests.cli.commands import contact_streams

OWN_COMMANDS = [*([name] for name in COMMANDS if name != "demo"), ["topics", "create"]]
"""The demo has tests of its own."""


def test_help_begins_with_examples_and_lists_the_commands(capsys):
    code = main(["--help"])
    out = capsys.readouterr().out

    assert code == 0
    assert out.startswith("Examples:\n  contact-streams ")
    assert "  check-config  Say whether" in out


@pytest.mark.parametrize("command", OWN_COMMANDS, ids=" ".join)
def test_help_of_every_command_begins_with_examples(capsys, command):
    code = main([*command, "--help"])
    out = capsys.readouterr().out

    assert code == 0
    assert out.startswith("Examples:\n")
    assert f"contact-streams {' '.join(command)}" in out.split("Usage:")[0]


def test_every_command_has_a_summary():
    assert COMMANDS.keys() == SUMMARIES.keys()


def test_help_needs_no_heavy_library():
    done = contact_streams("--help", environ={"PYTHONPROFILEIMPORTTIME": "1"})
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}

    assert "click" in imported
    assert not imported & {"faust", "kafka", "aiokafka", "pydantic", "rich", "redis", "asyncio"}


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("contact-streams, version ")


def test_without_a_command_it_shows_the_help(capsys):
    assert main([]) == 2
    assert capsys.readouterr().err.startswith("Examples:")


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        pytest.param(["wallbord"], "did you mean wallboard?", "contact-streams --help", id="misspelt"),
        pytest.param(["xyz"], "No such command 'xyz'.", "contact-streams --help", id="unknown"),
        pytest.param(["replay"], "Missing argument 'FILE…'.", "contact-streams replay --help", id="nothing to replay"),
        pytest.param(["replay", "--jsn", "x"], "No such option: --jsn", "contact-streams replay --help", id="option"),
        pytest.param(["worker", "--config", "/no.yaml"], "does not exist", "contact-streams worker --help", id="file"),
    ],
)  # fmt: skip
def test_wrong_usage_is_exit_code_2_with_a_hint(capsys, arguments, message, hint):
    code = main(arguments)
    err = capsys.readouterr().err

    assert code == 2
    assert err.startswith("error: ")
    assert message in err
    assert err.endswith(f"hint: {hint}\n")


def test_a_wrong_configuration_is_exit_code_2_for_every_command(capsys, tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("lateness: soon", encoding="utf-8")

    for command in (["worker"], ["wallboard"], ["replay", "x"], ["produce", "x"], ["topics", "create"]):
        assert main([*command, "--config", str(file)]) == 2
        assert f"error: lateness ({file}:1): 'soon' is not a duration\nhint: " in capsys.readouterr().err


def test_python_m_streams_is_the_same_command():
    done = contact_streams("--version")

    assert (done.returncode, done.stderr) == (0, "")
