"""The centre put together: customers, floor, heartbeats, and the stream of what arrives."""

import math
from collections.abc import Iterator
from typing import Final

from streams.sources.simulator.arrivals import Arrival, Way
from streams.sources.simulator.attendance import Attendance
from streams.sources.simulator.calls import Calls
from streams.sources.simulator.centre import HOUR_MS, MINUTE_MS, QUEUES, VOICE, teams
from streams.sources.simulator.chats import Chats
from streams.sources.simulator.clock import Clock, Process
from streams.sources.simulator.contact import Contact, Event
from streams.sources.simulator.demand import Demand
from streams.sources.simulator.dice import Dice
from streams.sources.simulator.floor import Floor, Line
from streams.sources.simulator.people import People
from streams.sources.simulator.settings import SimulationSettings
from streams.sources.simulator.surveys import Surveys
from streams.sources.simulator.tickets import Tickets

HEARTBEAT_MS: Final = 10_000
SHIFT_MS: Final = 15 * MINUTE_MS

STEPS: Final = 256
"""Entries of the agenda between two looks at what has been written down: bounds what is kept in memory."""

QUIET_MS: Final = 90_000
"""Heartbeats go on for so long after the last event: longer than `lateness`, so that all visits become final."""


class Simulator:
    """A seeded contact centre.

    >>> first = next(Simulator(SimulationSettings(seed=7, duration_ms=60_000)).events())
    >>> first.arrival_ms, first.line[-44:]
    (1772409600000, b'"time":1772409600000,"source":"simulator"}')
    """

    def __init__(self, settings: SimulationSettings) -> None:
        self.settings = settings

    def events(self) -> Iterator[Arrival]:
        """All arrivals in order; each call begins again with the same. Endless when the duration is None.

        Nothing is simulated far ahead of what is asked for, so a caller may take one arrival at a time, at its time.
        """
        return Way(self.settings).carry(_Centre(self.settings).run())


class _Centre:
    """One run of the simulation."""

    def __init__(self, settings: SimulationSettings) -> None:
        self._settings = settings
        self._end_ms = math.inf if settings.duration_ms is None else settings.start_ms + settings.duration_ms
        self._clock = Clock(settings.start_ms)
        self._journal: list[Event] = []
        self._demand = Demand(settings)
        self._floor = Floor(self._clock, QUEUES, teams(settings.rate_per_hour))
        self._dice = Dice(f"{settings.seed}/customers", settings.speed)
        surveys = Surveys(self._clock, Dice(f"{settings.seed}/surveys", settings.speed), settings.survey_share)
        people = People(self._clock, Dice(f"{settings.seed}/people", settings.speed), self._floor, surveys)
        self._calls = Calls(people, self._demand, self._call_again)
        self._chats = Chats(people)
        self._run_name = f"{settings.start_ms // 1000:x}.{settings.seed}"
        if settings.agents:
            self._floor.on_change = Attendance(self._clock, self._journal, self._run_name).look
        self._contacts = 0
        self._population = max(500, int(settings.rate_per_hour * 20))

    def run(self) -> Iterator[Event]:
        """All events in the order of their times."""
        self._clock.start(self._pulse())
        if self._settings.ticket_share:
            tickets = Tickets(self._clock, self._journal, self._demand, self._settings)
            self._clock.start(tickets.arrive())
        for number, line in enumerate(self._floor.lines.values()):
            if line.plan.share:
                self._clock.start(self._customers(line, phase=number * 2.4))
        journal = self._journal
        while self._clock.living:
            self._clock.advance(STEPS)
            yield from journal
            journal.clear()

    def _pulse(self) -> Process:
        """What goes by the clock: heartbeats, and agents who come and go with the shifts."""
        settings, clock = self._settings, self._clock
        beats, next_shift, quiet_ms = 0, settings.start_ms, 0
        while quiet_ms <= QUIET_MS:
            if clock.now >= next_shift:
                self._floor.roster(self._demand.forecast(clock.now), settings.staffing)
                next_shift += self._dice.fixed(SHIFT_MS)
            if settings.heartbeats:
                beats += 1
                self._beat(beats)
            yield HEARTBEAT_MS
            quiet_ms = quiet_ms + HEARTBEAT_MS if clock.living == 1 else 0

    def _beat(self, number: int) -> None:
        name = f"heartbeat-{self._run_name}-{number}"
        fields = {"v": 1, "id": name, "type": "heartbeat", "time": self._clock.now, "source": "simulator"}
        self._journal.append(Event(self._clock.now, fields))

    def _customers(self, line: Line, phase: float) -> Process:
        """New contacts for one queue, thinned out from the highest rate there can be to the rate of the moment."""
        settings, dice, demand, clock = self._settings, self._dice, self._demand, self._clock
        peak = demand.peak
        gap_ms = HOUR_MS / (settings.rate_per_hour * line.plan.share * peak)
        at = float(clock.now)
        while True:
            at += dice.gap(gap_ms)
            yield int(at) - clock.now
            if clock.now >= self._end_ms:
                return
            if dice.fraction() * peak < demand.factor(clock.now, phase):
                self._begin(line, int(dice.fraction() * self._population))

    def _begin(self, line: Line, customer: int) -> None:
        self._contacts += 1
        channel = line.plan.channel
        kind = self._calls if channel == VOICE else self._chats
        name = f"{'call' if channel == VOICE else 'chat'}-{self._run_name}-{self._contacts}"
        contact = Contact(self._clock, self._journal, channel=channel, name=name, customer=customer)
        contact.process = kind.live(contact, line)
        self._clock.start(contact.process)

    def _call_again(self, line: Line, customer: int, after_ms: int) -> None:
        self._clock.start(self._caller(line, customer, after_ms))

    def _caller(self, line: Line, customer: int, after_ms: int) -> Process:
        yield after_ms
        if self._clock.now < self._end_ms:
            self._begin(line, customer)
