"""Attributes of operators as listings see them, and which of them a node's type tells already.

A listing prints the type of every node.  An attribute that only repeats it (``to`` of a cast,
``shape`` of a reshape, ``element`` of a constant) is not printed; reading fills it in from the
type.
"""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from inferon.ir.node import Op
from inferon.ir.shape import Shape, Tensor
from inferon.ir.types import Element

ELEMENTS = get_args(Element)
"""The classes of element types."""


@cache
def attribute_types(kind: type[Op]) -> dict[str, Any]:
    """Return the annotations of an operator's fields, in order."""
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind)}


def is_element(annotation: Any) -> bool:
    """Return whether an annotation is an element type or a union of some."""
    union = get_origin(annotation) in (Union, UnionType)
    return all(each in ELEMENTS for each in (get_args(annotation) if union else (annotation,)))


def told_by_type(annotation: Any, type_: Tensor) -> Any:
    """Return what an attribute of this annotation would repeat of the node's type, or None."""
    if annotation is Tensor:
        return type_
    if annotation == Shape:
        return type_.shape
    return type_.element if is_element(annotation) else None
