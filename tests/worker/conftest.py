"""Each test of the worker has an app and topics of its own."""

import itertools
from collections.abc import Iterator

import pytest

from tests.worker.rig import Rig, rig

NUMBERS = itertools.count(1)


@pytest.fixture
def bench(brokers, tmp_path) -> Iterator[Rig]:
    with rig(brokers, f"toy{next(NUMBERS)}", tmp_path) as made:
        made.create_topics()
        yield made
