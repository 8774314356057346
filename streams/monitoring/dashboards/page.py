"""A dashboard: its variables, its rows of panels, and the links to the others."""

from collections.abc import Callable
from typing import Final

import msgspec
from grafana_foundation_sdk.builders.dashboard import (
    CustomVariable,
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    Row,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from streams.config import Config
from streams.monitoring.dashboards.panels import SOURCE, Shown, Table, placed
from streams.sinks.pipeline_metrics import PREFIX

TAG: Final = "contact-streams"
NO_AGENT: Final = r"/^(?!\*.).*$/"
"""Of the names of queues: without those of single agents."""

Rows = dict[str, tuple[Shown | Table, ...]]
"""Title of a row → its panels."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One dashboard."""

    name: str
    """Of its file, and of its address in Grafana."""
    title: str
    about: str
    rows: Callable[[Config], Rows]
    kpi: str | None = None
    """Metric whose channels and queues can be chosen; None: neither can be."""
    one_queue: bool = False
    """A single queue is looked at, which may be a roll-up."""

    @property
    def file(self) -> str:
        """Name of its file."""
        return f"{self.name}.json"

    def dashboard(self, config: Config) -> Dashboard:
        """All of it, for Grafana."""
        made = Dashboard(self.title).uid(f"contact-streams-{self.name}").description(self.about).tags([TAG])
        made.refresh("10s").time("now-3h", "now").timezone("browser").tooltip(DashboardCursorSync.CROSSHAIR).editable()
        made.link(DashboardLink("Contact centre").type(DashboardLinkType.DASHBOARDS).tags([TAG]).as_dropdown(True)
                  .keep_time(True).include_vars(True))  # fmt: skip
        for variable in self._variables(config):
            made.with_variable(variable)
        number = 1
        for title, panels in self.rows(config).items():
            made.with_row(Row(title).id(number))
            for panel in placed(panels, number + 1):
                made.with_panel(panel)
            number += 1 + len(panels)
        return made

    def _variables(self, config: Config) -> list[DatasourceVariable | QueryVariable | CustomVariable]:
        source = DatasourceVariable("datasource").label("Data source").type("prometheus")
        job = _values("job", "Job", f"label_values({PREFIX}build_info, job)")
        if self.kpi is None:
            return [source, job]
        of_job = f'{self.kpi}{{job=~"$job"}}'
        of_channel = f'{self.kpi}{{job=~"$job",channel=~"$channel"}}'
        channel = _values("channel", "Channel", f"label_values({of_job}, channel)")
        queue = _values("queue", "Queue", f"label_values({of_channel}, queue)").regex(NO_AGENT)
        if not self.one_queue:
            channel, queue = _several(channel), _several(queue)
        return [source, job, channel, queue, _window(config)]


def _values(name: str, label: str, query: str) -> QueryVariable:
    made = QueryVariable(name).label(label).datasource(SOURCE).query(query)
    return made.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.NATURAL_ASC)


def _several(variable: QueryVariable) -> QueryVariable:
    every = VariableOption(selected=True, text=["All"], value=["$__all"])
    return variable.multi(True).include_all(True).all_value(".*").current(every)


def _window(config: Config) -> CustomVariable:
    """The window that rates and averages are taken over."""
    usual = "15m" if "15m" in config.windows else next(iter(config.windows), "")
    options = [VariableOption(selected=name == usual, text=name, value=name) for name in config.windows]
    made = CustomVariable("window").label("Window").values(",".join(config.windows)).options(options)
    return made.current(VariableOption(selected=True, text=usual, value=usual))
