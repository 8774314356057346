"""One broker for all tests of the worker; each test has topics of its own."""

import itertools
from collections.abc import Iterator

import pytest

from tests.servers import kafka
from tests.worker.rig import Rig, rig

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def brokers() -> Iterator[str]:
    with kafka() as address:
        yield address


@pytest.fixture
def bench(brokers, tmp_path) -> Iterator[Rig]:
    with rig(brokers, f"toy{next(NUMBERS)}", tmp_path) as made:
        made.create_topics()
        yield made
