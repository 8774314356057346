"""A bound on what stage 2 keeps: so many queues by name, and all further ones together.

Who came first stays. What comes when there is no room is kept as one queue, `~other-N` (N: the facts partition). While
that holds anything nobody new is let in: whatever was counted there can be corrected there, and nothing of a queue is
ever in both. So it follows from the log alone who is kept by name, whatever flushes and restarts there were.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final, Protocol

from streams.facts.wire import ROLL_UPS, Delta, Dimension, agent_queue, is_agent
from streams.windows.settings import WindowSettings

OTHER: Final = "~other"
"""Beginning of the name of what is kept together; the channel of what belongs to a channel nobody has configured."""
_DOMAINS: Final = ("", "agents", "surveys", "customers", "business")
_ROW_OF: Final = "\x1e"


class Kept(Protocol):
    """The state of a dimension, as far as it matters here."""

    def is_over(self) -> bool:
        """Whether nothing is left of it."""


class Crowd:
    """Who of a facts partition is kept by name."""

    def __init__(self, partition: int, settings: WindowSettings, dimensions: Mapping[Dimension, Kept]) -> None:
        """`dimensions`: what is kept, always the same object; `came` and `left` say what changes in it."""
        self._other = f"{OTHER}-{partition}"
        self._most = settings.most_queues
        self._channels = settings.channels
        self._dimensions = dimensions
        self._sizes: Counter[bool] = Counter()
        """Whether it is of agents → how many dimensions there are."""
        self._others: set[Dimension] = set()

    def came(self, dimension: Dimension) -> None:
        """A dimension is kept from now on."""
        self._sizes[is_agent(dimension.queue)] += 1
        if dimension.queue in (self._other, agent_queue(self._other)) or dimension.channel == OTHER:
            self._others.add(dimension)

    def left(self, dimension: Dimension) -> None:
        """A dimension is kept no more."""
        self._sizes[is_agent(dimension.queue)] -= 1
        self._others.discard(dimension)

    def may_be_full(self, dimension: Dimension) -> bool:
        """Whether one that is over has to ask for its place again. O(1)."""
        return self._most is not None and (bool(self._others) or self._sizes[is_agent(dimension.queue)] >= self._most)

    def place(self, dimension: Dimension) -> Dimension:
        """Under which name a dimension is kept that is not kept yet. O(1), near the limit O(dimensions)."""
        return dimension if self._has_room(dimension) else self._among_others(dimension)

    def _has_room(self, dimension: Dimension) -> bool:
        most, queue = self._most, dimension.queue
        if most is None or self._is_kept_elsewhere(dimension):
            return True
        if queue.startswith(ROLL_UPS) and not is_agent(queue) and dimension.channel in self._channels:
            return True  # as many as are configured
        of_agents = is_agent(queue)
        if any(is_agent(name.queue) == of_agents and self._is_kept(name) for name in self._others):
            return False
        if self._sizes[of_agents] < most:
            return True
        return sum(is_agent(name.queue) == of_agents and self._is_kept(name) for name in self._dimensions) < most

    def _is_kept_elsewhere(self, dimension: Dimension) -> bool:
        """Another part of the queue's numbers has a place."""
        return any(
            self._is_kept(dimension._replace(domain=domain)) for domain in _DOMAINS if domain != dimension.domain
        )

    def _is_kept(self, dimension: Dimension) -> bool:
        state = self._dimensions.get(dimension)
        return state is not None and not state.is_over()

    def _among_others(self, dimension: Dimension) -> Dimension:
        channel = dimension.channel if dimension.channel in self._channels else OTHER
        if is_agent(dimension.queue):
            return Dimension(channel, agent_queue(self._other), dimension.domain)
        queue = dimension.queue if dimension.queue.startswith(ROLL_UPS) else self._other
        return Dimension(channel, queue, dimension.domain)


def as_other(delta: Delta, of: Dimension) -> Delta:
    """The delta with rows of names that no other queue's have: a contact may be in several of those kept together."""
    suffix = f"{_ROW_OF}{of.channel}{_ROW_OF}{of.queue}"
    return Delta(delta.panes, {f"{key}{suffix}": row for key, row in delta.rows.items()})
