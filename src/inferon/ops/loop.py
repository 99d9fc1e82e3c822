"""Loops over an axis with a state: recurrences and sequential accumulators."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from inferon.ir.graph import Graph
from inferon.ir.shape import Tensor, largest
from inferon.ir.values import Array
from inferon.ops.base import Primitive, require
from inferon.ops.evaluation import call


@dataclass(frozen=True, slots=True)
class Loop(Primitive):
    """Base of `Fold` and `Scan`.

    The node's inputs are the first state, then ``sequences`` tensors whose first axis is the
    steps, then values that all steps share.  The body's inputs are the state, one element of each
    sequence, and the shared values; its one output is the next state, of the same type.
    """

    body: Graph
    sequences: int

    @abstractmethod
    def result(self, state: Tensor, steps: object) -> Tensor:
        """Return the type of the value."""

    def steps(self, sequence: Tensor) -> int:
        """Return how often the body runs, at most, with a first sequence of a type."""
        return largest(sequence.shape[0])

    def infer(self, *inputs: Tensor) -> Tensor:
        body = self.body
        require(
            len(inputs) == len(body.inputs),
            "the body takes {} values, not {}",
            len(body.inputs),
            len(inputs),
        )
        require(1 <= self.sequences < len(inputs), "a loop needs at least one sequence")
        state, sequences, shared = (
            inputs[0],
            inputs[1 : 1 + self.sequences],
            inputs[1 + self.sequences :],
        )
        require(all(each.rank > 0 for each in sequences), "a sequence needs an axis of steps")
        steps = sequences[0].shape[0]
        require(
            all(each.shape[0] == steps for each in sequences),
            "sequences differ in length: {}",
            sequences,
        )
        elements = [Tensor(each.shape[1:], each.element) for each in sequences]
        for given, node in zip([state, *elements, *shared], body.inputs, strict=True):
            require(given == node.type, "the body takes {}, not {}", node.type, given)
        require(len(body.outputs) == 1, "a body has one output, not {}", len(body.outputs))
        require(
            body.outputs[0].type == state, "the body turns {} into {}", state, body.outputs[0].type
        )
        return self.result(state, steps)

    def states(self, args: tuple[Array, ...], *, real: bool) -> list[Array]:
        """Return the state after each step."""
        state, sequences, shared = (
            args[0],
            args[1 : 1 + self.sequences],
            args[1 + self.sequences :],
        )
        states = []
        for step in range(sequences[0].shape[1]):
            elements = [each[:, step] for each in sequences]
            (state,) = call(self.body, [state, *elements, *shared], real=real)
            states.append(np.broadcast_to(state, args[0].shape))
        return states


@dataclass(frozen=True, slots=True)
class Fold(Loop):
    """The state after the last step."""

    def result(self, state: Tensor, steps: object) -> Tensor:
        return state

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        return [args[0], *self.states(args, real=False)][-1]

    def real(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        return [args[0], *self.states(args, real=True)][-1]


@dataclass(frozen=True, slots=True)
class Scan(Loop):
    """The states after every step, along a new first axis."""

    def result(self, state: Tensor, steps: object) -> Tensor:
        require(
            isinstance(steps, int) and steps > 0,
            "a scan needs at least one step, and a fixed number",
        )
        assert isinstance(steps, int)
        return Tensor((steps, *state.shape), state.element)

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        return np.stack(self.states(args, real=False), axis=1)

    def real(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        return np.stack(self.states(args, real=True), axis=1)
