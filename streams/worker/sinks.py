"""What shows the values: called four times a second with the books that this worker owns."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from streams.worker.clock import BrokerClock
from streams.worker.keeper import Claim

TICK_S: Final = 0.25

Owned = Mapping[int, Claim]
"""Facts partition → its view book, fencing token, append time of the claim."""

log = logging.getLogger(__name__)


class Sink(Protocol):
    """A sink deals with its own outages: it never waits long, and what it raises ends the worker."""

    async def start(self) -> None: ...
    async def tick(self, now_ms: int, owned: Owned) -> None:
        """Show what `owned` says at `now_ms` (the broker's clock, as far as it is known)."""

    async def stop(self) -> None: ...


class Ticker:
    """Calls each sink in a rhythm of its own, so that a slow one holds up no other."""

    def __init__(
        self,
        sinks: Sequence[Sink],
        owned: Callable[[], Owned],
        clock: BrokerClock,
        fail: Callable[[BaseException], None],
    ) -> None:
        self._sinks = sinks
        self._owned = owned
        self._clock = clock
        self._fail = fail
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        for sink in self._sinks:
            await sink.start()
        self._tasks = [asyncio.create_task(self._tick(sink)) for sink in self._sinks]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(sink.stop() for sink in self._sinks), return_exceptions=True)

    async def _tick(self, sink: Sink) -> None:
        try:
            while True:
                await sink.tick(self._clock.now_ms(), self._owned())
                await asyncio.sleep(TICK_S)
        except Exception as exc:  # noqa: BLE001 (a fence, or a bug: either way the process must not go on)
            self._fail(exc)
