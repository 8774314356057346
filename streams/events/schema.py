"""JSON Schema of the canonical events, generated from the types: what producers validate against."""

from typing import Any

import msgspec

from streams.events.model import AnyEvent


def json_schema() -> dict[str, Any]:
    """The schema of one event (JSON Schema 2020-12): one definition per type, told apart by `type`."""
    schema = msgspec.json.schema(AnyEvent)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "contact-streams event v1", **schema}
