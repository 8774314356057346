"""Runs `contact-streams` as its users do: in a process of its own, or, for many small runs, in this one."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Mapping
from unittest.mock import patch

from streams.cli.main import main

Done = subprocess.CompletedProcess[str]
"""Exit code, output and errors of one command."""


def contact_streams(*arguments: object, stdin: bytes = b"", environ: Mapping[str, str] | None = None) -> Done:
    """Run in a process of its own; nothing of the caller's own settings gets in."""
    done = subprocess.run(
        [sys.executable, "-m", "streams", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env={**_without_settings(), **(environ or {})},
        timeout=120,
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def contact_streams_here(*arguments: object, stdin: bytes = b"", environ: Mapping[str, str] | None = None) -> Done:
    """As `contact_streams`, but in this process: ten times as fast."""
    out, err = _stream(), _stream()
    with (
        patch.dict(os.environ, {**_without_settings(), **(environ or {})}, clear=True),
        patch.object(sys, "stdin", _stream(stdin)),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = main([str(argument) for argument in arguments])
    return subprocess.CompletedProcess(list(arguments), code, _written(out), _written(err))


def _without_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("CONTACT_STREAMS_")}


def _stream(content: bytes = b"") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()
