"""How many agents a queue needs: the Erlang C and Erlang A formulas.

Customers come at random (Poisson) and each conversation's length is exponential: Erlang C (M/M/c) lets everybody wait
for ever, Erlang A (M/M/c+M) lets customers give up after an exponential patience. Both describe the steady state of a
queue of its own. Sources: A. K. Erlang 1917 (B and C); C. Palm 1946 and S. Zeltyn, A. Mandelbaum, "Call centers with
impatient customers: many-server asymptotics of the M/M/n+G queue", 2005, section 2 (A).

The offered load in erlangs is arrivals per second × average handle time in seconds: calls in hand if nobody waited.
Times are seconds. No power and no factorial is ever formed: fine at 10,000 erlangs and at any ratio of load to agents.
"""

import math
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

NEGLIGIBLE: Final = 1e-18
"""Probabilities this much smaller than the largest change no digit of a sum."""


class ErlangC(msgspec.Struct, frozen=True):
    """A queue whose customers never give up. With fewer agents than erlangs it grows without end: everybody waits."""

    erlangs: float
    """Offered load, ≥ 0."""
    agents: int
    """≥ 0."""
    aht_s: float
    """Average handle time, > 0."""

    @property
    def wait_probability(self) -> float:
        """Share of arrivals that find no agent free. O(agents)."""
        load, agents = self.erlangs, self.agents
        if load >= agents:
            return 1.0
        blocked = erlang_b(load, agents)
        return agents * blocked / (agents - load * (1 - blocked))

    @property
    def asa_s(self) -> float:
        """Average speed of answer, zero waits included; `inf` when the queue grows without end."""
        spare = self.agents - self.erlangs
        return self.wait_probability * self.aht_s / spare if spare > 0 else math.inf

    @property
    def occupancy(self) -> float | None:
        """Share of their time that agents are busy; None without agents."""
        return min(1.0, self.erlangs / self.agents) if self.agents else None

    def service_level(self, target_s: float) -> float:
        """Share of arrivals answered within `target_s`: all are answered, so any variant without a short rule."""
        spare = self.agents - self.erlangs
        return 1 - self.wait_probability * math.exp(-spare * target_s / self.aht_s) if spare > 0 else 0.0


class ErlangA(msgspec.Struct, frozen=True):
    """A queue whose customers give up: it is steady with any number of agents."""

    erlangs: float
    """Offered load, > 0."""
    agents: int
    """≥ 0."""
    aht_s: float
    """Average handle time, > 0."""
    patience_s: float
    """Mean time after which a customer who is not answered gives up, > 0."""

    @property
    def wait_probability(self) -> float:
        """Share of arrivals that find no agent free, answered later or not."""
        return self._wait_probability(self._queue())

    @property
    def abandon_probability(self) -> float:
        """Share of arrivals that give up: A / (N + A)."""
        queue = self._queue()
        return self._abandon_probability(queue)

    @property
    def wait_avg_s(self) -> float:
        """Average wait of everybody, answered or not, zero waits included: by Little's law."""
        return self.abandon_probability * self.patience_s

    @property
    def asa_s(self) -> float | None:
        """Average wait of those who are answered, zero waits included; None without agents."""
        if not self.agents:
            return None
        queue = self._queue()
        waited_s = self.agents / self.erlangs * self.patience_s * self._wait_probability(queue) * queue.served_wait
        return waited_s / (1 - self._abandon_probability(queue))

    @property
    def occupancy(self) -> float | None:
        """Share of their time that agents are busy; None without agents."""
        return self.erlangs * (1 - self.abandon_probability) / self.agents if self.agents else None

    def service_level(self, target_s: float) -> float:
        """Share of arrivals answered within `target_s`, every abandon a miss: N_T / (N + A), the variant `strict`."""
        if not self.agents:
            return 0.0
        queue = self._queue()
        return max(0.0, 1 - self._abandon_probability(queue) - self._answered_late(queue, target_s))

    def _queue(self) -> "_Queue":
        return _queue(self.agents * self._patience, self.erlangs * self._patience)

    @property
    def _patience(self) -> float:
        """Patience in handle times."""
        return self.patience_s / self.aht_s

    def _wait_probability(self, queue: "_Queue") -> float:
        blocked = erlang_b(self.erlangs, self.agents)
        return blocked / (blocked + (1 - blocked) * math.exp(-queue.log_weight))

    def _abandon_probability(self, queue: "_Queue") -> float:
        return self._wait_probability(queue) * queue.length / (self.erlangs * self._patience)

    def _answered_late(self, queue: "_Queue", target_s: float) -> float:
        """Share of arrivals answered after `target_s`: the density of the offered wait, thinned by patience, beyond it.

        The integral is the series of the queue again, for the load that `target_s` of patience leaves over.
        """
        wait_probability = self._wait_probability(queue)
        if not wait_probability:
            return 0.0
        staying = target_s / self.patience_s
        left = _queue(self.agents * self._patience, self.erlangs * self._patience * math.exp(-staying))
        log_waiting = left.log_weight + math.log(-math.expm1(-left.log_weight)) if left.log_weight else -math.inf
        log_density = -self.erlangs * self._patience * math.expm1(-staying) - self.agents * target_s / self.aht_s
        all_busy = math.log(wait_probability) - queue.log_weight
        return self.agents / self.erlangs * math.exp(all_busy + log_density + log_waiting)


class _Queue(NamedTuple):
    """The queue while all agents are busy, of weights 1, y/(x+1), y²/((x+1)(x+2)) … for 0, 1, 2 … waiting."""

    log_weight: float
    """Logarithm of the sum of the weights: x · e^y · y^−x · γ(x, y), γ the lower incomplete gamma function."""
    length: float
    """Mean number waiting."""
    served_wait: float
    """Mean of Σ 1/(x+i) over the waiting i = 1 … n: the wait, in patiences, that their service ends."""


def _queue(x: float, y: float) -> _Queue:
    """Sum from the far end of the queue to its head: every step is a sum of positive terms, none can overflow.

    x: agents × patience, y: erlangs × patience, in handle times. O(|y − x| + √max(x, y)).
    """
    inverse, log_weight, length, served_wait = 1.0, 0.0, 0.0, 0.0
    for waiting in range(_depth(x, y), 0, -1):
        ratio = y / (x + waiting)
        longer = ratio / (inverse + ratio)  # how probable it is that somebody waits behind
        log_weight += math.log(inverse + ratio)
        length = longer * (1 + length)
        served_wait = longer * (1 / (x + waiting) + served_wait)
        inverse /= inverse + ratio
    return _Queue(log_weight, length, served_wait)


def _depth(x: float, y: float) -> int:
    """Number waiting beyond which the weights are negligible."""
    waiting, weight = max(0, int(y - x)), 1.0
    while weight > NEGLIGIBLE:
        waiting += 1
        weight *= y / (x + waiting)
    return waiting


def erlang_b(erlangs: float, agents: int) -> float:
    """Share of calls lost when nobody can wait, by the recursion over agents (it forms no factorial). O(agents)."""
    blocked = 1.0
    for agent in range(1, agents + 1):
        blocked = erlangs * blocked / (agent + erlangs * blocked)
    return blocked


def agents_needed(erlangs: float, aht_s: float, target_s: float, goal: float, patience_s: float | None = None) -> int:
    """The least number of agents with whom the share answered within `target_s` is at least `goal`.

    By Erlang A where a patience is given, else by Erlang C. 0 without load. O(agents · log agents) and, with a patience
    many times the handle time, its root besides. Raises ValueError unless 0 < goal < 1: no number makes it certain.
    """
    if not 0 < goal < 1:
        raise ValueError(f"a service level goal lies between 0 and 1, not at {goal}")
    if not erlangs:
        return 0
    if patience_s is None:
        return _least(math.floor(erlangs) + 1, lambda n: ErlangC(erlangs, n, aht_s).service_level(target_s) >= goal)
    # n agents answer at most n / erlangs of all.
    fewest = max(1, math.floor(goal * erlangs))
    return _least(fewest, lambda n: ErlangA(erlangs, n, aht_s, patience_s).service_level(target_s) >= goal)


def _least(fewest: int, enough: Callable[[int], bool]) -> int:
    """The least number from `fewest` on that is enough, when more is enough too: in growing strides, then by halves."""
    low, stride = fewest - 1, 1
    while not enough(low + stride):
        low, stride = low + stride, 2 * stride
    high = low + stride
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
