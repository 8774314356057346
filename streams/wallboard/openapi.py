"""What the JSON API says, as an OpenAPI 3.1 document: made from the very types that are sent."""

from typing import Any, Final

import msgspec

from streams import __version__
from streams.wallboard.api import PREFIX, Catalogue, Problem, QueueDetail, Queues
from streams.wallboard.board import Message
from streams.wallboard.explanation import Explanation
from streams.wallboard.presentation import Presentation

_REFS: Final = "#/components/schemas/{name}"
_TYPES: Final = (Message, Queues, QueueDetail, Explanation, Catalogue, Presentation, Problem)

_CHANNEL: Final = ("channel", "Channel, such as voice.", True)
_QUEUE: Final = ("queue", "Queue; `*` is the whole channel, `@name` a group.", True)
_WINDOW: Final = ("window", "One of the configured windows; else the one that the board shows first.", False)
_KPI: Final = ("kpi", "Id of a KPI, as the catalogue has it.", True)

_Parameter = tuple[str, str, bool]


def document() -> dict[str, Any]:
    """The whole document. O(types)."""
    _, components = msgspec.json.schema_components(_TYPES, ref_template=_REFS)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "contact-streams: the board",
            "version": __version__,
            "description": (
                "The live numbers of every queue, as the board shows them. Times are epoch milliseconds, ratios lie "
                "between 0 and 1, durations are seconds unless the name ends in `_ms`. A value that cannot be computed "
                "is absent or null, never 0. `state` is `live`, or `catching_up` where the values are not of now."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": dict(_paths()),
        "components": {"schemas": components},
    }


def _paths() -> list[tuple[str, dict[str, Any]]]:
    whole = "All queues with the numbers of their tiles; what a page gets first."
    one = "One queue: every KPI, the last hour, who waits, who left, what is due."
    return [
        _path("board", whole, Message, ("channel", "Only this channel.", False)),
        _path("queues", "All queues in short, each with what its numbers come to.", Queues, _WINDOW),
        _path("queue", one, QueueDetail, _CHANNEL, _QUEUE, refusals=(400, 404, 503)),
        _path(
            "explain", "A number taken apart: formula, numerator, denominator.", Explanation,
            _CHANNEL, _QUEUE, _KPI, _WINDOW, refusals=(400, 503),
        ),
        _path("catalogue", "Every KPI: unit, what it means, thresholds.", Catalogue),
        _path("presentation", "Labels, targets and thresholds as configured.", Presentation),
        (f"{PREFIX}/events", {"get": _events()}),
    ]  # fmt: skip


def _path(
    name: str, summary: str, answer: type, *parameters: _Parameter, refusals: tuple[int, ...] = ()
) -> tuple[str, dict[str, Any]]:
    if _WINDOW in parameters:
        refusals = tuple(sorted({400, *refusals}))
    operation = {
        "operationId": name,
        "summary": summary,
        "parameters": [_parameter(*parameter) for parameter in parameters],
        "responses": {
            "200": {"description": "Now.", "content": _content(answer)},
            **{str(status): {"description": "Not so.", "content": _content(Problem)} for status in refusals},
        },
    }
    return f"{PREFIX}/{name}", {"get": operation}


def _parameter(name: str, description: str, required: bool) -> dict[str, Any]:  # noqa: FBT001 (a row of a table)
    schema = {"type": "string"}
    return {"name": name, "in": "query", "description": description, "required": required, "schema": schema}


def _content(of: type) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REFS.format(name=of.__name__)}}}


def _events() -> dict[str, Any]:
    told = (
        "Server-sent events. `board`: as `/api/v1/board`, first everything (`full`), then what changed, at most four a "
        "second; a tile without `values` has those it had. `hello`: the build of the page. `beat`: the server's time, "
        "when nothing has changed for 5 s."
    )
    stream = {"description": told, "content": {"text/event-stream": {"schema": {"type": "string"}}}}
    return {"operationId": "events", "summary": "The board as it changes.", "responses": {"200": stream}}
