"""What customers say of a contact afterwards, some of them."""

from collections.abc import Mapping
from typing import Final

from streams.events.model import SurveyKind
from streams.sources.simulator.clock import Clock, Process
from streams.sources.simulator.contact import Contact
from streams.sources.simulator.dice import Dice
from streams.sources.simulator.floor import Desk, Line

_AFTER_MS: Final = (30_000, 900_000)
"""From the contact's end to the answer."""

_KINDS: Final[tuple[SurveyKind, ...]] = ("csat", "csat", "nps", "ces")
_SCORES: Final[Mapping[SurveyKind, tuple[int, ...]]] = {
    "csat": (1, 2, 3, 4, 4, 4, 5, 5, 5, 5),
    "nps": (0, 3, 5, 6, 7, 7, 8, 8, 9, 9, 9, 10, 10, 10),
    "ces": (2, 3, 4, 5, 5, 6, 6, 7),
}
"""Kind → scores, each as often as it is given."""


class Surveys:
    """Asks every customer whom an agent has served; a share of them answers."""

    def __init__(self, clock: Clock, dice: Dice, share: float) -> None:
        self._clock = clock
        self._dice = dice
        self._share = share

    def ask(self, contact: Contact, line: Line, desk: Desk) -> None:
        """The conversation is over."""
        if self._dice.chance(self._share):
            self._clock.start(self._answer(contact, line.plan.name, desk.agent.name))

    def _answer(self, contact: Contact, queue: str, agent: str) -> Process:
        yield self._dice.between(*_AFTER_MS)
        kind = self._dice.choose(_KINDS)
        score = self._dice.choose(_SCORES[kind])
        contact.note("survey.answered", kind=kind, score=score, queue=queue, agent=agent)
