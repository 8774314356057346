"""What is shipped in `deploy/` is what the generators make of the reference configuration."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from streams.config import Config, load
from tests.conftest import REPOSITORY

DEPLOY = REPOSITORY / "deploy"


@pytest.fixture(scope="session")
def reference() -> Config:
    """The reference configuration."""
    return load(DEPLOY / "contact-streams.yaml", environ={}).config


@pytest.fixture
def shipped(request: pytest.FixtureRequest) -> Callable[[str, Mapping[str, str]], None]:
    """`shipped(folder, files)`: `deploy/{folder}` holds exactly these; `--update-golden` writes them there."""
    update = request.config.getoption("--update-golden")

    def check(folder: str, files: Mapping[str, str]) -> None:
        place = DEPLOY / folder
        if update:
            _write(place, files)
        there = {path.name: path.read_text(encoding="utf-8") for path in place.iterdir() if path.name in files}

        assert there == files, f"deploy/{folder} is not current: look at the difference, then --update-golden"

    return check


def _write(place: Path, files: Mapping[str, str]) -> None:
    place.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (place / name).write_text(text, encoding="utf-8")
