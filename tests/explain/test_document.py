"""`docs/kpis.md`: the catalogue for people."""

import pytest

from streams.explain.document import booked, example, page, unnamed
from streams.metrics.catalogue import BY_ID, CATALOGUE


def test_the_page_is_current(golden):
    golden("../../docs/kpis.md", page())


def test_the_page_has_every_kpi():
    text = page()

    assert [kpi.id for kpi in CATALOGUE if f"| `{kpi.id}`: " not in text] == []


def test_every_sum_of_a_formula_has_one_in_the_examples():
    assert unnamed() == set()


@pytest.mark.parametrize("kpi", CATALOGUE, ids=lambda kpi: kpi.id)
def test_there_is_an_example_of_every_kpi(kpi):
    assert "—" not in example(kpi)


@pytest.mark.parametrize(
    ("kpi_id", "worked"),
    [
        ("service_level_ignore_short", "860 / 1,050 = 0.819"),
        ("service_level_abandons_met", "880 / 1,060 = 0.8302"),
        ("asa", "14,000 s / 1,000 = 14"),
        ("waiting", "3"),
        ("longest_wait", "45"),
        ("nps", "35 / 100 = 0.35"),
        ("cost_per_contact", "183.3333"),
    ],
)
def test_examples(kpi_id, worked):
    assert example(BY_ID[kpi_id]) == worked


@pytest.mark.parametrize(
    ("kpi_id", "when"),
    [
        ("offered", "at arrival"),
        ("asa", "when the agent connects"),
        ("aht", "when the conversation ends; when wrap-up ends"),
        ("waiting", "live: at the instant"),
        ("wait_p90", "when the agent connects"),
        ("resolution_full_p90", "at the solve"),
        ("fcr", "where the seven days end"),
        ("csat", "at the answer"),
    ],
)
def test_when_it_is_booked(kpi_id, when):
    assert booked(BY_ID[kpi_id]) == when
