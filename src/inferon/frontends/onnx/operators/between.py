"""Values between pixels, at places that are computed at run time.

An image (N, C, S..) is sampled at places (N, Q..), one vector of coordinates for each axis of S..;
coordinate i is the center of element i.  The value is (N, C, Q..).  Whatever the coordinates are,
only elements of the image are read: they are brought inside as floats, before they become indices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import product
from math import prod

from inferon.frontends.onnx.call import Refused, fixed_shape
from inferon.ir.node import Node
from inferon.ir.types import Int
from inferon.ops import build as b

INDEX = Int(True, 32)
"""No image has more than 2**24 elements (`limits`)."""

Inside = Callable[[Node, int], Node]
"""Brings whole coordinates of an axis of some size inside."""


def clipped(x: Node, size: int) -> Node:
    """Return coordinates moved to the nearest element; NaN stays, and becomes the index 0."""
    return b.minimum(b.maximum(x, 0.0), float(size - 1))


def is_inside(x: Node, size: int) -> Node:
    """Return whether coordinates are those of elements."""
    return b.and_(b.less_equal(0.0, x), b.less_equal(x, float(size - 1)))


def elements(x: Node, places: Sequence[Node]) -> Node:
    """Return the elements (N, C, Q..) at whole coordinates that lie inside."""
    count, channels, *sizes = fixed_shape(x, "sampling")
    index = None
    for place, size in zip(places, sizes, strict=True):
        step = b.cast(place, INDEX)
        index = step if index is None else b.add(b.mul(index, size), step)
    assert index is not None
    return b.gather(b.reshape(x, (count, channels, prod(sizes))), index, 2, batch=1)


def _taken(x: Node, places: Sequence[Node], inside: Inside, *, zeros: bool) -> Node:
    """Return the elements at whole coordinates, with zeros or other elements beyond the ends."""
    sizes = fixed_shape(x, "sampling")[2:]
    pairs = list(zip(places, sizes, strict=True))
    value = elements(x, [clipped(inside(place, size), size) for place, size in pairs])
    if not zeros:
        return value
    all_inside = reduce(b.and_, (is_inside(place, size) for place, size in pairs))
    return b.select(b.expand(all_inside, 1), value, 0)


def nearest(x: Node, places: Sequence[Node], inside: Inside, *, zeros: bool) -> Node:
    """Return the nearest element; halfway between two it is the even one."""
    return _taken(x, [b.round_even(each) for each in places], inside, zeros=zeros)


def linear(x: Node, places: Sequence[Node], inside: Inside, *, zeros: bool) -> Node:
    """Return the mean of the elements around, weighted by nearness along each axis."""
    return _mean(x, places, 0, _linear_weights, inside, zeros=zeros)


def cubic(x: Node, places: Sequence[Node], inside: Inside, *, zeros: bool) -> Node:
    """Return the mean of four elements along each axis (R. Keys 1981, equation 4)."""
    return _mean(x, places, -1, _cubic_weights, inside, zeros=zeros)


def _linear_weights(part: Node) -> list[Node]:
    return [b.sub(1.0, part), part]


MOST_TAPS = 64
"""The elements around a place in three axes of a cubic; each is a term of its own."""


CUBIC = -0.75
"""The coefficient of the cubic that torch and ONNX Runtime use for GridSample."""


def _cubic_weights(part: Node) -> list[Node]:
    """Return the weights of the elements at -1, 0, 1, 2 from the one below."""
    rest = b.sub(1.0, part)
    return [_far(b.add(part, 1.0)), _near(part), _near(rest), _far(b.add(rest, 1.0))]


def _near(t: Node) -> Node:
    """Return ``(a + 2) t^3 - (a + 3) t^2 + 1``."""
    return b.fma(b.mul(b.fma(t, CUBIC + 2.0, -(CUBIC + 3.0)), t), t, 1.0)


def _far(t: Node) -> Node:
    """Return ``a t^3 - 5 a t^2 + 8 a t - 4 a``."""
    return b.fma(b.fma(b.fma(t, CUBIC, -5.0 * CUBIC), t, 8.0 * CUBIC), t, -4.0 * CUBIC)


def _mean(
    x: Node,
    places: Sequence[Node],
    first: int,
    weights: Callable[[Node], list[Node]],
    inside: Inside,
    *,
    zeros: bool,
) -> Node:
    """Return the weighted mean over all combinations of taps, the first axis outermost."""
    below = [b.floor(each) for each in places]
    factors = [weights(b.sub(at, low)) for at, low in zip(places, below, strict=True)]
    total: Node | None = None
    number = prod(len(each) for each in factors)
    if number > MOST_TAPS:
        raise Refused(f"a mean of {number} elements around each place", f"at most {MOST_TAPS}")
    for taps in product(*(range(len(each)) for each in factors)):
        at = [b.add(low, float(first + tap)) for low, tap in zip(below, taps, strict=True)]
        weight = reduce(b.mul, (each[tap] for each, tap in zip(factors, taps, strict=True)))
        value = _taken(x, at, inside, zeros=zeros)
        factor = b.expand(weight, 1)
        total = b.mul(value, factor) if total is None else b.fma(value, factor, total)
    assert total is not None
    return total
