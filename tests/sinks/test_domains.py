"""Surveys and agents beside the calls of the same queue: one line for each number, from wherever it comes."""

import asyncio
from collections import Counter

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from streams.books import MemoryRecord, Reading
from streams.contacts.book import ContactBook
from streams.contacts.settings import FoldSettings
from streams.metrics.settings import Variants
from streams.metrics.view import Sources, Viewer
from streams.sinks.counters import Counters
from streams.sinks.prometheus import PrometheusSink
from streams.windows.book import ViewBook
from streams.windows.settings import WindowSettings
from tests.sinks.stand_ins import Partition

START = 1_790_000_000_000
AT = START + 45_000
SOURCES = Sources({"calls": 1, "surveys": 1, "agents": 1}, {"calls": ("voice",), "surveys": (), "agents": ()})
CALL = {"channel": "voice", "contact": "c1", "queue": "billing"}
EVENTS = {
    "calls": [
        {"type": "queue.entered", **CALL},
        {"type": "agent.connected", "agent": "ann", **CALL},
        {"type": "contact.ended", "by": "agent", **CALL},
    ],
    "surveys": [{"type": "survey.answered", "kind": "csat", "score": 4, **CALL}],
    "agents": [
        {"type": "agent.state", "agent": "ann", "state": "available", "queues": ["billing"]},
        {"type": "agent.state", "agent": "ann", "state": "on_contact", "queues": ["billing"]},
    ],
}


def facts() -> list[MemoryRecord]:
    """What all three topics come to, ten seconds between events."""
    outputs = []
    for topic, events in EVENTS.items():
        book = ContactBook(topic, 0, FoldSettings())
        lines = [{"v": 1, "id": f"{topic}{n}", "time": START + 10_000 * n, **event} for n, event in enumerate(events)]
        book.fold([MemoryRecord(n, line["time"], None, msgspec.json.encode(line)) for n, line in enumerate(lines)])
        outputs += [out for out in book.drain(Reading(caught_up=True, lag=0)).outputs if out.topic == "facts"]
    return [MemoryRecord(offset, AT, out.key, out.value) for offset, out in enumerate(outputs)]


def scrape() -> dict[tuple[str, frozenset], list[float]]:
    """(name, labels) → values."""
    counters, viewer = Counters(), Viewer(Variants())
    book = ViewBook(0, WindowSettings(), counters.follow(0))
    book.fold(facts())
    sink = PrometheusSink(
        lambda of, now: viewer.views(of, now, SOURCES), counters, clock_ms=lambda: AT, edges_ms=FoldSettings().edges()
    )
    owned = {0: Partition(book, claimed_at=START)}
    asyncio.run(sink.tick(AT, owned))
    found: dict[tuple[str, frozenset], list[float]] = {}
    for family in text_string_to_metric_families(sink.render(sink.snapshot(AT, owned)).decode()):
        for sample in family.samples:
            found.setdefault((sample.name, frozenset(sample.labels.items())), []).append(sample.value)
    return found


def at(name, channel="voice", queue="billing", **labels):
    return name, frozenset({"channel": channel, "queue": queue, **labels}.items())


def test_each_number_stands_once():
    assert Counter(map(len, scrape().values())).keys() == {1}


def test_numbers_of_a_queue_come_from_calls_surveys_and_agents():
    samples = scrape()

    assert samples[at("contact_answered_total")] == [1]
    assert samples[at("contact_csat_answers_total")] == [1]
    assert samples[at("contact_window_csat_ratio", window="5m")] == [1]
    assert samples[at("contact_window_csat_mean_score", window="5m")] == [4]
    assert samples[at("contact_agents_on_contact", "agents", "*")] == [1]
    assert samples[at("contact_window_occupancy_ratio", "agents", window="5m")] == [35 / 45]
    assert samples[at("contact_window_agents_busy_seconds", "agents", window="5m")] == [35]


def test_agents_have_no_counters_of_contacts_and_steps_are_no_counters():
    counters = {name for name, labels in scrape() if ("channel", "agents") in labels and name.endswith("_total")}

    assert counters == set()


def test_what_is_kept_of_agents_alone_is_no_zero_of_queues():
    assert at("contact_resolved_total") not in scrape()
