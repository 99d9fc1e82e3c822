"""Inferon takes trained physics models to every trigger level.

graph = inferon.load("jets.onnx");  print(graph)
cpu = inferon.compile(graph, inferon.Cpp())
y = cpu.predict(x);  cpu.verify(x);  cpu.write("jets_cpp/")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferon.compile import Agreement, Compiled, compile
from inferon.containers import Jagged
from inferon.errors import InferonError
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.load import load
from inferon.version import VERSION

if TYPE_CHECKING:
    from inferon.passes.double import in_double
    from inferon.quantize import ExactModel, exact
    from inferon.targets.cpp import Cpp, Labels, Ragged
    from inferon.targets.rtl import Verilog, Vhdl

__version__ = VERSION

__all__ = [
    "Agreement",
    "Compiled",
    "Cpp",
    "ExactModel",
    "Graph",
    "InferonError",
    "Jagged",
    "Labels",
    "Ragged",
    "Verilog",
    "Vhdl",
    "__version__",
    "compile",
    "exact",
    "in_double",
    "interpret",
    "load",
]


def __getattr__(name: str) -> object:
    """Import what not everyone needs when it is first named: `import inferon` takes < 0.2 s."""
    if name in ("Cpp", "Labels", "Ragged"):
        from inferon.targets import cpp

        return getattr(cpp, name)
    if name in ("Verilog", "Vhdl"):
        from inferon.targets import rtl

        return getattr(rtl, name)
    if name == "in_double":
        from inferon.passes.double import in_double

        return in_double
    if name in ("ExactModel", "exact"):
        from inferon import quantize

        return getattr(quantize, name)
    raise AttributeError(f"module 'inferon' has no attribute {name!r}")
