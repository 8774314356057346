"""Canonical files: plain, compressed, from standard input; what their lines are, and how they fail."""

import gzip
import io
import sys
from pathlib import Path

import pytest

from streams.errors import InputError
from streams.sources.files import read_lines, size_of


@pytest.fixture
def file(tmp_path: Path):
    def write(content: bytes, name: str = "events.jsonl") -> str:
        path = tmp_path / name
        path.write_bytes(content)
        return str(path)

    return write


def lines_of(*files: str) -> list[bytes]:
    return [line for chunk in read_lines(files) for line in chunk]


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"a\nb\n", [b"a", b"b"], id="two lines"),
        pytest.param(b"a\nb", [b"a", b"b"], id="no line end at the end"),
        pytest.param(b"a\r\nb\r\n", [b"a", b"b"], id="line ends of Windows"),
        pytest.param(b"a\nb\n\n", [b"a", b"b"], id="a blank last line is nothing"),
        pytest.param(b"a\n \n\n", [b"a"], id="so are several"),
        pytest.param(b"\na\n\nb\n", [b"", b"a", b"", b"b"], id="a blank line before is a line"),
        pytest.param(b"\xef\xbb\xbfa\nb\n", [b"a", b"b"], id="a byte-order mark is no part of the first line"),
        pytest.param(b"\xff\xfe\n", [b"\xff\xfe"], id="bytes that are no text are kept"),
    ],
)
@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gz"])
def test_a_file_is_its_lines(file, content, lines, compressed):
    assert lines_of(file(gzip.compress(content) if compressed else content)) == lines


def test_several_files_come_one_after_the_other(file):
    first, second = file(b"a\n\n", "1.jsonl"), file(gzip.compress(b"b\n"), "2.jsonl.gz")

    assert lines_of(first, second, first) == [b"a", b"b", b"a"]


@pytest.mark.parametrize("content", [b"a\nb\n", gzip.compress(b"a\nb\n")], ids=["plain", "gz"])
def test_a_dash_is_standard_input(monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    assert lines_of("-") == [b"a", b"b"]


def test_blank_lines_between_two_chunks_are_kept(file):
    content = b"x" * (1 << 20) + b"\n" + b"\n" * 3 + b"end\n\n"

    assert lines_of(file(content))[1:] == [b"", b"", b"", b"end"]


def test_progress_counts_the_bytes_on_disk(file):
    files = [file(b"a\n" * 700_000, "1"), file(gzip.compress(b"b\n" * 10), "2.gz")]
    seen: list[int] = []
    for _ in read_lines(files, seen.append):
        pass

    assert seen == sorted(seen)
    assert seen[-1] == size_of(files)


def test_standard_input_has_no_size(file):
    assert size_of([file(b"abc"), "-"]) is None


class TestFailure:
    def test_a_file_that_is_not_there_is_named(self):
        with pytest.raises(InputError, match=r"nowhere\.jsonl: no such file"):
            size_of(["nowhere.jsonl"])

    def test_a_cut_off_gz_file_says_so_after_what_could_be_read(self, file):
        whole = gzip.compress(b"".join(b"%d\n" % n for n in range(400_000)))
        chunks = read_lines([file(whole[: len(whole) * 9 // 10])])

        assert next(chunks)[:2] == [b"0", b"1"]
        with pytest.raises(InputError, match="cannot be read to its end"):
            list(chunks)

    def test_a_damaged_gz_file_says_so(self, file):
        whole = bytearray(gzip.compress(b"a\n" * 100_000))
        whole[len(whole) // 2 :] = b"\x00" * 50

        with pytest.raises(InputError, match="cannot be read to its end"):
            lines_of(file(bytes(whole)))
