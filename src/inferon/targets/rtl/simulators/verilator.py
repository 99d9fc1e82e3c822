"""Verilator: the fastest of the simulators; 5.006, as distributions ship it, is enough."""

from __future__ import annotations

import shutil
from pathlib import Path

from inferon.targets.rtl.design import Design, Language
from inferon.targets.rtl.netlist import Vector
from inferon.targets.rtl.simulators.compiled import CompiledSimulator
from inferon.targets.toolchain import run, version


class Verilator(CompiledSimulator):
    """Verilog through ``verilator --cc``."""

    language = Language.VERILOG
    harness = "verilator.cpp"
    name = "Verilator"

    def available(self) -> bool:
        """Return whether it is installed."""
        return shutil.which("verilator") is not None

    def tool_version(self) -> str:
        """Return the line in which it names itself."""
        return version("verilator")

    def member(self, port: Vector) -> str:
        """Return the port's name, as it is."""
        return port.signal.name

    def translate(self, design: Design, folder: Path) -> tuple[list[str], list[str]]:
        """Write the model's C++; its own runtime is compiled beside it."""
        top = f"{design.name}.v"
        run(["verilator", "--cc", "--Mdir", ".", "--top-module", design.name, top], folder)
        root = Path(run(["verilator", "--getenv", "VERILATOR_ROOT"]).strip()) / "include"
        own = sorted(path.name for path in folder.glob("*.cpp"))
        runtime = [str(root / name) for name in ("verilated.cpp", "verilated_threads.cpp")]
        return [*own, *(f for f in runtime if Path(f).exists())], [f"-I{root}", f"-I{root}/vltstd"]
