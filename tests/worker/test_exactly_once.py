"""Whatever happens to a worker, each record counts once: in memory, in Kafka, and in what comes after."""

import signal
import time

import pytest

from tests.worker.rig import open_transaction, wait_until

pytestmark = pytest.mark.kafka


def test_each_record_counts_once(bench):
    bench.send(2_000)
    worker = bench.worker()
    bench.wait_for_totals(worker)
    bench.send(1_000)
    bench.wait_for_totals(worker)

    assert bench.each_once()


def test_a_restarted_worker_goes_on_where_the_last_flush_was(bench):
    worker = bench.worker()
    bench.send(2_000)
    bench.wait_for_totals(worker)
    tokens = {partition: shown["token"] for partition, shown in worker.shown().items()}
    worker.signal(signal.SIGTERM)

    assert worker.wait(10) == 0

    bench.send(500)
    worker = bench.worker()
    bench.wait_for_totals(worker)

    assert bench.each_once()
    assert all(shown["token"] > tokens[partition] for partition, shown in worker.shown().items())


def test_what_lag_tools_see_is_what_was_folded(bench):
    """The group's offsets come from the flushes alone: Faust, which would commit too, also at its end, has none."""
    worker = bench.worker()
    for count in (4, 400):  # the first chunk ends where the log begins: from there Faust would see a gap
        bench.send(count)
        bench.wait_for_totals(worker)
    worker.signal(signal.SIGTERM)

    assert worker.wait(10) == 0
    assert bench.committed() == {0: 101, 1: 101, 2: 101, 3: 101}


def test_killed_in_the_middle(bench):
    """SIGKILL while records flow: the next worker aborts the open transaction and folds again what it held."""
    bench.send(20_000)
    worker = bench.worker(TOY_SLOW="1")
    for _ in range(3):
        bench.wait_for_ready(worker)
        shown = bench.totals(worker)
        while bench.totals(worker) == shown != (bench.sent, bench.sent_sum):
            time.sleep(0.02)
        worker.kill()
        bench.send(10_000)
        worker = bench.worker(TOY_SLOW="1")
    bench.wait_for_totals(worker)

    assert bench.each_once()


def test_a_sleeper_past_its_session_changes_nothing(bench):
    """SIGSTOP past the session timeout: another takes over; what the sleeper still wants to write never shows."""
    sleeper = bench.worker()
    bench.send(5_000)
    bench.wait_for_totals(sleeper)
    other = bench.worker()
    bench.wait_for_ready(sleeper, other)
    bench.send(30_000)
    sleeper.signal(signal.SIGSTOP)
    bench.send(5_000)
    bench.wait_for_totals(other)
    sleeper.signal(signal.SIGCONT)
    bench.send(5_000)
    # The sleeper may answer as if nothing were, before it learns that it is out.
    bench.wait_for_totals_of_the_living(sleeper, other)

    assert bench.each_once()
    assert other.ended() is None
    assert sleeper.ended() in (None, 1)


def test_two_workers_share_and_one_leaves(bench):
    """SIGTERM: exit 0 within 10 s, and the other one takes over without a loss, keeping what it had."""
    first = bench.worker()
    bench.wait_for_ready(first)
    second = bench.worker()
    bench.wait_for_ready(first, second)
    bench.send(4_000)
    bench.wait_for_totals(first, second)
    shares = first.shown().keys(), second.shown().keys()
    tokens = {partition: shown["token"] for partition, shown in second.shown().items()}
    bench.send(20_000)
    first.signal(signal.SIGTERM)

    assert first.wait(10) == 0

    bench.wait_for_totals(second)

    assert shares[0] | shares[1] == {"0", "1"}
    assert bench.each_once()
    assert {partition: second.shown()[partition]["token"] for partition in tokens} == tokens


def test_volume_under_back_pressure(bench):
    """More than all buffers hold, read by a slow fold: partitions pause and resume, nothing is lost on the way."""
    bench.send(300_000)
    worker = bench.worker(TOY_SLOW="1")
    bench.wait_for_totals(worker)

    assert bench.each_once()


def test_drains_that_take_long_let_no_transaction_time_out(bench):
    """Every partition is far behind; to drain them all takes longer than Kafka lets a transaction be open."""
    bench.send(80_000)
    worker = bench.worker(TOY_DRAINS="2.5")
    bench.wait_for_totals(worker)

    assert bench.each_once()
    assert "ProducerFenced" not in bench.logs()


def test_a_chunk_lost_on_the_way_is_fetched_again(bench):
    """Every third chunk vanishes between fetch and fold: the gap in their numbers sends the consumer back."""
    bench.send(100_000)
    worker = bench.worker(TOY_LOSES="3")
    bench.wait_for_totals(worker)

    assert bench.each_once()
    assert "lost on the way" in bench.logs()


def test_the_last_chunk_lost_is_missed_too(bench):
    """No later chunk shows the gap: what was handed over and never folded is fetched again after a while."""
    worker = bench.worker(TOY_LOSES="1", TOY_LOSES_AT_MOST="4")
    bench.wait_for_ready(worker)
    bench.send(100)
    bench.wait_for_totals(worker)

    assert bench.each_once()


def test_a_wall_clock_that_is_set_changes_nothing(bench):
    """An hour ahead, then an hour behind: what is shown goes by the broker's clock, and says that it is caught up."""
    worker = bench.worker(TOY_CLOCK="1")
    bench.wait_for_ready(worker)
    for _ in range(3):
        bench.send(200)
        bench.wait_for_totals(worker)
        wait_until(
            lambda: all_caught_up(worker) and right_time(worker), 40, lambda: f"{worker.shown()}\n{bench.logs()}"
        )
        time.sleep(2)

    assert bench.each_once()


def all_caught_up(worker) -> bool:
    """Whether the progress of all four partitions says so."""
    progress = [source for part in worker.shown().values() for source in part["progress"].values()]
    return len(progress) == 8 and all(caught_up for _, _, caught_up, _, _ in progress)


def right_time(worker) -> bool:
    """Whether what it shows is of now, give or take what a busy machine takes."""
    return all(abs(part["now"] - time.time() * 1000) < 20_000 for part in worker.shown().values())


def test_behind_an_open_transaction_of_a_stranger_nothing_counts_until_it_ends(bench):
    """Of a dead peer: its partition waits, the others go on; when Kafka has aborted it all that is behind counts."""
    worker = bench.worker()
    bench.wait_for_ready(worker)
    with open_transaction(bench, "calls", partition=0):
        bench.send(400)
        wait_until(lambda: bench.totals(worker)[0] == 300, 40, bench.logs)

        assert worker.ready()

    bench.wait_for_totals(worker)

    assert bench.each_once()
