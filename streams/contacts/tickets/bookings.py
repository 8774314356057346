"""What happens to a ticket adds to the panes: which primitives, and by which clock. Definitions: kpis.md, "Tickets"."""

from typing import Final

from streams.calendars.clock import CALENDAR_TIME, Clock
from streams.contacts.ledger import Ledger
from streams.contacts.tickets.state import TicketCycle
from streams.facts.primitives import Bag, H, P

_REQUESTER_WAITS: Final = ("new", "open", "on_hold")
_AGENT_WORKS: Final = ("new", "open")


def book_resolution(cycle: TicketCycle, time: int, at: int, ledger: Ledger) -> None:
    """One record at a solve: resolution, requester's wait and agents' work so far, around the clock and in the opening
    hours of the queue that solves it.
    """
    assert cycle.created_at is not None
    bag = {P.RESOLUTIONS: 1, P.FIRST_RESOLUTIONS: int(not cycle.solved)}
    _measure(bag, cycle, time, CALENDAR_TIME, ledger, business=0)
    clock = ledger.business_clock(cycle.queue)
    if clock is not None:
        bag |= {P.RESOLUTIONS_BUSINESS: 1, P.FIRST_RESOLUTIONS_BUSINESS: int(not cycle.solved)}
        _measure(bag, cycle, time, clock, ledger, business=1)
    ledger.book(cycle.queue, at, {key: n for key, n in bag.items() if n})


def _measure(bag: Bag, cycle: TicketCycle, time: int, clock: Clock, ledger: Ledger, *, business: int) -> None:
    """Add the durations up to `time` to the bag."""
    created_at = cycle.created_at or 0
    elapsed_ms = clock.elapsed_ms(created_at, time)
    measured = [
        (P.RESOLUTION_FULL_MS, P.RESOLUTION_FULL_BUSINESS_MS, H.RESOLUTION_FULL, elapsed_ms),
        (
            P.REQUESTER_WAIT_MS, P.REQUESTER_WAIT_BUSINESS_MS, H.REQUESTER_WAIT,
            cycle.spent_ms(_REQUESTER_WAITS, created_at, time, clock),
        ),
        (
            P.AGENT_WORK_MS, P.AGENT_WORK_BUSINESS_MS, H.AGENT_WORK,
            cycle.spent_ms(_AGENT_WORKS, created_at, time, clock),
        ),
    ]  # fmt: skip
    if not cycle.solved:
        measured.append((P.RESOLUTION_FIRST_MS, P.RESOLUTION_FIRST_BUSINESS_MS, H.RESOLUTION_FIRST, elapsed_ms))
    for calendar_sum, business_sum, histogram, duration_ms in measured:
        bag[business_sum if business else calendar_sum] = duration_ms
        bag[ledger.bin(histogram + H.BUSINESS * business, duration_ms)] = 1
