"""A dead letter that is repaired within `lateness` mends live numbers, once; a restored worker says the same."""

import json

import pytest

from tests.end_to_end.shown import now_ms
from tests.end_to_end.test_bad_input import Writer

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


def offered(bench) -> float:
    """Of the queue `billing` in an hour; 0 while nothing is shown of it."""
    return float(bench.hashes().get("billing", {}).get("offered:60m", 0))


def test_a_repaired_record_counts_live_and_once(bench, tmp_path):
    (worker,) = bench.ready_workers(1)
    writer = Writer(now_ms())
    wrong = writer.event(type="queue.enterd")
    bench.produce([writer.line(), json.dumps(wrong).encode()])
    bench.wait(lambda: offered(bench) == 1 and len(bench.records("deadletters")) == 1, 60, "one counts, one does not")

    (line,) = bench.command("deadletters", "list", "--json").stdout.splitlines()
    letter = json.loads(line)
    letter["event"]["type"] = "queue.entered"
    edited = tmp_path / "letters.jsonl"
    edited.write_text(json.dumps(letter), encoding="utf-8")
    done = bench.command("deadletters", "replay", "--edited", edited)
    assert (done.returncode, done.stdout) == (0, "1 letters: 1 sent\n"), done.stderr
    bench.wait(lambda: offered(bench) == 2, 60, "both count")

    # Once more, by hand and past the receipt: the worker knows its id.
    assert bench.command("deadletters", "replay", "--edited", edited).stdout == "1 letters: 1 sent_before\n"
    bench.command("deadletters", "replay", "--edited", edited, "--again")
    bench.wait(lambda: bench.outcomes() == {"applied": 2, "duplicate": 1, "unknown": 1}, 60, "the third is a duplicate")
    bench.wait(worker.ready, 60, "markers of transactions hold nothing up")

    worker.kill()
    bench.ready_workers(1)
    bench.wait(lambda: offered(bench) == 2, 60, "after a restore it is the same")
