"""What one scrape shows, compared as text and parsed back."""

import asyncio
import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

from streams.contacts.settings import FoldSettings, Thresholds
from streams.contacts.stats import Stats
from streams.events.model import QueueEntered
from streams.facts.bins import Bins
from streams.facts.primitives import H, P
from streams.facts.wire import Dimension
from streams.metrics.catalogue import CATALOGUE
from streams.sinks.counters import Counters
from streams.sinks.input_stats import InputStats
from streams.sinks.prometheus import PrometheusSink
from tests.sinks.stand_ins import NOW, Book, Partition, look, view

BILLING = Dimension("voice", "billing")
EDGES_MS = FoldSettings().edges()


class Worker:
    """One process with its counters and its sink."""

    def __init__(self, *views, edges_ms=EDGES_MS, stats=()):
        self.owned = {0: Partition(Book(*views))}
        self.counters = Counters()
        self.on_delta = self.counters.follow(0)
        self.counters.claim(0, 0)
        self.offset = 0
        self.sink = PrometheusSink(look, self.counters, clock_ms=lambda: NOW, edges_ms=edges_ms, stats=stats)

    def count(self, bag, dimension=BILLING):
        self.offset += 1
        self.on_delta(dimension, bag, self.offset, NOW)

    def scrape(self, now_ms=NOW):
        return self.sink.render(self.sink.snapshot(now_ms, self.owned)).decode()

    def samples(self, now_ms=NOW):
        """(name, labels without channel and queue) → value."""
        families = text_string_to_metric_families(self.scrape(now_ms))
        return {_named(sample): sample.value for family in families for sample in family.samples}


def _named(sample):
    labels = (f"{name}={value}" for name, value in sorted(sample.labels.items()) if name not in ("channel", "queue"))
    return (sample.name, *labels)


def lines(text, name):
    """The sample lines of one metric."""
    return [line for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} "))]


def test_the_text_of_a_small_scrape():
    shown = view(live={"waiting": 3, "longest_wait": 12.5}, since_ms={"longest_wait": NOW - 12_500})

    assert (
        Worker(shown).scrape()
        == """\
# HELP contact_waiting Visits waiting now; ringing still waits.
# TYPE contact_waiting gauge
contact_waiting{channel="voice",queue="billing"} 3
# HELP contact_longest_wait_seconds How long the visit that entered first has been waiting.
# TYPE contact_longest_wait_seconds gauge
contact_longest_wait_seconds{channel="voice",queue="billing"} 12.5
# HELP contact_longest_wait_since_timestamp_seconds Unix time that longest_wait counts from.
# TYPE contact_longest_wait_since_timestamp_seconds gauge
contact_longest_wait_since_timestamp_seconds{channel="voice",queue="billing"} 1789999987.623
# HELP contact_streams_as_of_timestamp_seconds Unix time, to the millisecond, that the values are true for.
# TYPE contact_streams_as_of_timestamp_seconds gauge
contact_streams_as_of_timestamp_seconds{channel="voice",queue="billing"} 1790000000.123
# HELP contact_streams_as_of_age_seconds Scrape time - as_of.
# TYPE contact_streams_as_of_age_seconds gauge
contact_streams_as_of_age_seconds{channel="voice",queue="billing"} 0.000
# HELP contact_streams_live 1: the queue's values are live and shown; 0: it is catching up.
# TYPE contact_streams_live gauge
contact_streams_live{channel="voice",queue="billing"} 1
"""
    )


def test_windows_are_a_label_and_variants_too():
    values = {"offered": 10, "service_level": 0.9, "service_level_strict": 0.8, "asa": 2 / 3}
    text = Worker(view(windows={"5m": values})).scrape()

    at = 'channel="voice",queue="billing",window="5m"'
    assert lines(text, "contact_window_offered") == [f"contact_window_offered{{{at}}} 10"]
    assert lines(text, "contact_window_asa_seconds") == [f"contact_window_asa_seconds{{{at}}} 0.6666666666666666"]
    assert lines(text, "contact_window_service_level_ratio") == [
        f'contact_window_service_level_ratio{{{at},variant="configured"}} 0.9',
        f'contact_window_service_level_ratio{{{at},variant="strict"}} 0.8',
    ]


def test_null_is_no_sample():
    text = Worker(view(live={"waiting": 0, "longest_wait": None}, windows={"5m": {"asa": None}})).scrape()

    assert "contact_waiting" in text
    assert "contact_longest_wait" not in text
    assert "contact_window_asa" not in text


def test_catching_up_shows_no_values_but_its_freshness():
    worker = Worker(view(as_of_ms=NOW - 60_000, state="catching_up", live={"waiting": 3}))

    assert worker.samples() == {
        ("contact_streams_as_of_timestamp_seconds",): (NOW - 60_000) / 1000,
        ("contact_streams_as_of_age_seconds",): 60.0,
        ("contact_streams_live",): 0.0,
    }


def test_series_go_away_with_their_queue_and_their_partition():
    worker = Worker(view(live={"waiting": 3}), view("sales", live={"waiting": 1}))
    worker.count({P.OFFERED: 1})
    worker.scrape()
    worker.owned[0].book.shown.pop()
    without_queue = worker.scrape()
    worker.owned = {}

    assert 'queue="sales"' not in without_queue
    assert 'queue="billing"' in without_queue
    assert worker.scrape() == ""


def test_names_of_queues_are_escaped():
    worker = Worker(view('a "quoted"\\ name\nin two lines', live={"waiting": 1}))
    (family,) = (f for f in text_string_to_metric_families(worker.scrape()) if f.name == "contact_waiting")

    assert family.samples[0].labels["queue"] == 'a "quoted"\\ name\nin two lines'


# ── counters ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_counters_count_in_seconds_what_is_milliseconds():
    worker = Worker()
    worker.count({P.ANSWERED: 2, P.ANSWERED_IN_TARGET: 1, P.WAIT_ANSWERED_MS: 30_500})
    samples = worker.samples()

    assert samples["contact_answered_total",] == 2
    assert samples["contact_answered_in_target_total",] == 1
    assert samples["contact_wait_answered_seconds_total",] == 30.5
    assert samples["contact_abandoned_total",] == 0


def test_counters_count_on_while_the_queue_catches_up():
    worker = Worker(view(state="catching_up"))
    worker.count({P.OFFERED: 4})

    assert worker.samples()["contact_offered_total",] == 4


def test_a_correction_is_a_debt_that_later_increments_pay():
    worker = Worker()
    shown = []
    for n in (3, -2, 1, 1, 1):
        worker.count({P.ANSWERED: n})
        shown.append(worker.samples()["contact_answered_total",])

    assert shown == [3, 3, 3, 3, 4]


def test_a_counter_goes_on_when_its_partition_comes_back():
    worker = Worker()
    worker.count({P.OFFERED: 2})
    worker.scrape()
    owned, worker.owned = worker.owned, {}
    worker.scrape()
    worker.owned = owned
    worker.on_delta = worker.counters.follow(0)
    worker.counters.claim(0, NOW - 1)
    worker.count({P.OFFERED: 1})

    assert worker.samples()["contact_offered_total",] == 3


# ── histograms ─────────────────────────────────────────────────────────────────────────────────────────────────────


def waits(*durations_ms, exact_ms=EDGES_MS, sign=1):
    bins, bag = Bins(exact_ms), {P.WAIT_ANSWERED_MS: sign * sum(durations_ms)}
    for duration_ms in durations_ms:
        key = bins.key(H.WAIT_ANSWERED, duration_ms)
        bag[key] = bag.get(key, 0) + sign
    return bag


def test_a_histogram_has_the_targets_among_its_edges_and_counts_up_to_them_exactly():
    edges_ms = FoldSettings(queues={"billing": Thresholds(target_ms=7_777)}).edges()
    worker = Worker(edges_ms=edges_ms)
    worker.count(waits(7_777, 7_778, 20_000, 20_001, 9_000_000, exact_ms=edges_ms))
    samples = worker.samples()

    assert samples["contact_wait_seconds_bucket", "le=5.0"] == 0
    assert samples["contact_wait_seconds_bucket", "le=7.777"] == 1
    assert samples["contact_wait_seconds_bucket", "le=20.0"] == 3
    assert samples["contact_wait_seconds_bucket", "le=30.0"] == 4
    assert samples["contact_wait_seconds_bucket", "le=+Inf"] == 5
    assert samples["contact_wait_seconds_count",] == 5
    assert samples["contact_wait_seconds_sum",] == 9_055.556


def test_a_wait_that_is_corrected_never_lets_a_bucket_fall():
    worker = Worker()
    worker.count(waits(3_000))
    before = worker.samples()
    worker.count(waits(3_000, sign=-1))
    worker.count(waits(50_000))
    after = worker.samples()

    assert all(after[key] >= value for key, value in before.items())
    assert after["contact_wait_seconds_count",] == 1
    assert after["contact_wait_seconds_bucket", "le=5.0"] == 1


def test_a_queue_without_durations_has_no_histogram():
    worker = Worker()
    worker.count({P.OFFERED: 1})

    assert "contact_wait_seconds_bucket" not in worker.scrape()


# ── the pipeline's own ─────────────────────────────────────────────────────────────────────────────────────────────


def test_what_the_worker_counts_is_shown_under_its_declared_labels():
    stats = {
        "events_total": {("queue.entered", "applied"): 12, ("contact.ended", "late"): 1},
        "late_total": {(): 1},
        "lag_records": {("calls", "3"): 40},
        "source_delay_seconds": {("pbx",): 0.125},
        "event_to_view_seconds_sum": {(): 1.5},
        "event_to_view_seconds_count": {(): 12},
    }
    text = Worker(stats=[lambda: stats]).scrape()

    assert (
        text
        == """\
# HELP contact_streams_events_total Records by type and by what became of them.
# TYPE contact_streams_events_total counter
contact_streams_events_total{type="contact.ended",outcome="late"} 1
contact_streams_events_total{type="queue.entered",outcome="applied"} 12
# HELP contact_streams_late_total Events that came later than the lateness.
# TYPE contact_streams_late_total counter
contact_streams_late_total 1
# HELP contact_streams_lag_records Records that wait to be folded.
# TYPE contact_streams_lag_records gauge
contact_streams_lag_records{topic="calls",partition="3"} 40
# HELP contact_streams_source_delay_seconds Append time - event time of a source's last event, in its slowest partition.
# TYPE contact_streams_source_delay_seconds gauge
contact_streams_source_delay_seconds{source="pbx"} 0.125
# HELP contact_streams_event_to_view_seconds From an event's append to the views that hold it.
# TYPE contact_streams_event_to_view_seconds summary
contact_streams_event_to_view_seconds_sum 1.5
contact_streams_event_to_view_seconds_count 12
"""
    )


def test_what_stage_1_takes_back_never_lets_a_counter_fall():
    """An event that was counted as applied may turn out to be a duplicate when an earlier one arrives."""
    stats = {"events_total": {("queue.entered", "applied"): 5}, "lag_records": {("calls", "0"): 5}}
    worker = Worker(stats=[lambda: stats])
    worker.scrape()
    stats["events_total"] = {("queue.entered", "applied"): 4, ("queue.entered", "duplicate"): 1}
    stats["lag_records"] = {("calls", "0"): 4}
    samples = worker.samples()

    assert samples["contact_streams_events_total", "outcome=applied", "type=queue.entered"] == 5
    assert samples["contact_streams_lag_records", "partition=0", "topic=calls"] == 4


def test_a_snapshot_does_not_change_any_more():
    stats = {"late_total": {(): 1}}
    worker = Worker(view(live={"waiting": 1}), stats=[lambda: stats])
    worker.count({P.OFFERED: 1})
    snapshot = worker.sink.snapshot(NOW, worker.owned)
    before = worker.sink.render(snapshot)
    worker.owned[0].book.shown.clear()
    stats["late_total"][()] = 2
    worker.count({P.OFFERED: 1})

    assert worker.sink.render(snapshot) == before


def test_what_the_books_count_is_summed_over_all_there_ever_were():
    """Also those of partitions that are gone, or a counter would fall; delays only of those that are kept."""
    lost, kept = Counting(), Counting()
    for book in (lost, kept):
        book.stats.applied[QueueEntered] = 5
        book.stats.others.update({(QueueEntered, "late"): 1, (None, "rejected"): 2})
        book.stats.rejected.update({"not_json": 2})
        book.stats.clamped = 3
    lost.stats.source_delay_ms["pbx"] = 90_000
    kept.stats.source_delay_ms["pbx"] = 250
    stats = InputStats(lambda: [kept])
    stats.made(lost)
    stats.made(kept)
    samples = Worker(stats=[stats]).samples()

    assert samples["contact_streams_events_total", "outcome=applied", "type=queue.entered"] == 10
    assert samples["contact_streams_events_total", "outcome=rejected", "type="] == 4
    assert samples["contact_streams_rejected_total", "reason=not_json"] == 4
    assert samples["contact_streams_late_total",] == 2
    assert samples["contact_streams_clamped_total",] == 6
    assert samples["contact_streams_source_delay_seconds", "source=pbx"] == 0.25


def test_that_nothing_was_refused_yet_is_shown_so_that_the_first_of_it_is_an_increase():
    samples = Worker(stats=[InputStats(list)]).samples()

    assert samples["contact_streams_events_total", "outcome=rejected", "type="] == 0
    assert samples["contact_streams_events_total", "outcome=unknown", "type="] == 0


class Counting:
    """What a book of stage 1 counts."""

    def __init__(self):
        self.stats = Stats()


# ── a worker's scrape ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_scrape_from_another_thread_shows_what_is_owned_since_the_last_tick():
    worker = Worker(view(live={"waiting": 3}))
    worker.count({P.OFFERED: 1})
    sink, owned = worker.sink, worker.owned

    async def story():
        before = await asyncio.to_thread(sink.scrape)
        await sink.start()
        await sink.tick(NOW, owned)
        during = await asyncio.to_thread(sink.scrape)
        await sink.stop()
        return before, during, await asyncio.to_thread(sink.scrape)

    before, during, after = asyncio.run(story())

    assert b'contact_waiting{channel="voice",queue="billing"} 3\n' in during
    assert b'contact_offered_total{channel="voice",queue="billing"} 1\n' in during
    assert b"contact_" not in before + after
    assert b"process_cpu_seconds_total" in before


def test_a_tick_tells_the_counters_of_the_claim():
    worker = Worker()
    worker.on_delta = worker.counters.follow(0)
    worker.owned[0].claimed_at = NOW - 1
    worker.count({P.OFFERED: 1})
    asyncio.run(worker.sink.tick(NOW, worker.owned))

    assert worker.samples()["contact_offered_total",] == 1


# ── all of it ──────────────────────────────────────────────────────────────────────────────────────────────────────


def full():
    """Every KPI of the catalogue with a value, every counter and histogram."""
    live = {kpi.id: 1.5 for kpi in CATALOGUE if kpi.live}
    window = {kpi.id: 0.5 for kpi in CATALOGUE if not kpi.live}
    since = {kpi.id: NOW for kpi in CATALOGUE if kpi.kind == "live_age"}
    stats = {
        "events_total": {("queue.entered", "applied"): 1},
        "build_info": {("0.1", "3.11"): 1},
        "event_to_view_seconds_sum": {(): 0.5},
        "event_to_view_seconds_count": {(): 1},
        "last_flush_timestamp_seconds": {("calls", "0"): 1.79e9},
    }
    worker = Worker(view(live=live, windows={"5m": window}, since_ms=since), stats=[lambda: stats])
    worker.count(waits(1_000))
    return worker


@pytest.mark.promtool
def test_promtool_has_nothing_to_say():
    command = ["promtool", "check", "metrics"]
    check = subprocess.run(command, input=full().scrape(), capture_output=True, text=True, check=False)

    assert (check.returncode, check.stdout, check.stderr) == (0, "", "")


def test_every_kpi_with_a_value_is_in_the_scrape():
    text = full().scrape()
    families = {family.name for family in text_string_to_metric_families(text)}

    assert len(families) == text.count("# TYPE ")
    assert text.count("} 1.5\n") == sum(kpi.live for kpi in CATALOGUE)
    assert text.count("} 0.5\n") == sum(not kpi.live for kpi in CATALOGUE)


def test_no_sample_has_a_timestamp():
    samples = [line for line in full().scrape().splitlines() if not line.startswith("#")]

    assert samples
    assert all(len(line.rpartition("}")[2].split()) == 1 or "{" not in line for line in samples)
