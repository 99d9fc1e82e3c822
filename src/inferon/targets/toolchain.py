"""Compilers: finding them and calling them; `inferon.targets.cache` keeps what they made."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from inferon.errors import ToolError, ToolMissing
from inferon.targets.base import File
from inferon.targets.cache import kept

TIMEOUT_S = 300
"""A compiler that needs longer than five minutes for one model is stuck: the bar is 20 s."""

LOG_LINES = 20

_V4_FLAGS = {"avx512f", "avx512vl", "avx512dq", "avx512bw", "avx512cd"}


@dataclass(frozen=True, slots=True)
class Compiler:
    """A C++ compiler with its options.

    Attributes
    ----------
    command : ``g++``, ``clang++`` or a path
    march : an instruction set such as ``x86-64-v3``; ``auto`` is the best level of this machine
    optimize : the level behind ``-O``
    flags : further options
    """

    command: str = "g++"
    march: str = "auto"
    optimize: str = "3"
    flags: tuple[str, ...] = ()

    def options(self) -> list[str]:
        """Return the options of every compilation."""
        march = best_march() if self.march == "auto" else self.march
        machine = [f"-march={march}"] if march else []
        return [
            "-std=c++17",
            f"-O{self.optimize}",
            "-Wall",
            "-Wextra",
            "-Werror",
            *machine,
            *self.flags,
        ]


def best_march() -> str:
    """Return the best of the levels that the header knows, on this machine."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return ""
    return "x86-64-v4" if set(_this_cpu().split()) >= _V4_FLAGS else "x86-64-v3"


def _this_cpu() -> str:
    """Return what the CPU can do, in the words of Linux; nothing elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


@cache
def version(command: str, option: str = "--version") -> str:
    """Return the first line of a tool's own word on its version."""
    return run([command, option]).splitlines()[0]


def run(command: Sequence[str], folder: Path | None = None, timeout_s: float = TIMEOUT_S) -> str:
    """Run a tool and return its output.

    Raises
    ------
    ToolMissing
        When the tool is not installed.
    ToolError
        When it fails or takes too long; carries the end of its log.
    """
    if shutil.which(command[0]) is None:
        raise ToolMissing(
            command[0], f"install it (Debian, Ubuntu: apt-get install {_package(command[0])})"
        )
    try:
        done = subprocess.run(
            list(command),
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(
            f"{command[0]} took longer than {timeout_s:.0f} s", command=command
        ) from error
    if done.returncode:
        log = "\n".join((done.stdout + done.stderr).splitlines()[:LOG_LINES])
        raise ToolError(f"{command[0]} failed:\n{log}", command=command, log=log)
    return done.stdout


def _package(tool: str) -> str:
    names = {"clang++": "clang", "vvp": "iverilog"}
    return names.get(Path(tool).name, Path(tool).name)


def shared_library(files: Sequence[File], sources: Sequence[str], compiler: Compiler) -> Path:
    """Return the library of some sources, compiled now or earlier.

    The file name is a hash of the content, the options and the compiler: a loader that knows a
    path takes what it has loaded under that path before.
    """
    options = [*compiler.options(), "-shared", "-fPIC"]
    digest = hashlib.sha256(" ".join([version(compiler.command), *options, *sources]).encode())
    if any(option.endswith("=native") for option in options):
        digest.update(_this_cpu().encode())  # a home folder is often that of many machines
    for file in files:
        digest.update(f"{file.path} {len(file.content)} ".encode() + file.content)

    def make(folder: Path) -> Path:
        for file in files:
            (folder / file.path).write_bytes(file.content)
        run([compiler.command, *options, "-o", "library.so", *sources], folder)
        return folder / "library.so"

    return kept(digest.hexdigest()[:32], make)
