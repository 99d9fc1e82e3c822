"""``--record FOLDER``: writes what ran, how long and on what, as ``test-all-DATE.json``.

A test that goes through many cases of its own (a grid, all float32 values) adds their number with
``count_cases(n)``; the record sums them for each folder of tests.

A run that was cut goes on where it was: what passed or was skipped is in the journal beside the
record (`tests.journal`) and does not run again; what failed does, and stays counted as failed.
"""

import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.journal import Finished, Journal, state_of_files

_PACKAGES = ("numpy", "onnx", "onnxruntime", "torch", "scikit-learn", "skl2onnx", "hypothesis")
_TOOLS = ("g++", "clang++", "cmake", "chromium")
_ROOT = Path(__file__).resolve().parent.parent
_DONE = "inferon_done"


@dataclass
class Tally:
    """What happened in one folder of tests; seconds are summed over the processes."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    cases: int = 0
    seconds: float = 0.0

    def add(self, finished: Finished) -> None:
        setattr(self, finished.outcome, getattr(self, finished.outcome) + 1)
        self.cases += finished.cases
        self.seconds += finished.seconds


@dataclass(frozen=True)
class LeavesOut:
    """Deselects what is done, in every process that collects."""

    done: frozenset[str]

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in self.done])
        items[:] = [item for item in items if item.nodeid not in self.done]


@dataclass
class Recorder:
    """Collects the reports of a run, over all its sittings, and writes the record at its end."""

    folder: Path
    journal: Journal
    earlier: tuple[Finished, ...]
    """What the sittings before this one finished."""
    revision: str
    """Of the files, before the first of their tests ran."""
    finished: list[Finished] = field(default_factory=list)
    reports: dict[str, list[pytest.TestReport]] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """The processes of pytest-xdist leave out the same tests, whenever they start."""
        node.workerinput[_DONE] = sorted(self.done)

    @property
    def done(self) -> frozenset[str]:
        """The tests that do not run again."""
        return frozenset(each.test for each in self.earlier if each.outcome != "failed")

    @property
    def sitting(self) -> int:
        return 1 + max((each.sitting for each in self.earlier), default=0)

    @property
    def wall_seconds(self) -> float:
        before = max((each.wall_seconds for each in self.earlier), default=0.0)
        return before + time.monotonic() - self.started

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        if self.earlier:
            terminal = session.config.pluginmanager.getplugin("terminalreporter")
            terminal.write_line(f"sitting {self.sitting}: {len(self.done)} tests are done")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        reports = self.reports.setdefault(report.nodeid, [])
        reports.append(report)
        if report.when not in ("setup", "call"):  # the last: torn down, or its process crashed
            del self.reports[report.nodeid]
            finished = _finished(reports, self.sitting, self.wall_seconds, self.revision)
            self.finished.append(finished)
            self.journal.add(finished)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self.earlier:
            session.exitstatus = exitstatus = pytest.ExitCode.OK
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            self._write(exitstatus)
            self.journal.remove()

    def _write(self, exitstatus: int) -> None:
        tallies = _tallies((*self.earlier, *self.finished))
        record = {
            "command": "make test-all",
            "date": date.today().isoformat(),
            "revision": self.revision,
            "exit_status": int(exitstatus),
            "sittings": self.sitting,
            "wall_seconds": round(self.wall_seconds, 1),
            "folders": {name: _rounded(tally) for name, tally in sorted(tallies.items())},
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
    if not folder:
        return
    if hasattr(config, "workerinput"):
        done = frozenset(config.workerinput[_DONE])
    else:
        recorder = _recorder(Path(folder))
        config.pluginmanager.register(recorder, "inferon-recorder")
        done = recorder.done
    config.pluginmanager.register(LeavesOut(done), "inferon-leaves-out")


def _recorder(folder: Path) -> Recorder:
    journal = Journal(folder / "test-all-unfinished.jsonl", state_of_files(_ROOT, but=folder))
    earlier = journal.read()
    journal.start(earlier)
    revision = earlier[0].revision if earlier else _revision()
    return Recorder(folder, journal, earlier, revision)


def _finished(
    reports: Iterable[pytest.TestReport], sitting: int, wall_seconds: float, revision: str
) -> Finished:
    """The reports of a test's set-up, call and tear-down as one line."""
    *_, last = reports
    outcomes = {report.outcome for report in reports}
    return Finished(
        test=last.nodeid,
        outcome=next(each for each in ("failed", "skipped", "passed") if each in outcomes),
        cases=sum(int(str(n)) for key, n in last.user_properties if key == "cases"),
        seconds=sum(report.duration for report in reports),
        sitting=sitting,
        wall_seconds=wall_seconds,
        revision=revision,
    )


def _tallies(finished: Iterable[Finished]) -> dict[str, Tally]:
    """A tally for each folder of tests: tests/unit/test_x.py::test_y counts in tests/unit."""
    tallies: dict[str, Tally] = {}
    for each in finished:
        folder = str(Path(each.test.split("::")[0]).parent)
        tallies.setdefault(folder, Tally()).add(each)
    return tallies


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
