"""GHDL: the simulator of the VHDL."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inferon.targets.base import File
from inferon.targets.rtl.design import Language
from inferon.targets.rtl.simulators.bench import BenchSimulator
from inferon.targets.toolchain import run, version


@dataclass(frozen=True)
class Ghdl(BenchSimulator):
    """VHDL-2008 through ``ghdl``; nothing is kept, since its usual form compiles in memory."""

    language = Language.VHDL
    name = "GHDL"

    def available(self) -> bool:
        """Return whether it is installed."""
        return shutil.which("ghdl") is not None

    def version(self) -> str:
        """Return the line in which it names itself."""
        return version("ghdl")

    def execute(self, files: Sequence[File], top: str, folder: Path, timeout_s: float) -> None:
        """Analyze and run."""
        for file in files:
            (folder / file.path).write_bytes(file.content)
        run(["ghdl", "-a", "--std=08", *(file.path for file in files)], folder)
        # registers hold nothing until the first event reaches them, which numeric_std reports
        run(["ghdl", "-e", "--std=08", top], folder)
        run(["ghdl", "-r", "--std=08", top, "--ieee-asserts=disable"], folder, timeout_s)
