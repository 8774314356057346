"""The rules of the house that a program can hold."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import streams
from tests.conftest import REPOSITORY

PACKAGE = REPOSITORY / "streams"
SOURCES = sorted(path for folder in ("streams", "tests", "benchmarks") for path in (REPOSITORY / folder).rglob("*.py"))
DRAWERS = {"base", "common", "helpers", "misc", "types", "util", "utils"}
ELSEWHERE = re.compile(r"(?<![\w.])/(?:home|root|Users|work)/\w")


def relative(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def tracked_texts() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("no git repository: what belongs to the project is not known")
    paths = (REPOSITORY / name for name in listed.stdout.decode().split("\0") if name)
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()]


def test_packages_import_only_what_their_contracts_allow():
    """The core stays pure and data flows one way: contracts in pyproject.toml, held by import-linter."""
    linter = Path(sys.executable).with_name("lint-imports")

    result = subprocess.run([linter, "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout + result.stderr


def test_the_architecture_fits_on_a_page():
    assert len((PACKAGE / "pipeline.py").read_text().splitlines()) <= 150


def test_what_is_compiled_makes_no_class_of_msgspec():
    """The compiler drops what such a class is given beside its bases, `array_like` among it, without a word."""
    targets = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
    included, excluded = (targets["wheel"]["hooks"]["mypyc"][key] for key in ("include", "exclude"))
    names = ("/" + relative(path) for path in PACKAGE.rglob("*.py"))
    compiled = [name for name in names if name.startswith(tuple(included)) and not name.endswith(tuple(excluded))]
    classes = [(name, node) for name in compiled for node in ast.walk(parsed(name)) if isinstance(node, ast.ClassDef)]

    assert len(compiled) > 20
    assert [
        f"{name}: {node.name}" for name, node in classes if "Struct" in " ".join(map(ast.unparse, node.bases))
    ] == []


def parsed(name: str) -> ast.Module:
    return ast.parse((REPOSITORY / name.removeprefix("/")).read_text())


@pytest.mark.parametrize("source", SOURCES, ids=relative)
def test_no_module_is_a_drawer_for_odds_and_ends(source):
    assert not DRAWERS & {source.stem, source.parent.name}


@pytest.mark.parametrize("source", sorted(PACKAGE.rglob("*.py")), ids=relative)
def test_every_module_says_what_it_is_for(source):
    assert ast.get_docstring(ast.parse(source.read_text()))


def test_no_file_names_a_place_on_someones_machine():
    found = [relative(path) for path in tracked_texts() if ELSEWHERE.search(path.read_text(errors="replace"))]

    assert found == []


def test_the_changelog_knows_the_version():
    assert f"## [{streams.__version__}]" in (REPOSITORY / "CHANGELOG.md").read_text()
