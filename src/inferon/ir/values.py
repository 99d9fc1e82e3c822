"""Values: an immutable array with equality by content, the payload of constants."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from inferon.errors import InvalidGraph
from inferon.ir.types import Bool, Element, Fixed, Float

Array = npt.NDArray[Any]

_NATIVE_MANTISSA_BITS = 62
"""Mantissas up to this width live in int64, with a bit to spare; wider ones are Python ints."""


def storage(element: Element) -> np.dtype[Any]:
    """Return the numpy dtype that holds an element: for fixed point the dtype of its mantissa."""
    if isinstance(element, Float):
        return np.dtype(f"f{element.bits // 8}")
    if isinstance(element, Bool):
        return np.dtype(np.bool_)
    if isinstance(element, Fixed):
        return np.dtype(np.int64 if element.width <= _NATIVE_MANTISSA_BITS else object)
    return np.dtype(f"{'i' if element.signed else 'u'}{element.bits // 8}")


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """A read-only array whose equality and hash are those of its bytes.

    Fixed-point values are stored as their integer mantissas.
    """

    array: Array
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        array = np.array(self.array, order="C", copy=True)
        array.flags.writeable = False
        object.__setattr__(self, "array", array)
        content = repr(array.tolist()).encode() if array.dtype == object else array.tobytes()
        header = f"{array.dtype.str}{array.shape}".encode()
        object.__setattr__(self, "digest", hashlib.sha256(header + content).hexdigest())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Values) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def check(self, element: Element) -> None:
        """Raise unless the array holds values of the element type."""
        if self.array.dtype != storage(element):
            raise InvalidGraph(
                f"a constant of {element} cannot hold {self.array.dtype}", rule="type"
            )
        if isinstance(element, Fixed) and self.array.size:
            low, high = int(self.array.min()), int(self.array.max())
            if low < element.lowest or high > element.highest:
                raise InvalidGraph(f"mantissas {low}..{high} are outside {element}", rule="type")
