"""Business events through both stages: days, groups and segments, counts of customers, what is late, weeks before."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from streams.books import MemoryRecord
from streams.contacts.settings import FoldSettings
from streams.metrics.settings import Variants
from streams.pipeline import Pipeline
from streams.windows.settings import WindowSettings

DAY = "2026-03-28"
"""A Saturday: in Berlin the clocks go forward the night after."""
BERLIN = ZoneInfo("Europe/Berlin")


def ms(text: str) -> int:
    """Epoch ms of `2026-03-28 10:00`, in Berlin."""
    return round(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp() * 1_000)


class Shop:
    """One book of business events, in Berlin."""

    def __init__(self, **fold: object) -> None:
        zone = {"timezone": "Europe/Berlin"}
        names = ("5m", "today", "7d", "interval", "previous_interval")
        windows = WindowSettings(names, **zone, timezones=fold.get("timezones", {}), whole_log=True)
        self.pipeline = Pipeline(FoldSettings(**zone, **fold), windows, Variants())
        self._sent = 0

    def tell(self, at: str, kind: str, **fields: object) -> "Shop":
        self._sent += 1
        event = {"v": 1, "id": f"e{self._sent}", "type": kind, "time": ms(at), **fields}
        record = MemoryRecord(self._sent - 1, None, None, json.dumps(event).encode())
        self.pipeline.feed([(("business", 0), record)])
        return self

    def order(self, at: str, customer: str, **fields: object) -> "Shop":
        return self.tell(at, "order.placed", customer=customer, amount=1_000, **fields)

    def values(self, at: str, window: str, line: str = "*") -> Mapping[str, int | float | None]:
        return self.lines(at, window)[line]

    def lines(self, at: str, window: str) -> dict[str, Mapping[str, int | float | None]]:
        """Every queue and roll-up there is."""
        views = [view for view in self.pipeline.views(ms(at)) if view.channel == "business"]
        return {view.queue: view.windows[window] for view in views}


ANN = {"customer": "ann"}
ADDED = [
    pytest.param("lead.created", ANN, {"leads": 1}, id="a lead"),
    pytest.param("customer.acquired", ANN, {"customers_acquired": 1}, id="a customer more"),
    pytest.param("customer.lost", ANN, {"customers_lost": 1}, id="a customer less"),
    pytest.param("marketing.spent", {"source": "ads", "amount": 700}, {"marketing_spent": 700}, id="marketing"),
    pytest.param("return.opened", {**ANN, "amount": 700}, {"returns": 1, "cost_of_returns": 700}, id="a return"),
    pytest.param(
        "training.spent", {"source": "hr", "agent": "ann", "amount": 700},
        {"training_spent": 700, "agents_trained": 1, "training_per_agent": 700}, id="training",
    ),
    pytest.param("mention.seen", {"source": "web", "sentiment": "neutral"}, {"mentions": 1}, id="a mention"),
    pytest.param(
        "mention.seen", {"source": "web", "sentiment": "negative"},
        {"mentions": 1, "negative_mentions": 1, "negative_share": 1.0}, id="a negative one",
    ),
    pytest.param("complaint.opened", {"source": "web", "queue": "q"}, {"complaints": 1}, id="a complaint"),
    pytest.param(
        "order.placed", {**ANN, "amount": 700, "queue": "q"},
        {"orders": 1, "revenue": 700, "average_order_value": 700.0, "customers_ordering": 1}, id="an order",
    ),
]  # fmt: skip


def added(shop: Shop) -> dict[str, dict[str, object]]:
    """What is not nothing, of every queue and roll-up."""
    return {
        line: {kpi: value for kpi, value in values.items() if value}
        for line, values in shop.lines(f"{DAY} 09:01", "today").items()
    }


@pytest.mark.parametrize(("kind", "fields", "expected"), ADDED)
@pytest.mark.parametrize(
    ("segment", "lines"),
    [
        pytest.param({"segment": "gold"}, ["*", "#gold"], id="of a segment"),
        pytest.param({"segment": "trial"}, ["*"], id="of one that is not shown"),
        pytest.param({}, ["*"], id="of none"),
    ],
)
def test_an_event_adds_to_its_queue_to_its_segment_and_to_all(kind, fields, expected, segment, lines):
    shop = Shop(segments=("gold",)).tell(f"{DAY} 09:00", kind, **fields, **segment)

    assert added(shop) == dict.fromkeys([fields.get("queue", "-"), *lines], expected)


class TestDifferentCustomers:
    def test_are_counted_once_in_a_day_and_once_in_a_week(self):
        #       Wed      Thu      Fri      Sat
        # ann    x x               x        x
        # bob                      x
        shop = Shop()
        for at in ("2026-03-25 09:00", "2026-03-25 17:00", "2026-03-27 09:00", "2026-03-28 08:00"):
            shop.order(at, "ann")
        shop = shop.order("2026-03-28 09:00", "bob")

        assert shop.values("2026-03-28 10:00", "today")["customers_ordering"] == 2
        assert shop.values("2026-03-28 10:00", "7d")["customers_ordering"] == 2
        assert shop.values("2026-03-28 10:00", "7d")["orders"] == 5
        assert shop.values("2026-03-28 10:00", "all")["customers_ordering"] == 2
        assert shop.values("2026-03-28 10:00", "5m")["customers_ordering"] is None

    def test_who_ordered_before_the_window_too_is_counted_in_it(self):
        shop = Shop().order("2026-03-20 09:00", "ann").order("2026-03-28 09:00", "ann")

        assert shop.values("2026-03-28 10:00", "7d")["customers_ordering"] == 1
        assert shop.values("2026-03-28 10:00", "7d")["repeat_orders"] == 1

    def test_so_are_agents_who_are_trained(self):
        shop = Shop()
        for at in ("2026-03-25 09:00", "2026-03-25 17:00", "2026-03-27 09:00", "2026-03-28 08:00"):
            shop.tell(at, "training.spent", source="hr", agent="ann", amount=100)

        assert shop.values("2026-03-28 10:00", "today")["agents_trained"] == 1
        assert shop.values("2026-03-28 10:00", "7d")["agents_trained"] == 1
        assert shop.values("2026-03-28 10:00", "7d")["training_per_agent"] == 400

    def test_a_day_begins_at_the_queues_midnight(self):
        shop = Shop(timezones={"tokyo": "Asia/Tokyo"})
        # 16:00 in Berlin is midnight in Tokyo
        shop.order("2026-03-28 15:59", "ann", queue="tokyo").order("2026-03-28 16:00", "ann", queue="tokyo")
        shop.order("2026-03-28 16:01", "ann", queue="tokyo")
        people = {line: shop.values("2026-03-28 16:01", "today", line)["customers_ordering"] for line in ("*", "tokyo")}

        assert people == {"*": 1, "tokyo": 1}
        assert shop.values("2026-03-28 16:01", "7d", "tokyo")["customers_ordering"] == 1

    def test_and_in_berlin_not_at_that_of_the_machine(self):
        shop = Shop()
        for at in ("2026-03-27 23:30", "2026-03-28 00:30", "2026-03-28 01:30"):
            shop.order(at, "ann")

        assert shop.values("2026-03-28 09:00", "today")["customers_ordering"] == 1
        assert shop.values("2026-03-28 09:00", "7d")["customers_ordering"] == 1

    def test_of_several_queues_count_once_in_their_group(self):
        shop = Shop(groups={"sales": ("new", "old")})
        shop.order(f"{DAY} 09:00", "ann", queue="new").order(f"{DAY} 09:01", "ann", queue="old")
        people = {line: shop.values(f"{DAY} 09:02", "today", line)["customers_ordering"] for line in ("new", "@sales")}

        assert people == {"new": 1, "@sales": 1}
        assert shop.values(f"{DAY} 09:02", "today", "@sales")["orders"] == 2


class TestAfterTheHorizon:
    """A customer who has not ordered for so long is a new one."""

    @pytest.mark.parametrize(
        ("again_at", "repeated"),
        [
            pytest.param("2026-03-28 09:00:00", 1, id="at its end still known"),
            pytest.param("2026-03-28 09:00:00.001", 0, id="after it forgotten"),
        ],
    )
    def test_an_order_is_no_repeated_one(self, again_at, repeated):
        shop = Shop(business_horizon_ms=24 * 3_600_000).order("2026-03-27 09:00", "ann").order(again_at, "ann")

        assert shop.values("2026-03-28 10:00", "today")["repeat_orders"] == repeated


class TestSegments:
    def test_an_order_is_of_the_segment_that_it_names_itself(self):
        shop = Shop(segments=("gold",))
        shop.order(f"{DAY} 09:00", "ann", segment="trial").order(f"{DAY} 09:01", "ann", segment="gold")
        shop.order(f"{DAY} 09:02", "ann")

        assert shop.values(f"{DAY} 09:03", "today", "#gold")["orders"] == 1
        assert shop.values(f"{DAY} 09:03", "today")["orders"] == 3


class TestCountsOfCustomers:
    @pytest.mark.parametrize(
        ("at", "window", "opening"),
        [
            pytest.param("2026-03-29 00:00:00", "today", 210, id="a count at midnight is there when the day begins"),
            pytest.param("2026-03-28 23:59:59", "today", 200, id="and not before"),
            pytest.param("2026-03-28 23:59:00", "today", 200, id="nor for who looks a minute back"),
            pytest.param("2026-03-29 12:00:00", "7d", 200, id="over both, the first there was"),
            pytest.param("2026-03-29 00:16:00", "previous_interval", 210, id="an interval that is over"),
            pytest.param("2026-03-29 00:14:00", "previous_interval", 200, id="the one before the count"),
        ],
    )
    def test_are_those_at_the_windows_beginning(self, at, window, opening):
        shop = Shop()
        shop.tell("2026-03-28 00:00", "customers.counted", source="crm", count=200)
        shop.tell("2026-03-29 00:00", "customers.counted", source="crm", count=210)

        assert shop.values(at, window)["customers_opening"] == opening

    def test_a_source_counts_its_own(self):
        shop = Shop()
        for source, count in (("east", 100), ("west", 50), ("west", 60)):
            shop.tell(f"{DAY} 00:00", "customers.counted", source=source, count=count)

        assert shop.values(f"{DAY} 09:00", "today")["customers_opening"] == 160

    def test_a_segment_is_counted_by_itself(self):
        shop = Shop(segments=("gold",))
        for segment, count in (({}, 100), ({"segment": "gold"}, 30), ({"segment": "trial"}, 7)):
            shop.tell(f"{DAY} 00:00", "customers.counted", source="crm", count=count, **segment)
        lines = shop.lines(f"{DAY} 09:00", "today").items()

        assert {line: values["customers_opening"] for line, values in lines} == {"-": 100, "*": 100, "#gold": 30}

    def test_one_of_just_after_midnight_is_not_there_when_the_day_begins(self):
        shop = Shop().tell("2026-03-27 12:00", "customers.counted", source="crm", count=200)
        shop.tell("2026-03-28 00:00:00.001", "customers.counted", source="crm", count=210)

        assert shop.values("2026-03-28 09:00", "today")["customers_opening"] == 200


class TestLate:
    def test_an_order_of_a_known_customer_counts_when_it_comes(self):
        shop = Shop().order(f"{DAY} 09:00", "ann").order(f"{DAY} 10:00", "bob").order(f"{DAY} 09:30", "ann")

        assert shop.values(f"{DAY} 10:00", "5m")["orders"] == 2
        assert shop.pipeline.outcomes == {"applied": 2, "late": 1}

    def test_what_nobody_knows_is_a_dead_letter(self):
        shop = Shop().order(f"{DAY} 10:00", "bob").tell(f"{DAY} 09:30", "lead.created", customer="ann")

        assert shop.values(f"{DAY} 10:00", "today")["leads"] == 0
        assert len(shop.pipeline.dead_letters) == 1


class TestVolume:
    """Complaints of Sunday, 12:00 to 12:15, and of the Sundays before: the clocks went forward that night."""

    def spike(self, before: list[int], now: int) -> Shop:
        shop, noon = Shop(), datetime.fromisoformat("2026-03-29 12:05")
        for week, count in reversed(list(enumerate([now, *before]))):
            for number in range(count):
                at = str(noon - timedelta(weeks=week) + timedelta(seconds=number))
                shop.tell(at, "complaint.opened", source="web", queue="q")
        return shop

    @pytest.mark.parametrize(
        ("before", "now", "ratio"),
        [
            pytest.param([2, 4, 6, 8], 15, 3.0, id="the median of four weeks"),
            pytest.param([2, 4], 9, 3.0, id="of as many as there are"),
            pytest.param([], 9, None, id="of none, nothing"),
            pytest.param([2, 4, 6, 8], 0, 0.0, id="nothing now"),
        ],
    )
    def test_is_that_of_the_interval_by_the_usual_one(self, before, now, ratio):
        shop = self.spike(before, now)

        assert shop.values("2026-03-29 12:14", "interval", "q")["volume_ratio"] == ratio
        assert shop.values("2026-03-29 12:16", "previous_interval")["volume_ratio"] == ratio
        assert shop.values("2026-03-29 12:14", "today", "q")["volume_ratio"] is None
