"""All kinds of life cycle, and which one an event belongs to."""

from collections.abc import Mapping
from typing import Final

from streams.contacts.lifecycle import LifeCycle
from streams.contacts.visits.state import VisitCycle
from streams.contacts.visits.steps import QUEUE_VISITS
from streams.events import model as ev

LIVES: Final = (QUEUE_VISITS,)
"""In order: an event that several know belongs to the last of them that its topic is for."""

BY_CODE: Final[Mapping[str, LifeCycle]] = {life.code: life for life in LIVES}

AnyCycle = VisitCycle
"""Every state that may be stored."""


def lives_of(topic: str) -> Mapping[type[ev.Event], LifeCycle]:  # noqa: ARG001 - tickets' messages differ by topic
    """Class of event → its life cycle in a logical topic."""
    return {kind: life for life in LIVES for kind in life.events}
