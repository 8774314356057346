"""The rules file of Prometheus: what is recorded of queues and of the pipeline, and the alerts on both."""

from typing import Final

from streams.config import Config
from streams.errors import ConfigError
from streams.monitoring import business, pipeline, recording
from streams.monitoring.written import written

FILE: Final = "contact-streams.rules.yml"
_ABOUT: Final = "Made by `contact-streams monitoring rules` from a configuration: change that, and make it anew."


def rules(config: Config) -> str:
    """YAML. Raises ConfigError when a window that the rules look at is not configured."""
    missing = [window for window in recording.WINDOWS if window not in config.windows]
    if missing:
        raise ConfigError(
            f"the rules look at windows that are not configured: {', '.join(missing)}",
            hint=f"add them to `windows`: all of {', '.join(recording.WINDOWS)}",
        )
    # What a group records is known to the rules that follow in it.
    groups = {
        "contact-streams-business": (recording.of_queues(config), business.alerts(config)),
        "contact-streams-pipeline": (recording.of_pipeline(config), pipeline.alerts(config)),
    }
    return written(_ABOUT, {"groups": [
        {
            "name": name,
            "rules": [
                *({"record": rule.record, "expr": rule.expr} for rule in recorded),
                *(alert.rule(config) for alert in alerts),
            ],
        }
        for name, (recorded, alerts) in groups.items()
    ]})  # fmt: skip
