"""Time lines of contacts as text, and a keeper's part in memory: what a book gives, added up.

A line is a series of steps in the order they arrive: `12 answered q1 ann` is an answer at second 12. Steps of more
than one contact name it (`contact=c2`); any field of the event may be set as `name=value`.
"""

import json
from collections import Counter, defaultdict
from typing import Any, Final, Self

from streams.books import META_KEY, Flush, MemoryRecord, Output, Reading
from streams.contacts.book import ContactBook
from streams.contacts.settings import FoldSettings
from streams.contacts.visits.state import STATES
from streams.facts.primitives import HISTOGRAM, P
from streams.facts.wire import PANE_MS, PROGRESS_KEY, Delta, Progress, decode_delta, decode_progress, parse_dimension

T0: Final = 1_789_999_200_000
"""2026-09-21T14:00:00Z: second 0 of every line, the beginning of a pane, an interval and an hour."""

CAUGHT_UP: Final = Reading(caught_up=True, lag=0)

WORDS: Final = {
    "started": ("contact.started",),
    "enters": ("queue.entered", "queue"),
    "rings": ("agent.offered", "queue", "agent"),
    "misses": ("agent.missed", "queue", "agent"),
    "answered": ("agent.connected", "queue", "agent"),
    "held": ("contact.held",),
    "resumed": ("contact.resumed",),
    "abandons": ("queue.abandoned", "queue"),
    "leaves": ("queue.left", "queue", "reason"),
    "refused": ("queue.rejected", "queue", "reason"),
    "transferred": ("contact.transferred", "kind"),
    "ends": ("contact.ended", "by"),
    "wraps": ("wrapup.started", "agent"),
    "wrapped": ("wrapup.ended", "agent"),
    "says": ("message.added", "author"),
    "handed_off": ("bot.handed_off",),
    "resolved": ("bot.resolved",),
    "beats": ("heartbeat", "source"),
}
"""Word → type, then the fields that the words after it fill."""

PRIMITIVES: Final = {value: name.lower() for name, value in vars(P).items() if isinstance(value, int) and value < 100}


class Event(dict[str, Any]):
    """A canonical event; `appended_at` is the log's time of it, None in a file."""

    appended_at: int | None = None


def events(line: str) -> list[Event]:
    """The events of a time line; without an id where it names none."""
    return [_event(step.split()) for step in line.split("·")]


def _event(step: list[str]) -> Event:
    second, word, *rest = step
    kind, *fields = WORDS[word]
    at = T0 + round(float(second) * 1_000)
    event = Event(v=1, type=kind, time=at, channel="voice", contact="c1")
    event.update(zip(fields, (each for each in rest if "=" not in each), strict=True))
    event.update((name, _value(text)) for name, text in (each.split("=") for each in rest if "=" in each))
    appended = event.pop("appended", None)
    event.appended_at = None if appended is None else T0 + 1_000 * appended
    if "due" in event:
        event["due"] = T0 + 1_000 * event["due"]
    if kind == "heartbeat":
        del event["channel"], event["contact"]
    return event


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


class Log:
    """One source partition: what is told is folded and flushed at once, and added up as the outside would."""

    def __init__(self, settings: FoldSettings | None = None) -> None:
        self.settings = settings or FoldSettings()
        self.book = ContactBook("calls", 0, self.settings)
        self.changelog: dict[bytes, bytes] = {}
        self.panes: defaultdict[tuple[str, str], defaultdict[int, Counter[int]]] = defaultdict(
            lambda: defaultdict(Counter)
        )
        self.rows: defaultdict[tuple[str, str], dict[str, Any]] = defaultdict(dict)
        self.outputs: list[Output] = []
        self.progress: Progress | None = None
        self._offset = 0

    # --- in ---

    def tell(self, line: str) -> Self:
        """Fold a time line, each step with a flush of its own."""
        for event in events(line):
            self._hear(event)
            self.flush()
        return self

    def hear(self, line: str) -> Self:
        """Fold a time line as one batch, not flushed yet."""
        for event in events(line):
            self._hear(event)
        return self

    def _hear(self, event: Event) -> None:
        event.setdefault("id", f"e{self._offset:04}")
        self.append(json.dumps(event).encode(), event.appended_at, b"c1")

    def append(self, value: bytes | None, appended_at: int | None = None, key: bytes | None = None) -> None:
        """Fold one record."""
        self.book.fold([MemoryRecord(self._offset, appended_at, key, value)])
        self._offset += 1

    def flush(self) -> Flush:
        flush = self.book.drain(CAUGHT_UP)
        for key, value in flush.rows.items():
            if value is None:
                self.changelog.pop(key, None)
            else:
                self.changelog[key] = value
        self.changelog[META_KEY] = flush.meta
        self.outputs += flush.outputs
        for output in flush.outputs:
            if output.key == PROGRESS_KEY:
                self.progress = decode_progress(output.value)
            elif output.topic == "facts":
                self._add(parse_dimension(output.key)[:2], decode_delta(output.value))
        return flush

    def _add(self, dimension: tuple[str, str], delta: Delta) -> None:
        for pane, bag in delta.panes.items():
            self.panes[dimension][pane].update(bag)
        for key, row in delta.rows.items():
            if row is None:
                self.rows[dimension].pop(key, None)
            else:
                self.rows[dimension][key] = row

    def restart(self, settings: FoldSettings | None = None) -> Self:
        """Throw the book away and build it from the changelog, under other settings if given."""
        self.settings = settings or self.settings
        self.book = ContactBook("calls", 0, self.settings)
        self.book.restore(self.changelog.items())
        return self

    # --- out ---

    def counts(self, queue: str = "*", channel: str = "voice") -> dict[str, int]:
        """Primitive → sum over all time, without zeros, bins and the counts by reason."""
        total: Counter[int] = Counter()
        for bag in self.panes[channel, queue].values():
            total.update(bag)
        return {PRIMITIVES[key]: n for key, n in sorted(total.items()) if n and key in PRIMITIVES}

    def primitive(self, primitive: int, queue: str = "*") -> int:
        return sum(bag[primitive] for bag in self.panes["voice", queue].values())

    def when(self, name: str, queue: str = "*") -> list[int]:
        """The seconds at whose panes something of the primitive is booked."""
        key = getattr(P, name.upper())
        panes = sorted(pane for pane, bag in self.panes["voice", queue].items() if bag[key])
        return [(pane * PANE_MS - T0) // 1_000 for pane in panes]

    def bins(self, queue: str = "*") -> dict[int, int]:
        """Histogram bins that are not empty."""
        total: Counter[int] = Counter()
        for bag in self.panes["voice", queue].values():
            total.update({key: n for key, n in bag.items() if key >= HISTOGRAM})
        return {key: n for key, n in total.items() if n}

    def waiting(self, queue: str, at_s: float) -> int:
        """Rows of visits waiting in the queue at a second."""
        at = T0 + 1_000 * at_s
        rows = [row for row in self.rows["voice", queue].values() if row.kind == 1]
        return sum(row.begin <= at and (row.end is None or at < row.end) for row in rows)

    @property
    def visits(self) -> list[dict[str, Any]]:
        """Final visits in the order they were published."""
        return [json.loads(output.value) for output in self.outputs if output.topic == "visits"]

    def told(self, *names: str) -> list[tuple[Any, ...]]:
        """Some fields of the final visits, times as seconds of the line."""
        return [tuple(_second(name, visit[name]) for name in names) for visit in self.visits]

    @property
    def dead(self) -> list[Output]:
        return [output for output in self.outputs if output.topic == "deadletters"]

    @property
    def outcomes(self) -> dict[str, int]:
        return {name: n for name, n in self.book.stats.by_outcome().items() if n}

    def state(self, contact: str = "c1", channel: str = "voice") -> str | None:
        """Where the contact is; None: not known."""
        history = self.book._known(f"v\x1f{channel}\x1f{contact}")
        return history and STATES[history.cycle.state]


def _second(name: str, value: Any) -> Any:
    return (value - T0) / 1_000 if name.endswith("_at") and value is not None else value
