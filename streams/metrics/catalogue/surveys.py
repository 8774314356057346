"""KPIs of surveys: what customers say of a contact afterwards. Scores are booked in thousandths."""

from typing import Final

from streams.facts.primitives import P
from streams.metrics.formulas import Ratio
from streams.metrics.kpi import Good, Kpi, count
from streams.metrics.settings import Scope

_SCOPES: Final[tuple[Scope, ...]] = ("surveys",)
_THOUSANDTHS: Final = 1_000


def _mean(
    kpi_id: str,
    thousandths: int,
    answers: int,
    help: str,  # noqa: A002 - the field's name
    source: str,
    good: Good = "up",
) -> Kpi:
    """Average score."""
    formula = Ratio({thousandths: 1}, {answers: _THOUSANDTHS})
    return Kpi(kpi_id, "score", "score", formula, help, good, source=source, scopes=_SCOPES)


SURVEYS: Final[tuple[Kpi, ...]] = (
    count("csat_answers", P.CSAT_ANSWERS, "Answers to satisfaction surveys.", scopes=_SCOPES),
    count(
        "csat_top_two", P.CSAT_TOP_TWO, "Answers within the two highest steps of their scale.", good="up",
        scopes=_SCOPES,
    ),
    Kpi(
        "csat", "ratio", "ratio", Ratio({P.CSAT_TOP_TWO: 1}, {P.CSAT_ANSWERS: 1}),
        "Customer satisfaction: share of answers within the two highest steps of their scale (4 and 5 of 1 to 5).",
        good="up", warn=0.8, bad=0.7, source="Qualtrics, top-two box", scopes=_SCOPES,
    ),
    _mean(
        "csat_mean", P.CSAT_THOUSANDTHS, P.CSAT_ANSWERS,
        "Average satisfaction on a scale from 1 to 5; scores of other scales are moved there in proportion.",
        "Microsoft Dynamics 365 Customer Voice",
    ),
    count("nps_answers", P.NPS_ANSWERS, "Answers to recommendation surveys, from 0 to 10.", scopes=_SCOPES),
    count("nps_promoters", P.NPS_PROMOTERS, "Answers of 9 and 10.", good="up", scopes=_SCOPES),
    count("nps_detractors", P.NPS_DETRACTORS, "Answers from 0 to 6.", good="down", scopes=_SCOPES),
    Kpi(
        "nps", "ratio", "ratio", Ratio({P.NPS_PROMOTERS: 1, P.NPS_DETRACTORS: -1}, {P.NPS_ANSWERS: 1}),
        "Net promoter score: share of promoters less share of detractors, from −1 to 1 (elsewhere −100 to 100).",
        good="up", warn=0.3, bad=0.0, source="Reichheld", scopes=_SCOPES,
    ),
    count("ces_answers", P.CES_ANSWERS, "Answers to effort surveys.", scopes=_SCOPES),
    _mean(
        "ces", P.CES_THOUSANDTHS, P.CES_ANSWERS,
        "Customer effort score: average on a scale from 1 to 7, 7 being the least effort; scores of other scales are "
        "moved there in proportion.", "CES 2.0",
    ),
)  # fmt: skip
"""In the order of the docs."""
