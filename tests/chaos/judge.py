"""Judges a run: one process folds the same log again, and everything must be as it says, bit for bit.

- `visits`, as whoever reads only what is committed reads it;
- the state that the workers have stored: every contact, every interval's totals, every open row;
- every look at Redis that showed something as live: it was right as of its own instant;
- fencing tokens in Redis: none was followed by a smaller one.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from streams.books import MemoryRecord
from streams.config import Config, load
from streams.contacts.book import ContactBook
from streams.facts.wire import Dimension, encode
from streams.windows.book import ViewBook
from tests.chaos.centres import TOPICS
from tests.chaos.kafka_log import KafkaLog, Stored
from tests.chaos.replayed import Log, Replayed
from tests.chaos.samples import Line, Sample
from tests.end_to_end.centre import Centre

Published = tuple[bytes | None, bytes | None]
"""Key and value of a visit."""

States = Mapping[str, Mapping[int, Stored]]
"""Logical topic → partition → what is stored of it."""
NO_STATE: Final = Stored([], 0)

SHOWN: Final = 20
"""So many findings of a kind are kept."""


class Visits(NamedTuple):
    """What of `visits` is not as it should be, with when it was due or appended (epoch ms)."""

    expected: int
    lost: Sequence[tuple[int, Published]]
    doubled: Sequence[tuple[int, Published]]
    """There once more than they should be; or there, and should not be at all."""


@dataclass
class Verdict:
    """What was found. `wrong` is empty where every guarantee held and the run came to its end."""

    unfinished: str | None = None
    """What did not come about in time at the end: all is folded and shown. It says nothing of the guarantees."""
    records: int = 0
    seconds: float = 0.0
    """From the first record to the last."""
    visits: Visits = field(default_factory=lambda: Visits(0, (), ()))
    states: list[str] = field(default_factory=list)
    totals: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    samples: list[str] = field(default_factory=list)
    dead_letters: int = 0
    refused: int = 0
    looks: Counter[str] = field(default_factory=Counter)
    """Samples by what became of them: `right`, `wrong`, `marked` as not live, `undecided`."""
    values: int = 0
    """Single values of Redis that were compared."""
    compared_totals: int = 0
    """Bags of intervals and rows that were compared."""

    @property
    def wrong(self) -> list[str]:
        """All that is not as it should be."""
        return [*([] if self.unfinished is None else [self.unfinished]), *self.broken]

    @property
    def broken(self) -> list[str]:
        """A line for each guarantee that did not hold."""
        lost, doubled = self.visits.lost, self.visits.doubled
        found = [
            *([f"{len(lost)} visits lost: {lost[:3]}"] if lost else []),
            *([f"{len(doubled)} visits doubled: {doubled[:3]}"] if doubled else []),
            *([f"{self.refused} events that Kafka did not take"] if self.refused else []),
            *([f"{self.dead_letters} dead letters"] if self.dead_letters else []),
        ]
        return [*found, *self.states, *self.totals, *self.tokens, *self.samples]


def judge(centre: Centre, samples: Sequence[Sample], refused: int) -> Verdict:
    """Read everything back and compare. The workers have ended. O(records)."""
    config = load(centre.config, environ={}, flags=()).config
    log = KafkaLog(centre.brokers)
    verdict = Verdict(refused=refused)
    records = {topic: log.read(config.kafka.topic(topic)) for topic in TOPICS.values()}
    states = {topic: log.states(config.kafka.state_topic(topic)) for topic in TOPICS.values()}
    replayed = Replayed(config, records)
    _judge_samples(verdict, replayed, samples)
    folded = _folded(records, states)
    if folded != records:
        read, replayed = replayed.records, Replayed(config, folded)
        verdict.unfinished = f"{read - replayed.records} records were not folded"
    replayed.finish()
    verdict.records, verdict.seconds = replayed.records, replayed.seconds
    verdict.visits = _visits(replayed, log.read(config.kafka.topic("visits")))
    verdict.dead_letters = sum(map(len, log.read(config.kafka.topic("deadletters")).values()))
    _judge_contacts(verdict, config, replayed, states)
    _judge_totals(verdict, config, replayed, log)
    verdict.tokens = _tokens_that_went_back(samples)[:SHOWN]
    return verdict


# What Redis showed


def _judge_samples(verdict: Verdict, replayed: Replayed, samples: Iterable[Sample]) -> None:
    for sample in sorted(samples, key=lambda sample: sample.as_of_ms):
        if not sample.live:
            verdict.looks["marked"] += 1
            continue
        expected = replayed.shown(sample)
        if not expected:
            verdict.looks["undecided"] += 1
            continue
        differences = list(_differences(sample, expected))
        verdict.values += len(expected)
        verdict.looks["wrong" if differences else "right"] += 1
        if differences and len(verdict.samples) < SHOWN:
            seen = f"{sample.line} as of {sample.as_of_ms}, read {sample.answered_at - sample.as_of_ms} ms later"
            verdict.samples.append(f"{seen}, {len(differences)} values: {differences[:4]}")


def _differences(sample: Sample, expected: Mapping[str, str | None]) -> Iterator[str]:
    """`expected` holds every field that can be judged; None: it must be absent."""
    for name, value in expected.items():
        if sample.values.get(name) != value:
            yield f"{name}: shown {sample.values.get(name)}, should be {value}"


def _tokens_that_went_back(samples: Iterable[Sample]) -> list[str]:
    largest: dict[Line, int] = {}
    found = []
    for sample in samples:
        before = largest.get(sample.line, -1)
        if sample.token < before:
            found.append(f"token of {sample.line} went back from {before} to {sample.token} at {sample.answered_at}")
        largest[sample.line] = max(before, sample.token)
    return found


# What was published


def _visits(replayed: Replayed, published: Mapping[int, Sequence[MemoryRecord]]) -> Visits:
    expected = Counter(visit for _, visit in replayed.visits)
    seen: Counter[Published] = Counter()
    doubled = []
    for record in (record for records in published.values() for record in records):
        visit = record.key, record.value
        seen[visit] += 1
        if seen[visit] > expected[visit]:
            doubled.append((record.timestamp or 0, visit))
    lost = [(at, visit) for at, visit in replayed.visits if not seen[visit]]
    return Visits(expected.total(), lost, doubled)


# What was stored


def _folded(records: Log, states: States) -> Log:
    """What of the records the workers say they have folded."""
    return {
        topic: {
            partition: [record for record in of if record.offset < states[topic].get(partition, NO_STATE).offset]
            for partition, of in partitions.items()
        }
        for topic, partitions in records.items()
    }


def _judge_contacts(verdict: Verdict, config: Config, replayed: Replayed, states: States) -> None:
    for topic, partitions in replayed.log.items():
        for partition, records in partitions.items():
            if not records:
                continue
            book = ContactBook(topic, partition, config.fold_settings(), source=config.kafka.topic(topic))
            book.restore(states[topic][partition].rows)
            if book.snapshot() != replayed.contacts(topic, partition):
                verdict.states.append(f"{topic} {partition}: the stored contacts are not those of the replay")


def _judge_totals(verdict: Verdict, config: Config, replayed: Replayed, log: KafkaLog) -> None:
    """Intervals and open rows, as the next owner of the facts would have them."""
    facts = log.read(config.kafka.facts_topic)
    states = log.states(config.kafka.state_topic("facts"))
    stored: dict[str, bytes] = {}
    for partition, records in facts.items():
        book = ViewBook(partition, config.window_settings())
        state = states.get(partition, NO_STATE)
        book.restore(state.rows)
        book.fold([record for record in records if record.offset >= state.offset])
        stored |= _totals(book)
    expected = _totals(replayed.facts)
    verdict.compared_totals = len(expected)
    different = [name for name in sorted(expected.keys() | stored.keys()) if expected.get(name) != stored.get(name)]
    verdict.totals = [f"{len(different)} totals differ: {different[:SHOWN]}"] if different else []


def _totals(book: ViewBook) -> dict[str, bytes]:
    """Every interval and every open row by name, as bytes."""
    found: dict[str, bytes] = {}
    for dimension, state in book.dimensions.items():
        name = _name(dimension)
        found |= {f"{name} slot {slot}": encode(sorted(bag.items())) for slot, bag in state.slots.items() if bag}
        found |= {f"{name} row {key}": encode(row) for key, row in state.rows.items() if row.end is None}
    return found


def _name(dimension: Dimension) -> str:
    return " ".join(dimension)
