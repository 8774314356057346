"""Workers from which one guarantee was taken away: the suite must notice each.

    python -m tests.chaos.sabotage WHICH worker --config FILE

An *occasion* alone is what happens to a sound worker too (chunks get lost, the consumer goes back): the same trouble
with the guarantee in place must do no harm. Sabotage is an occasion, if it needs one, with the guarantee off.
"""

import asyncio
import itertools
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from streams.books import Reading, Record
from streams.cli.main import main
from streams.contacts.book import ContactBook
from streams.windows.book import ViewBook
from streams.worker.cluster import Cluster
from streams.worker.keeper import Keeper
from streams.worker.transaction import Addresses, Transaction
from streams.worker.transport import BatchConsumer, Chunk

Row = tuple[bytes, bytes | None]

DROP_EVERY: Final = 20
"""Chunks."""
BETWEEN_COMMITS_S: Final = 3.0
"""More often than not a worker that is killed is killed between the two."""
BACK_EVERY_S: Final = 1.0
BACK_RECORDS: Final = 200


def unfenced() -> None:
    """Each owner of a partition writes under a transactional id of its own: none shuts out the one before."""
    producer = Cluster.producer

    def unrelated(self: Cluster, transactional_id: str) -> Any:
        return producer(self, f"{transactional_id}-{uuid.uuid4()}")

    Cluster.producer = unrelated


def offset_apart() -> None:
    """The meta record, which says how far the input is folded, follows in a transaction of its own."""
    add_rows, commit = Addresses.add_rows, Transaction.commit
    held_back: dict[int, tuple[Addresses, bytes]] = {}

    def rows_alone(self: Addresses, transaction: Transaction, rows: Iterable[Row], meta: bytes) -> None:
        packed = [(key, value, ()) for key, value in rows]
        if packed:
            transaction.extend(self.changelog, packed)
        held_back[id(transaction)] = self, meta

    async def commit_twice(self: Transaction, offsets: Any, group: str) -> Any:
        written = await commit(self, offsets, group)
        addresses, meta = held_back.pop(id(self), (None, b""))
        if addresses is not None:
            await asyncio.sleep(BETWEEN_COMMITS_S)
            later = Transaction(self._producer, self._clock)
            add_rows(addresses, later, (), meta)
            await commit(later, {}, group)
        return written

    Addresses.add_rows, Transaction.commit = rows_alone, commit_twice


def going_back() -> None:
    """An occasion: again and again the consumer is sent back to before what was folded."""
    run = Keeper._run

    async def run_and_go_back(self: Keeper, fail: Callable[[BaseException], None]) -> None:
        going = asyncio.create_task(_go_back(self))
        try:
            await run(self, fail)
        finally:
            going.cancel()

    async def keep(self: Cluster, topic: str, partition: int, offset: int) -> None:
        """Facts that are done with stay: else there would be nothing to go back to."""

    Keeper._run, Cluster.delete_before = run_and_go_back, keep


async def _go_back(keeper: Keeper) -> None:
    while True:
        await asyncio.sleep(BACK_EVERY_S)
        if keeper.claim is not None and keeper._seek is not None:
            keeper._feed.seek_to(keeper.tp, max(0, keeper.position() - BACK_RECORDS))


def untrimmed() -> None:
    """What a seek brings again is folded again."""
    going_back()
    fold_new = ViewBook.fold

    def fold_all(self: ViewBook, records: Sequence[Record]) -> None:
        if records:
            self._offset = min(self._offset, records[0].offset)
        fold_new(self, records)

    ContactBook._unseen = lambda self, records: records
    ViewBook.fold = fold_all


def dropped_fetches() -> None:
    """An occasion: chunks that were fetched vanish, as under back-pressure those of a partition that is not active."""
    getmany = BatchConsumer.getmany
    numbers = itertools.count(1)

    async def lossy(self: BatchConsumer, timeout: float) -> AsyncIterator[Any]:  # noqa: ASYNC109 (Faust's signature)
        async for tp, message in getmany(self, timeout):
            if next(numbers) % DROP_EVERY:
                yield tp, message

    BatchConsumer.getmany = lossy


def unnumbered() -> None:
    """Dropped fetches are not missed: a chunk is taken whatever its number."""
    dropped_fetches()
    fold = Keeper.fold

    async def fold_any(self: Keeper, chunk: Chunk) -> None:
        await fold(self, chunk._replace(number=self._next_chunk))

    Keeper.fold = fold_any
    Keeper._find_lost = lambda self: None


def faked_progress() -> None:
    """Every partition says that it has caught up, whatever waits in it."""
    Keeper.reading = lambda self: Reading(caught_up=True, lag=0)


OCCASIONS: Final[Mapping[str, Callable[[], None]]] = MappingProxyType(
    {"going back": going_back, "dropped fetches": dropped_fetches}
)
SABOTAGE: Final[Mapping[str, Callable[[], None]]] = MappingProxyType(
    {
        "fencing off": unfenced,
        "offset outside the transaction": offset_apart,
        "trim after a seek off": untrimmed,
        "fetches dropped under back-pressure": unnumbered,
        "progress faked": faked_progress,
    }
)


if __name__ == "__main__":
    {**OCCASIONS, **SABOTAGE}[sys.argv.pop(1)]()
    sys.exit(main())
