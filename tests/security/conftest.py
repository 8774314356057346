"""One authority, one secured Kafka and one secured Redis for all of it."""

from collections.abc import Iterator

import pytest

from tests.security.certificates import Authority
from tests.security.servers import Broker, Store, secured_kafka, secured_redis


@pytest.fixture(scope="session")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def broker(authority) -> Iterator[Broker]:
    with secured_kafka(authority) as started:
        yield started


@pytest.fixture(scope="session")
def store(authority) -> Iterator[Store]:
    with secured_redis(authority) as started:
        yield started
