"""Which variant of a formula a queue shows under the plain name."""

from collections.abc import Mapping

import msgspec


class Variant(msgspec.Struct, frozen=True):
    """The configured variants of one queue: names as in the catalogue."""

    service_level: str = "ignore_short"
    abandon_rate: str = "ignore_short"


class Variants(msgspec.Struct, frozen=True):
    """Variants of all queues; roll-ups use the defaults."""

    defaults: Variant = Variant()
    queues: Mapping[str, Variant] = {}

    def of(self, queue: str) -> Variant:
        return self.queues.get(queue, self.defaults)
