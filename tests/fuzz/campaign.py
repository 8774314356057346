"""Goes on for as long as it is told, guided by which code of `streams` the records reach.

python -m tests.fuzz.campaign decode --seconds 120     any lines: decoder and router
python -m tests.fuzz.campaign fold --seconds 120       logs as `records` makes them: both stages, killed and restored

What brings it to its end is written to `.fuzz/`, printed, and the exit code is not 0. Lines that reached new code are
kept there for the next time.
"""

import argparse
import json
import random
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["streams"]):
    from streams.events.decode import EventDecoder, Rejected, Unknown
    from streams.sources.routing import Router
    from tests.fuzz import survival

import msgspec
from hypothesis import HealthCheck, given, settings

from tests.fuzz.records import NOW, RIGHT, logs, written

KEPT = Path(".fuzz")
TOPICS = {"calls": ["voice"], "chats": ["chat"], "tickets": ["ticket", "email"], "agents": [], "surveys": []}
LARGEST = 262_144


def decode(data: bytes) -> None:
    """Each line is exactly one thing, and what is an event can be stored."""
    lines = data.split(b"\n")
    decoded = EventDecoder(LARGEST).decode(lines)
    router = Router(TOPICS)
    assert len(decoded) == len(lines)
    for line, event in zip(lines, decoded, strict=True):
        route = router.route(line)
        assert route.topics
        if isinstance(event, Rejected):
            assert event.path.startswith("$")
            assert event.reason
            json.dumps([event.reason, event.path, event.message]).encode()
        elif not isinstance(event, Unknown):
            assert isinstance(event.time, int)
            msgspec.msgpack.encode(event)


@settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(logs)
def fold(log: list) -> None:
    """What must hold of every log does hold."""
    survival.survives(log)


TARGETS = {"decode": decode, "fold": fold.hypothesis.fuzz_one_input}


def events(folder: Path) -> None:
    """Some events to begin with."""
    base = {"v": 1, "id": "1", "time": NOW, "channel": "voice", "contact": "c", "queue": "q1", "agent": "a"}
    more = {"by": "agent", "kind": "csat", "score": 3, "state": "break", "author": "agent", "reason": "key",
            "source": "pbx", "customer": "x", "amount": 1, "count": 2, "sentiment": "neutral"}  # fmt: skip
    assert set(base) | set(more) <= {*RIGHT, "v"}
    for kind in ("queue.entered", "agent.state", "survey.answered", "order.placed", "heartbeat", "ticket.updated"):
        (folder / kind).write_bytes(written({**base, **more, "type": kind}))


def draws(folder: Path) -> None:
    """What logs are drawn from: bytes that mean nothing, enough for long ones."""
    for number in range(20):
        (folder / f"draws {number}").write_bytes(random.Random(number).randbytes(256 << number % 5))


SEEDS = {"decode": events, "fold": draws}


def main() -> None:
    """Run one target; libFuzzer ends the process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=120)
    asked = parser.parse_args()
    corpus = KEPT / asked.target
    corpus.mkdir(parents=True, exist_ok=True)
    SEEDS[asked.target](corpus)
    flags = [
        f"-max_total_time={asked.seconds}",
        "-max_len=4096",
        "-len_control=0",
        f"-artifact_prefix={KEPT}/",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *flags, str(corpus)], TARGETS[asked.target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
