"""A final visit as the topic `visits` has it (architecture.md, "Outputs", Kafka)."""

import msgspec


class FinalVisit(msgspec.Struct, frozen=True, gc=False):
    """One visit that nothing can change any more. Times in epoch ms."""

    contact: str
    visit: int
    channel: str
    queue: str
    outcome: str | None
    reason: str | None
    entered_at: int | None
    left_at: int | None
    booked_at: int | None
    wait_ms: int | None
    talk_ms: int | None
    hold_ms: int | None
    agent: str | None
