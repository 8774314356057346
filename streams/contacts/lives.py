"""All kinds of life cycle, and which one an event belongs to."""

from collections.abc import Mapping
from typing import Final

from streams.contacts.agents.steps import AGENTS
from streams.contacts.business.steps import BUSINESS
from streams.contacts.lifecycle import LifeCycle
from streams.contacts.surveys.steps import SURVEYS
from streams.contacts.tickets.steps import TICKETS
from streams.contacts.visits.steps import QUEUE_VISITS
from streams.events import model as ev

LIVES: Final = (TICKETS, QUEUE_VISITS, AGENTS, SURVEYS, BUSINESS)
"""In order: an event that several know belongs to the last of them, but a message in a channel of tickets."""

BY_CODE: Final[Mapping[str, LifeCycle]] = {life.code: life for life in LIVES}


def lives_of(topic: str) -> Mapping[type[ev.Event], LifeCycle]:  # noqa: ARG001 - tickets' messages differ by topic
    """Class of event → its life cycle in a logical topic."""
    return {kind: life for life in LIVES for kind in life.events}
