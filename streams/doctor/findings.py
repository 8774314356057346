"""What an examination finds: one line each, with the mending where something is wrong."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Literal, NamedTuple

from streams.errors import ContactStreamsError

State = Literal["ok", "warning", "failed", "skipped"]


class Finding(NamedTuple):
    """One thing that was looked at."""

    check: str
    """Which: brokers, topics, permissions, group, clock, events or redis."""
    state: State
    """warning: it works, or may be meant so. skipped: it could not be looked at, because of an earlier failure."""
    text: str
    mending: str | None = None


CLOCKS_AGREE_MS: Final = 1_000
"""Clocks that differ by more make what is live look stale."""
SET_CLOCKS: Final = "let both machines follow a time server (chrony, ntpd)"

Check = Callable[[], Iterable[Finding]]


def looked_at(name: str, check: Check) -> Iterator[Finding]:
    """The findings of a check; an error that it raises is one of them."""
    try:
        yield from check()
    except ContactStreamsError as error:
        yield Finding(name, "failed", str(error), error.hint)
