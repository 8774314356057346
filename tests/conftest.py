"""What every test may ask for: a server or a visible skip, a golden file, the real data beside the repository.

A test that needs something of the machine says so with a marker (`@pytest.mark.kafka`, …; `REQUIREMENTS` below). Where
it is absent the test is skipped with the way to get it; with `CONTACT_STREAMS_NO_SKIPS=1` any skip is a failure.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from streams.contacts import history

REPOSITORY: Final = Path(__file__).resolve().parents[1]
SHARED_DATA: Final = REPOSITORY.parent / "shared" / "data"
GOLDEN: Final = Path(__file__).parent / "golden"


def kafka_jars() -> Path:
    """Where `make kafka` puts the jars of Apache Kafka; they may be missing."""
    cache = Path.home() / ".cache" / "contact-streams" / "kafka-4.1.0"
    return Path(os.environ.get("CONTACT_STREAMS_KAFKA_JARS") or cache)


def _kafka_missing() -> str | None:
    if not shutil.which("java"):
        return "no java on the PATH: a real Kafka broker needs Java 17"
    if not any(kafka_jars().glob("kafka_2.13-*.jar")):
        return f"no Apache Kafka in {kafka_jars()}: `make kafka` fetches it"
    return None


def _command_missing(*names: str) -> Callable[[], str | None]:
    def missing() -> str | None:
        if any(shutil.which(name) for name in names):
            return None
        return f"no {names[0]} on the PATH"

    return missing


REQUIREMENTS: Final[Mapping[str, Callable[[], str | None]]] = {
    "kafka": _kafka_missing,
    "redis": _command_missing("redis-server"),
    "browser": _command_missing("chromium", "chromium-browser", "google-chrome"),
    "promtool": _command_missing("promtool"),
    "prometheus": _command_missing("prometheus"),
    "alertmanager": _command_missing("prometheus-alertmanager", "alertmanager"),
    "amtool": _command_missing("amtool"),
}
"""Marker → why a test so marked cannot run here; None: it can."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden/ from what the program gives")


def pytest_configure() -> None:
    """`make test-compiled` must not test the sources by mistake."""
    if os.environ.get("CONTACT_STREAMS_COMPILED") == "1" and not history.__file__.endswith(".so"):
        raise pytest.UsageError(f"CONTACT_STREAMS_COMPILED=1, but {history.__file__} is what is imported")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, missing in REQUIREMENTS.items():
        reason = missing() if item.get_closest_marker(marker) else None
        if reason:
            pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    del item
    report = yield
    return _without_skips(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    del collector
    report = yield
    return _without_skips(report)


def _without_skips(report):
    """The report, failed if it was skipped where skips are forbidden. An expected failure is not a skip."""
    if not report.skipped or hasattr(report, "wasxfail") or os.environ.get("CONTACT_STREAMS_NO_SKIPS") != "1":
        return report
    report.outcome = "failed"
    report.longrepr = f"skipped, which CONTACT_STREAMS_NO_SKIPS=1 forbids: {report.longreprtext}"
    return report


@pytest.fixture(scope="session")
def brokers() -> Iterator[str]:
    """Address of the one Kafka of all tests: each has topics of its own. Mark the test with `kafka`."""
    from tests.servers import kafka

    with kafka() as address:
        yield address


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real call-centre data, kept beside the repository because it is not part of the product."""
    if not SHARED_DATA.is_dir():
        pytest.skip("no real data at ../shared/data beside the repository")
    return SHARED_DATA


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`golden(name, actual)`: `actual` is what `tests/golden/{name}` holds; `--update-golden` writes it there."""
    update = request.config.getoption("--update-golden")

    def check(name: str, actual: str) -> None:
        path = GOLDEN / name
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(actual, encoding="utf-8")
        expected = path.read_text(encoding="utf-8") if path.exists() else f"(no tests/golden/{name})"

        assert actual == expected, f"tests/golden/{name} is not current: look at the difference, then --update-golden"

    return check
