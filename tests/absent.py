"""Counted skips: what this machine lacks skips a test, and the end of the run says how many.

As a mark, on a test or for a whole file (``pytestmark = needs_tool("clang++")``)::

    @needs_tool("clang++")
    @needs_package("torch")
    @needs_cpu("avx512f")
    def test_...

or inside a test or fixture, where the path or the module is wanted::

    compiler = require_tool("clang++")
    torch = require_package("torch")
"""

import importlib
import importlib.util
import re
import shutil
from collections import Counter
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest

needs_tool = pytest.mark.needs_tool
needs_package = pytest.mark.needs_package
needs_cpu = pytest.mark.needs_cpu

_KINDS = ("tool", "package", "CPU flag")


def require_tool(name: str) -> str:
    """Path of a program; skips the test, counted, where it is absent."""
    path = shutil.which(name)
    if path is None:
        skip_absent("tool", name)
    return path


def require_package(name: str) -> ModuleType:
    """An imported package; skips the test (at the top of a file: the file) where it is absent."""
    if importlib.util.find_spec(name) is None:
        skip_absent("package", name)
    return importlib.import_module(name)


def require_cpu(flag: str) -> None:
    """Skips the test, counted, where the CPU lacks a flag of /proc/cpuinfo, such as avx512f."""
    if flag not in _cpu_flags():
        skip_absent("CPU flag", flag)


def skip_absent(kind: str, name: str) -> NoReturn:
    pytest.skip(f"{kind} absent: {name}", allow_module_level=True)


@cache
def _cpu_flags() -> frozenset[str]:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return frozenset()
    line = re.search(r"^(?:flags|Features)\s*:(.*)$", cpuinfo.read_text(), re.MULTILINE)
    return frozenset(line.group(1).split()) if line else frozenset()


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs_tool"):
        for name in mark.args:
            require_tool(name)
    for mark in item.iter_markers("needs_package"):
        for name in mark.args:
            if importlib.util.find_spec(name) is None:
                skip_absent("package", name)
    for mark in item.iter_markers("needs_cpu"):
        for flag in mark.args:
            require_cpu(flag)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    for kind in _KINDS:
        absent = count_absent(reasons, kind)
        each = ", ".join(f"{name}: {count}" for name, count in sorted(absent.items()))
        terminalreporter.write_line(
            f"skipped because a {kind} is absent: {absent.total()}"
            + (f" ({each})" if each else "")
        )


def count_absent(reasons: list[str], kind: str) -> Counter[str]:
    """How often each name of one kind was the reason of a skip."""
    pattern = re.compile(rf"{kind} absent: ([\w.+-]+)")
    return Counter(match.group(1) for reason in reasons if (match := pattern.search(reason)))
