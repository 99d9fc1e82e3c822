"""``--record FOLDER``: writes what ran, how long and on what, as ``test-all-DATE.json``.

A test that goes through many cases of its own (a grid, all float32 values) adds their number with
``count_cases(n)``; the record sums them for each folder of tests.
"""

import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

import pytest

_PACKAGES = ("numpy", "onnx", "onnxruntime", "torch", "scikit-learn", "skl2onnx", "hypothesis")
_TOOLS = ("g++", "clang++", "cmake", "chromium")
_ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Tally:
    """What happened in one folder of tests; seconds are summed over the processes."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    cases: int = 0
    seconds: float = 0.0


@dataclass
class Recorder:
    """Collects the reports of one run and writes the record at its end."""

    folder: Path
    tallies: dict[str, Tally] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        tally = self.tallies.setdefault(_folder_of(report.nodeid), Tally())
        tally.seconds += report.duration
        if report.when == "call" or report.outcome != "passed":
            setattr(tally, report.outcome, getattr(tally, report.outcome) + 1)
        if report.when == "teardown":
            tally.cases += sum(int(str(n)) for key, n in report.user_properties if key == "cases")

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        record = {
            "command": "make test-all",
            "date": date.today().isoformat(),
            "revision": _revision(),
            "exit_status": int(exitstatus),
            "wall_seconds": round(time.monotonic() - self.started, 1),
            "folders": {name: _rounded(tally) for name, tally in sorted(self.tallies.items())},
            "machine": _machine(),
            "versions": _versions(),
        }
        path = self.folder / f"test-all-{date.today().isoformat()}.json"
        path.write_text(json.dumps(record, indent=2) + "\n")


@pytest.fixture
def count_cases(request: pytest.FixtureRequest) -> Callable[[int], None]:
    """Adds to the number of cases that this test went through, for the record."""

    def add(cases: int) -> None:
        request.node.user_properties.append(("cases", cases))

    return add


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record", metavar="FOLDER", help="write test-all-DATE.json into this folder"
    )


def pytest_configure(config: pytest.Config) -> None:
    folder = config.getoption("--record")
    is_xdist_worker = hasattr(config, "workerinput")
    if folder and not is_xdist_worker:
        config.pluginmanager.register(Recorder(Path(folder)), "inferon-recorder")


def _folder_of(nodeid: str) -> str:
    """tests/unit/test_x.py::test_y -> tests/unit."""
    return str(Path(nodeid.split("::")[0]).parent)


def _rounded(tally: Tally) -> dict[str, int | float]:
    return asdict(tally) | {"seconds": round(tally.seconds, 1)}


def _revision() -> str:
    """The commit that was tested; ends in -dirty if tracked files differ from it."""
    if shutil.which("git") is None:
        return "unknown"
    command = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    run = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    return run.stdout.strip() or "unknown"


def _machine() -> dict[str, str | int | None]:
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    model = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    return {
        "cpu": model.group(1) if model else platform.processor(),
        "cores": os.cpu_count(),
        "avx512": "avx512f" in text,
        "system": platform.platform(),
    }


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "absent"
    for tool in _TOOLS:
        versions[tool] = _tool_version(tool)
    return versions


def _tool_version(tool: str) -> str:
    path = shutil.which(tool)
    if path is None:
        return "absent"
    run = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return (run.stdout.splitlines() or ["unknown"])[0]
