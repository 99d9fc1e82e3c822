"""The binding: a small extension module, compiled once, that calls any compiled model from Python.

It saves what ctypes costs: some microseconds a call.  Where Python's headers are absent there is
none, and everything works without it.
"""

from __future__ import annotations

import importlib.util
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from inferon.errors import ToolError
from inferon.ir.node import Node
from inferon.ir.shape import static
from inferon.ir.values import Array, storage
from inferon.targets.base import File
from inferon.targets.cpp.template import text
from inferon.targets.toolchain import Compiler, shared_library

MODULE = "inferon_binding"
"""The name that the extension gives itself."""

MOST_ARRAYS = 16
"""Inputs and outputs that a bound call can have: ``kMostArrays`` of the extension."""

Direct = Callable[..., tuple[Array, ...] | None]
"""A call of arrays that are read where they lie; None where one of them cannot be."""

_FORMATS = "?bBhHiIlLqQfd"
"""Items of the struct module that a buffer may have."""


@dataclass(frozen=True, slots=True)
class Port:
    """An array of one event: what is asked of an input, or made for an output."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @classmethod
    def of(cls, node: Node) -> Port:
        """Return the port of an input or output."""
        return cls(storage(node.type.element), static(node.type.shape, "an array of the model"))

    @property
    def formats(self) -> str:
        """Every spelling of the dtype: int64 is ``l`` and ``q``."""
        return "".join(char for char in _FORMATS if np.dtype(char) == self.dtype)


def bound(
    address: int,
    workspace_bytes: int,
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    compiler: Compiler,
) -> Direct | None:
    """Return a model's function behind the binding, or None where there is no binding.

    Parameters
    ----------
    address : of the model's ``_call``, in a library that stays loaded
    """
    extension = _extension(compiler.command)
    if extension is None or len(inputs) + len(outputs) > MOST_ARRAYS:
        return None
    read = tuple((port.formats, port.dtype.itemsize, port.shape) for port in inputs)
    made = tuple((port.dtype, port.shape) for port in outputs)
    function: Direct = extension.bind(address, workspace_bytes, read, made, np.empty)
    return function


@cache
def _extension(command: str) -> Any:
    """Return the extension, compiled now or earlier; None where it cannot be."""
    headers = sysconfig.get_path("include")
    if not (Path(headers) / "Python.h").is_file():
        return None
    abi = sysconfig.get_config_var("SOABI")  # extensions of one ABI do not load into another
    source = File(f"{MODULE}.{abi}.cpp", text("binding.cpp").encode())
    compiler = Compiler(command, march="", optimize="2", flags=("-isystem", headers))
    try:
        library = shared_library([source], [source.path], compiler)
    except ToolError:  # headers that this compiler cannot read: a call is slower, no more
        return None
    spec = importlib.util.spec_from_file_location(MODULE, library)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
