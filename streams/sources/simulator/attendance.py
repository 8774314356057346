"""What agents do, told as events: one state for each, whatever their desks are at."""

from typing import Final

from streams.events.model import AgentStatus
from streams.sources.simulator.centre import SOURCES
from streams.sources.simulator.clock import Clock, Process
from streams.sources.simulator.contact import Event
from streams.sources.simulator.floor import Agent

_FIRST: Final[tuple[AgentStatus, ...]] = ("on_contact", "wrapup", "offered", "break")
"""Of what an agent's desks are at, the first of these is told."""

_TOLD_AFTER_MS: Final = 1
"""What changes within the same millisecond is told as one state."""


class Attendance:
    """Writes an agent's state down when it has changed."""

    def __init__(self, clock: Clock, journal: list[Event], run_name: str) -> None:
        self._clock = clock
        self._journal = journal
        self._run_name = run_name
        self._told: dict[str, tuple[int, AgentStatus]] = {}
        """Agent → number of events so far, and the state that the last one told."""

    def look(self, agent: Agent) -> None:
        """Something may have changed at the agent's desks, or on the roster."""
        self._clock.start(self._tell(agent))

    def _tell(self, agent: Agent) -> Process:
        yield _TOLD_AFTER_MS
        state = _state(agent)
        number, told = self._told.get(agent.name, (0, "offline"))
        if state == told:
            return
        self._told[agent.name] = number + 1, state
        plan = agent.team.plan
        event = {
            "v": 1,
            "id": f"agent-{self._run_name}-{agent.name}#{number + 1}",
            "type": "agent.state",
            "time": self._clock.now,
            "agent": agent.name,
            "state": state,
            "queues": list(plan.queues),
            "source": SOURCES[plan.channel],
        }
        self._journal.append(Event(self._clock.now, event))


def _state(agent: Agent) -> AgentStatus:
    doing = {desk.activity for desk in agent.desks}
    return next((state for state in _FIRST if state in doing), "available" if agent.on_duty else "offline")
