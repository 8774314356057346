"""The source topics as a file of canonical JSON Lines, with repaired records in the places of those that were wrong.

For `contact-streams replay`, or for a new app: `contact-streams produce`. A record stands where it stood in its
partition; one that came too late, or whose place is gone, where its time belongs. Partitions are merged by append time.
"""

import gzip
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from heapq import merge
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Final, NamedTuple, cast

import msgspec
from kafka.consumer.fetcher import ConsumerRecord

from streams.contacts.settings import FoldSettings
from streams.events.decode import EventDecoder
from streams.sources.deadletters import REPLAYED_FROM, Place, place_of
from streams.sources.kafka import Reader
from streams.sources.repairs import Judged, event_time

TOO_LATE: Final = "too_late"
"""Reason of letters whose records are right, but stand too far behind."""


class Line(NamedTuple):
    """A record of the log, in the order of a merge."""

    appended_at: int
    topic: str
    partition: int
    offset: int
    value: bytes


def write_repaired_log(
    reader: Reader, topics: Iterable[str], repairs: Iterable[Judged], settings: FoldSettings, out: Path
) -> int:
    """Write all records of the topics (Kafka names), repaired; returns how many there are. `.gz`: compressed.

    Keeps the repairs in memory, and the log in temporary files: as much space as it takes itself.
    """
    with TemporaryDirectory(prefix="contact-streams-") as folder, ExitStack() as files:
        spool = Spool(Path(folder), files)
        for records in reader.polled(topics):
            spool.add(records)
        corrections = spool.corrections(repairs)
        parts = {*spool.parts, *((place.topic, place.partition) for place in corrections)}
        streams = [Partition(part, spool.lines(part), corrections, settings).lines() for part in sorted(parts)]
        with _opened(out) as file:
            return _write(merge(*streams), file)


class Correction(NamedTuple):
    """What a record should have been."""

    value: bytes
    moves: bool
    """Whether its place is wrong too."""


class Spool:
    """The records of each partition in a file. What was sent again is left out: it corrects what it stands for."""

    def __init__(self, folder: Path, files: ExitStack) -> None:
        self.parts: dict[tuple[str, int], IO[bytes]] = {}
        self._folder = folder
        self._files = files
        self._sent_again: dict[Place, bytes] = {}
        """By the place that it stands for."""
        self._origins: dict[Place, Place] = {}
        """Where it stands → the place that it stands for."""
        self._encode = msgspec.json.Encoder().encode

    def add(self, records: Iterable[ConsumerRecord]) -> None:
        """Write records at the end of their partitions' files."""
        for record in records:
            origin = place_of(record.headers, REPLAYED_FROM)
            if origin is not None:
                self._sent_again[origin] = record.value or b""
                self._origins[Place(record.topic, record.partition, record.offset)] = origin
                continue
            line = (record.value or b"").replace(b"\r", b" ").replace(b"\n", b" ")  # white space, in JSON
            head = self._encode((record.timestamp, record.offset))
            self._file((record.topic, record.partition)).write(head + b"\t" + line + b"\n")

    def _file(self, part: tuple[str, int]) -> IO[bytes]:
        if part not in self.parts:
            path = self._folder / str(len(self.parts))
            self.parts[part] = self._files.enter_context(path.open("w+b"))
        return self.parts[part]

    def lines(self, part: tuple[str, int]) -> Iterator[Line]:
        """The records of a partition, in their order."""
        file = self.parts.get(part)
        if file is None:
            return
        file.seek(0)
        for line in file:
            head, _, value = line.rstrip(b"\n").partition(b"\t")
            appended_at, offset = msgspec.json.decode(head, type=tuple[int, int])
            yield Line(appended_at, *part, offset, value)

    def corrections(self, repairs: Iterable[Judged]) -> dict[Place, Correction]:
        """What was sent again, and the repairs that are right, each by the place it belongs to."""
        found = {place: Correction(value, moves=False) for place, value in self._sent_again.items()}
        for again in (judged.again for judged in repairs if judged.verdict != "wrong"):
            found[self._origin(again.letter.place)] = Correction(again.value, again.letter.reason == TOO_LATE)
        return found

    def _origin(self, place: Place) -> Place:
        while place in self._origins:
            place = self._origins[place]
        return place


class Partition:
    """The records of a partition: corrected in their places, and those without a place where their time belongs."""

    def __init__(
        self,
        part: tuple[str, int],
        lines: Iterator[Line],
        corrections: Mapping[Place, Correction],
        settings: FoldSettings,
    ) -> None:
        self._part = part
        self._settings = settings
        self._decoder = EventDecoder(settings.max_record_bytes)
        self._first = next(lines, None)
        self._rest = lines
        mine = {place.offset: corrected for place, corrected in corrections.items() if place[:2] == part}
        first = None if self._first is None else self._first.offset
        self._waiting = sorted(
            (self._time(value), offset, value)
            for offset, (value, moves) in mine.items()
            if moves or first is None or offset < first  # retention has deleted its place
        )
        """(event time, offset, value) of what is to be put where its time belongs."""
        moving = {offset for _, offset, _ in self._waiting}
        self._moving = moving
        self._in_place = {offset: corrected.value for offset, corrected in mine.items() if offset not in moving}

    def lines(self) -> Iterator[Line]:
        """In order. What waits goes before the first record that is later: there it is not late."""
        last = Line(self._waiting[0][0] if self._waiting else 0, *self._part, 0, b"")
        for line in [] if self._first is None else chain([self._first], self._rest):
            last = line
            if line.offset in self._moving:
                continue
            value = self._in_place.get(line.offset, line.value)
            yield from self._due(line, event_time(self._decoder, value, line.appended_at, self._settings))
            yield line._replace(value=value)
        for _, _, value in self._waiting:
            yield last._replace(value=value)

    def _due(self, line: Line, at: int | None) -> Iterator[Line]:
        """What belongs before the line, as if it had been appended when it happened: a heartbeat of another partition,
        which a replay tells every book, must not come before it.
        """
        while self._waiting and at is not None and self._waiting[0][0] < at:
            time, _, value = self._waiting.pop(0)
            yield line._replace(appended_at=min(line.appended_at, time), value=value)

    def _time(self, value: bytes) -> int:
        return event_time(self._decoder, value, None, self._settings) or 0


def _opened(out: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(out, "wb")) if out.suffix == ".gz" else out.open("wb")


def _write(lines: Iterable[Line], file: IO[bytes]) -> int:
    count = 0
    for count, line in enumerate(lines, 1):  # noqa: B007 - told at the end
        file.write(_stamped(line.value, line.appended_at) + b"\n")
    return count


def _stamped(value: bytes, appended_at: int) -> bytes:
    """The line with its append time, if it is a JSON object; of two that it says, the last counts."""
    try:
        fields = msgspec.json.decode(value, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return value
    comma = b"," if fields else b""
    return value.rstrip()[:-1] + comma + b'"_ts":%d}' % appended_at
