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
    from inferon.physics.compared import accuracy, auc, mean_squared_error
    from inferon.quantization import (
        Budget,
        ExactModel,
        Grain,
        Quantized,
        exact,
        from_hls4ml,
        quantize,
    )
    from inferon.targets.cpp import Cpp, Labels, Ragged
    from inferon.targets.hls import Dialect, Hls
    from inferon.targets.rtl import Verilog, Vhdl

__version__ = VERSION

__all__ = [
    "Agreement",
    "Budget",
    "Compiled",
    "Cpp",
    "Dialect",
    "ExactModel",
    "Grain",
    "Graph",
    "Hls",
    "InferonError",
    "Jagged",
    "Labels",
    "Quantized",
    "Ragged",
    "Verilog",
    "Vhdl",
    "__version__",
    "accuracy",
    "auc",
    "compile",
    "exact",
    "from_hls4ml",
    "in_double",
    "interpret",
    "load",
    "mean_squared_error",
    "quantize",
]


_QUANTIZATION = (
    *("Budget", "ExactModel", "Grain", "Quantized"),
    *("exact", "from_hls4ml", "quantize"),
)


def __getattr__(name: str) -> object:
    """Import what not everyone needs when it is first named: `import inferon` takes < 0.2 s."""
    if name in ("Cpp", "Labels", "Ragged"):
        from inferon.targets import cpp

        return getattr(cpp, name)
    if name in ("Dialect", "Hls"):
        from inferon.targets import hls

        return getattr(hls, name)
    if name in ("Verilog", "Vhdl"):
        from inferon.targets import rtl

        return getattr(rtl, name)
    if name == "in_double":
        from inferon.passes.double import in_double

        return in_double
    if name in _QUANTIZATION:
        from inferon import quantization

        return getattr(quantization, name)
    if name in ("accuracy", "auc", "mean_squared_error"):
        from inferon.physics import compared

        return getattr(compared, name)
    raise AttributeError(f"module 'inferon' has no attribute {name!r}")
