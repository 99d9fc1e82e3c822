"""Inferon takes trained physics models to every trigger level.

graph = inferon.load("jets.onnx");  print(graph)
cpu = inferon.compile(graph, inferon.Cpp())
y = cpu.predict(x);  cpu.verify(x);  cpu.write("jets_cpp/")
"""

from __future__ import annotations

from inferon.compile import Agreement, Compiled, compile
from inferon.errors import InferonError
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.load import load
from inferon.targets.cpp import Cpp
from inferon.version import VERSION

__version__ = VERSION

__all__ = [
    "Agreement",
    "Compiled",
    "Cpp",
    "Graph",
    "InferonError",
    "__version__",
    "compile",
    "interpret",
    "load",
]
