"""A contact centre that is not there: seeded calls, chats and tickets as canonical events, in the order they arrive.

Owns a small discrete-event simulation: customers come (`demand`), wait for agents who are too few at times (`floor`),
are answered, transferred, called back or give up (`calls`, `chats`), or write (`tickets`), and what they do is written
down (`contact`) and sent with the faults asked for (`arrivals`). Same settings, same bytes: no wall clock, no global
randomness. Imports `errors` and the contract in `events`. Memory grows with the contacts in hand, not with the time
simulated.

Start from `Simulator`, `SimulationSettings` and `paced`.
"""

from streams.sources.simulator.arrivals import Arrival
from streams.sources.simulator.pace import paced
from streams.sources.simulator.settings import SimulationSettings
from streams.sources.simulator.simulator import Simulator

__all__ = ["Arrival", "SimulationSettings", "Simulator", "paced"]
