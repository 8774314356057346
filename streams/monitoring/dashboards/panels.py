"""Panels as data: what is asked, in which unit, from when on it is bad, and the words that explain it."""

from collections.abc import Iterable
from typing import Final, Literal

import msgspec
from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    heatmap,
    prometheus,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldConfig,
    FieldConfigSource,
    GridPos,
    Panel,
    ThresholdsConfig,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from streams.monitoring.dashboards.numbers import PLAIN, Steps

SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
HEIGHT: Final = 8
STAT_HEIGHT: Final = 5

Kind = Literal["stat", "lines", "stacked", "bars", "heat"]


class Query(msgspec.Struct, frozen=True):
    """One query and the name of what it gives."""

    expr: str
    legend: str = ""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A panel of one unit."""

    kind: Kind
    title: str
    about: str
    """Shown at the (i) of the panel."""
    queries: tuple[Query, ...]
    unit: str
    steps: Steps = PLAIN
    width: int = 8
    """Of 24."""
    height: int = 0
    """0: as usual for its kind."""
    most: float | None = None
    """Upper end of the axis; None: by the values."""

    def build(self, number: int) -> Panel:
        """As Grafana reads it; `number` is its id in the dashboard."""
        panel = _BUILDERS[self.kind](self).build()
        panel.id_val = number
        panel.title, panel.description, panel.datasource = self.title, self.about, SOURCE
        panel.grid_pos = GridPos(h=self.height or _HEIGHTS.get(self.kind, HEIGHT), w=self.width)
        panel.targets = [
            _asked(query, letter, instant=self.kind in ("stat", "bars"))
            .format(_FORMATS.get(self.kind, _SERIES))
            .build()
            for letter, query in zip(_LETTERS, self.queries, strict=False)
        ]
        defaults = _defaults(panel)
        defaults.unit, defaults.max_val = self.unit, self.most
        defaults.min_val = 0 if self.kind != "stat" else None
        defaults.thresholds = ThresholdsConfig(ThresholdsMode.ABSOLUTE, list(self.steps))
        return panel


class Column(msgspec.Struct, frozen=True):
    """A column of a table: one number of each queue."""

    title: str
    expr: str
    unit: str
    steps: Steps = PLAIN


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A line for each channel and queue."""

    title: str
    about: str
    columns: tuple[Column, ...]
    width: int = 24
    height: int = 10

    def build(self, number: int) -> Panel:
        """As `Shown.build`."""
        builder = table.Panel()
        for letter, column in zip(_LETTERS, self.columns, strict=False):
            builder.override_by_name(column.title, _cell(column))
            builder.with_target(_asked(Query(column.expr), letter, instant=True).format(PromQueryFormat.TABLE))
        names = {f"Value #{letter}": each.title for letter, each in zip(_LETTERS, self.columns, strict=False)}
        order = ["channel", "queue", *names]
        builder.with_transformation(DataTransformerConfig("merge", options={}))
        builder.with_transformation(DataTransformerConfig("organize", options={
            "excludeByName": {"Time": True},
            "indexByName": {name: place for place, name in enumerate(order)},
            "renameByName": names,
        }))  # fmt: skip
        panel = builder.build()
        panel.id_val = number
        panel.title, panel.description, panel.datasource = self.title, self.about, SOURCE
        panel.grid_pos = GridPos(h=self.height, w=self.width)
        _defaults(panel).thresholds = ThresholdsConfig(ThresholdsMode.ABSOLUTE, list(PLAIN))
        _defaults(panel).unit = "string"
        return panel


class Placed(Builder[Panel]):
    """A panel that is built already, for a dashboard that asks for builders."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel

    def build(self) -> Panel:
        """The panel."""
        return self._panel


def placed(panels: Iterable[Shown | Table], first: int) -> list[Placed]:
    """Panels with their numbers, from `first` on."""
    return [Placed(panel.build(number)) for number, panel in enumerate(panels, start=first)]


_LETTERS: Final = "ABCDEFGHIJKLMNOP"
_INSTANT: Final = ("stat", "bars")
_SERIES: Final = PromQueryFormat.TIME_SERIES
_FORMATS: Final = {"heat": PromQueryFormat.HEATMAP}
_HEIGHTS: Final = {"stat": STAT_HEIGHT}


def _asked(query: Query, letter: str, *, instant: bool) -> prometheus.Dataquery:
    asked = prometheus.Dataquery().ref_id(letter).expr(query.expr).legend_format(query.legend).datasource(SOURCE)
    return asked.instant() if instant else asked.range()


def _defaults(panel: Panel) -> FieldConfig:
    panel.field_config = panel.field_config or FieldConfigSource()
    return panel.field_config.defaults


def _cell(column: Column) -> list[DynamicConfigValue]:
    steps = [step.to_json() for step in column.steps]
    coloured = [DynamicConfigValue("custom.cellOptions", {"type": "color-text"})] if column.steps != PLAIN else []
    return [
        DynamicConfigValue("unit", column.unit),
        DynamicConfigValue("thresholds", {"mode": "absolute", "steps": steps}),
        *coloured,
    ]


def _stat(_: Shown) -> Builder[Panel]:
    colour = BigValueColorMode.VALUE
    return stat.Panel().color_mode(colour).graph_mode(BigValueGraphMode.NONE).reduce_options(_last())


def _bars(_: Shown) -> Builder[Panel]:
    return bargauge.Panel().orientation(VizOrientation.HORIZONTAL).reduce_options(_last())


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"])


def _heat(shown: Shown) -> Builder[Panel]:
    return heatmap.Panel().calculate(False).y_axis(heatmap.YAxisConfig().unit(shown.unit))


def _lines(shown: Shown) -> timeseries.Panel:
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    panel = timeseries.Panel().legend(legend.show_legend(True)).line_width(2).fill_opacity(5)
    dashed = shown.steps != PLAIN
    mode = GraphThresholdsStyleMode.DASHED if dashed else GraphThresholdsStyleMode.OFF
    return panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(mode))


def _stacked(shown: Shown) -> Builder[Panel]:
    return _lines(shown).stacking(common.StackingConfig().mode(StackingMode.NORMAL)).fill_opacity(40)


_BUILDERS: Final = {"stat": _stat, "lines": _lines, "stacked": _stacked, "bars": _bars, "heat": _heat}
