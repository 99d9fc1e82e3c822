"""A user's own operators and front-ends: one file outside the package, and no registry.

::

    from inferon.extension import Call, Extension


    def cube(call: Call) -> Node:
        x = call.node(0)
        return b.mul(b.mul(x, x), x)


    EXTENSION = Extension(operators={("my.domain", "Cube"): cube})

An extension is a value: ``inferon.load(model, extension=EXTENSION)`` uses it for this model only.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from inferon.errors import UsageError
from inferon.frontends.naming import label
from inferon.frontends.onnx.call import Call, Operator, Refused
from inferon.frontends.onnx.table import OPERATORS
from inferon.ir.graph import Graph

__all__ = ["Call", "Extension", "FrontEnd", "Operator", "Refused", "read_extension"]

NAME = "EXTENSION"
"""What the extension is called in a file of the user."""


class FrontEnd(Protocol):
    """Reads models of a format, or of a class, that Inferon does not know."""

    def accepts(self, source: Any) -> bool:
        """Return whether a source (a path, an object) is one that this front-end reads."""

    def load(self, source: Any) -> Graph:
        """Return the graph of one event of that source."""


@dataclass(frozen=True, slots=True)
class Extension:
    """What a user adds to Inferon, for the models that are loaded with it.

    Attributes
    ----------
    operators : functions from a `Call` to a node or several, by the operator's domain and name.
        An operator that Inferon has keeps its meaning
    frontends : asked in this order before Inferon's own

    Raises
    ------
    UsageError
        When a key is no pair of texts, a value cannot be called, or Inferon has the operator.
    """

    operators: Mapping[tuple[str, str], Operator] = field(default_factory=dict)
    frontends: tuple[FrontEnd, ...] = ()

    def __post_init__(self) -> None:
        for key, function in self.operators.items():
            if not (_is_pair(key) and callable(function)):
                raise UsageError(
                    f"an extension's operator is {key!r}: {function!r}; give "
                    "('my.domain', 'Name'): a function that takes a Call"
                )
            if key in OPERATORS:
                raise UsageError(
                    f"Inferon has the operator {'::'.join(filter(None, key))}, whose meaning an "
                    "extension does not change; use a domain of your own"
                )
        for frontend in self.frontends:
            if not (hasattr(frontend, "accepts") and hasattr(frontend, "load")):
                raise UsageError(
                    f"an extension's front-end is {frontend!r}: give an object with accepts and "
                    "load"
                )

    def frontend_for(self, source: Any) -> FrontEnd | None:
        """Return the first front-end that accepts a source."""
        return next((each for each in self.frontends if each.accepts(source)), None)


def _is_pair(key: object) -> bool:
    return isinstance(key, tuple) and [type(each) for each in key] == [str, str]


def read_extension(path: Path) -> Extension:
    """Run a Python file of the user, and return its ``EXTENSION``.

    The file is a program: it is run as the user that runs Inferon.

    Raises
    ------
    UsageError
        When the file cannot be read, fails, or holds no extension.
    """
    shown = label(path.name)
    name = f"inferon_extension_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if path.suffix != ".py" or not path.is_file() or spec is None or spec.loader is None:
        raise UsageError(f"the extension {shown} is no Python file that can be read")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look up the names of their annotations
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(
            f"the extension {shown} fails: {type(error).__name__}: {error}"
        ) from error
    found = getattr(module, NAME, None)
    if not isinstance(found, Extension):
        raise UsageError(f"the extension {shown} holds no {NAME} = inferon.extension.Extension()")
    return found
