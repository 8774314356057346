"""The table that everything is generated from."""

import re
from typing import get_args

import pytest

from streams.facts.primitives import LEFT_REASONS, REJECTED_REASONS
from streams.metrics.catalogue import BY_ID, CATALOGUE
from streams.metrics.formulas import (
    Age,
    Count,
    DueCount,
    Formula,
    LiveCount,
    Mean,
    NextDue,
    Quantile,
    Ratio,
    Shown,
    TimeAt,
    TimeShare,
)
from streams.metrics.kpi import Kpi
from streams.metrics.placed import (
    AgentsNeeded,
    AgentsStaffed,
    Distinct,
    HourlyCost,
    LifetimeValue,
    Opening,
    PerDistinct,
    PerHour,
    PerOpening,
    Placed,
    StaffingGap,
    VolumeRatio,
)

SERVICE_LEVELS = (
    "strict", "answered_only", "ignore_short", "ignore_in_target", "abandons_met", "short_met", "with_flow_out", "live",
)  # fmt: skip
ABANDON_RATES = ("ignore_short", "strict", "with_flow_out", "short_met")

CALLS_AND_CHATS = (
    "offered", "answered", "abandoned", "short_abandoned", "flowed_out", "rejected", "service_level",
    "abandon_rate", "asa", "wait_avg", "abandon_time_avg", "wait_p50", "wait_p80", "wait_p90", "wait_p95",
    "wait_p99", "aht", "talk_avg", "hold_avg", "acw_avg", "transfers", "offers_missed", "callbacks", "waiting",
    "longest_wait", "longest_contact_wait", "waiting_over_target", "first_response_avg", "first_response_p50",
    "first_response_p90", "first_response_within_target", "first_response_pending", "first_response_oldest",
    "first_response_business_avg", "first_response_business_p50", "first_response_business_p90",
    "reply_avg", "reply_p90", "bot_contained", "deflection_rate",
)  # fmt: skip
"""Every KPI of calls and chats, variants and reasons aside."""

UNITS = {
    # formula:      kinds it may have, each with its unit
    Count:          {("count", "count"), ("amount", "minor")},
    Ratio:          {("ratio", "ratio"), ("score", "score"), ("amount", "minor"), ("rate", "count")},
    Shown:          {("ratio", "ratio")},
    Mean:           {("duration", "s")},
    Quantile:       {("duration", "s")},
    TimeAt:         {("duration", "s")},
    TimeShare:      {("ratio", "ratio")},
    LiveCount:      {("live_count", "count")},
    Age:            {("live_age", "s")},
    DueCount:       {("live_count", "count")},
    NextDue:        {("live_due", "s")},
    HourlyCost:     {("amount", "minor")},
    PerHour:        {("rate", "count")},
    AgentsNeeded:   {("count", "count")},
    AgentsStaffed:  {("count", "count")},
    StaffingGap:    {("count", "count")},
    Opening:        {("count", "count")},
    PerOpening:     {("ratio", "ratio")},
    Distinct:       {("count", "count")},
    PerDistinct:    {("amount", "minor")},
    LifetimeValue:  {("amount", "minor"), ("rate", "count")},
    VolumeRatio:    {("rate", "count")},
}  # fmt: skip

each = pytest.mark.parametrize("kpi", CATALOGUE, ids=lambda kpi: kpi.id)


def test_ids_are_unique():
    assert len(BY_ID) == len(CATALOGUE)


@pytest.mark.parametrize("kpi_id", CALLS_AND_CHATS)
def test_every_kpi_of_calls_and_chats_is_there(kpi_id):
    assert kpi_id in BY_ID


@pytest.mark.parametrize("variant", SERVICE_LEVELS)
def test_every_variant_of_the_service_level(variant):
    assert BY_ID[f"service_level_{variant}"].variant_of == "service_level"
    assert BY_ID[f"service_level_{variant}"].variant == variant


@pytest.mark.parametrize("variant", ABANDON_RATES)
def test_every_variant_of_the_abandon_rate(variant):
    assert BY_ID[f"abandon_rate_{variant}"].variant_of == "abandon_rate"


def test_labelled_kpis_are_flat_ids():
    assert {f"flowed_out_{reason}" for reason in LEFT_REASONS} <= BY_ID.keys()
    assert {f"rejected_{reason}" for reason in REJECTED_REASONS} <= BY_ID.keys()


def test_there_is_a_formula_for_every_kind_of_formula():
    assert {type(kpi.formula) for kpi in CATALOGUE} == set(UNITS) == {*get_args(Formula), *get_args(Placed)}


@each
def test_kind_and_unit_follow_from_the_formula(kpi: Kpi):
    assert (kpi.kind, kpi.unit) in UNITS[type(kpi.formula)]
    assert kpi.live == isinstance(kpi.formula, LiveCount | Age | DueCount | NextDue)


@each
def test_it_says_what_it_is_to_a_stranger(kpi: Kpi):
    assert re.fullmatch(r"[a-z][a-z0-9_]*", kpi.id)
    assert kpi.help.endswith(".")
    assert kpi.source


@each
def test_the_worse_threshold_lies_on_the_worse_side(kpi: Kpi):
    if kpi.warn is None or kpi.bad is None:
        assert kpi.warn is kpi.bad is None
    else:
        assert (kpi.warn > kpi.bad) if kpi.good == "up" else (kpi.good == "down" and kpi.warn < kpi.bad)


@each
def test_a_variant_is_of_a_kpi_that_shows_one(kpi: Kpi):
    if kpi.variant_of:
        assert isinstance(BY_ID[kpi.variant_of].formula, Shown)
