"""docs/events.md says of every type which fields it has, and which may be left out."""

import re
from typing import get_args

from msgspec.structs import fields

from streams.events.model import AnyEvent, ContactEvent, Event
from tests.conftest import REPOSITORY

ROW = re.compile(r"^\| `([a-z.]+\.[a-z_]+|heartbeat)` \| (.*?) ?\|", re.MULTILINE)
OF_ALL = {field.name for field in (*fields(Event), *fields(ContactEvent))}


def test_every_type_has_a_row_with_exactly_its_fields():
    text = (REPOSITORY / "docs" / "events.md").read_text()
    written = {kind: set(filter(None, named.split(", "))) for kind, named in ROW.findall(text)}

    assert written == {
        kind.__struct_config__.tag: {
            field.name if field.required else f"[{field.name}]" for field in fields(kind) if field.name not in OF_ALL
        }
        for kind in get_args(AnyEvent)
    }
