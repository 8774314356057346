"""What the documents say exists: commands, make targets, files."""

import re
import shlex
from pathlib import Path

import pytest

from streams.events.decode import EventDecoder, Rejected, Unknown
from tests.commands import unknown_words
from tests.conftest import REPOSITORY

DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
EVENTS = re.compile(r"^```json\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`((?:contact-streams|make) [^`]+)`")
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)[^)]*\)")

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))


def commands(text, program):
    """Arguments of every call of `program` in console blocks and inline code."""
    lines = [line for block in CONSOLE.findall(text) for line in block.splitlines()] + INLINE.findall(text)
    calls = (call for line in lines for call in re.split(r"&&|\||>", line))
    words = (shlex.split(call, comments=True) for call in calls)
    return [call[1:] for call in words if call[:1] == [program]]


def test_commands_are_found_in_blocks_and_in_the_text():
    text = "`contact-streams worker`\n```console\nmake demo && contact-streams replay f | head  # look\n```\n"

    assert commands(text, "contact-streams") == [["replay", "f"], ["worker"]]


@each_document
def test_its_commands_exist_with_their_options(document):
    unknown = [words for call in commands(document.read_text(), "contact-streams") for words in unknown_words(call)]

    assert unknown == []


@each_document
def test_its_make_targets_exist(document):
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))

    named = {call[0] for call in commands(document.read_text(), "make")}

    assert named <= targets


@each_document
def test_its_links_lead_somewhere(document):
    broken = [link for link in LINK.findall(document.read_text()) if not (document.parent / Path(link)).exists()]

    assert broken == []


@each_document
def test_its_events_are_valid(document):
    events = [line.encode() for block in EVENTS.findall(document.read_text()) for line in block.splitlines()]

    decoded = EventDecoder(max_bytes=10_000).decode(events)

    assert [event for event in decoded if isinstance(event, Rejected | Unknown)] == []
