"""Whose array is this: asked without importing the package that it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def is_tensor(given: object) -> bool:
    """Return whether something is a torch tensor."""
    return _package(given) == "torch"


def is_awkward(given: object) -> bool:
    """Return whether something is an awkward array."""
    return _package(given) == "awkward"


def is_array(given: object) -> bool:
    """Return whether something is one array, not a list or a table of arrays."""
    if isinstance(given, Mapping | list | tuple):
        return False
    if any(hasattr(given, name) for name in ("__array__", "__array_interface__", "__dlpack__")):
        return True
    try:
        memoryview(given)  # type: ignore[arg-type]
    except TypeError:
        return False
    return True


def listed(data: Any) -> Sequence[Any]:
    """Return the arrays of data that may be one, several in order, or several by name."""
    if is_array(data):
        return [data]
    return list(data.values()) if isinstance(data, Mapping) else list(data)


def _package(given: object) -> str:
    return type(given).__module__.partition(".")[0]
