"""requirements.lock names what pyproject.toml asks for, exactly and with hashes: an audit looks at all of it."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
LOCK = (REPOSITORY / "requirements.lock").read_text()
PINNED = re.compile(r"^(\S+)==([^ ;\\]+)", re.MULTILINE)


def asked_for() -> list[str]:
    """Every requirement of the program, its extras and the development group."""
    groups = PROJECT["dependency-groups"]
    found = [*PROJECT["project"]["dependencies"]]
    for extra in PROJECT["project"]["optional-dependencies"].values():
        found += extra
    for entry in groups["dev"]:
        found += [entry] if isinstance(entry, str) else groups[entry["include-group"]]
    return found


@pytest.mark.parametrize("requirement", asked_for())
def test_it_holds_a_version_that_is_allowed(requirement):
    wanted = Requirement(requirement)
    named = canonicalize_name(wanted.name)
    locked = [version for name, version in PINNED.findall(LOCK) if canonicalize_name(name) == named]

    assert locked, "not there: run `make lock`"
    assert all(wanted.specifier.contains(version, prereleases=True) for version in locked), "other ones: `make lock`"


def test_each_entry_is_pinned_and_has_hashes():
    entries = [entry for entry in re.split(r"\n(?=\S)", LOCK) if not entry.startswith("#")]

    assert len(entries) > 50
    assert [entry for entry in entries if not PINNED.match(entry) or "--hash=sha256:" not in entry] == []
