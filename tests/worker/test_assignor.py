"""Who gets which partitions: shared evenly per topic, kept where that allows it."""

from collections import Counter

import msgspec
from aiokafka.cluster import ClusterMetadata
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from streams.worker.assignor import FairAssignor, Held, Shares, share

PARTITIONS = {"calls": list(range(8)), "chats": list(range(8)), "facts": list(range(4))}
NOTHING = Held(0.0, {})

names = st.sampled_from("abcdefg")
holdings = st.dictionaries(st.sampled_from(sorted(PARTITIONS)), st.lists(st.integers(0, 9), unique=True, max_size=8))
groups = st.dictionaries(names, st.builds(Held, st.floats(0, 100), holdings), min_size=1)


def shared(held: dict[str, Held]) -> dict[str, Shares]:
    return share(PARTITIONS, {topic: set(held) for topic in PARTITIONS}, held)


def kept(shares: dict[str, Shares], since: float = 1.0) -> dict[str, Held]:
    return {member: Held(since, topics) for member, topics in shares.items()}


@given(groups)
def test_every_partition_has_one_owner_and_every_topic_is_even(held):
    shares = shared(held)

    for topic, numbers in PARTITIONS.items():
        given_out = Counter(number for topics in shares.values() for number in topics.get(topic, ()))
        assert given_out == Counter(numbers)
        sizes = [len(topics.get(topic, ())) for topics in shares.values()]
        assert max(sizes) - min(sizes) <= 1
    totals = [sum(map(len, topics.values())) for topics in shares.values()]
    assert max(totals) - min(totals) <= 1


@given(groups)
def test_the_same_members_keep_what_they_have(held):
    once = shared(held)

    again = shared(kept(once))

    assert again == once


@given(groups, names)
def test_among_those_who_stay_a_newcomer_moves_at_most_the_odd_ones(held, newcomer):
    before = shared({member: held[member] for member in held if member != newcomer} or {"z": NOTHING})

    after = shared({**kept(before), newcomer: NOTHING})

    moved = [
        (topic, number)
        for member, topics in before.items()
        for topic, numbers in topics.items()
        for number in numbers
        if number not in after[member].get(topic, ()) and number not in after[newcomer].get(topic, ())
    ]
    assert len(moved) <= len(PARTITIONS)


def test_of_two_who_claim_a_partition_the_later_owner_gets_it():
    sleeper = Held(1.0, {"facts": [0, 1, 2, 3]})
    owner = Held(2.0, {"facts": [0, 1]})

    shares = shared({"sleeper": sleeper, "owner": owner})

    assert shares["owner"]["facts"] == [0, 1]
    assert shares["sleeper"]["facts"] == [2, 3]


def test_what_a_member_was_assigned_is_what_it_tells_when_it_joins_again():
    assignor = type("Assignor", (FairAssignor,), {})
    cluster = ClusterMetadata(bootstrap_servers=[])
    cluster._partitions = {"calls": {n: TopicPartition("calls", n) for n in range(4)}}
    given_out = assignor.assign(cluster, {"a": assignor.metadata(["calls"])})

    assignor.on_assignment(given_out["a"])

    told = msgspec.msgpack.decode(assignor.metadata(["calls"]).user_data, type=Held)
    assert told.partitions == {"calls": [0, 1, 2, 3]}
    assert FairAssignor.held == NOTHING
