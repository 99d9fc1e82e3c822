"""The rules of the house that a machine can check; `lint-imports` checks the arrows themselves."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import inferon
from inferon.version import VERSION

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "inferon"
SOURCES = sorted(PACKAGE.rglob("*.py"))

CORE = {
    "errors", "ir", "ops", "interpret", "rewrite", "stage", "pipeline", "analysis", "passes",
}  # fmt: skip

# Each of them in one room only: package -> the rooms that may import it.
HEAVY = {
    "awkward": {"physics", "containers"},
    "fastjet": {"physics"},
    "google": {"frontends"},
    "h5py": {"physics"},
    "jinja2": {"report"},
    "markupsafe": {"report"},
    "matplotlib": {"report", "bench"},
    "onnx": {"frontends", "measure", "training", "bench"},
    "onnxruntime": {"measure", "bench", "training"},
    "pydantic": {"training"},
    "pythia8mc": {"physics"},
    "rich": {"cli"},
    "sklearn": {"frontends"},
    "torch": {"training", "models", "frontends", "search", "bench", "containers"},
    "typer": {"cli"},
    "uproot": {"physics"},
    "yaml": {"frontends", "training"},
}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_packages(tree: ast.AST) -> Iterator[str]:
    """Top-level package of every import, also inside functions; not of those for types only."""
    for node in _run_time_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def _run_time_nodes(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from _run_time_nodes(child)


@cache
def third_parties(path: Path) -> frozenset[str]:
    names = frozenset(imported_packages(ast.parse(path.read_text())))
    return names - sys.stdlib_module_names - {"inferon"}


def test_importing_inferon_imports_nothing_heavy() -> None:
    program = "import sys, json, inferon; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT / "src",
    )
    loaded = {name.split(".")[0] for name in json.loads(run.stdout)}
    assert "inferon" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_the_core_needs_numpy_only() -> None:
    core = {path: third_parties(path) for path in SOURCES if room_of(path) in CORE}
    assert core
    assert {path: names for path, names in core.items() if not names <= {"numpy"}} == {}


@pytest.mark.parametrize("package", HEAVY)
def test_a_heavy_package_stays_in_its_room(package: str) -> None:
    rooms = {room_of(path) for path in SOURCES if package in third_parties(path)}
    assert rooms <= HEAVY[package]


def test_every_third_party_import_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [item for items in project["optional-dependencies"].values() for item in items]
    required = {re.split(r"[<>=\[]", item)[0] for item in project["dependencies"] + extras}
    imported_as = {"scikit-learn": "sklearn", "protobuf": "google", "pyyaml": "yaml"}
    used = {name for path in SOURCES for name in third_parties(path)}
    assert used <= {imported_as.get(name, name) for name in required}


def test_no_file_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "util", "common", "helpers", "helper", "misc", "tools", "stuff"}
    folders = ("src", "tests", "benchmarks", "scripts")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert [path for path in files if {path.stem, path.parent.name} & empty] == []


def test_every_module_says_what_it_is_for() -> None:
    assert [path for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {path.parent for path in SOURCES}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_the_reference_lists_the_public_names() -> None:
    """docs/reference/python.md has one heading for each name in inferon.__all__, and no other."""
    text = (ROOT / "docs" / "reference" / "python.md").read_text()
    documented = re.findall(r"^### `inferon\.(\w+)", text, re.MULTILINE)
    assert sorted(documented) == sorted(getattr(inferon, "__all__", []))
    for name in documented:
        assert getattr(inferon, name).__doc__ or not callable(getattr(inferon, name))


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert project["version"] == VERSION
    assert f"## [{project['version']}]" in changelog


def test_every_pinned_version_serves_a_dependency() -> None:
    """constraints.txt pins each direct dependency exactly, torch to the agreed version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [item for items in project["optional-dependencies"].values() for item in items]
    required = {re.split(r"[<>=\[]", item)[0].lower() for item in project["dependencies"] + extras}
    lines = (ROOT / "constraints.txt").read_text().lower().splitlines()
    pinned = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    assert required - {"inferon"} <= set(pinned)
    assert pinned["torch"] == "2.13.0"


def test_no_tracked_file_names_a_path_of_one_machine() -> None:
    listed = subprocess.run(
        ["git", "grep", "-lIE", "/(root|work|home/[a-z]+)/", "--", ":!tests/architecture"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode not in {0, 1}:
        pytest.skip("not a git checkout")
    assert listed.stdout.split() == []
