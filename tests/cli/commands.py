"""Runs `contact-streams` as its users do: a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping


def contact_streams(
    *arguments: object, stdin: bytes = b"", environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Exit code, output and errors of one command; nothing of the caller's own settings gets in."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CONTACT_STREAMS_")}
    done = subprocess.run(
        [sys.executable, "-m", "streams", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env={**inherited, **(environ or {})},
        timeout=120,
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())
