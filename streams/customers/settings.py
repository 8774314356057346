"""What the fold of customers depends on. Its hash stands in the state."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

import msgspec

from streams.facts.wire import group_queue

DAY_MS: Final = 86_400_000


class CustomerSettings(msgspec.Struct, frozen=True):
    """Settings of the book of customers; two books with equal settings and equal logs have equal states."""

    horizon_ms: int = 7 * DAY_MS
    """Two contacts of a customer belong together if the later one starts at most this long after the other."""
    lateness_ms: int = 60_000
    """How far behind its progress time an idle source may still have something to say."""
    correctable_ms: int = DAY_MS + 60_000
    """How long after its days, and after it came, a contact is remembered: another one may be old before one of its
    events names the customer."""
    groups: Mapping[str, tuple[str, ...]] = {}
    """Name of a group → its queues: rolled up as the queue `@name` of each channel."""

    def groups_of(self, queue: str) -> list[str]:
        """Queue names (`@name`) of the groups that a queue is in. O(groups)."""
        return [group_queue(name) for name, members in self.groups.items() if queue in members]

    def digest(self) -> str:
        """Hash of all settings: 16 hex digits, the same in every process."""
        return blake2b(msgspec.json.encode(self, order="deterministic"), digest_size=8).hexdigest()
