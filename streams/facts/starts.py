"""The `customers` topic: when the contacts of a customer started, from stage 1 to the book of customers.

A record's key is the customer's keyed hash (never the customer), its value what one flush of one source partition adds
to the customer's bag of starts; or `wire.PROGRESS_KEY` and the progress of that partition, as in `facts`. All of it is
internal to one app.
"""

from typing import Final

import msgspec

TOPIC: Final = "customers"
"""Logical name: of the topic, of the domain of what comes of it, and of its progress in `facts`."""


class Starts(msgspec.Struct, array_like=True, gc=False):
    """What changes in the bag of one customer's starts, of the contacts of one channel."""

    channel: str
    starts: list[tuple[int, str, int]]
    """(epoch ms of the start, queue that the contact counts for, how many more: negative takes back)."""


_decoder = msgspec.msgpack.Decoder(Starts)


def decode_starts(value: bytes) -> Starts:
    return _decoder.decode(value)
