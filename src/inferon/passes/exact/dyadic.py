"""Numbers as fixed-point constants, and values moved to another step.

A ratio of two scales is rarely a fixed-point number.  It is rounded so finely that no product
moves by more than 2**-`GUARD_BITS` of the step that is rounded to next: only values that close to
a tie can be rounded the other way.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inferon.ir.node import Node
from inferon.ir.shape import Shape, Tensor
from inferon.ir.types import Fixed
from inferon.ir.values import Array, storage
from inferon.ops import arithmetic
from inferon.ops import build as b
from inferon.ops.base import Primitive
from inferon.ops.convert import Quantize
from inferon.ops.mantissa import from_ends
from inferon.ops.movement import Broadcast
from inferon.ops.structure import Const
from inferon.passes.exact.value import Grid, NotExact, is_power_of_two, uniform

GUARD_BITS = 16
"""A rescaled value is off by at most 2**-16 of a step, as much as float32 is off at 2**8 steps."""

EXACT_BITS = 24
"""A factor of so many bits, a float32's, is multiplied as it is."""

MOST_BITS = 62
"""The mantissas of wider values do not fit int64, in which the C++ target holds them."""


def made(op: Primitive, *inputs: Node, origin: str = "") -> Node:
    """Return a node; of constants, a constant in the narrowest type that holds it."""
    node = Node(op, inputs, origin)
    arrays = [array_of(each) for each in inputs]
    if not inputs or any(array is None for array in arrays) or isinstance(op, Broadcast):
        return node
    types = tuple(each.type for each in inputs)
    known = [array[None] for array in arrays if array is not None]
    value = np.asarray(op.reference(node.type, types, *known))[0]
    element = node.type.element
    if not isinstance(element, Fixed):
        return b.broadcast(b.constant(value, element), node.type.shape)
    return constant(value, element.fraction, node.type.shape)


def array_of(node: Node) -> Array | None:
    """Return the array of a constant, in full where it is repeated; else None."""
    if isinstance(node.op, Broadcast):
        below = array_of(node.inputs[0])
        shape = tuple(int(str(size)) for size in node.type.shape)
        return None if below is None else np.broadcast_to(below, shape)
    return node.op.values.array if isinstance(node.op, Const) else None


def constant(mantissas: Array, fraction: int, shape: Shape) -> Node:
    """Return whole numbers times ``2**-fraction`` as a constant: each only once where repeated."""
    small = _without_repetition(np.asarray(mantissas))
    ends = (int(small.min()), int(small.max())) if small.size else (0, 0)
    fixed = Fixed.holding(min(ends), max(ends), fraction)
    return b.broadcast(b.constant(small.astype(storage(fixed)), fixed), shape)


def _without_repetition(array: Array) -> Array:
    """Return the array with size 1 along every axis where nothing changes."""
    if array.size == 0:
        return array
    for axis in range(array.ndim):
        first = array.take([0], axis)
        if array.shape[axis] > 1 and bool(np.all(array == first)):
            array = first
    return array.reshape(()) if array.size == 1 else array


def fraction_of(numbers: Array) -> int:
    """Return the fewest bits behind the point with which float64 numbers are exact."""
    significant, exponent = np.frexp(numbers[numbers != 0].astype(np.float64))
    whole = np.ldexp(significant, 53).astype(np.int64)
    zeros = np.frexp((whole & -whole).astype(np.float64))[1] - 1
    return int((53 - exponent - zeros).max(initial=0 if whole.size == 0 else -1100))


def bits_of(numbers: Array, fraction: int) -> int:
    """Return the bits of the largest mantissa."""
    largest = float(np.abs(numbers).max(initial=0.0))
    return 0 if largest == 0 else int(np.frexp(largest)[1]) + fraction


def mantissas_of(numbers: Array, fraction: int) -> Array:
    """Return the nearest mantissas; wide ones as Python ints."""
    if bits_of(numbers, fraction) > MOST_BITS:
        raise NotExact(f"a constant of {bits_of(numbers, fraction)} bits", "narrower scales")
    return np.rint(np.ldexp(numbers.astype(np.float64), fraction)).astype(np.int64)


def exact_constant(numbers: Array, bits: int) -> Node | None:
    """Return numbers as a constant where so many bits hold each of them exactly, else None."""
    if not np.all(np.isfinite(numbers)):
        return None
    fraction = fraction_of(numbers)
    if bits_of(numbers, fraction) > bits:
        return None
    return constant(mantissas_of(numbers, fraction), fraction, numbers.shape)


# ------------------------------------------------------------------------------------------- grids


def grid(node: Node, step: Array, low: float | None = None, high: float | None = None) -> Grid:
    """Return a grid; bounds are those of the type unless they are known to be closer."""
    fixed = node.type.element
    assert isinstance(fixed, Fixed)
    unit = 2.0**-fixed.fraction
    lowest, highest = fixed.lowest * unit, fixed.highest * unit
    closer_low = lowest if low is None else max(low, lowest)
    closer_high = highest if high is None else min(high, highest)
    return Grid(node, np.broadcast_to(step, _shape(node)), closer_low, closer_high)


def _shape(node: Node) -> tuple[int, ...]:
    try:
        return tuple(int(str(size)) for size in node.type.shape)
    except ValueError:
        raise NotExact("a run-time size", "a fixed size for that dimension") from None


def grid_of_numbers(numbers: Array, bits: int, what: str) -> Grid:
    """Return constants as a grid of step 1 where few bits hold them."""
    node = exact_constant(numbers.astype(np.float64), bits)
    if node is None:
        raise NotExact(f"{what} are not quantized", "a quantizer on them")
    return grid(node, np.ones(()), float(numbers.min()), float(numbers.max()))


def times(x: Grid, factor: Array, allowed: float) -> Node:
    """Return ``node * factor``, at most ``allowed`` away from the product."""
    one = uniform(factor)
    if one == 1.0:
        return x.node
    if one is not None and is_power_of_two(one):
        power = int(np.frexp(one)[1]) - 1
        return _multiplied(x.node, constant(np.array(1), -power, x.node.type.shape))
    exact = exact_constant(factor, EXACT_BITS)
    if exact is not None and _fits(x.node, exact):
        return _multiplied(x.node, b.broadcast(exact, x.node.type.shape))
    return _multiplied(x.node, _rounded(x, factor, allowed))


def _rounded(x: Grid, factor: Array, allowed: float) -> Node:
    """Return a factor with as many bits as are needed, or almost so many where that saves room."""
    largest = max(abs(x.low), abs(x.high), x.resolution)
    wanted = int(np.ceil(np.log2(largest / (2 * allowed))))
    room = MOST_BITS - x.fixed.width - bits_of(factor, 0)
    fraction = min(wanted, room) if room >= wanted - MOST_MISSING_BITS else wanted
    return constant(mantissas_of(factor, fraction), fraction, x.node.type.shape)


MOST_MISSING_BITS = 6
"""Where they make a product too wide for the C++ target, so many of the guard bits may go."""


def _fits(x: Node, y: Node) -> bool:
    """Return whether the product has mantissas that the targets hold."""
    a, c = x.type.element, y.type.element
    assert isinstance(a, Fixed)
    assert isinstance(c, Fixed)
    return a.width + c.width <= MOST_BITS


def _multiplied(x: Node, y: Node) -> Node:
    return made(arithmetic.Mul(), x, y)


def at_step(x: Grid, step: Array, allowed: float) -> Grid:
    """Return the same values on another step; ``allowed`` is in units of that step."""
    step = np.broadcast_to(step, x.step.shape)
    if np.array_equal(step, x.step):
        return x
    factor = x.step / step
    low, high = sorted((x.low, x.high))
    ends = [end * f for end in (low, high) for f in (float(factor.min()), float(factor.max()))]
    slack = 2 * allowed
    return grid(times(x, factor, allowed), step, min(ends) - slack, max(ends) + slack)


def guard(*grids: Grid) -> float:
    """Return how far rescaled values may be off: a small part of the finest resolution."""
    return min(each.resolution for each in grids) * 2.0**-GUARD_BITS


def level(x: Grid, axes: tuple[int, ...]) -> Grid:
    """Return the same values with one step along some axes: the smallest one."""
    if not axes:
        return x
    smallest = np.min(x.step, axis=axes, keepdims=True)
    return at_step(x, np.broadcast_to(smallest, x.step.shape), guard(x))


def constant_at(numbers: Array, like: Grid) -> Grid:
    """Return constants on the step of another grid.

    Numbers that are multiples of the resolution up to float32 rounding, like the biases that
    exporters write, are taken for those multiples.  Others are exact where the step is a power of
    two, and else rounded finely.
    """
    if not np.all(np.isfinite(numbers)):
        raise NotExact("a constant that is not finite", "finite numbers")
    ratio = numbers.astype(np.float64) / like.step
    fraction = like.fixed.fraction
    steps = np.ldexp(ratio, fraction)
    near = np.rint(steps)
    if np.any(np.abs(steps - near) > np.abs(near) * FLOAT32_SLACK):
        exact = fraction_of(ratio)
        fits = exact <= fraction + MOST_EXTRA_BITS
        fraction = exact if fits else _finer(fraction, ratio, like)
    mantissas = mantissas_of(ratio, fraction)
    ends = (float(np.ldexp(float(end), -fraction)) for end in (mantissas.min(), mantissas.max()))
    return grid(constant(mantissas, fraction, like.node.type.shape), like.step, *ends)


def _finer(fraction: int, ratio: Array, like: Grid) -> int:
    """Return the bits behind the point of a constant off the grid."""
    largest = max(abs(like.low), abs(like.high), float(np.abs(ratio).max(initial=0)))
    room = MOST_CONSTANT_BITS - bits_of(np.array([largest]), 0)
    return max(fraction, min(fraction + CONSTANT_GUARD_BITS, room))


CONSTANT_GUARD_BITS = 12
"""Constants off the grid are off by 2**-13 of its resolution, itself a small part of a step."""

MOST_CONSTANT_BITS = 32
"""Nor need they be finer than 2**-32 of the range: float32 has 24 bits."""

FLOAT32_SLACK = 2.0**-22
"""Relative error of a product of two float32 scales that was rounded twice."""

MOST_EXTRA_BITS = 32
"""A constant may add so many bits behind the point: a float32 has 24, and a small exponent."""


def aligned(*grids: Grid) -> list[Grid]:
    """Return grids of one shape on a common step: element by element the smallest.

    Steps like 0.75 and 1, whose quotient no binary number is, meet at the power of two below.
    """
    if all(np.array_equal(each.step, grids[0].step) for each in grids[1:]):
        return list(grids)
    smallest = grids[0].step
    for each in grids[1:]:
        smallest = np.minimum(smallest, each.step)
    few = all(_few_bits(each.step) for each in grids)
    if few and not all(_few_bits(each.step / smallest) for each in grids):
        smallest = np.ldexp(0.5, np.frexp(smallest)[1])
    return [at_step(each, smallest, guard(*grids)) for each in grids]


def _few_bits(numbers: Array) -> bool:
    """Return whether a multiplication by these numbers stays exact, and narrow."""
    return bits_of(numbers, fraction_of(numbers)) <= FEW_BITS


FEW_BITS = 8
"""Of factors that people write, like 0.75; float32 scales from training have 24."""


def one_type(nodes: list[Node]) -> list[Node]:
    """Return nodes in the narrowest type that holds all of them: no bit is lost."""
    kinds = [each.type.element for each in nodes]
    to = common([kind for kind in kinds if isinstance(kind, Fixed)])
    return [each if each.type.element == to else _widened(each, to) for each in nodes]


def common(kinds: Sequence[Fixed]) -> Fixed:
    """Return the narrowest type that holds the values of all."""
    fraction = max(kind.fraction for kind in kinds)
    ends = [
        end << fraction - kind.fraction for kind in kinds for end in (kind.lowest, kind.highest)
    ]
    return from_ends(ends, fraction)


def _widened(node: Node, to: Fixed) -> Node:
    array = array_of(node)
    source = node.type.element
    if array is None or not isinstance(source, Fixed):
        return Node(Quantize(to), (node,))
    wide = array.astype(storage(to)) << to.fraction - source.fraction
    small = _without_repetition(wide)
    return b.broadcast(b.constant(small, to), node.type.shape)


def shaped(op: Primitive, x: Grid) -> Array:
    """Return what a movement makes of the step."""
    types = (Tensor(x.step.shape, x.node.type.element),)
    moved: Array = np.asarray(op.reference(op.infer(*types), types, x.step[None]))
    return np.asarray(moved[0])
