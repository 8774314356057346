"""Bytes of state per open contact, queue and window: in memory and in the changelog.

    python -m benchmarks.memory [--contacts 100000] [--only 'waiting call']

What resident memory grows by while contacts begin, and after a restart; each measurement in a process of its own.
"""

import argparse
import gc
import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from streams.books import META_KEY, Book, Flush, MemoryRecord, Reading
from streams.contacts.book import ContactBook
from streams.contacts.settings import FoldSettings, TargetRule
from streams.windows.book import ViewBook
from streams.windows.settings import WindowSettings

NOW = 1_790_000_000_000
BATCH = 2_000
CAUGHT_UP = Reading(caught_up=True, lag=0)
PAGE = os.sysconf("SC_PAGE_SIZE")
TARGETS = (TargetRule("first_reply", 3_600_000), TargetRule("resolution", 172_800_000))

Event = dict[str, Any]


def call(n: int) -> Iterator[Event]:
    """A call that waits."""
    yield {"type": "queue.entered", "channel": "voice", "queue": f"queue {n % 100}", "time": NOW + n % 1_000}


def talking(n: int) -> Iterator[Event]:
    """A call that an agent has answered."""
    yield from call(n)
    agent = {"queue": f"queue {n % 100}", "agent": f"agent {n % 500}"}
    yield {"type": "agent.connected", "channel": "voice", **agent, "time": NOW + 10_000 + n % 1_000}


def conversation(n: int) -> Iterator[Event]:
    """A chat that an agent has answered, of ten messages."""
    for event in talking(n):
        yield {**event, "channel": "chat"}
    for turn in range(10):
        author = ("customer", "agent")[turn % 2]
        yield {
            "type": "message.added",
            "channel": "chat",
            "author": author,
            "time": NOW + 11_000 + 500 * turn + n % 500,
        }


def ticket(n: int) -> Iterator[Event]:
    """A ticket that is open, with two targets."""
    created = {"queue": f"queue {n % 100}", "priority": ("low", "normal", "high")[n % 3]}
    yield {"type": "ticket.created", "channel": "ticket", **created, "time": NOW + n % 1_000}


def old_ticket(n: int) -> Iterator[Event]:
    """The same, whose last event is beyond the horizon."""
    yield from ticket(n)


CASES: dict[str, tuple[Callable[[int], Iterator[Event]], int]] = {
    "waiting call": (call, 0),
    "waiting call, a minute later": (call, 120_000),
    "answered call": (talking, 0),
    "conversation of ten messages": (conversation, 0),
    "conversation, a minute later": (conversation, 120_000),
    "open ticket, two targets": (ticket, 0),
    "open ticket, an hour later": (old_ticket, 3_600_000),
}
"""Name → what a contact's events are, and how far the clock goes on afterwards, ms."""


def lines_of(name: str, contacts: int) -> Iterator[bytes]:
    """The log of a case."""
    events, later_ms = CASES[name]
    encode = json.JSONEncoder().encode
    for n in range(contacts):
        for k, event in enumerate(events(n)):
            yield encode({"v": 1, "id": f"{n}-{k}", "contact": f"contact {n:09d}", **event}).encode()
    if later_ms:
        beat = {"v": 1, "id": "beat", "type": "heartbeat", "time": NOW + later_ms, "source": "pbx"}
        yield encode(beat).encode()


def flushes(book: Book, log: Iterator[bytes]) -> Iterator[Flush]:
    """Fold the log, a flush after each batch, as a worker that keeps up."""
    offset = 0
    while batch := list(islice(log, BATCH)):
        book.fold([MemoryRecord(offset + k, None, None, line) for k, line in enumerate(batch)])
        offset += len(batch)
        yield book.drain(CAUGHT_UP)


def facts_of(name: str, contacts: int) -> Iterator[list[MemoryRecord]]:
    """What stage 2 reads in a case."""
    offset = 0
    for flush in flushes(contact_book(), lines_of(name, contacts)):
        facts = [output for output in flush.outputs if output.topic == "facts"]
        yield [MemoryRecord(offset + k, None, fact.key, fact.value) for k, fact in enumerate(facts)]
        offset += len(facts)


def contact_book() -> ContactBook:
    return ContactBook("calls", 0, FoldSettings(ticket_targets=TARGETS))


def resident() -> int:
    """Bytes of this process that lie in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE


# --- one measurement, in a process that does nothing else ---


def stage_1(name: str, contacts: int) -> dict[str, float]:
    """Stage 1 while contacts begin."""
    book = contact_book()
    begin = _warm(book)
    for _ in flushes(book, lines_of(name, contacts)):
        pass
    return {"bytes": (resident() - begin) / contacts}


def _warm(book: Book) -> int:
    """Resident memory once all code that a case needs has run."""
    for _ in flushes(contact_book(), lines_of("conversation of ten messages", 1_000)):
        pass
    assert book.offset == 0
    return resident()


def stage_1_rows(name: str, contacts: int) -> dict[str, float]:
    """Its changelog."""
    sizes: dict[bytes, int] = {}
    for flush in flushes(contact_book(), lines_of(name, contacts)):
        _measure(sizes, flush)
    return {"bytes": sum(sizes.values()) / contacts}


def _measure(sizes: dict[bytes, int], flush: Flush) -> None:
    sizes.update((key, 0 if value is None else len(key) + len(value)) for key, value in flush.rows.items())


def stage_1_restored(name: str, contacts: int) -> dict[str, float]:
    """Stage 1 after a restart, and the time that takes. The rows come from a file."""
    with NamedTemporaryFile() as file:
        _spool(Path(file.name), "rows", name, contacts)
        book = contact_book()
        begin, began = _warm(book), time.perf_counter()
        book.restore(_spooled(Path(file.name)))
        seconds = time.perf_counter() - began
        return {"bytes": (resident() - begin) / contacts, "us": 1e6 * seconds / contacts}


def _spool(file: Path, what: str, name: str, contacts: int) -> None:
    """In another process: what it needs for that must not be there for what is measured here."""
    command = [*COMMAND, "--only", name, "--part", what, "--contacts", str(contacts)]
    with file.open("wb") as out:
        subprocess.run(command, check=True, stdout=out)


def _spooled(file: Path) -> Iterator[Any]:
    with file.open("rb") as items:
        while items.peek(1):
            yield pickle.load(items)


def rows(name: str, contacts: int) -> Iterator[tuple[bytes, bytes]]:
    """The live rows of stage 1's changelog."""
    live: dict[bytes, bytes] = {}
    for flush in flushes(contact_book(), lines_of(name, contacts)):
        live |= {key: value for key, value in flush.rows.items() if value is not None}
        live[META_KEY] = flush.meta
    yield from live.items()


def stage_2(name: str, contacts: int) -> dict[str, float]:
    """Stage 2 while contacts begin."""
    with NamedTemporaryFile() as file:
        _spool(Path(file.name), "facts", name, contacts)
        book = ViewBook(0, WindowSettings())
        begin = resident()
        for batch in _spooled(Path(file.name)):
            book.fold(batch)
            book.drain(CAUGHT_UP)
        return {"bytes": (resident() - begin) / contacts}


SPOOLS = {"rows": rows, "facts": facts_of}
PARTS = {"stage 1": stage_1, "its changelog": stage_1_rows, "restored": stage_1_restored, "stage 2": stage_2}
COMMAND = [sys.executable, "-m", "benchmarks.memory"]


def measured(name: str, contacts: int) -> dict[str, Any]:
    """Everything of a case; each part in a process of its own."""
    found: dict[str, Any] = {}
    for part in PARTS:
        command = [*COMMAND, "--contacts", str(contacts), "--only", name, "--part", part]
        found[part] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def main() -> None:
    """Run the cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--only", choices=CASES, help="one case")
    parser.add_argument("--part", choices=[*PARTS, *SPOOLS], help="one measurement of it, in this process")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.part in SPOOLS:
        for item in SPOOLS[asked.part](asked.only, asked.contacts):
            pickle.dump(item, sys.stdout.buffer)
    elif asked.part:
        print(json.dumps(PARTS[asked.part](asked.only, asked.contacts)))
    else:
        cases = [asked.only] if asked.only else list(CASES)
        _show(((name, measured(name, asked.contacts)) for name in cases), asked)


def _show(found: Iterator[tuple[str, dict[str, Any]]], asked: argparse.Namespace) -> None:
    """Each case as it comes."""
    if not asked.json:
        print(f"{asked.contacts} contacts at once; bytes per contact, in memory and in the changelog\n")
        print("| open contact | stage 1 | changelog | restored | µs to restore | stage 2 |")
        print("|---|---|---|---|---|---|")
    for name, parts in found:
        restored = parts["restored"]
        numbers = [parts["stage 1"]["bytes"], parts["its changelog"]["bytes"], restored["bytes"], restored["us"]]
        cells = " | ".join(f"{number:.0f}" for number in [*numbers, parts["stage 2"]["bytes"]])
        line = (
            json.dumps({"contacts": asked.contacts, "case": name, **parts}) if asked.json else f"| {name} | {cells} |"
        )
        print(line, flush=True)


if __name__ == "__main__":
    main()
