"""Surveys: what an answer counts for, on which scale, and what is refused."""

import json
from typing import Any

import pytest

from streams.books import MemoryRecord
from streams.contacts.settings import FoldSettings
from streams.events.decode import EventDecoder
from streams.metrics.settings import Variants
from streams.pipeline import Pipeline
from streams.windows.settings import WindowSettings

T = 1_790_000_100_000


def answer(number: int, kind: str, score: float, **more: Any) -> dict[str, Any]:
    event = {"v": 1, "id": f"s{number}", "type": "survey.answered", "time": T + number, "channel": "voice"}
    return {**event, "contact": f"c{number}", "kind": kind, "score": score, **more}


def answers(kind: str, scores: list[float], **more: Any) -> list[dict[str, Any]]:
    return [answer(number, kind, score, **more) for number, score in enumerate(scores)]


def shown(events: list[dict[str, Any]], queue: str = "*") -> dict[str, Any]:
    """What the window `all` shows, a second later."""
    made = Pipeline(FoldSettings(), WindowSettings(whole_log=True), Variants())
    lines = [json.dumps(event).encode() for event in events]
    made.feed([(("surveys", 0), MemoryRecord(offset, None, None, line)) for offset, line in enumerate(lines)])
    return next(dict(view.windows["all"]) for view in made.views(T + 1_000) if view.queue == queue)


@pytest.mark.parametrize(
    ("scores", "scale", "csat", "mean"),
    [
        pytest.param([5, 4, 3, 1], None, 0.5, 3.25, id="4 and 5 of 1 to 5"),
        pytest.param([4.5, 3.9], None, 0.5, 4.2, id="scores between the steps"),
        pytest.param([10, 9, 8, 1], [1, 10], 0.5, 3.667, id="9 and 10 of 1 to 10, its mean on 1 to 5"),
        pytest.param([0, 50, 100], [0, 100], 1 / 3, 3.0, id="percent"),
        pytest.param([1, 1, 0], [0, 1], 2 / 3, 3.667, id="thumbs: only up is satisfied"),
    ],
)
def test_csat(scores: list[float], scale: list[int] | None, csat: float, mean: float):
    values = shown(answers("csat", scores, **({"scale": scale} if scale else {})))

    assert values["csat_answers"] == len(scores)
    assert values["csat"] == pytest.approx(csat)
    assert values["csat_mean"] == pytest.approx(mean, abs=0.0005)


def test_answers_on_different_scales_add_up():
    values = shown([answer(1, "csat", 5), answer(2, "csat", 1, scale=[1, 10])])

    assert (values["csat"], values["csat_mean"]) == (0.5, 3.0)


def test_nps_is_promoters_less_detractors():
    values = shown(answers("nps", [10, 9, 9, 8, 7, 6, 0]))

    assert (values["nps_promoters"], values["nps_detractors"], values["nps_answers"]) == (3, 2, 7)
    assert values["nps"] == pytest.approx(1 / 7)


def test_nps_of_detractors_alone_is_below_zero():
    assert shown(answers("nps", [0, 6]))["nps"] == -1.0


def test_ces_is_a_mean_on_1_to_7():
    assert shown(answers("ces", [7, 5, 3]))["ces"] == 5.0
    assert shown(answers("ces", [5, 3, 1], scale=[1, 5]))["ces"] == 4.0


def test_a_kind_that_nobody_answered_has_counts_of_0_and_no_score():
    values = shown(answers("csat", [5]))

    assert (values["nps_answers"], values["nps"], values["ces_answers"], values["ces"]) == (0, None, 0, None)


def test_where_no_survey_came_nothing_is_known():
    call = {"v": 1, "id": "1", "type": "queue.entered", "time": T, "channel": "voice", "contact": "c", "queue": "q"}
    values = shown([call])

    assert values["offered"] == 1
    assert (values["csat"], values["csat_answers"]) == (None, None)


def test_a_survey_that_names_no_queue_counts_under_the_dash_and_in_the_channel():
    events = [answer(1, "csat", 5, queue="billing"), answer(2, "csat", 1)]

    assert [shown(events, queue)["csat"] for queue in ("billing", "-", "*")] == [1.0, 0.0, 0.5]


def test_a_repetition_counts_once():
    assert shown([answer(1, "csat", 5)] * 2)["csat_answers"] == 1


@pytest.mark.parametrize(
    ("event", "path"),
    [
        pytest.param(answer(1, "csat", 6), "$.score", id="above"),
        pytest.param(answer(1, "csat", 0), "$.score", id="below"),
        pytest.param(answer(1, "csat", 0.999), "$.score", id="a little below"),
        pytest.param(answer(1, "nps", 11), "$.score", id="nps above"),
        pytest.param(answer(1, "nps", -1, queue="q"), "$.score", id="nps below"),
        pytest.param(answer(1, "ces", 8), "$.score", id="ces above"),
        pytest.param(answer(1, "csat", 11, scale=[1, 10]), "$.score", id="above its own scale"),
        pytest.param(answer(1, "csat", 1e300), "$.score", id="huge"),
        pytest.param(answer(1, "csat", 3, scale=[5, 1]), "$.scale", id="upside down"),
        pytest.param(answer(1, "csat", 3, scale=[3, 3]), "$.scale", id="no step"),
        pytest.param(answer(1, "csat", 3, scale=[0, 10**18]), "$.scale", id="endless"),
        pytest.param(answer(1, "nps", 4, scale=[1, 5]), "$.scale", id="nps has one scale"),
    ],
)
def test_a_score_off_its_scale_is_refused(event: dict[str, Any], path: str):
    decoder = EventDecoder(1_000)
    decoder.decode([json.dumps(answer(1, "csat", 3, queue="q")).encode()])  # its names are known from now on
    (refused,) = decoder.decode([json.dumps(event).encode()])

    assert (refused.reason, refused.path) == ("invalid_value", path)
