"""Asks what is served for what nobody would ask: schemathesis on the board's API and on the worker's endpoints.

    python -m tests.fuzz.served --seconds 120

A Redis with a queue in it and a board; a Kafka and a worker. Each is asked by its OpenAPI document for half of the
time. The exit code is not 0 where an answer is an error of the server or not what the document says.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.end_to_end.centre import centre
from tests.servers import kafka, redis
from tests.wallboard.test_server import wallboard
from tests.wallboard.writing import Writer

TEXT = {"text/plain": {"schema": {"type": "string"}}}
JSON = {"application/json": {"schema": {"type": "object", "required": ["ready", "problems", "partitions"]}}}
ENDLESS = "/api/v1/events"
EXAMPLES = 60
"""Of each endpoint in a round."""
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def worker_document() -> dict[str, Any]:
    """What a worker answers: 503 where it is not ready or not alive."""
    kinds = {"/livez": TEXT, "/readyz": JSON, "/metrics": TEXT}
    paths = {
        path: {"get": {"responses": {status: {"description": "so", "content": kind} for status in ("200", "503")}}}
        for path, kind in kinds.items()
    }
    return {"openapi": "3.1.0", "info": {"title": "worker", "version": "1"}, "paths": paths}


def asked(document: str, url: str, seconds: float) -> int:
    """Ask in rounds until the time is over; the first exit code that is not 0."""
    end, seed = time.monotonic() + seconds, 0
    schemathesis = Path(sys.executable).with_name("schemathesis")
    while time.monotonic() < end:
        seed += 1
        done = subprocess.run(
            [schemathesis, "run", document, "--url", url, "--checks", CHECKS, "--exclude-path", ENDLESS,
             "--max-examples", str(EXAMPLES), "--seed", str(seed), "--request-timeout", "20",
             "--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all"],
            check=False,
        )  # fmt: skip
        if done.returncode:
            return done.returncode
    return 0


@contextmanager
def board() -> Iterator[str]:
    """A board with a queue on it; it may be asked as often as one likes. Yields its address."""
    unlimited = {"CONTACT_STREAMS_WALLBOARD__REQUESTS_PER_MINUTE": "0"}
    with redis() as url, patch.dict(os.environ, unlimited), wallboard(url) as (_, address), Writer(url) as writer:
        writer.keep("voice", "billing", {"waiting": 2, "longest_wait": 31.5, "answered:30m": 40})
        yield address.rstrip("/")


@contextmanager
def worker() -> Iterator[str]:
    """A worker that is ready. Yields its address."""
    with (
        kafka() as brokers,
        redis() as url,
        tempfile.TemporaryDirectory() as folder,
        centre(brokers, url, "served", Path(folder)) as made,
    ):
        (started,) = made.ready_workers(1)
        yield f"http://127.0.0.1:{started.port}"


def main() -> int:
    """Ask both; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=120)
    half = parser.parse_args().seconds / 2
    with board() as address:
        of_board = asked(f"{address}/api/v1/openapi.json", address, half)
    with worker() as address, tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(worker_document(), file)
        file.flush()
        of_worker = asked(file.name, address, half)
    return of_board or of_worker


if __name__ == "__main__":
    sys.exit(main())
