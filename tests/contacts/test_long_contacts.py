"""Contacts out of all proportion: their state stays small, and no event costs more for those before it."""

import json
import sys
from collections.abc import Iterator

import pytest

from streams.books import Flush, MemoryRecord, Reading
from streams.contacts.book import ContactBook
from streams.contacts.settings import FoldSettings

NOW = 1_790_000_000_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def message(n: int, at: int, channel: str = "chat") -> dict:
    author = ("customer", "agent")[n % 2]
    return {"type": "message.added", "id": f"m{n}", "time": at, "channel": channel, "contact": "c", "author": author}


def heartbeat(at: int) -> dict:
    return {"type": "heartbeat", "id": f"beat {at}", "time": at, "source": "pbx"}


class Desk:
    """A book, and how many calls of functions a batch took it: a measure that no busy machine disturbs."""

    def __init__(self) -> None:
        self.book = ContactBook("chats", 0, FoldSettings())
        self.changelog: dict[bytes, bytes] = {}

    def fold(self, events: list[dict]) -> Flush:
        values = [json.dumps({"v": 1, **event}).encode() for event in events]
        self.book.fold([MemoryRecord(self.book.offset + n, None, b"c", value) for n, value in enumerate(values)])
        flush = self.book.drain(Reading(caught_up=True, lag=0))
        for key, value in flush.rows.items():
            self.changelog.pop(key, None)
            if value is not None:
                self.changelog[key] = value
        return flush

    def calls(self, events: list[dict]) -> int:
        count = 0

        def counted(_frame: object, event: str, _arg: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(counted)
        try:
            self.fold(events)
        finally:
            sys.setprofile(None)
        return count

    @property
    def stored(self) -> int:
        return sum(map(len, self.changelog.values()))


def batches(count: int, size: int, step_ms: int, channel: str) -> Iterator[list[dict]]:
    for first in range(0, count, size):
        yield [message(n, NOW + n * step_ms, channel) for n in range(first, first + size)]


@pytest.mark.parametrize("channel", ["chat", "ticket"])
def test_the_hundred_thousandth_message_costs_what_the_thousandth_did(channel):
    """Counted over a twentieth of them: from the second thousand on nothing changes any more."""
    desk = Desk()
    costs, sizes = [], []
    for batch in batches(5_000, 250, 1_000, channel):
        costs.append(desk.calls(batch))
        sizes.append(desk.stored)

    assert max(costs[4:]) <= 1.05 * min(costs[4:])
    assert max(sizes[4:]) <= 1.05 * min(sizes[4:])
    assert max(sizes) < 10_000


def test_thousands_of_events_of_one_instant_stop_nobody():
    """A bulk import that stamps all messages alike: none of them applies the others anew."""
    desk = Desk()
    desk.fold([{"type": "contact.started", "id": "s", "time": NOW - 1, "channel": "chat", "contact": "c"}])
    few = desk.calls([message(n, NOW) for n in range(100_000, 100_200)])
    more = desk.calls([message(n, NOW) for n in range(100_200, 100_400)])

    assert more < 200 * 1_000  # 30,000 calls a message, were all applied anew
    assert more < 4 * few
    assert desk.book.stats.by_outcome() == {"applied": 401}


@pytest.mark.parametrize("ids", [range(40), list(reversed(range(40))), [n * 7 % 40 for n in range(40)]], ids=str)
def test_in_which_order_events_of_one_instant_come_makes_no_difference(ids):
    one, other = Desk(), Desk()
    start = {"type": "queue.entered", "id": "s", "time": NOW, "channel": "chat", "contact": "c", "queue": "q"}
    events = [message(n, NOW) for n in range(40)]
    one.fold([start, *events])
    other.fold([*(events[n] for n in ids), start])

    assert one.book.snapshot() == other.book.snapshot()


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([], id="it waits"),
        pytest.param([{"type": "agent.connected", "queue": "q", "agent": "a"}], id="it talks"),
        pytest.param(
            [{"type": "agent.connected", "queue": "q", "agent": "a"}, {"type": "contact.held"}], id="it holds"
        ),
    ],
)
def test_contacts_that_never_end_are_let_go(events):
    desk = Desk()
    for n in range(100):
        about = {"channel": "chat", "contact": f"c{n}"}
        begun = {"type": "queue.entered", "id": f"{n}", "time": NOW, "queue": "q", **about}
        more = [{**event, "id": f"{n}-{k}", "time": NOW + 1_000 + k, **about} for k, event in enumerate(events)]
        desk.fold([begun, *more])
    held = len(desk.changelog)
    for hour in range(1, 60):
        desk.fold([heartbeat(NOW + hour * HOUR)])

    assert held == 100
    assert desk.changelog == {}
