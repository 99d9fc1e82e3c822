"""Icarus Verilog: small, quick to build, and the strictest reader of Verilog-2001."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inferon.targets.base import File
from inferon.targets.cache import Kind, content_of, kept
from inferon.targets.rtl.design import Language
from inferon.targets.rtl.simulators.bench import BenchSimulator
from inferon.targets.toolchain import run, version

OPTIONS = ("-g2001", "-Wall")


@dataclass(frozen=True)
class Icarus(BenchSimulator):
    """Verilog through ``iverilog`` and ``vvp``."""

    language = Language.VERILOG
    name = "Icarus Verilog"

    def available(self) -> bool:
        """Return whether it is installed."""
        return shutil.which("iverilog") is not None and shutil.which("vvp") is not None

    def version(self) -> str:
        """Return the line in which it names itself."""
        return version("iverilog", "-V")

    def execute(self, files: Sequence[File], top: str, folder: Path, timeout_s: float) -> None:
        """Compile, now or earlier, and run."""
        digest = hashlib.sha256(" ".join([self.version(), *OPTIONS, top]).encode())
        for file in files:
            digest.update(f"{file.path} {len(file.content)} ".encode() + file.content)

        def make(place: Path) -> Path:
            for file in files:
                (place / file.path).write_bytes(file.content)
            paths = [file.path for file in files]
            run(["iverilog", *OPTIONS, "-s", top, "-o", "made.vvp", *paths], place)
            return place / "made.vvp"

        made = kept(digest.hexdigest()[:32], make, Kind.SIMULATION)
        (folder / "made.vvp").write_bytes(content_of(made))
        run(["vvp", "-n", "made.vvp"], folder, timeout_s)
