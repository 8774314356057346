"""A keeper in memory: books with a changelog, killed and restored wherever a test says."""

from collections.abc import Iterable, Sequence

from streams.books import META_KEY, Book, MemoryRecord, Output, Reading

CAUGHT_UP = Reading(caught_up=True, lag=0)


class Keeper:
    """Keeps one book: each flush makes changed rows, outputs and meta record durable together."""

    def __init__(self, make: type | object, log: Sequence[MemoryRecord]) -> None:
        self._make = make
        self._log = log
        self._changelog: dict[bytes, bytes] = {}
        self.book: Book = make()
        self.outputs: list[Output] = []

    def fold(self, count: int) -> None:
        """Fold the next `count` records of the log."""
        begin = self.book.offset
        self.book.fold(self._log[begin : begin + count])

    def flush(self) -> None:
        flush = self.book.drain(CAUGHT_UP)
        for key, value in {**flush.rows, META_KEY: flush.meta}.items():
            if value is None:
                self._changelog.pop(key, None)
            else:
                self._changelog[key] = value
        self.outputs += flush.outputs

    def crash(self) -> None:
        """What was not flushed never happened; the log is read again from there."""
        self.book = self._make()
        if META_KEY in self._changelog:
            self.book.restore(self._changelog.items())

    def finish(self) -> bytes:
        """Fold what is left; returns the state."""
        self.fold(len(self._log))
        self.flush()
        return self.book.snapshot()

    def live_through(self, fates: Iterable[tuple[int, str]]) -> bytes:
        """Fold in batches of the given sizes, each followed by its fate; returns the state at the end."""
        for size, fate in fates:
            self.fold(size)
            if fate != "fold on":
                self.flush()
            if fate != "flush":
                self.fold(0 if fate == "fold on" else 1)
            if fate == "crash":
                self.crash()
        return self.finish()
