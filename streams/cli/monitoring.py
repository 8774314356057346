"""`contact-streams monitoring`: what watches over the numbers, made from a configuration."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click

from streams.cli.examples import ExampleCommand, ExampleGroup
from streams.cli.options import config_option, load_config
from streams.errors import ConfigError, InputError

EXAMPLES: Final = """
contact-streams monitoring rules --config contact-streams.yaml > contact-streams.rules.yml
contact-streams monitoring alertmanager --output /etc/alertmanager
contact-streams monitoring dashboards --output /var/lib/grafana/dashboards
"""
HELP: Final = """\
Makes the files of Prometheus, Alertmanager and Grafana from the KPIs, and the targets and limits of a configuration.
Those of a configuration without any keys are in deploy/.
"""
SDK_HINT: Final = "pip install 'grafana-foundation-sdk==1769699379!11.6.0'; or take those in deploy/grafana/"
_DIRECTORY: Final = click.Path(file_okay=False, path_type=Path)
_OUTPUT_HELP: Final = "Folder to write to, made if it is not there.  [default: standard output]"


@click.group("monitoring", cls=ExampleGroup, examples=EXAMPLES, help=HELP)
def command() -> None:
    """Group what can be made."""


@command.command("rules", cls=ExampleCommand, examples=EXAMPLES.splitlines()[1])
@config_option
@click.option("--output", metavar="DIR", type=_DIRECTORY, help=_OUTPUT_HELP)
def rules(config_file: Path | None, output: Path | None) -> None:
    """Make the recording and alerting rules of Prometheus."""
    from streams.monitoring import rules as made  # noqa: PLC0415 (not for --help)

    _put({made.FILE: made.rules(load_config(config_file).config)}, output)


@command.command("alertmanager", cls=ExampleCommand, examples=EXAMPLES.splitlines()[2])
@config_option
@click.option("--output", metavar="DIR", type=_DIRECTORY, help=_OUTPUT_HELP)
def alertmanager(config_file: Path | None, output: Path | None) -> None:
    """Make an example of Alertmanager's configuration: routes and inhibition, with receivers to be replaced."""
    from streams.monitoring import alertmanager as made  # noqa: PLC0415 (not for --help)

    _put({made.FILE: made.routes(load_config(config_file).config)}, output)


@command.command("dashboards", cls=ExampleCommand, examples=EXAMPLES.splitlines()[3])
@config_option
@click.option("--output", metavar="DIR", type=_DIRECTORY, required=True, help="Folder to write to.")
def dashboards(config_file: Path | None, output: Path) -> None:
    """Make the dashboards of Grafana, one JSON file each."""
    if find_spec("grafana_foundation_sdk") is None:
        raise ConfigError("dashboards are made with grafana-foundation-sdk, which is not installed", hint=SDK_HINT)
    from streams.monitoring.dashboards import dashboards as made  # noqa: PLC0415 (not for --help)

    _put(made(load_config(config_file).config), output)


def _put(files: Mapping[str, str], output: Path | None) -> None:
    """Write each file into the folder, or show them. Raises InputError when that is not allowed."""
    for name, text in files.items():
        if output is None:
            click.echo(text, nl=False)
            continue
        try:
            output.mkdir(parents=True, exist_ok=True)
            (output / name).write_text(text, encoding="utf-8")
        except OSError as error:
            hint = "name a folder that you may write to"
            raise InputError(f"{output / name}: {error.strerror}", hint=hint) from error
        click.echo(f"written  {output / name}")
