"""The floor: queues of waiting contacts, agents with skills and desks, and who is offered to whom."""

from collections import deque
from collections.abc import Callable, Iterable

from streams.events.model import AgentStatus
from streams.sources.simulator.centre import DESKS, QueuePlan, TeamPlan, agents_needed
from streams.sources.simulator.clock import Alarm, Clock, Process


class Agent:
    """Someone who serves contacts, several at once in a chat. Off duty, what is in hand is finished."""

    __slots__ = ("desks", "name", "on_duty", "resting", "team")

    def __init__(self, name: str, team: "Team") -> None:
        self.name = name
        self.team = team
        self.on_duty = False
        self.desks = [Desk(self) for _ in range(DESKS[team.plan.channel])]
        self.resting = list(self.desks)
        """Desks that were free when the agent was off duty."""


class Desk:
    """Room for one contact at an agent."""

    __slots__ = ("activity", "agent")

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.activity: AgentStatus | None = None
        """What the agent does here; None: nothing."""


class Line:
    """A queue: the contacts that wait in it, and the teams that serve it."""

    def __init__(self, plan: QueuePlan) -> None:
        self.plan = plan
        self.teams: list[Team] = []
        self.length = 0
        self._tickets: deque[Ticket] = deque()

    @property
    def full(self) -> bool:
        """Whether it takes nobody more."""
        capacity = self.plan.capacity
        return capacity is not None and self.length >= capacity * sum(team.on_duty for team in self.teams)

    def head(self) -> "Ticket | None":
        """Who has waited longest. Those who went are dropped here, when they have come to the head."""
        tickets = self._tickets
        while tickets:
            if tickets[0].set:
                return tickets[0]
            tickets.popleft()
        return None

    def put(self, ticket: "Ticket", *, first: bool) -> None:
        """Let a contact wait, behind all others, or before them when it has waited already."""
        self.head()
        ticket.set = True
        self.length += 1
        if first:
            self._tickets.appendleft(ticket)
        else:
            self._tickets.append(ticket)


class Ticket(Alarm):
    """The place of one contact in a line. `set` while it waits and nobody has been offered."""

    __slots__ = ("desk", "entered_at", "leave_at", "line", "process")

    def __init__(self, line: Line, process: Process, entered_at: int, leave_at: int) -> None:
        super().__init__()
        self.line = line
        self.process = process
        self.entered_at = entered_at
        self.leave_at = leave_at
        self.desk: Desk | None = None


class Team:
    """Agents with the same skills. `free` holds the desks that wait for contacts, the longest free first."""

    def __init__(self, plan: TeamPlan, lines: list[Line]) -> None:
        self.plan = plan
        self.lines = lines
        self.agents: list[Agent] = []
        self.on_duty = 0
        self.free: deque[Desk] = deque()

    def free_desk(self) -> Desk | None:
        """Take the desk that has been free for longest, or None. Those of agents gone off duty are put to rest."""
        while self.free:
            desk = self.free.popleft()
            if desk.agent.on_duty:
                return desk
            desk.agent.resting.append(desk)
        return None

    def next_ticket(self) -> Ticket | None:
        """Who has waited longest in the queues of this team, or None."""
        heads = [head for line in self.lines if line.length and (head := line.head())]
        return min(heads, key=_entered_at) if heads else None


class Floor:
    """Brings contacts and agents together: the longest wait to the desk that is free for longest."""

    def __init__(self, clock: Clock, queues: Iterable[QueuePlan], teams: Iterable[TeamPlan]) -> None:
        self._clock = clock
        self.lines = {(plan.channel, plan.name): Line(plan) for plan in queues}
        self.on_change: Callable[[Agent], None] | None = None
        """Called when what an agent does may have changed."""
        self._teams = [self._build(plan) for plan in teams]

    def _build(self, plan: TeamPlan) -> Team:
        team = Team(plan, [self.lines[plan.channel, name] for name in plan.queues])
        for line in team.lines:
            line.teams.append(team)
        return team

    def roster(self, forecast: float, staffing: float) -> None:
        """Set how many agents of each team are on duty, for this factor on the mean rate."""
        for team in self._teams:
            self._set_duty(team, agents_needed(team.plan.erlangs * forecast, staffing))

    def wait(self, ticket: Ticket, *, again: bool = False) -> None:
        """Offer the contact to a free desk, or let it wait until one is free or `leave_at` comes.

        The process parks itself afterwards; when it goes on, `ticket.desk` is the desk offered or None.
        """
        for team in ticket.line.teams:
            desk = team.free_desk()
            if desk is not None:
                self._offer(ticket, desk)
                return
        ticket.desk = None
        ticket.line.put(ticket, first=again)
        self._clock.ring(ticket.process, ticket, ticket.leave_at)

    def give_up(self, ticket: Ticket) -> None:
        """Note that a waiting contact has gone."""
        ticket.line.length -= 1

    def engage(self, desk: Desk, activity: AgentStatus | None) -> None:
        """This is what the agent does at the desk from now on."""
        desk.activity = activity
        self._changed(desk.agent)

    def _changed(self, agent: Agent) -> None:
        if self.on_change is not None:
            self.on_change(agent)

    def release(self, desk: Desk) -> None:
        """The desk is free: it takes the next contact, waits for one, or rests with an agent off duty."""
        agent = desk.agent
        self.engage(desk, None)
        if not agent.on_duty:
            agent.resting.append(desk)
            return
        ticket = agent.team.next_ticket()
        if ticket is None:
            agent.team.free.append(desk)
            return
        ticket.set = False
        ticket.line.length -= 1
        self._offer(ticket, desk)

    def _offer(self, ticket: Ticket, desk: Desk) -> None:
        ticket.desk = desk
        self._clock.wake(ticket.process, 1)

    def _set_duty(self, team: Team, count: int) -> None:
        while len(team.agents) < count:
            team.agents.append(self._hire(team))
        team.on_duty = count
        for number, agent in enumerate(team.agents):
            agent.on_duty = number < count
            self._changed(agent)
        for agent in team.agents[:count]:
            rested, agent.resting = agent.resting, []
            for desk in rested:
                self.release(desk)

    def _hire(self, team: Team) -> Agent:
        return Agent(f"{team.plan.name}-{len(team.agents) + 1:02}", team)


def _entered_at(ticket: Ticket) -> int:
    return ticket.entered_at
