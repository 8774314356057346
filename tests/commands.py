"""Reads a command line of `contact-streams` as documents and deployments write it: does the program know it?"""

from collections.abc import Iterable, Sequence

import click

from streams.cli.main import cli


def unknown_words(arguments: Sequence[str]) -> list[str]:
    """What of `contact-streams ARGUMENTS…` the program would refuse: commands and options that do not exist."""
    command, rest = _command(cli, list(arguments))
    no_command = rest[:1] if isinstance(command, click.Group) and rest and not rest[0].startswith("-") else []
    return no_command + _unknown_options(command, rest)


def _command(command: click.Command, words: list[str]) -> tuple[click.Command, list[str]]:
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        below = command.get_command(click.Context(command), words[0])
        if below is None:
            break
        command, words = below, words[1:]
    return command, words


def _unknown_options(command: click.Command, words: Iterable[str]) -> list[str]:
    known = {"-h", "--help"}.union(*(parameter.opts + parameter.secondary_opts for parameter in command.params))
    options = (word.partition("=")[0] for word in words if word.startswith("-") and word != "-")
    return [option for option in options if option not in known]
