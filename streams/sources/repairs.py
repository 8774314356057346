"""What may be sent again of repaired dead letters, and where: a record that is still wrong, or too late, is not."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal, NamedTuple

from streams.contacts.settings import FoldSettings
from streams.errors import ConnectionFailed
from streams.events.decode import EventDecoder, Rejected, Unknown
from streams.sources.deadletters import Again, Letter
from streams.sources.kafka import Reader
from streams.sources.routing import Route, Router, partition_of

TAIL: Final = 500
"""So many of a partition's last records tell how far its event times have come."""

Verdict = Literal["in_time", "too_late", "wrong"]


class Repair(NamedTuple):
    """A letter and what its record should have been."""

    letter: Letter
    value: bytes


class Judged(NamedTuple):
    """What may become of a repair."""

    again: Again
    verdict: Verdict
    """`wrong`: it would be a dead letter again."""
    detail: str
    """What is wrong, or how late it is."""
    at: int
    """Event time, epoch ms; 0 of what is wrong."""


class Judge:
    """Judges repairs as the worker would, as things stand in Kafka now."""

    def __init__(
        self, reader: Reader, router: Router, settings: FoldSettings, kafka_name: Callable[[str], str]
    ) -> None:
        """`kafka_name`: of a logical topic."""
        self._reader = reader
        self._router = router
        self._settings = settings
        self._kafka_name = kafka_name
        self._decoder = EventDecoder(settings.max_record_bytes)

    def judge(self, repairs: Iterable[Repair]) -> list[Judged]:
        """Each in its turn. Reads the ends of the partitions that they belong to. Raises ConnectionFailed."""
        judged = [self._decoded(repair) for repair in repairs]
        behind = self._watermarks({place_in(each.again) for each in judged if each.verdict != "wrong"})
        return [self._timed(each, behind.get(place_in(each.again), 0)) for each in judged]

    def _decoded(self, repair: Repair) -> Judged:
        again = self._addressed(repair)
        event = self._decoder.decode([repair.value])[0]
        if isinstance(event, Rejected):
            return Judged(again, "wrong", f"{event.reason} {event.path}: {event.message}", 0)
        if isinstance(event, Unknown):
            return Judged(again, "wrong", f"unknown $.type: type {event.type[:100]!r} is not known", 0)
        assert isinstance(event.time, int)  # decoding has made it one
        return Judged(again, "in_time", "", event.time)

    def _addressed(self, repair: Repair) -> Again:
        """Where its record stood, with its key; but by its own name where it had no key, or names another now."""
        letter, route = repair.letter, self._router.route(repair.value)
        place, key = letter.place, letter.key
        moved = key is not None and key == self._router.route(letter.value).key != route.key
        if (key is not None and not moved) or route.key is None:
            return Again(letter, place.topic, place.partition, key, repair.value)
        topic = place.topic if moved else self._topic_of(route)
        return Again(letter, topic, partition_of(route.key, self._partitions(topic)), route.key, repair.value)

    def _topic_of(self, route: Route) -> str:
        return self._kafka_name(route.topics[0])

    def _partitions(self, topic: str) -> int:
        count = self._reader.partitions(topic)
        if not count:
            raise ConnectionFailed(f"Kafka has no topic {topic}", hint="run `contact-streams topics create`")
        return count

    def _watermarks(self, parts: set[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """The largest event time near the end of each partition, clamped as the fold clamps it; epoch ms."""
        for topic, _ in parts:
            self._partitions(topic)
        reached: dict[tuple[str, int], int] = {}
        for records in self._reader.tails(sorted(parts), TAIL) if parts else ():
            for record in records:
                at = event_time(self._decoder, record.value, record.timestamp, self._settings)
                part = record.topic, record.partition
                reached[part] = max(reached.get(part, 0), at or 0)
        return reached

    def _timed(self, judged: Judged, watermark: int) -> Judged:
        late_ms = watermark - judged.at
        if judged.verdict == "wrong" or late_ms <= self._settings.lateness_ms:
            return judged
        allowed_s = self._settings.lateness_ms // 1000
        return judged._replace(verdict="too_late", detail=f"{late_ms // 1000} s behind, {allowed_s} s are allowed")


def place_in(again: Again) -> tuple[str, int]:
    """The partition that it belongs to."""
    return again.topic, again.partition


def event_time(
    decoder: EventDecoder, value: bytes | None, appended_at: int | None, settings: FoldSettings
) -> int | None:
    """The time that the fold sees, epoch ms; None: it is no event."""
    event = decoder.decode([value])[0]
    if isinstance(event, Rejected | Unknown):
        return None
    at = event.time
    assert isinstance(at, int)  # decoding has made it one
    return appended_at if appended_at is not None and at > appended_at + settings.clock_ahead_ms else at


def in_batches(records: Sequence[Again], size: int) -> Iterable[Sequence[Again]]:
    """At most `size` at a time, in their order."""
    return (records[start : start + size] for start in range(0, len(records), size))
