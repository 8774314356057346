"""Whose turn it is on the event loop: what takes long does not begin while a transaction is open.

A worker that catches up drains thousands of records at a time, for each of its partitions. Done while a transaction of
another partition is open, that adds up: Kafka gives the transaction up, and its owner ends.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Turns:
    """Shared by all keepers of a worker."""

    def __init__(self) -> None:
        self._open = 0
        """Transactions."""
        self._waiting = 0
        """Those who have something long to do: no transaction begins before them."""
        self._calm = asyncio.Event()
        self._calm.set()
        self._free = asyncio.Event()
        self._free.set()

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """While a transaction is open."""
        while self._waiting:
            await self._free.wait()
        self._open += 1
        self._calm.clear()
        try:
            yield
        finally:
            self._open -= 1
            if not self._open:
                self._calm.set()

    async def calm(self) -> None:
        """Return when no transaction is open. What is done next without awaiting keeps none open."""
        self._waiting += 1
        self._free.clear()
        try:
            while self._open:
                await self._calm.wait()
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._free.set()
