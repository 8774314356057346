"""A contact whose state is larger than the largest record of Kafka: a new owner must find all of it."""

import pytest

from tests.end_to_end.shown import now_ms
from tests.end_to_end.test_bad_input import Writer

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

MESSAGES = 6_000
ID_BYTES = 200


def test_the_messages_of_one_contact_survive_a_change_of_owner(bench):
    (worker,) = bench.ready_workers(1)
    writer = Writer(now_ms() - 20_000)
    contact = {"channel": "chat", "contact": "endless"}
    lines = [writer.line(type="queue.entered", **contact)]
    lines += [
        writer.line(
            type="message.added", author="customer", id=f"{number:0{ID_BYTES}}", time=writer.now + number, **contact
        )
        for number in range(MESSAGES)
    ]
    done = bench.produce(lines)
    assert done.returncode == 0, done.stderr
    bench.wait(lambda: bench.outcomes() == {"applied": len(lines)}, 120, f"all are applied, but {bench.outcomes()}")
    bench.wait(worker.ready, 60, "all is flushed")

    worker.kill()
    bench.ready_workers(1)
    bench.produce(lines)
    bench.wait(lambda: bench.outcomes() == {"duplicate": len(lines)}, 120, "the new owner knows every one of them")
