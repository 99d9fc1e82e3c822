"""Verilator: the fastest of the simulators; 5.006, as distributions ship it, is enough."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from inferon.targets.cache import Kind, kept
from inferon.targets.rtl.design import Design, Language
from inferon.targets.rtl.simulators.compiled import (
    COMPILER,
    OPTIONS,
    CompiledSimulator,
    Translated,
)
from inferon.targets.toolchain import run, version

RUNTIME = ("verilated.cpp", "verilated_threads.cpp")


@dataclass(frozen=True)
class Verilator(CompiledSimulator):
    """Verilog through ``verilator --cc``."""

    language = Language.VERILOG
    harness = "verilator.cpp"
    name = "Verilator"

    def available(self) -> bool:
        """Return whether it is installed, with a compiler."""
        return None not in (shutil.which("verilator"), shutil.which(COMPILER))

    def version(self) -> str:
        """Return the line in which it names itself."""
        return version("verilator")

    def member(self, port: str) -> str:
        """Return the port's name, as it is."""
        return port

    def translate(self, design: Design, folder: Path) -> Translated:
        """Write the model's C++; the runtime that it needs is compiled once for all models."""
        top = f"{design.name}.v"
        run(["verilator", "--cc", "--Mdir", ".", "--top-module", design.name, top], folder)
        own = sorted(path.name for path in folder.glob("*.cpp"))
        return Translated((*own, str(self._runtime())), _includes())

    def _runtime(self) -> Path:
        """Return what all models share, compiled now or earlier: more than a small model."""
        root = _root()
        sources = [root / name for name in RUNTIME if (root / name).exists()]
        known = " ".join([self.name, self.version(), version(COMPILER), *OPTIONS, str(root)])

        def make(folder: Path) -> Path:
            for source in sources:
                run([COMPILER, *OPTIONS, "-O2", *_includes(), "-c", str(source)], folder)
            objects = [source.with_suffix(".o").name for source in sources]
            run([COMPILER, "-r", "-nostdlib", "-o", "runtime.o", *objects], folder)
            return folder / "runtime.o"

        return kept(hashlib.sha256(known.encode()).hexdigest()[:32], make, Kind.OBJECT)


def _root() -> Path:
    return Path(run(["verilator", "--getenv", "VERILATOR_ROOT"]).strip()) / "include"


def _includes() -> tuple[str, ...]:
    return f"-I{_root()}", f"-I{_root()}/vltstd"
