"""Tickets: the pipeline gives, at any instant, the numbers that a model which keeps every event gives.

Tickets that live as the life cycle says, and events of any type in any order; around the days on which Berlin's clocks
change; disturbed on their way (delays up to the lateness, repeats), in any batches, with any crashes.
"""

import json
from typing import Any

from hypothesis import assume, given, note
from hypothesis import strategies as st

from streams.books import MemoryRecord
from streams.calendars.settings import CalendarSettings
from streams.contacts.book import ContactBook
from streams.contacts.settings import FoldSettings, TargetRule, Thresholds
from streams.metrics.catalogue.responses import RESPONSES
from streams.metrics.catalogue.tickets import TICKETS
from streams.metrics.settings import Variants
from streams.pipeline import Pipeline
from streams.windows.settings import WindowSettings
from tests.properties.histories import HOUR_MS, LATENESS_MS, MINUTE_MS, STARTS, Draw, Event
from tests.properties.keeping import Keeper
from tests.properties.wiring import same
from tests.reference.rules import QueueRules
from tests.reference.ticket_rules import ZAMMAD, ZENDESK, Promise, TicketRules
from tests.reference.tickets import Tickets

CHANNEL = "email"
QUEUES = ("berlin", "plain")
STATUSES = ("new", "open", "pending", "on_hold", "solved", "closed")
KEPT_MS = 3 * HOUR_MS
OF_TICKETS = {kpi.id for kpi in (*TICKETS, *RESPONSES)}

PROMISES = (
    Promise("first_reply", 30 * MINUTE_MS),
    Promise("first_reply", 20 * MINUTE_MS, business=True, priority="high"),
    Promise("next_reply", 10 * MINUTE_MS, priority="urgent"),
    Promise("next_reply", 15 * MINUTE_MS, begins=STARTS[0] + HOUR_MS),
    Promise("requester_wait", 40 * MINUTE_MS, business=True),
    Promise("requester_wait", HOUR_MS, queues=("plain",)),
    Promise("agent_work", 25 * MINUTE_MS, priority="p1"),
    Promise("agent_work", 50 * MINUTE_MS, business=True, queues=("berlin",)),
    Promise("resolution", 2 * HOUR_MS),
    Promise("resolution", HOUR_MS, priority="normal"),
    Promise("resolution", 1, business=True, priority="urgent"),
)

BERLIN = QueueRules(
    timezone="Europe/Berlin",
    first_response_target_ms=5 * MINUTE_MS,
    opening_hours=tuple((minute, minute + 47) for minute in range(0, 1_440, 80)),
)


def rules(pauses: Any) -> TicketRules:
    return TicketRules(
        queues={"berlin": BERLIN},
        promises=PROMISES,
        pauses=pauses,
        kept_ms=KEPT_MS,
        groups={"both": QUEUES, "one": ("plain",)},
    )


def fold_settings(given_rules: TicketRules) -> FoldSettings:
    hours = tuple((opens * MINUTE_MS, closes * MINUTE_MS) for opens, closes in BERLIN.opening_hours)
    return FoldSettings(
        lateness_ms=LATENESS_MS,
        queues={
            "berlin": Thresholds(first_response_target_ms=BERLIN.first_response_target_ms, calendar="hours"),
        },
        calendars={"hours": CalendarSettings("Europe/Berlin", (hours,) * 7)},
        groups=given_rules.groups,
        ticket_pauses=given_rules.pauses,
        ticket_targets=tuple(
            TargetRule(p.metric, p.target_ms, p.business, p.priority, p.queues, p.begins) for p in given_rules.promises
        ),
        tickets_kept_ms=given_rules.kept_ms,
        sla_due_soon_ms=given_rules.due_soon_ms,
    )


def window_settings(given_rules: TicketRules, *, whole_log: bool = True) -> WindowSettings:
    return WindowSettings(
        windows=tuple(name for name in given_rules.windows if name != "all"),
        timezones={"berlin": "Europe/Berlin"},
        lateness_ms=LATENESS_MS,
        whole_log=whole_log,
    )


# --- histories ---


def gaps() -> st.SearchStrategy[int]:
    """Time between two events of a ticket: often none, or a target."""
    return st.one_of(
        st.sampled_from((0, 0, 1, MINUTE_MS, 10 * MINUTE_MS, 20 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS)),
        st.integers(1, 20 * MINUTE_MS),
        st.integers(1, 3 * HOUR_MS),
    )


FIELDS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "ticket.created": {
        "queue": st.sampled_from(QUEUES),
        "priority": st.sampled_from((None, None, "urgent", "high", "low", "p1")),
        "status": st.sampled_from((None, None, None, "open", "pending", "solved")),
        "by_agent": st.sampled_from((None, None, True)),
    },
    "ticket.updated": {
        "queue": st.sampled_from((None, None, None, *QUEUES)),
        "priority": st.sampled_from((None, None, None, "urgent", "high", "normal", "p1")),
        "status": st.sampled_from((None, *STATUSES)),
        "agent": st.sampled_from((None, None, "ann", "bob")),
    },
    "ticket.escalated": {"level": st.sampled_from((None, 2, "3")), "queue": st.sampled_from((None, *QUEUES))},
    "ticket.merged": {},
    "ticket.deleted": {},
    "message.added": {
        "author": st.sampled_from(("customer", "customer", "agent", "agent", "bot", "system")),
        "public": st.sampled_from((None, None, True, False)),
    },
}
USUAL = (*["ticket.updated"] * 5, *["message.added"] * 5, "ticket.escalated", "ticket.merged", "ticket.created")


@st.composite
def tickets(draw: Draw, contact: str, *, orderly: bool) -> list[Event]:
    """A ticket's events in the order of their times."""
    start = draw(st.shared(st.sampled_from(STARTS), key="start"))
    at = start + draw(st.integers(0, 3 * HOUR_MS))
    events: list[Event] = []
    for number in range(draw(st.integers(1, 14))):
        kind = draw(st.sampled_from(USUAL if orderly else sorted(FIELDS)))
        if orderly and number == 0:
            kind = "ticket.created"
        fields = {name: draw(values) for name, values in FIELDS[kind].items()}
        base = {"v": 1, "id": f"{contact}#{number}", "type": kind, "time": at, "channel": CHANNEL, "contact": contact}
        events.append({**base, **{name: value for name, value in fields.items() if value is not None}})
        at += draw(gaps())
    return events


@st.composite
def arrivals(draw: Draw) -> list[tuple[int, Event]]:
    """(when it arrives, event), in that order; each at most by the lateness after it happened, some twice."""
    told = draw(st.integers(1, 3).flatmap(lambda n: st.tuples(*(
        st.booleans().flatmap(lambda orderly, name=f"t{i}": tickets(name, orderly=orderly)) for i in range(n)
    ))))  # fmt: skip
    events = [event for ticket in told for event in ticket]
    delays = st.one_of(st.just(0), st.integers(0, LATENESS_MS))
    repeats = draw(st.lists(st.sampled_from(events), max_size=3))
    arrived = [(event["time"] + draw(delays), event) for event in [*events, *repeats]]
    return sorted(arrived, key=lambda one: (one[0], one[1]["id"]))


def record(event: Event, offset: int) -> MemoryRecord:
    return MemoryRecord(offset, None, event["contact"].encode(), json.dumps(event).encode())


# --- properties ---

batches = st.lists(st.integers(1, 8), min_size=3, max_size=3)
pauses = st.lists(st.sampled_from((0, 0, 1, 4_999, 10 * MINUTE_MS)), min_size=4, max_size=4)
presets = st.sampled_from((ZENDESK, ZAMMAD))
AFTERWARDS = (1, 4 * MINUTE_MS + 1, 16 * MINUTE_MS, 61 * MINUTE_MS, 25 * HOUR_MS, 4 * 24 * HOUR_MS)


def differences(reference: Tickets, pipeline: Pipeline, now: int) -> list[str]:
    """Every number at `now` that the two do not agree on, or that one of them alone has."""
    instant, actual = reference.at(now), {}
    for view in pipeline.views(now):
        windows = {**view.windows, "live": view.live}
        actual.update({(view.queue, window): values for window, values in windows.items()})
    queues = {queue for queue, _ in actual} | instant.queues()
    found = []
    for queue in sorted(queues):
        for window in (*reference.rules.windows, "live"):
            ours = instant.live(queue) if window == "live" else instant.window(queue, window)
            theirs = {k: v for k, v in actual.get((queue, window), {}).items() if k in OF_TICKETS}
            found += [
                f"{queue} {window} {kpi}: oracle {value}, pipeline {theirs.get(kpi, 'absent')}"
                for kpi, value in ours.items()
                if not same(kpi, value, theirs.get(kpi, 0 if value == 0 else None))
            ]
            found += [f"{queue} {window} {kpi}: not in the oracle" for kpi in theirs if kpi not in ours]
    return found


@given(arrivals(), batches, pauses, presets)
def test_every_number_at_any_instant(
    arrived: list[tuple[int, Event]], batches: list[int], pauses: list[int], preset: Any
):
    reference = Tickets(rules(preset), CHANNEL)
    pipeline = Pipeline(fold_settings(reference.rules), window_settings(reference.rules), Variants())
    now = done = 0
    for size, pause in zip([*batches, len(arrived)], pauses, strict=True):
        batch = arrived[done : done + size]
        if not batch:
            break
        pipeline.feed([(("tickets", 0), record(event, done + i)) for i, (_, event) in enumerate(batch)])
        for at, event in batch:
            note(f"+{at - event['time']} ms {event}")
            reference.send(event)
        done += len(batch)
        now = max(now, batch[-1][0] + pause)

        assert differences(reference, pipeline, now) == [], f"at {now}"

    for pause in AFTERWARDS:
        assert differences(reference, pipeline, now + pause) == [], f"at {now + pause}, {pause} ms after the last"


fates = st.lists(st.tuples(st.integers(1, 5), st.sampled_from(("flush", "fold on", "crash", "crash"))), max_size=8)


def keeper(events: list[Event]) -> Keeper:
    settings = fold_settings(rules(ZENDESK))
    log = [record(event, offset) for offset, event in enumerate(events)]
    return Keeper(lambda: ContactBook("tickets", 0, settings), log)


@given(arrivals(), fates)
def test_the_state_in_any_batches_with_any_crashes(arrived: list[tuple[int, Event]], fates: list[tuple[int, str]]):
    events = [event for _, event in arrived]
    plain, battered = keeper(events), keeper(events)

    assert battered.live_through(fates) == plain.finish()


@given(arrivals())
def test_the_state_in_any_order_within_the_lateness(arrived: list[tuple[int, Event]]):
    """The order of time gives the same state as the order of arrival, once the horizon is behind both."""
    events = [event for _, event in arrived]
    in_time = sorted({event["id"]: event for event in events}.values(), key=lambda event: (event["time"], event["id"]))
    assume(len(in_time) > 1)
    latest = {**in_time[-1], "id": "last", "time": in_time[-1]["time"] + 2 * LATENESS_MS, "contact": "another"}
    settings = fold_settings(rules(ZENDESK))
    values = []
    for order in (events, in_time):
        pipeline = Pipeline(settings, window_settings(rules(ZENDESK)), Variants())
        pipeline.feed([(("tickets", 0), record(event, i)) for i, event in enumerate([*order, latest])])
        values.append([(v.queue, v.live, v.windows) for v in pipeline.views(latest["time"] + HOUR_MS)])

    assert values[0] == values[1]
