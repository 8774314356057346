"""What stands in the topics: are their records events, do they come in now, and does the broker's clock agree."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, Final

from streams.config import Config
from streams.doctor.findings import CLOCKS_AGREE_MS, SET_CLOCKS, Finding
from streams.events.decode import EventDecoder, Rejected, Unknown
from streams.sources.kafka import Reader

SAMPLE: Final = 5
"""Records looked at, the last of each partition."""
RUNNING_MS: Final = 3_000
"""A worker that runs has written to its facts within this time."""


def events(config: Config, log: Reader) -> Iterator[Finding]:
    """Whether the last records of each source topic are events, and how old they are."""
    for topic in config.topics:
        name = config.kafka.topic(topic)
        yield _judged(config, topic, name, list(_last(log, name)))


def _judged(config: Config, topic: str, name: str, records: list[Any]) -> Finding:
    if not records:
        mending = "is the producer running, and does it write to this topic? `contact-streams produce` sends files"
        return Finding("events", "warning", f"{name} is empty", mending)
    age = timedelta(seconds=max(0, round(time.time() - max(record.timestamp for record in records) / 1000)))
    decoded = EventDecoder(config.max_record_bytes).decode(record.value for record in records)
    bad = [event for event in decoded if isinstance(event, Rejected | Unknown)]
    if bad:
        reasons = Counter(_reason(event) for event in bad)
        worst, _ = reasons.most_common(1)[0]
        text = f"{name}: {len(bad)} of the last {len(records)} records are no events: {worst}"
        return Finding("events", "failed", text, "contact-streams deadletters list; what is an event: docs/events.md")
    strangers = _strangers(config, topic, decoded)
    if strangers:
        text = f"{name} carries {', '.join(strangers)}, which `topics.{topic}` does not name"
        mending = f"add to the configuration: topics: {{{topic}: [{', '.join(strangers)}]}}"
        return Finding("events", "warning", text, mending)
    return Finding("events", "ok", f"{name}: the last {len(records)} records are events, the newest {age} old")


def _reason(event: Rejected | Unknown) -> str:
    return f"type {event.type!r} is not known" if isinstance(event, Unknown) else f"{event.reason} at {event.path}"


def _strangers(config: Config, topic: str, decoded: Iterable[Any]) -> list[str]:
    """Channels of contacts that the configuration does not expect in the topic."""
    expected = config.topics[topic]
    found = {event.channel for event in decoded if getattr(event, "channel", None) is not None}
    return sorted(found - set(expected)) if expected else []


def clock(config: Config, log: Reader) -> Iterator[Finding]:
    """Whether this machine's clock agrees with the broker's, as far as lately appended records tell."""
    names = [config.kafka.facts_topic, *map(config.kafka.topic, config.topics)]
    asked_ms = time.time() * 1000
    newest = max((record.timestamp for name in names for record in _last(log, name, 1)), default=None)
    if newest is None:
        yield Finding("clock", "skipped", "no record tells the broker's time yet")
        return
    age_ms = asked_ms - newest
    if age_ms < -CLOCKS_AGREE_MS:
        text = f"this machine's clock is at least {-age_ms / 1000:.1f} s behind the broker's"
        yield Finding("clock", "failed", text, SET_CLOCKS)
    elif age_ms <= RUNNING_MS:
        yield Finding("clock", "ok", f"the newest record is {age_ms / 1000:.1f} s old by this machine's clock")
    else:
        age = timedelta(seconds=round(age_ms / 1000))
        text = f"not known: the newest record is {age} old, or this machine's clock is ahead"
        yield Finding("clock", "skipped", text, "look again while a worker runs: it appends every second")


def _last(log: Reader, topic: str, count: int = SAMPLE) -> Iterator[Any]:
    """About the last records of each partition."""
    partitions = log.partitions(topic)
    for polled in log.tails([(topic, number) for number in range(partitions)], count) if partitions else ():
        yield from polled
