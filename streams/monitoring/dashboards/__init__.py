"""Grafana's dashboards, typed by grafana-foundation-sdk; each is a JSON file that Grafana provisions or imports."""

import json
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from streams.config import Config
from streams.monitoring.dashboards import floor, pipeline, queue, tickets

PAGES: Final = (floor.PAGE, queue.PAGE, tickets.PAGE, pipeline.PAGE)
"""In the order in which people look at them."""


def dashboards(config: Config) -> dict[str, str]:
    """File name → JSON."""
    return {page.file: _written(page.dashboard(config).build()) for page in PAGES}


def _written(dashboard: object) -> str:
    return json.dumps(dashboard, cls=JSONEncoder, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
