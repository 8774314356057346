"""The check that documents and deployments are held to: it knows what exists, and names what does not."""

import pytest

from tests.commands import unknown_words


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("--help", [], id="the group itself"),
        pytest.param("worker --config contact-streams.yaml", [], id="a command with its option"),
        pytest.param("worker --config=contact-streams.yaml", [], id="an option with its value attached"),
        pytest.param("wroker", ["wroker"], id="no such command"),
        pytest.param("worker --confg contact-streams.yaml", ["--confg"], id="no such option"),
    ],
)
def test_a_command_line_is_known_or_its_unknown_words_are_named(line, expected):
    assert expected == unknown_words(line.split())
