"""Who gets which partitions: every topic is shared evenly, and who had a partition keeps it.

Even per topic, for the topics are not alike: a worker with all of `facts` would compute all windows. Keeping, for what
is kept is not restored. (aiokafka's round robin deals anew each time, its sticky assignor evens out only the totals.)
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import ClassVar, Final

import msgspec
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata

VERSION: Final = 0

Shares = dict[str, list[int]]
"""Topic → partitions."""


class Held(msgspec.Struct, array_like=True):
    """What a member tells the others when it joins."""

    since: float
    """When it was assigned this, Unix time: of two that claim a partition, the later one has its memory."""
    partitions: Shares


class FairAssignor(AbstractPartitionAssignor):  # type: ignore[misc] # aiokafka is not typed
    """Use a subclass of its own per consumer: aiokafka keeps the state of an assignor on its class."""

    name = "contact-streams-fair"
    held: ClassVar[Held] = Held(0.0, {})

    @classmethod
    def metadata(cls, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        return ConsumerProtocolMemberMetadata(VERSION, sorted(topics), msgspec.msgpack.encode(cls.held))

    @classmethod
    def on_assignment(cls, assignment: ConsumerProtocolMemberAssignment) -> None:
        partitions = {topic: list(numbers) for topic, numbers in assignment.assignment}
        cls.held = Held(time.time(), partitions)

    @classmethod
    def assign(
        cls, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        held = {member: _held(metadata.user_data) for member, metadata in members.items()}
        topics = sorted({topic for metadata in members.values() for topic in metadata.subscription})
        partitions = {topic: sorted(cluster.partitions_for_topic(topic) or ()) for topic in topics}
        subscribed = {
            topic: {m for m, metadata in members.items() if topic in metadata.subscription} for topic in topics
        }
        shares = share(partitions, subscribed, held)
        return {
            member: ConsumerProtocolMemberAssignment(VERSION, sorted(shares[member].items()), b"") for member in members
        }


def _held(user_data: bytes) -> Held:
    try:
        return msgspec.msgpack.decode(user_data, type=Held)
    except msgspec.DecodeError:
        return Held(0.0, {})


def share(
    partitions: Mapping[str, list[int]], subscribed: Mapping[str, set[str]], held: Mapping[str, Held]
) -> dict[str, Shares]:
    """Member → topic → partitions: of each topic ⌊n/m⌋ or ⌈n/m⌉, kept where possible, totals even too."""
    shares: dict[str, Shares] = {member: {} for member in held}
    totals: Counter[str] = Counter()
    for topic, numbers in sorted(partitions.items()):
        members = sorted(subscribed[topic])
        if not members:
            continue
        had = {member: set(held[member].partitions.get(topic, ())) & set(numbers) for member in members}
        # The odd ones go to whoever has the least so far, and among equals to whoever has more to keep.
        by_need = sorted(members, key=lambda member: (totals[member], -len(had[member]), member))
        whole, odd = divmod(len(numbers), len(members))
        room = {member: whole + (place < odd) for place, member in enumerate(by_need)}
        free = []
        for number in numbers:
            owners = [member for member in members if number in had[member] and room[member]]
            if not owners:
                free.append(number)
                continue
            _give(max(owners, key=lambda member: held[member].since), topic, number, shares, room)
        for number in free:
            _give(max(by_need, key=lambda member: room[member]), topic, number, shares, room)
        for member in members:
            shares[member].get(topic, []).sort()
            totals[member] += len(shares[member].get(topic, []))
    return shares


def _give(member: str, topic: str, number: int, shares: dict[str, Shares], room: dict[str, int]) -> None:
    shares[member].setdefault(topic, []).append(number)
    room[member] -= 1
