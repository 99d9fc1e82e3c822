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
    from inferon.targets.hls import Dialect, Hls

__version__ = VERSION

__all__ = [
    "Agreement",
    "Compiled",
    "Cpp",
    "Dialect",
    "ExactModel",
    "Graph",
    "Hls",
    "InferonError",
    "Jagged",
    "Labels",
    "Ragged",
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
    if name in ("Dialect", "Hls"):
        from inferon.targets import hls

        return getattr(hls, name)
    if name == "in_double":
        from inferon.passes.double import in_double

        return in_double
    if name in ("ExactModel", "exact"):
        from inferon import quantize

        return getattr(quantize, name)
    raise AttributeError(f"module 'inferon' has no attribute {name!r}")
