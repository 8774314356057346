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
        windows = WindowSettings(windows=("5m", "today", "7d", "interval", "previous_interval"), whole_log=True, **zone)
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
        views = {view.queue: view for view in self.pipeline.views(ms(at)) if view.channel == "business"}
        return views[line].windows[window]


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

    def test_a_day_begins_at_the_queues_midnight(self):
        shop = Shop(timezones={"tokyo": "Asia/Tokyo"})
        # 16:00 in Berlin is midnight in Tokyo
        shop.order("2026-03-28 15:59", "ann", queue="tokyo").order("2026-03-28 16:00", "ann", queue="tokyo")

        assert shop.values("2026-03-28 16:01", "today")["customers_ordering"] == 1

    def test_of_several_queues_count_once_in_their_group(self):
        shop = Shop(groups={"sales": ("new", "old")})
        shop.order(f"{DAY} 09:00", "ann", queue="new").order(f"{DAY} 09:01", "ann", queue="old")
        people = {line: shop.values(f"{DAY} 09:02", "today", line)["customers_ordering"] for line in ("new", "@sales")}

        assert people == {"new": 1, "@sales": 1}
        assert shop.values(f"{DAY} 09:02", "today", "@sales")["orders"] == 2


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
