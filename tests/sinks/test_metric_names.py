"""The names that Prometheus sees: a public contract, made from the catalogue."""

import re
from collections import Counter

from streams.metrics.catalogue import CATALOGUE
from streams.metrics.formulas import Mean, Ratio
from streams.sinks import metric_names as names
from streams.sinks.pipeline_metrics import COUNTED, OF_VIEWS


def declared():
    """Every metric that a scrape may hold."""
    gauges = [gauge.metric for gauge in (*names.live_gauges(), *names.since_gauges(), *names.window_gauges())]
    sums = [shown.metric for shown in (*names.counters(), *names.histograms())]
    return [*gauges, *sums, *OF_VIEWS, *COUNTED]


def test_the_names_are_those_of_the_golden_file(golden):
    lines = [f"{metric.type} {metric.name}{{{','.join(metric.labels)}}}" for metric in declared()]

    golden("metrics.txt", "\n".join(lines) + "\n")


def test_names_of_the_design():
    live, since, window = names.live_gauges(), names.since_gauges(), names.window_gauges()
    by_name = {gauge.metric.name: gauge.metric.labels for gauge in (*live, *since, *window)}
    by_name |= {shown.metric.name: shown.metric.labels for shown in (*names.counters(), *names.histograms())}

    queue = ("channel", "queue")
    expected = {
        "contact_waiting": queue,
        "contact_longest_wait_seconds": queue,
        "contact_longest_wait_since_timestamp_seconds": queue,
        "contact_window_offered": (*queue, "window"),
        "contact_window_asa_seconds": (*queue, "window"),
        "contact_window_service_level_ratio": (*queue, "window", "variant"),
        "contact_window_abandon_rate_ratio": (*queue, "window", "variant"),
        "contact_offered_total": queue,
        "contact_wait_seconds": queue,
    }
    assert {name: by_name.get(name) for name in expected} == expected


def test_every_name_is_declared_once():
    repeated = {name: n for name, n in Counter(metric.name for metric in declared()).items() if n > 1}

    assert repeated == {}


def test_units_and_types_show_in_the_names():
    for metric in declared():
        assert re.fullmatch(r"contact_[a-z][a-z0-9_]*", metric.name)
        assert metric.name.endswith("_total") == (metric.type == "counter"), metric.name
        assert metric.help.endswith("."), metric.name


def test_every_kpi_is_shown_somewhere():
    shown = {kpi_id for gauge in (*names.live_gauges(), *names.window_gauges()) for kpi_id, _ in gauge.members}

    assert shown == {kpi.id for kpi in CATALOGUE}


def test_a_kpi_with_variants_shows_the_configured_one_first():
    (service_level,) = (
        gauge for gauge in names.window_gauges() if gauge.metric.name == "contact_window_service_level_ratio"
    )

    assert service_level.members[0] == ("service_level", "configured")
    assert ("service_level_strict", "strict") in service_level.members
    assert ("service_level_live", "live") in service_level.members


def test_both_parts_of_every_ratio_and_mean_are_counters():
    counted = {counter.primitive for counter in names.counters()}
    for kpi in CATALOGUE:
        if isinstance(kpi.formula, Ratio):
            assert counted >= {*kpi.formula.numerator, *kpi.formula.denominator}, kpi.id
        if isinstance(kpi.formula, Mean):
            assert counted >= {*kpi.formula.sum_ms, *kpi.formula.count}, kpi.id
