"""Who looks behind the numbers is told of every event and timer that books, and of each that is taken back."""

import json
from collections import Counter, defaultdict

import pytest

from streams.contacts.book import ContactBook
from streams.contacts.history import Entry, History
from streams.contacts.settings import FoldSettings
from streams.contacts.visits.state import STATES
from tests.contacts.timeline import T0, Log

SETTINGS = FoldSettings(max_age_ms={"voice": 50_000})


class Watched(Log):
    """A source partition, and what an observer is told of it."""

    def __init__(self) -> None:
        super().__init__(SETTINGS)
        self.book = ContactBook("calls", 0, SETTINGS, observer=self._observe)
        self.told: list[tuple[float, str | None, int]] = []
        """(second, type of the event or None of a timer, sign)."""
        self.states: list[str] = []
        """Of each that counts, the state that it led to."""
        self.booked: defaultdict[tuple[str, int], Counter[int]] = defaultdict(Counter)
        """(queue, pane) → the sum of what was told."""

    def _observe(self, history: History, entry: Entry, sign: int) -> None:
        at, event, booked, _, _ = entry
        kind = None if event is None else str(event.__struct_config__.tag)
        self.told.append(((at - T0) / 1_000, kind, sign))
        if sign > 0:
            self.states.append(STATES[history.cycle.state])
        for queue, pane, bag in booked:
            self.booked[queue, pane].update({key: sign * n for key, n in bag.items()})


ENTERED, ANSWERED, ABANDONED, EVICTED = "queue.entered", "agent.connected", "queue.abandoned", None


@pytest.mark.parametrize(
    ("line", "told", "states"),
    [
        pytest.param(
            "0 enters q1 · 10 answered q1 ann", [(0, ENTERED, 1), (10, ANSWERED, 1)], ["waiting", "talking"],
            id="what comes in order",
        ),
        pytest.param(
            "0 enters q1 · 20 abandons q1 · 10 answered q1 ann",
            [(0, ENTERED, 1), (20, ABANDONED, 1), (20, ABANDONED, -1), (10, ANSWERED, 1), (20, ABANDONED, 1)],
            ["waiting", "menu", "talking", "talking"], id="what comes before others",
        ),
        pytest.param(
            "0 enters q1 · 55 beats pbx", [(0, ENTERED, 1), (50, EVICTED, 1)], ["waiting", "menu"],
            id="what time brings about",
        ),
        pytest.param(
            "0 enters q1 · 55 beats pbx · 10 answered q1 ann",
            [(0, ENTERED, 1), (50, EVICTED, 1), (50, EVICTED, -1), (10, ANSWERED, 1)],
            ["waiting", "menu", "talking"], id="and need not have",
        ),
        pytest.param(
            "0 enters q1 id=a · 0 enters q1 id=a", [(0, ENTERED, 1)], ["waiting"], id="nothing of a repetition"
        ),
    ],
)  # fmt: skip
def test_an_observer_is_told(line, told, states):
    log = Watched().tell(line)

    assert (log.told, log.states) == (told, states)


@pytest.mark.parametrize(
    "line",
    [
        "0 started · 0 enters q1 · 10 answered q1 ann · 40 transferred blind · 41 enters q2 · 120 beats pbx",
        "0 enters q1 · 20 abandons q1 · 10 answered q1 ann · 5 leaves q1 key · 6 enters q2",
        "10 answered q1 ann wait_ms=4000 · 0 enters q2 · 200 beats pbx · 50 ends agent",
    ],
    ids=["in order", "out of order", "an orphan, and one too late"],
)
def test_what_it_is_told_adds_up_to_the_numbers(line):
    log = Watched().tell(line)
    numbers = {(queue, pane): bag for (_, queue), panes in log.panes.items() for pane, bag in panes.items()}

    assert {place: +bag for place, bag in log.booked.items() if +bag} == {
        (queue, pane): +bag for (queue, pane), bag in numbers.items() if queue != "*" and +bag
    }


def test_it_is_told_whose_numbers_they_are():
    log, whose = Log(), set()
    log.book = ContactBook(
        "calls", 0, SETTINGS, observer=lambda history, *_: whose.add((history.ledger.channel, history.ledger.domain))
    )
    log.tell("0 enters q1 · 9 abandons q1 · 5 misses q1 ann · 1 enters q1 channel=chat contact=c2")
    answer = {"v": 1, "id": "s", "type": "survey.answered", "time": T0, "channel": "voice", "contact": "c1"}
    log.append(json.dumps({**answer, "kind": "nps", "score": 9}).encode())
    log.flush()

    assert whose == {("voice", ""), ("chat", ""), ("voice", "surveys")}


def observed() -> Log:
    return Watched()


def with_segments() -> Log:
    return Log(FoldSettings(segments=("gold",)))


@pytest.mark.parametrize("new", [Log, observed, with_segments], ids=["nobody looks", "observed", "with segments"])
class TestWhatBecameOfRecords:
    """Is the same for who looks closer."""

    def test_an_event_is_counted_once(self, new):
        assert new().tell("0 enters q1 · 10 answered q1 ann · 10 answered q1 ann").outcomes == {
            "applied": 2, "duplicate": 1,
        }  # fmt: skip

    def test_an_orphan_is_none_once_its_beginning_has_come(self, new):
        log = new().tell("12 answered q1 ann wait_ms=4000")
        before = log.book.stats.orphans
        log.tell("0 enters q1")

        assert (before, log.book.stats.orphans) == (1, 0)
        assert log.outcomes == {"applied": 2}
