"""Dashboards as Grafana would read them: their panels, their queries, the values of their variables."""

import re
from collections.abc import Iterator, Mapping

VARIABLE = re.compile(r"\$(\w+)")


def panels(dashboard: Mapping) -> list[Mapping]:
    """All but the rows."""
    return [panel for panel in dashboard.get("panels", ()) if panel["type"] != "row"]


def queries(panel: Mapping) -> list[str]:
    """As they are written, with their variables."""
    return [target["expr"] for target in panel["targets"]]


def asked(dashboard: Mapping, values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(panel's title, query) with all variables replaced. KeyError for one that has no value."""
    for panel in panels(dashboard):
        for query in queries(panel):
            yield panel["title"], replaced(query, values)


def replaced(query: str, values: Mapping[str, str]) -> str:
    """The query with all variables replaced."""
    return VARIABLE.sub(lambda found: values[found[1]], query)
