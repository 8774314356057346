"""Canonical JSON Lines from files (`.gz` or plain) and from standard input, in chunks of lines."""

import io
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from gzip import GzipFile
from pathlib import Path
from typing import BinaryIO, Final, cast

from streams.errors import InputError

STDIN: Final = "-"

_CHUNK_BYTES: Final = 1 << 20
_GZIP_MAGIC: Final = b"\x1f\x8b"
_BOM: Final = b"\xef\xbb\xbf"

Advance = Callable[[int], None]
"""Told how many bytes of the files (as they lie on disk) have been read so far."""


def size_of(files: Iterable[str]) -> int | None:
    """Bytes of all files together; None when one is standard input. Raises InputError when one is not there."""
    names = list(files)
    for name in names:
        if name != STDIN and not Path(name).is_file():
            raise InputError(f"{name}: no such file", hint="name a file of canonical JSON Lines, or - for stdin")
    return None if STDIN in names else sum(Path(name).stat().st_size for name in names)


def read_lines(files: Iterable[str], advance: Advance = lambda _: None) -> Iterator[list[bytes]]:
    """Lines of the files one after the other, without line ends, in chunks of about 1 MiB; compressed or not.

    Blank lines at the end of a file are nothing; a blank line before is a line. Raises InputError when a file cannot
    be read to its end.
    """
    before = 0
    for name in files:
        read = 0
        with _opened(name) as (lines, position):
            for chunk in _chunks(lines, name):
                read = position()
                advance(before + read)
                yield chunk
        before += read


@contextmanager
def _opened(name: str) -> Iterator[tuple[BinaryIO, Callable[[], int]]]:
    """Open a reader of the decompressed bytes, and what tells the position in the raw ones."""
    with _raw(name) as raw:
        counted = _CountedBytes(raw)
        plain = io.BufferedReader(counted, _CHUNK_BYTES)
        if plain.peek(2)[:2] == _GZIP_MAGIC:
            yield cast(BinaryIO, io.BufferedReader(GzipFile(fileobj=plain), _CHUNK_BYTES)), counted.position
        else:
            yield plain, counted.position


@contextmanager
def _raw(name: str) -> Iterator[BinaryIO]:
    if name == STDIN:
        yield sys.stdin.buffer
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 (only opening it is guarded)
    except OSError as error:
        raise InputError(f"{name}: {error.strerror}", hint="name a file that you may read") from error
    with file:
        yield file


class _CountedBytes(io.RawIOBase):
    """Passes bytes through and counts them: a pipe has no position."""

    def __init__(self, raw: BinaryIO) -> None:
        super().__init__()
        self._raw = raw
        self._position = 0

    def position(self) -> int:
        """Bytes read so far."""
        return self._position

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._raw.read(len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def _chunks(reader: BinaryIO, name: str) -> Iterator[list[bytes]]:
    blank: list[bytes] = []
    first = True
    while lines := _read(reader, name):
        if first:
            lines[0] = lines[0].removeprefix(_BOM)
            first = False
        stripped = blank + [line.rstrip(b"\r\n") for line in lines]
        blank = _trailing_blanks(stripped)
        if len(stripped) > len(blank):
            yield stripped[: len(stripped) - len(blank)]


def _read(reader: BinaryIO, name: str) -> list[bytes]:
    try:
        return reader.readlines(_CHUNK_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        message = f"{name}: cannot be read to its end: {error}"
        raise InputError(message, hint="fetch the file again; everything before that place was read") from error


def _trailing_blanks(lines: list[bytes]) -> list[bytes]:
    blanks = 0
    for line in reversed(lines):
        if line.strip():
            break
        blanks += 1
    return lines[len(lines) - blanks :]
