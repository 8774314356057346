"""The board on the wall: a process of its own that reads Redis and serves a page that moves by itself.

Owns what the board remembers (`board.Board`), how it follows Redis (`follower.Follower`), what the page must know
beforehand (`presentation.presentation`) and the HTTP server (`server.run`); the page itself is in `static/`, plain ES
modules and CSS without a build step. Imports `metrics`, `sinks.redis` and `config`; asks no other host for anything.
"""
