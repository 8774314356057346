"""What the board's HTTP interface says, word for word: other boards may read it."""

import msgspec

from streams.config import Config
from streams.metrics.view import QueueView
from streams.wallboard.board import Board
from streams.wallboard.history import SAMPLE_MS
from streams.wallboard.openapi import document
from streams.wallboard.presentation import SHOWN, presentation

T = 1_800_000_000_000


def pretty(data):
    return msgspec.json.format(msgspec.json.encode(data), indent=2).decode() + "\n"


def test_everything_then_changes(golden):
    board = Board(SHOWN, T - SAMPLE_MS)
    board.connected(T)
    windows = {"5m": {"offered": 12, "service_level": 0.75, "asa": None}}
    board.put([QueueView("voice", "billing", T, "live", {"waiting": 2, "longest_wait": 31.5}, windows, {})], T)
    board.pass_time(T)
    everything = board.message(T + 100)
    board.put([QueueView("voice", "billing", T + 250, "live", {"waiting": 1, "longest_wait": 5.0}, windows, {})], T)
    changes = board.message(T + 300, everything.version)

    golden(
        "wallboard/board.json",
        pretty({"/api/v1/board, first of /api/v1/events": everything, "next of /api/v1/events": changes}),
    )


def test_presentation(golden):
    config = Config(queues={"billing": {"target_s": 30, "service_level": "strict"}})

    golden("wallboard/presentation.json", pretty(msgspec.structs.replace(presentation(config), build="…")))


def test_openapi(golden):
    described = document()
    described["info"]["version"] = "…"

    golden("wallboard/openapi.json", pretty(described))
