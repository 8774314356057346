"""Commands whose `--help` starts with examples: that is what people look for."""

from typing import Any

import click


class _ExamplesFirst(click.Command):
    """Writes `examples` (one per line) before everything else."""

    def __init__(self, *args: Any, examples: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.examples = examples

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write examples, usage, what it does, options."""
        formatter.write("Examples:\n")
        for line in self.examples.strip().splitlines():
            formatter.write(f"  {line.strip()}\n")
        formatter.write("\n")
        super().format_help(ctx, formatter)


class ExampleCommand(_ExamplesFirst):
    """A command: `@click.command("name", cls=ExampleCommand, examples=…, help=…)`."""


class ExampleGroup(_ExamplesFirst, click.Group):
    """A group of commands, likewise."""
