"""The machine that a measurement was made on: without it a number of nanoseconds means nothing."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from inferon.errors import InferonError
from inferon.targets.toolchain import Compiler, best_march
from inferon.targets.toolchain import version as tool_version
from inferon.version import VERSION

_V3_FLAGS = {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"}
"""What x86-64-v3 adds, as far as the kernel lists it (x86-64 psABI, section 3.1.1)."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a measurement was made.

    Attributes
    ----------
    cpu : model name of the processor
    level : ``x86-64-v4``, ``x86-64-v3``, ``aarch64``, or what the machine calls itself
    supported : whether the emitted header runs on this processor
    cores : processors that this process may use
    load_average : mean number of running processes in the last minute; None where unknown
    system : operating system with its version
    """

    cpu: str
    level: str
    supported: bool
    cores: int
    load_average: float | None
    system: str


@dataclass(frozen=True, slots=True)
class Versions:
    """Versions of everything whose speed is measured; None where it takes no part."""

    inferon: str
    python: str
    numpy: str
    compiler: str
    options: str
    onnxruntime: str | None


def this_machine() -> Machine:
    """Return what this machine is, and how busy."""
    level, supported = _level()
    return Machine(_cpu(), level, supported, _cores(), _load_average(), platform.platform())


def versions(compiler: Compiler) -> Versions:
    """Return the versions of a measurement that uses this compiler."""
    try:
        named = tool_version(compiler.command)
    except InferonError:
        named = f"{compiler.command} (absent)"
    return Versions(
        VERSION,
        platform.python_version(),
        version("numpy"),
        named,
        " ".join(compiler.options()),
        package_version("onnxruntime"),
    )


def package_version(name: str) -> str | None:
    """Return the version of an installed Python package; it is not imported."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _cpuinfo() -> dict[str, str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in lines)
    return {key.strip(): value.strip() for key, _, value in reversed(list(pairs))}


def _cpu() -> str:
    return _cpuinfo().get("model name") or platform.processor() or platform.machine()


def _level() -> tuple[str, bool]:
    name = platform.machine()
    if name in ("aarch64", "arm64"):
        return "aarch64", True
    if name not in ("x86_64", "AMD64"):
        return name, False
    if not set(_cpuinfo().get("flags", "").split()) >= _V3_FLAGS:
        return "below x86-64-v3", False
    return best_march(), True


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # absent outside Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _load_average() -> float | None:
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None
