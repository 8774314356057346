"""The JSON Schema that producers validate against."""

import json

from streams.events.decode import TYPES
from streams.events.schema import json_schema


def test_the_schema_is_a_public_contract(golden):
    golden("event.schema.json", json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n")


def test_the_schema_names_every_type():
    assert set(json_schema()["discriminator"]["mapping"]) == TYPES


def test_every_field_without_default_is_required():
    defined = json_schema()["$defs"]

    assert set(defined["QueueLeft"]["required"]) == {"v", "id", "type", "time", "channel", "contact", "queue", "reason"}
    assert set(defined["Heartbeat"]["required"]) == {"v", "id", "type", "time", "source"}
