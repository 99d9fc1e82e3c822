"""What a walk over a float model knows, and how it puts a quantizer in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from inferon.ir.node import Node, ordered
from inferon.ir.types import Fixed
from inferon.ir.values import Array, storage
from inferon.ops import build as b
from inferon.ops import movement
from inferon.ops.evaluation import evaluate
from inferon.ops.mantissa import Rounding
from inferon.ops.quantization import IntQuant, ToWhole
from inferon.passes.quantizers.grid import (
    BinaryGrid,
    candidates,
    fitted,
    fitted_along,
    fitted_each,
)
from inferon.passes.quantizers.place import MOST_BITS, Grain, Key, Place, Role, Widths
from inferon.passes.quantizers.state import Constant, Curve, OnGrid, Plain, Rim, State

MOST_CURVE_NUMBERS = 1 << 15
"""A function is tried on about so many numbers for each grid of its argument."""

SAME_VALUES = (movement.Reshape, movement.Transpose, movement.Broadcast)
"""Movements that neither drop nor add values."""

_MODES = {Rounding.HALF_UP: ToWhole.HALF_UP, Rounding.HALF_EVEN: ToWhole.HALF_EVEN}


class Stays(Exception):
    """A layer that cannot be put on a grid: becomes a `Gap` with the layer's name."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


@dataclass(slots=True)
class Walk:
    """The states so far."""

    values: Mapping[Node, Array]
    widths: Widths
    states: dict[Node, State] = field(default_factory=dict)
    places: list[Place] = field(default_factory=list)
    narrowed: dict[Key, OnGrid] = field(default_factory=dict)

    # ----------------------------------------------------------------------------------- operands

    def on_grid(self, node: Node) -> OnGrid:
        """Return an operand of any width: what is no function and no input stays as it is."""
        state = self.states[node]
        if isinstance(state, OnGrid):
            return state
        if isinstance(state, Constant):
            return self.constant(node, state.array, self.fraction_for(node))
        if isinstance(state, Plain):
            raise Stays("truth values or ints among numbers", "a cast to float")
        return self.narrow(node)

    def narrow(self, node: Node, role: Role = Role.ACTIVATION) -> OnGrid:
        """Return an operand that a quantizer has given a width."""
        state = self.states[node]
        if isinstance(state, OnGrid) and state.width is not None:
            return state
        if isinstance(state, Plain):
            raise Stays("truth values or ints among numbers", "a cast to float")
        if isinstance(state, Constant):
            return self.weights(node, state.array, ())
        if isinstance(node.op, SAME_VALUES) and not isinstance(state, Curve):
            below = self.narrow(node.inputs[0], role)  # once, for all that move it
            return OnGrid(Node(node.op, (below.node,), node.origin), below.fraction, below.width)
        if isinstance(state, Rim) and role is Role.ACTIVATION:
            role = Role.INPUT
        key = (node, role)
        if key not in self.narrowed:
            source = self._curve(state) if isinstance(state, Curve) else state.node
            array = self.finite(node)
            grid = fitted(array, self.widths.of(key), self.widths.rounding)
            self.narrowed[key] = self.put(key, source, grid)
        return self.narrowed[key]

    def typed(self, node: Node, fixed: Fixed) -> OnGrid:
        """Return an input in the type that its user gave it."""
        grid = BinaryGrid(fixed.signed, fixed.width, np.array(fixed.fraction))
        return self.put((node, Role.INPUT), node, grid)

    def put(self, key: Key, source: Node, grid: BinaryGrid, value: Node | None = None) -> OnGrid:
        """Return a new node behind a new quantizer; it stands for the key's value, or another."""
        rounded = quantizer(source, grid, self.widths.rounding, key[0].origin)
        self.places.append(Place(_layer(key[0]), key, value or key[0], rounded, grid))
        return OnGrid(rounded, grid.finest, grid.width)

    def finite(self, node: Node) -> Array:
        """Return the calibrated values without those that stand for infinity."""
        array = self.values[node]
        finite = array[np.isfinite(array) & (np.abs(array) < STANDS_FOR_INFINITY)]
        if finite.size == 0:
            raise Stays("no finite value on the calibration data", "other events")
        return finite

    # ---------------------------------------------------------------------------------- constants

    def weights(self, node: Node, array: Array, channels: tuple[int, ...]) -> OnGrid:
        """Return constant factors on their grid; ``channels`` are the axes of the outputs."""
        key = (node, Role.WEIGHTS)
        if key not in self.narrowed:
            if not np.isfinite(array).all():
                raise Stays("a factor that is not finite", "finite numbers")
            width = self.widths.of(key)
            if np.all(array == array.flat[0]):  # as of a mean: one number may have more bits
                width = max(width, self.widths.activations)
            grid = self._weight_grid(array, width, channels)
            self.narrowed[key] = self.put(key, spread(array, node), grid)
        return self.narrowed[key]

    def _weight_grid(self, array: Array, width: int, channels: tuple[int, ...]) -> BinaryGrid:
        rounding, grain = self.widths.rounding, self.widths.grain
        if grain is Grain.WEIGHT:
            return fitted_each(array, width, rounding)
        if grain is Grain.CHANNEL and channels:
            return fitted_along(array, width, rounding, channels)
        return fitted(array, width, rounding, signed=True)

    def constant(self, node: Node, array: Array, fraction: int) -> OnGrid:
        """Return constants rounded to so many bits behind the point."""
        if np.isnan(array).any():
            raise Stays("a constant that is no number", "finite numbers")
        whole = np.rint(np.ldexp(array.astype(np.float64), fraction))
        return OnGrid(spread(np.ldexp(whole, -fraction), node), fraction)

    def fraction_for(self, node: Node) -> int:
        """Return the bits behind the point that calibrated values need as activations."""
        width = self.widths.activations
        return fitted(self.finite(node), width, self.widths.rounding).finest

    # ---------------------------------------------------------------------------------- functions

    def _curve(self, state: Curve) -> Node:
        """Return a function of an argument on a grid."""
        argument = self._argument(state)
        return _rebuilt(state, argument.node)

    def _argument(self, state: Curve) -> OnGrid:
        source = self.states[state.source]
        assert isinstance(source, OnGrid | Rim)
        key = (state.end, Role.ARGUMENT)
        if isinstance(source, OnGrid) and (source.width or MOST_BITS) <= self.widths.of(key):
            return source
        if key not in self.narrowed:
            grid = self._best_argument(state, self.widths.of(key))
            self.narrowed[key] = self.put(key, source.node, grid, state.source)
        return self.narrowed[key]

    def _best_argument(self, state: Curve, width: int) -> BinaryGrid:
        """Return the grid with which the function, not its argument, is off least."""
        array = self.values[state.source]
        events = max(1, MOST_CURVE_NUMBERS // max(1, array[0].size))
        sample = array[:: -(-len(array) // events)]
        finite = self.finite(state.source)
        tried = candidates(finite, width, signed=bool(finite.min() < 0))
        tried += [_finer(tried[-1], more) for more in (1, 2, 3)]
        tried += [_finer(tried[0], -more) for more in (1, 2, 3)]  # infinities reach further
        wanted = _function(state, sample)
        known = np.isfinite(wanted)
        errors = []
        for grid in tried:
            got = _function(state, grid.held(sample, self.widths.rounding))
            with np.errstate(all="ignore"):
                error = float(np.mean((got[known] - wanted[known]) ** 2)) if known.any() else 0.0
            errors.append(error if np.isfinite(error) else np.inf)
        return tried[int(np.argmin(errors))]

    # ------------------------------------------------------------------------------------ outputs

    def output(self, node: Node) -> Node:
        """Return an output, rounded where it is asked for or needed."""
        state = self.states[node]
        if isinstance(state, Plain):
            return state.node
        if isinstance(state, Constant):
            return spread(state.array, node)
        if isinstance(state, OnGrid) and self.widths.outputs is None:
            return state.node
        source = self._curve(state) if isinstance(state, Curve) else state.node
        key = (node, Role.OUTPUT)
        if key not in self.narrowed:
            grid = fitted(self.finite(node), self.widths.of(key), self.widths.rounding)
            self.narrowed[key] = self.put(key, source, grid)
        return self.narrowed[key].node


STANDS_FOR_INFINITY = 2.0**28
"""Masks are filled with -1e9, the largest float, or infinity; a feature is smaller in its unit."""


def quantizer(x: Node, grid: BinaryGrid, rounding: Rounding, origin: str) -> Node:
    """Return a value behind a quantizer."""
    zero, low, high = (b.constant_like(x, float(each)) for each in (0, grid.lowest, grid.highest))
    step = b.broadcast(b.constant(grid.step.astype(storage(x.type.element))), x.type.shape)
    return Node(IntQuant(_MODES[rounding]), (x, step, zero, low, high), origin)


def spread(array: Array, node: Node) -> Node:
    """Return constants in the shape of a node, each only once where repeated."""
    small = array
    for axis in range(array.ndim):
        first = small.take([0], axis)
        if small.shape[axis] > 1 and bool(np.all(small == first)):
            small = first
    small = small.reshape(()) if small.size == 1 else small
    made = Node(b.constant(small.astype(storage(node.type.element))).op, (), node.origin)
    return b.broadcast(made, node.type.shape)


def _rebuilt(state: Curve, argument: Node) -> Node:
    """Return the function of another argument."""
    done = {state.source: argument}
    for node in ordered((state.end,)):
        if node not in done:
            inputs = tuple(done.get(each, each) for each in node.inputs)
            done[node] = node if inputs == node.inputs else Node(node.op, inputs, node.origin)
    return done[state.end]


def _function(state: Curve, numbers: Array) -> Array:
    """Return the function of numbers (events, ...)."""
    argument = b.input_("argument", state.source.type.shape, state.source.type.element)
    end = _rebuilt(state, argument)
    return evaluate((end,), {argument: numbers}, {}, real=True)[end]


def _finer(grid: BinaryGrid, bits: int) -> BinaryGrid:
    return replace(grid, fraction=grid.fraction + bits)


def _layer(node: Node) -> str:
    return node.origin or node.op.spelling()
