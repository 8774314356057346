"""Events through the real books into both sinks: the numbers of both are those of the same view."""

import asyncio
import logging

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from streams.books import EVERY_PARTITION, MemoryRecord, Reading
from streams.contacts.book import ContactBook
from streams.contacts.settings import FoldSettings
from streams.metrics.catalogue import BY_ID
from streams.metrics.settings import Variants
from streams.metrics.view import Sources, Viewer
from streams.sinks.counters import Counters
from streams.sinks.input_stats import InputStats
from streams.sinks.metric_names import live_gauges, window_gauges
from streams.sinks.prometheus import PrometheusSink
from streams.sinks.redis import Identity, Looks, RedisSink, connect
from streams.sinks.redis_keys import Keys
from streams.sinks.redis_reader import RedisReader
from streams.windows.book import ViewBook
from streams.windows.settings import WindowSettings
from tests.sinks.stand_ins import Partition, nothing_behind

START = 1_790_000_000_000
SOURCES = Sources({"calls": 1}, {"calls": ("voice",)})
FOLD = FoldSettings()


def event(at_s, kind, contact, **fields):
    return {
        "v": 1,
        "id": f"{contact}-{kind}-{at_s}",
        "type": kind,
        "time": START + 1_000 * at_s,
        "channel": "voice",
        "contact": contact,
        "source": "pbx",
        **fields,
    }


EVENTS = [
    event(0, "queue.entered", "c1", queue="billing"),
    event(1, "queue.entered", "c2", queue="billing"),
    event(2, "queue.entered", "c3", queue="sales"),
    event(12, "agent.connected", "c1", queue="billing", agent="a1"),
    event(31, "queue.abandoned", "c2", queue="billing"),
    event(40, "queue.entered", "c4", queue="billing"),
]
AT = START + 45_000


class Centre:
    """Both stages with one partition each, fed once; `AT` is now."""

    def __init__(self):
        self.counters = Counters()
        contacts = ContactBook("calls", 0, FOLD)
        self.view_book = ViewBook(0, WindowSettings(), self.counters.follow(0))
        self.viewer = Viewer(Variants())
        self.input = InputStats(lambda: [contacts])
        self.input.made(contacts)
        records = [
            MemoryRecord(n, e["time"], e["contact"].encode(), msgspec.json.encode(e)) for n, e in enumerate(EVENTS)
        ]
        contacts.fold([*records, MemoryRecord(len(records), AT, b"x", b"not JSON")])
        facts = [out for out in contacts.drain(Reading(caught_up=True, lag=0)).outputs if out.topic == "facts"]
        assert any(out.partition == EVERY_PARTITION for out in facts)
        self.view_book.fold([MemoryRecord(n, AT, out.key, out.value) for n, out in enumerate(facts)])

    def look(self, book, now_ms):
        return self.viewer.views(book, now_ms, SOURCES)

    def owned(self):
        return {0: Partition(self.view_book, claimed_at=START)}

    def scrape(self):
        """(name, labels) → value."""
        sink = PrometheusSink(self.look, self.counters, clock_ms=lambda: AT, edges_ms=FOLD.edges(), stats=[self.input])
        asyncio.run(sink.tick(AT, self.owned()))
        text = sink.render(sink.snapshot(AT, self.owned())).decode()
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


def at(name, queue="billing", **labels):
    return name, frozenset({"channel": "voice", "queue": queue, **labels}.items())


def test_a_scrape_of_a_small_centre():
    samples = Centre().scrape()

    assert samples[at("contact_waiting")] == 1
    assert samples[at("contact_waiting", "*")] == 2
    assert samples[at("contact_longest_wait_seconds")] == 5
    assert samples[at("contact_longest_wait_since_timestamp_seconds")] == (START + 40_000) / 1000
    assert samples[at("contact_window_service_level_ratio", window="5m", variant="configured")] == 0.5
    assert samples[at("contact_window_asa_seconds", window="5m")] == 12
    assert samples[at("contact_streams_as_of_timestamp_seconds")] == AT / 1000


def test_counters_of_a_small_centre():
    samples = Centre().scrape()

    assert samples[at("contact_offered_total")] == 3
    assert samples[at("contact_offered_total", "sales")] == 1
    assert at("contact_offered_total", "*") not in samples
    assert samples[at("contact_wait_seconds_bucket", le="10.0")] == 0
    assert samples[at("contact_wait_seconds_bucket", le="20.0")] == 1
    assert samples[at("contact_wait_seconds_sum")] == 12


def test_records_of_a_small_centre_and_what_became_of_them():
    samples = Centre().scrape()
    became = {labels: value for (name, labels), value in samples.items() if name == "contact_streams_events_total"}

    assert sum(became.values()) == len(EVENTS) + 1
    assert became[frozenset({("type", ""), ("outcome", "rejected")})] == 1


@pytest.mark.redis
def test_redis_and_prometheus_show_the_same_numbers(redis_server):
    centre = Centre()

    async def written():
        async def of_the_test():
            return "cluster"

        writer = RedisSink(
            connect(redis_server.url),
            Keys("cs"),
            Identity("contact-streams", "worker"),
            look=Looks(centre.look, nothing_behind),
            cluster_id=of_the_test,
            confirmed=of_the_test,
            log=logging.getLogger("tests"),
        )
        await writer.start()
        async with connect(redis_server.url) as client:
            reader = RedisReader(client, Keys("cs"))
            for n in range(1000):
                await writer.tick(AT + 300 * n, centre.owned())
                await asyncio.sleep(0.01)
                if views := await reader.views(AT):
                    break
            recent = await reader.recent("voice", "billing")
        await writer.stop()
        return views, recent

    views, recent = asyncio.run(written())
    samples = centre.scrape()

    assert [view.queue for view in views] == ["*", "billing", "sales"]
    assert recent == [{"contact": "c2", "left_at": START + 31_000, "wait_ms": 30_000}]
    for view in views:
        assert view.live == shown(samples, view.queue)
        assert view.windows == {window: shown(samples, view.queue, window) for window in WindowSettings().windows}


def shown(samples, queue, window=None):
    """KPI id → value in the scrape."""
    values = {}
    for gauge in window_gauges() if window else live_gauges():
        for kpi_id, variant in gauge.members:
            labels = {**({"window": window} if window else {}), **({"variant": variant} if variant else {})}
            value = samples.get(at(gauge.metric.name, queue, **labels))
            if value is not None:
                values[kpi_id] = value
    assert values.keys() <= BY_ID.keys()
    return values
