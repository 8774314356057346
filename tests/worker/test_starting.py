"""What a worker checks before it counts anything, and what it says when something does not fit."""

import signal

import pytest

from streams.books import META_KEY
from streams.worker import changelog
from tests.servers import mock_kafka
from tests.worker.rig import rig, wait_until


def _end_of(worker, bench) -> str:
    """What the worker wrote until it ended with exit code 1."""
    wait_until(lambda: worker.ended() is not None, 40, bench.logs)

    assert worker.ended() == 1

    return bench.logs()


@pytest.mark.kafka
def test_a_topic_that_does_not_exist_is_an_error(brokers, tmp_path):
    with rig(brokers, "nothing-there", tmp_path) as bench:
        said = _end_of(bench.worker(), bench)

    assert "nothing-there.calls" in said
    assert "contact-streams topics create" in said


@pytest.mark.kafka
def test_facts_that_were_deleted_before_they_were_folded_are_fatal(bench):
    worker = bench.worker()
    bench.send(2_000)
    bench.wait_for_totals(worker)
    worker.kill()
    bench.append_facts(partition=0, count=10)
    bench.delete_all(bench.facts, 0)
    said = _end_of(bench.worker(), bench)
    if "was not folded yet" not in said:
        # A busy broker may end it first, in a flush that takes too long: it is started again, as by a supervisor.
        said = _end_of(bench.worker(), bench)

    assert "was not folded yet" in said, said
    assert "new app name" in said


@pytest.mark.kafka
def test_a_state_that_another_version_wrote_is_refused(bench):
    bench.send(100)
    worker = bench.worker()
    bench.wait_for_totals(worker)
    worker.kill()
    unknown = changelog.Meta(changelog.FORMAT + 1, 4, 0, b"")
    bench.append(bench.topic(f"{bench.app}-state-calls"), 0, META_KEY, changelog.encode_meta(unknown))
    said = _end_of(bench.worker(), bench)

    assert "state-calls, partition 0, was written by another version" in said
    assert "new app name" in said


@pytest.mark.kafka
def test_another_number_of_partitions_is_refused(bench):
    """A contact's events would be in two partitions: the state of neither would be right."""
    bench.send(100)
    worker = bench.worker()
    bench.wait_for_totals(worker)
    worker.kill()
    bench.add_partition(bench.topic("calls"), 5)
    of_topic = _end_of(bench.worker(), bench)
    bench.add_partition(bench.topic(f"{bench.app}-state-calls"), 5)
    of_state = _end_of(bench.worker(), bench)

    assert "has 4 partitions, its input" in of_topic
    assert "never delete a state topic alone" in of_topic
    assert "has 5 partitions, but the state was written when it had 4" in of_state
    assert "new app name" in of_state


@pytest.mark.kafka
def test_source_records_lost_by_retention_are_said_and_passed_over(bench):
    worker = bench.worker()
    bench.send(1_000)
    bench.wait_for_totals(worker)
    worker.signal(signal.SIGTERM)

    assert worker.wait(10) == 0

    bench.send(400)
    bench.delete_all(bench.topic("calls"), 1)
    worker = bench.worker()
    wait_until(lambda: bench.totals(worker)[0] == 1_300, 40, bench.logs)

    assert "100 records were deleted before they were folded" in bench.logs()


@pytest.mark.kafka
def test_folded_facts_are_deleted(bench):
    worker = bench.worker()
    bench.send(1_000)
    bench.wait_for_totals(worker)
    wait_until(lambda: bench.first_offset(bench.facts, 0) > 0, 20, bench.logs)

    assert worker.ready()


def test_a_mock_cluster_is_enough_for_a_demo(tmp_path):
    """No CreateTopics, no fencing, no offsets, markers without checksum: the meta record is what a restore trusts."""
    with mock_kafka() as address, rig(address, "demo", tmp_path) as bench:
        bench.touch_topics()
        bench.send(1_000)
        worker = bench.worker(TOY_MOCK="1")
        bench.wait_for_totals(worker)
        wait_until(lambda: any_caught_up(worker), 20, bench.logs)
        worker.signal(signal.SIGTERM)

        assert worker.wait(10) == 0

        bench.send(500)
        worker = bench.worker(TOY_MOCK="1")
        bench.wait_for_totals(worker)


def any_caught_up(worker) -> bool:
    """Whether any partition of the source says so."""
    progress = [source for part in worker.shown().values() for source in part["progress"].values()]
    return any(caught_up for _, _, caught_up, _, _ in progress)
