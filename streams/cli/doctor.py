"""`contact-streams doctor`: can a worker reach what it needs, what is missing, and how is it mended."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streams.cli.examples import ExampleCommand
from streams.cli.options import brokers_option, config_option, kafka_options, load_config, topic_prefix_option
from streams.errors import FindingsError

if TYPE_CHECKING:
    from streams.doctor.findings import Finding

EXAMPLES: Final = """
contact-streams doctor
contact-streams doctor --config contact-streams.yaml
contact-streams doctor --json | jq 'select(.state == "failed")'
"""
HELP: Final = """\
Looks at everything that a worker needs: brokers, topics and their settings, what it is allowed, its group, clocks, the
last events of each topic, Redis. Each failure comes with how to mend it. Changes nothing; Redis gets one key that
expires within a second.

Exit code 0: nothing is wrong, warnings aside. 3: something is.
"""
MARKS: Final = {"ok": "ok  ", "warning": "warn", "failed": "FAIL", "skipped": "skip"}
COLOURS: Final = {"ok": "green", "warning": "yellow", "failed": "red", "skipped": None}


@click.command("doctor", cls=ExampleCommand, examples=EXAMPLES, help=HELP)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per finding: check, state, text, mending.")
@config_option
@brokers_option
@topic_prefix_option
def command(
    as_json: bool,  # noqa: FBT001 (click passes flags by name)
    config_file: Path | None,
    brokers: str | None,
    topic_prefix: str | None,
) -> None:
    """Print each finding as it is found."""
    config = load_config(config_file, brokers=brokers, topic_prefix=topic_prefix).config
    from streams.doctor.examination import examine  # noqa: PLC0415 (heavy: not for --help)
    from streams.worker.compose import worker_settings  # noqa: PLC0415 (likewise)

    states: Counter[str] = Counter()
    for finding in examine(config, worker_settings(config), kafka_options(config.kafka)):
        states[finding.state] += 1
        click.echo(json.dumps(finding._asdict(), ensure_ascii=False) if as_json else _line(finding))
    if states["failed"]:
        raise FindingsError(f"{states['failed']} of {states.total()} findings are failures")


def _line(finding: "Finding") -> str:
    mark = click.style(MARKS[finding.state], fg=COLOURS[finding.state], bold=finding.state == "failed")
    line = f"{mark}  {finding.check:11}  {finding.text}"
    return line if finding.mending is None else f"{line}\n{'':19}→ {finding.mending}"
