"""The JSON API, version 1: every answer is what its OpenAPI document says, and its numbers are those in Redis."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request

import jsonschema
import pytest

from streams.metrics.catalogue import CATALOGUE
from tests.servers import redis
from tests.wallboard.test_server import until, wallboard
from tests.wallboard.writing import Writer, now_ms

pytestmark = pytest.mark.redis

VALUES = {
    "waiting": 2,
    "longest_wait": 31.5,
    "answered:30m": 40,
    "answered_in_target:30m": 30,
    "abandoned:30m": 12,
    "short_abandoned:30m": 2,
    "service_level:30m": 0.6,
    "asa:30m": 12.5,
    "wait_p90:30m": 40.0,
}
QUEUE = {"channel": "voice", "queue": "billing"}


@pytest.fixture(scope="module")
def centre():
    """(writer, address): one queue on the board, written as of now until the end."""
    with redis() as url, wallboard(url) as (_, address), Writer(url) as writer:
        writer.keep("voice", "billing", VALUES)
        writer.keep("agents", "billing", {"agents_staffed": 4})
        until(lambda: len(get(address, "queues")[1]["queues"]) == 2)
        yield writer, address


@pytest.fixture
def address(centre):
    return centre[1]


def get(address, name, **query):
    """(status, JSON)."""
    url = f"{address}api/v1/{name}?{urllib.parse.urlencode(query)}"
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("board", {}),
        ("queues", {}),
        ("queue", QUEUE),
        ("explain", {**QUEUE, "kpi": "service_level"}),
        ("catalogue", {}),
        ("presentation", {}),
        ("queue", {**QUEUE, "queue": "nobody"}),
        ("explain", QUEUE),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value.values()),
)
def test_every_answer_is_as_described(address, name, query):
    document = get(address, "openapi.json")[1]

    status, answer = get(address, name, **query)

    said = document["paths"][f"/api/v1/{name}"]["get"]["responses"][str(status)]
    schema = {**said["content"]["application/json"]["schema"], "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(answer)


def test_every_path_described_is_there(address):
    for path in get(address, "openapi.json")[1]["paths"]:
        if path != "/api/v1/events":
            assert get(address, path.removeprefix("/api/v1/"), **QUEUE, kpi="waiting")[0] == 200


def test_a_queue_in_short_says_what_its_numbers_come_to(address):
    _, answer = get(address, "queues")

    lines = {(line["channel"], line["queue"]): line for line in answer["queues"]}
    assert lines["voice", "billing"]["status"] == "warn"
    assert lines["agents", "billing"]["status"] == "none"


def test_another_window_has_another_judgement(address):
    _, answer = get(address, "queues", window="5m")

    assert {line["status"] for line in answer["queues"] if line["channel"] == "voice"} == {"good"}


def test_the_board_of_one_channel(address):
    assert {tile["channel"] for tile in get(address, "board", channel="voice")[1]["tiles"]} == {"voice"}
    assert get(address, "board", channel="none")[1]["tiles"] == []


def test_one_queue_has_every_number_and_what_stands_behind_them(centre):
    writer, address = centre
    at = now_ms()
    writer.list("waiting", "voice", "billing", [{"since": at - 9_000, "contact": "c-1"}])
    writer.list("recent", "voice", "billing", [{"left_at": at, "contact": "c-0", "wait_ms": 700}])
    writer.list("minutes", "voice", "billing", [{"at": at, "counts": {"offered": 1}, "waiting": 1}])
    writer.list("intervals", "voice", "billing", [{"at": at, "values": {"offered": 1, "asa": None}}])
    writer.list("waits", "voice", "billing", [{"up_to_s": 5, "count": 1}, {"up_to_s": None, "count": 0}])

    _, answer = get(address, "queue", **QUEUE)

    assert answer["live"] == {"waiting": 2, "longest_wait": 31.5}
    assert answer["windows"]["30m"]["wait_p90"] == 40.0
    assert answer["waiting"] == [{"contact": "c-1", "since": at - 9_000}]
    assert answer["recent"] == [{"contact": "c-0", "left_at": at, "wait_ms": 700}]
    assert answer["minutes"] == [{"at": at, "counts": {"offered": 1}, "waiting": 1}]
    assert answer["intervals"] == [{"at": at, "values": {"offered": 1, "asa": None}}]
    assert answer["waits"][0] == {"up_to_s": 5.0, "count": 1}


def test_targets_that_are_due_are_those_of_the_queue(centre):
    writer, address = centre
    at = now_ms()
    mine, other = (
        json.dumps({"channel": "email", "contact": contact, "queue": queue, "target": "resolution"})
        for contact, queue in (("t-1", "desk"), ("t-2", "other"))
    )
    writer.keep("email", "desk", {"backlog": 1})
    writer.client.zadd("cs:due", {mine: at + 60_000, other: at + 1_000})
    writer.client.sadd("cs:due:email:desk", mine)
    until(lambda: get(address, "queue", channel="email", queue="desk")[0] == 200)

    _, answer = get(address, "queue", channel="email", queue="desk")

    assert answer["due"] == [{"contact": "t-1", "target": "resolution", "due_at": at + 60_000}]


@pytest.mark.parametrize(
    ("kpi", "formula", "numerator", "denominator"),
    [
        pytest.param(
            "service_level",
            "N_T / (N + A − A_S): short abandons are not looked at.",
            (30, ["1 × answered_in_target"]),
            (50, ["1 × answered", "1 × abandoned", "-1 × short_abandoned"]),
            id="a share, by the variant of the queue",
        ),
        pytest.param(
            "asa",
            "Average speed of answer: wait of the answered, zero waits included.",
            (500.0, []),
            (40, ["1 × answered"]),
            id="a mean: all waits together by their number",
        ),
        pytest.param("wait_p90", None, None, (40, ["1 × answered"]), id="a percentile has only how many it is of"),
        pytest.param("waiting", None, None, None, id="a count has no parts"),
    ],
)
def test_a_number_is_taken_apart(address, kpi, formula, numerator, denominator):
    _, answer = get(address, "explain", **QUEUE, kpi=kpi)

    def parts(side):
        return side and (side["value"], [f"{part['factor']} × {part['kpi']}" for part in side["parts"]])

    assert answer["value"] == VALUES.get(f"{kpi}:30m", VALUES.get(kpi))
    assert formula in (None, answer["formula"])
    assert (parts(answer["numerator"]), parts(answer["denominator"])) == (numerator, denominator)


@pytest.mark.parametrize("kpi", [kpi.id for kpi in CATALOGUE])
def test_every_kpi_can_be_asked_for(address, kpi):
    status, answer = get(address, "explain", **QUEUE, kpi=kpi)

    assert (status, answer["kpi"]["id"]) == (200, kpi)


def test_the_parts_of_a_number_that_nobody_writes_are_not_known(address):
    _, answer = get(address, "explain", channel="voice", queue="nobody", kpi="service_level")

    assert (answer["as_of_ms"], answer["value"], answer["denominator"]["value"]) == (None, None, None)


@pytest.mark.parametrize(
    ("name", "query", "status", "says"),
    [
        pytest.param("queue", {}, 400, "channel=voice&queue=billing", id="no queue named"),
        pytest.param("queue", {**QUEUE, "queue": "x"}, 404, "/api/v1/queues lists them", id="no such queue"),
        pytest.param("explain", {**QUEUE, "kpi": "x"}, 400, "/api/v1/catalogue lists them", id="no such KPI"),
        pytest.param("queues", {"window": "7m"}, 400, "one of 1m, 5m", id="no such window"),
    ],
)
def test_what_is_wrong_is_said_with_a_hint(address, name, query, status, says):
    code, answer = get(address, name, **query)

    assert code == status
    assert says in answer["hint"]


def test_without_redis_what_must_be_read_is_refused_and_the_rest_is_from_memory():
    with redis() as url:
        stop = wallboard(url)
        _, address = stop.__enter__()
        with Writer(url) as writer:
            writer.keep("voice", "billing", VALUES)
            until(lambda: get(address, "queue", **QUEUE)[0] == 200)
    try:
        time.sleep(0.1)

        assert get(address, "queue", **QUEUE)[0] == 503
        assert get(address, "board")[1]["tiles"][0]["values"]["waiting"] == 2
    finally:
        stop.__exit__(None, None, None)
