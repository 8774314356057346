"""One Redis for all of it; each test has topics, a group and a Redis prefix of its own."""

import gzip
import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.end_to_end.centre import Centre, centre
from tests.servers import redis

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with redis() as url:
        yield url


@pytest.fixture(scope="module")
def make_centre(brokers, redis_url, tmp_path_factory) -> Iterator[Callable[[], Centre]]:
    """Centres that last as long as the module."""
    with ExitStack() as stack:

        def make() -> Centre:
            name = f"e2e{next(NUMBERS)}"
            return stack.enter_context(centre(brokers, redis_url, name, tmp_path_factory.mktemp(name)))

        yield make


@pytest.fixture
def bench(brokers, redis_url, tmp_path) -> Iterator[Centre]:
    """A centre for one test."""
    with centre(brokers, redis_url, f"e2e{next(NUMBERS)}", tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def bank_events(shared_data: Path) -> list[dict]:
    """A real day of a bank's call centre, in time."""
    lines = gzip.decompress((shared_data / "bank_one_day.events.jsonl.gz").read_bytes()).splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="session")
def golden_day(shared_data: Path) -> dict:
    """Queue → values computed from the day's raw rows."""
    return json.loads((shared_data / "bank_one_day.golden.json").read_text(encoding="utf-8"))
