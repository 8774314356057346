"""What is kept of one customer: when the contacts started, and what was booked for each.

    contact       a ────── b ──────────────── c
    to the next     ≤ 7 d        > 7 d          none
    repeat        no       yes                no
    fcr           not met  met                met, once its 7 d have passed

A contact is a repeated one exactly when the one before it was not resolved at first contact.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from streams.facts.primitives import Bag, P

NEVER: Final = 1 << 62
"""Longer than any time between two contacts."""

Place = tuple[int, str, str]
"""(start in epoch ms, channel, queue): contacts of one place are counted, not told apart."""


class KnownContact(msgspec.Struct, array_like=True, gc=False):
    """One contact of a customer. What was booked for it is kept as it was booked."""

    at: int
    channel: str
    queue: str
    horizon_ms: int
    """Valid when it was first seen: what is booked by it is taken back by it."""
    seen_at: int
    """Watermark when it came, epoch ms."""
    follows: bool = False
    """Whether it repeats one that is forgotten."""
    followed: bool = False
    """Whether one that is forgotten repeats it."""
    repeat: bool = False
    judged: bool = False
    """Whether its days have passed."""
    met: bool = False
    """Of a judged one: whether no other contact started in its days."""

    @property
    def judged_at(self) -> int:
        """Where its days end, epoch ms."""
        return self.at + self.horizon_ms

    def booked(self) -> list[tuple[int, Bag]]:
        """(epoch ms, bag) of all that is booked for it."""
        seen = {P.CONTACTS_SEEN: 1, P.REPEAT_CONTACTS: int(self.repeat)}
        return [(self.at, seen), (self.judged_at, {P.FCR_JUDGED: int(self.judged), P.FCR_MET: int(self.met)})]


class Change(msgspec.Struct, frozen=True):
    """What a review changes."""

    contact: KnownContact
    at: int
    """Where it is booked, epoch ms."""
    bag: Bag


def place_of(contact: KnownContact) -> Place:
    return contact.at, contact.channel, contact.queue


class CustomerContacts:
    """The contacts of one customer, in the order of their places. A call is O(log contacts), but for moving memory."""

    __slots__ = ("_contacts",)

    def __init__(self) -> None:
        self._contacts: list[KnownContact] = []

    def __len__(self) -> int:
        return len(self._contacts)

    def __iter__(self) -> Iterator[KnownContact]:
        return iter(self._contacts)

    def add(self, contact: KnownContact) -> None:
        insort(self._contacts, contact, key=place_of)

    def at_place(self, place: Place) -> Sequence[KnownContact]:
        """The contacts of a place."""
        return self._contacts[self._range(place)]

    def take_back(self, place: Place) -> KnownContact | None:
        """Remove a contact, of several the last; None: there is none."""
        index = self._range(place).stop - 1
        if index < 0 or place_of(self._contacts[index]) != place:
            return None
        return self._contacts.pop(index)

    def forget(self, place: Place) -> Sequence[KnownContact]:
        """Drop what is at a place. What stands beside it remembers that it was there, and is returned."""
        there, contacts = self._range(place), self._contacts
        before, after = contacts[max(0, there.start - 1) : there.start], contacts[there.stop : there.stop + 1]
        for contact in before:
            contact.followed |= place[0] - contact.at <= contact.horizon_ms
        for contact in after:
            contact.follows |= contact.at - place[0] <= contact.horizon_ms
        del contacts[there]
        return [*before, *after]

    def review(self, place: Place, watermark: int) -> Iterator[Change]:
        """Judge anew, as of the watermark, what is at a place and beside it; yields what changes."""
        there = self._range(place)
        for index in range(max(0, there.start - 1), min(len(self._contacts), there.stop + 1)):
            contact = self._contacts[index]
            yield from self._review_repeat(index, contact)
            if contact.judged or watermark >= contact.judged_at:
                yield from self._review_resolution(index, contact)

    def _review_repeat(self, index: int, contact: KnownContact) -> Iterator[Change]:
        gap_ms = contact.at - self._contacts[index - 1].at if index else NEVER
        repeat = contact.follows or gap_ms <= contact.horizon_ms
        if repeat != contact.repeat:
            contact.repeat = repeat
            yield Change(contact, contact.at, {P.REPEAT_CONTACTS: 1 if repeat else -1})

    def _review_resolution(self, index: int, contact: KnownContact) -> Iterator[Change]:
        gap_ms = self._contacts[index + 1].at - contact.at if index + 1 < len(self._contacts) else NEVER
        met = not contact.followed and gap_ms > contact.horizon_ms
        newly, more = not contact.judged, int(met) - int(contact.met)
        if newly or more:
            contact.judged, contact.met = True, met
            yield Change(contact, contact.judged_at, {P.FCR_JUDGED: int(newly), P.FCR_MET: more})

    def _range(self, place: Place) -> slice:
        contacts = self._contacts
        return slice(bisect_left(contacts, place, key=place_of), bisect_right(contacts, place, key=place_of))
