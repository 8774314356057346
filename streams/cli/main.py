"""`contact-streams`: the group of commands, loaded only when used, and how errors are shown."""

from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from importlib.util import find_spec
from typing import Final

import click

from streams import __version__
from streams.cli.examples import ExampleGroup
from streams.errors import ContactStreamsError

COMMANDS: Final = {
    "demo": "streams.cli.demo",
    "worker": "streams.cli.worker",
    "wallboard": "streams.cli.wallboard",
    "top": "streams.cli.top",
    "replay": "streams.cli.replay",
    "explain": "streams.cli.explain",
    "simulate": "streams.cli.simulate",
    "produce": "streams.cli.produce",
    "deadletters": "streams.cli.deadletters",
    "topics": "streams.cli.topics",
    "check-config": "streams.cli.check_config",
    "doctor": "streams.cli.doctor",
    "monitoring": "streams.cli.monitoring",
}
"""Name → module whose `command` it is, in the order of the help."""

SUMMARIES: Final = {
    "demo": "Show everything at work: a simulated centre, nothing to install.",
    "worker": "Turn the events in Kafka into live numbers.",
    "wallboard": "Serve the board.",
    "top": "Show the board in a terminal.",
    "replay": "Compute the numbers of recorded events, without a broker.",
    "explain": "Show the visits or tickets behind a number, and by which rule each counts.",
    "simulate": "Make up the events of a contact centre.",
    "produce": "Send recorded events to Kafka.",
    "deadletters": "List the records that counted for nothing, and send them again.",
    "topics": "Create the topics that the worker needs.",
    "check-config": "Say whether a configuration is right, and what is in effect.",
    "doctor": "Say whether a worker can reach what it needs, and how to mend what is wrong.",
    "monitoring": "Make the rules, routes and dashboards for Prometheus, Alertmanager and Grafana.",
}
"""Shown by the group's help, which then need not import the commands."""

EXAMPLES: Final = """
contact-streams demo                        everything at once, nothing to install
contact-streams replay day.jsonl.gz         the numbers of recorded events
contact-streams topics create && contact-streams worker
contact-streams check-config contact-streams.yaml && contact-streams doctor --config contact-streams.yaml
"""
HELP: Final = "The live numbers that a contact centre is run by, from its call, chat and ticket events."


class LazyGroup(ExampleGroup):
    """A group that imports a command's module when the command is used, and lists those that are there."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (an override)
        """Names in the order of `COMMANDS`."""
        return [name for name, module in COMMANDS.items() if find_spec(module)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (an override)
        """The command, its module imported now; None: there is no such command."""
        module = COMMANDS.get(cmd_name)
        if module is None or not find_spec(module):
            return None
        command = import_module(module).command
        if not isinstance(command, click.Command):
            message = f"{module}.command is no click command"
            raise TypeError(message)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, with a suggestion for a misspelt name."""
        close = get_close_matches(args[0], self.list_commands(ctx), n=1)
        if close and close != args[:1]:
            raise click.UsageError(f"no such command {args[0]}; did you mean {close[0]}?", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, SUMMARIES[name]) for name in self.list_commands(ctx)])


@click.group(cls=LazyGroup, examples=EXAMPLES, help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="contact-streams")
def cli() -> None:
    """Group all commands."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 fine, 1 failed, 2 usage or configuration, 3 findings."""
    try:
        result = cli.main(args=arguments, prog_name="contact-streams", standalone_mode=False)
    except ContactStreamsError as error:
        _show(str(error), error.hint)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        hint = f"{error.ctx.command_path} --help" if isinstance(error, click.UsageError) and error.ctx else None
        _show(error.format_message(), hint)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 1
    return result if isinstance(result, int) else 0


def _show(message: str, hint: str | None) -> None:
    click.echo(f"error: {message}", err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)
