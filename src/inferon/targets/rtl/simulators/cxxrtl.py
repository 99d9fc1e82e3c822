"""CXXRTL of Yosys: the simulator that pip alone can bring, beside a C++ compiler."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from inferon.errors import ToolMissing
from inferon.targets.rtl.design import Design, Language
from inferon.targets.rtl.simulators.compiled import COMPILER, CompiledSimulator, Translated
from inferon.targets.rtl.yosys import find_yosys


@dataclass(frozen=True)
class Cxxrtl(CompiledSimulator):
    """Verilog through ``write_cxxrtl``, with the headers that its C++ includes."""

    language = Language.VERILOG
    harness = "cxxrtl.cpp"
    name = "CXXRTL"

    def available(self) -> bool:
        """Return whether a Yosys is here with its headers, and a compiler."""
        try:
            find_yosys(headers=True)
        except ToolMissing:
            return False
        return shutil.which(COMPILER) is not None

    def version(self) -> str:
        """Return the version of Yosys."""
        return find_yosys(headers=True).version

    def member(self, port: str) -> str:
        """Return a name as CXXRTL writes it."""
        return "p_" + port.replace("_", "__")

    def translate(self, design: Design, folder: Path) -> Translated:
        """Write the model's C++, which the harness includes.

        The headers inline every operation by force; compilers then take minutes for a network.
        They may decide themselves where the attribute's name stands for another one.
        """
        yosys = find_yosys(headers=True)
        read = f"read_verilog {design.name}.v; hierarchy -top {design.name}"
        yosys.run(f"{read}; write_cxxrtl -g0 design.cc", folder)
        assert yosys.headers is not None
        may_inline = "-D__always_inline__=__unused__"
        return Translated(("harness.cpp",), (may_inline, f"-I{yosys.headers}"))
