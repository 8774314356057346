"""The example of Alertmanager: who is told what, and what is kept silent because something else says it already."""

from typing import Any, Final

from streams.config import Config
from streams.monitoring.business import FOLLOW_FROM_IT, NOBODY_STAFFED
from streams.monitoring.pipeline import NO_DATA, NUMBERS_ARE_WRONG
from streams.monitoring.written import written

FILE: Final = "alertmanager.yml"
RECEIVERS: Final = ("supervisors", "engineers", "on-call")
_ABOUT: Final = "Made by `contact-streams monitoring alertmanager`: an example. Put your own receivers in its place."
_PLACE: Final = "http://127.0.0.1:9095"
"""Where the example sends to, by receiver: nobody listens there."""


def routes(config: Config) -> str:
    """YAML."""
    of_job = f"job={_quoted(config.alerts.job)}"
    return written(_ABOUT, {
        "route": {
            "receiver": "supervisors",
            "group_by": ["job", "alertname", "severity"],
            "group_wait": "5s",
            "group_interval": "15s",
            "repeat_interval": "4h",
            "routes": [
                _route("on-call", of_job, "severity=critical") | {"repeat_interval": "30m", "continue": True},
                _route("engineers", of_job, "scope=pipeline"),
                _route("supervisors", of_job, "scope=business"),
            ],
        },
        "inhibit_rules": _silences(of_job),
        "receivers": [
            {"name": name, "webhook_configs": [{"url": f"{_PLACE}/{name}", "send_resolved": True}]}
            for name in RECEIVERS
        ],
    })  # fmt: skip


def _route(receiver: str, *matchers: str) -> dict[str, Any]:
    return {"matchers": list(matchers), "receiver": receiver}


def _silences(of_job: str) -> list[dict[str, Any]]:
    by_queue = ["job", "channel", "queue"]
    return [
        # The numbers cannot be relied on: what they say of queues neither.
        _silence([of_job, _named(*NUMBERS_ARE_WRONG)], ["scope=business"], ["job"]),
        # Where there is no data at all, that is the only thing to know.
        _silence([of_job, _named(NO_DATA)], ["scope=pipeline", f"alertname!={NO_DATA}"], ["job"]),
        _silence([of_job, _named(NOBODY_STAFFED)], [_named(*FOLLOW_FROM_IT)], by_queue),
        _silence([of_job, "severity=critical"], ["severity=warning"], ["alertname", *by_queue]),
    ]


def _silence(source: list[str], target: list[str], equal: list[str]) -> dict[str, Any]:
    return {"source_matchers": source, "target_matchers": target, "equal": equal}


def _named(*names: str) -> str:
    return f'alertname=~"{"|".join(names)}"'


def _quoted(text: str) -> str:
    return f'"{text}"'
