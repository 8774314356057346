"""What a number is made of adds up to the number, for all of them."""

import json
from collections import Counter

import pytest

from streams.books import MemoryRecord
from streams.contacts.settings import FoldSettings, TargetRule
from streams.metrics.settings import Channels, Variants
from streams.sources.routing import Router, partition_of
from streams.sources.simulator import SimulationSettings, Simulator
from streams.windows.settings import WindowSettings
from tests.explain.explaining import Watched

START = 1_772_409_600_000
MINUTE = 60_000
WINDOWS = ("5m", "previous_interval", "all", "live")
TOPICS = {"calls": ("voice",), "chats": ("chat",), "tickets": ("ticket",), "agents": (), "surveys": (), "business": ()}
FOLD = FoldSettings(
    groups={"phone": ("billing", "sales")},
    segments=("gold",),
    per_agent=True,
    ticket_targets=(TargetRule("first_reply", 4_000), TargetRule("resolution", 60_000)),
)
QUEUES = ("billing", "*", "@phone", "-", "#gold", "support", "*voice-billing-02")


@pytest.fixture(scope="module")
def centre():
    """Half an hour of a simulated centre, as it stands in the middle of it: events come disordered and twice."""
    watched = Watched(FOLD, WindowSettings(windows=WINDOWS[:2], whole_log=True), Variants(), Channels(), QUEUES)
    settings = SimulationSettings(
        rate_per_hour=400, duration_ms=30 * MINUTE, staffing=0.8, disorder_ms=20_000, duplicate_share=0.02,
        agents=True, survey_share=0.3,
    )  # fmt: skip
    arrived = (arrival for arrival in Simulator(settings).events() if arrival.arrival_ms <= START + 24 * MINUTE)
    lines = [*tickets(), *business(), *(arrival.line for arrival in arrived)]
    router, offsets = Router(TOPICS), Counter()
    for first in range(0, len(lines), 500):
        watched.pipeline.feed(
            [record for line in lines[first : first + 500] for record in placed(line, router, offsets)]
        )
    return watched


def placed(line: bytes, router: Router, offsets: Counter):
    """The line in each partition that gets it."""
    route = router.route(line)
    for topic in route.topics:
        for source in [(topic, n) for n in range(2)] if route.broadcast else [(topic, partition_of(route.key, 2))]:
            yield source, MemoryRecord(offsets[source], None, route.key, line)
            offsets[source] += 1


def tickets():
    """Tickets that are answered, solved, reopened and handed on; the first one has a target that it breaks."""
    for number in range(12):
        at, queue = START + (23 * 60 - 20) * 1000 + number, ("billing", "support")[number % 2]
        yield ticket(number, "created", at, queue=queue, priority=("high", "low", None)[number % 3])
        yield message(number, "agent", at + 2_000 + 400 * number)
        if number % 4:
            yield ticket(number, "updated", at + 9_000, status="solved")
        if number % 5 == 1:
            yield ticket(number, "updated", at + 10_000, status="open", queue="returns")
            yield message(number, "customer", at + 11_000)


def business():
    """Orders of customers, one of them again, and what is said of the shop."""
    at, more = START + 22 * MINUTE, {"v": 1, "source": "shop"}
    for number, customer in enumerate(("ann", "bob", "ann")):
        head = {"id": f"o{number}", "type": "order.placed", "time": at + number, "customer": customer, "amount": 100}
        yield json.dumps(head | more).encode()
    for number, sentiment in enumerate(("positive", "negative")):
        head = {"id": f"m{number}", "type": "mention.seen", "time": at, "sentiment": sentiment}
        yield json.dumps(head | more).encode()


def ticket(number: int, kind: str, at: int, **more):
    event = {"v": 1, "id": f"t{number}-{kind}-{at}", "type": f"ticket.{kind}", "time": at, "channel": "ticket"}
    return json.dumps(event | {"contact": f"t{number}"} | {key: value for key, value in more.items() if value}).encode()


def message(number: int, author: str, at: int):
    event = {"v": 1, "id": f"t{number}-{at}", "type": "message.added", "time": at, "channel": "ticket"}
    return json.dumps(event | {"contact": f"t{number}", "author": author}).encode()


@pytest.mark.parametrize("window", WINDOWS)
def test_the_lines_of_every_number_add_up_to_it(centre, window):
    assert list(centre.wrong(START + 23 * MINUTE, [window])) == []


def test_there_is_something_to_explain_of_each_kind(centre):
    views = {(view.channel, view.queue): view for view in centre.pipeline.views(START + 23 * MINUTE)}
    calls, agents = views["voice", "*"], views["agents", "*"]

    assert {queue for channel, queue in views if channel == "voice"} >= {"billing", "@phone", "*", "-"}
    assert centre.explain(calls, "service_level", "5m").numerator > 0
    assert centre.explain(calls, "csat", "all").denominator > 0
    assert centre.explain(agents, "occupancy", "5m").denominator > 0
    assert centre.explain(calls, "wait_p90", "all").rank > 1
    assert centre.explain(views["voice", "*voice-billing-02"], "aht", "all").denominator > 0
    assert centre.explain(views["business", "*"], "average_order_value", "5m").denominator == 3
    assert centre.explain(views["ticket", "*"], "resolution_full_avg", "5m").denominator > 0
    assert centre.explain(views["ticket", "*"], "sla_compliance", "5m").denominator > 0
    assert centre.explain(views["ticket", "*"], "backlog", "live").numerator > 0


def test_every_line_says_why(centre):
    views = [view for view in centre.pipeline.views(START + 23 * MINUTE) if view.queue == "*"]
    lines = [
        line
        for view in views
        for kpi in (
            "service_level",
            "abandon_rate",
            "asa",
            "aht",
            "wait_p90",
            "first_response_avg",
            "csat",
            "occupancy",
            "sla_compliance_first_reply",
        )
        if kpi in view.windows["5m"]
        for line in centre.explain(view, kpi, "5m").lines
    ]

    assert len(lines) > 50
    assert [line for line in lines if not line.contact or not line.text] == []


def test_each_of_a_visits_bookings_is_given_to_the_visit(centre):
    """Handled, talk and hold at its end and after-contact work later are one line, of the same visit."""
    view = next(
        view for view in centre.pipeline.views(START + 23 * MINUTE) if (view.channel, view.queue) == ("voice", "*")
    )
    lines = centre.explain(view, "aht", "all").lines
    names = [(line.contact, line.visit) for line in lines]

    assert len(names) == len(set(names))
    assert None not in {visit for _, visit in names}
    assert any({"handled", "acw_ms"} <= set(line.added) for line in lines)
