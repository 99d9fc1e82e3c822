"""What a live model became: ONNX in memory, and the example to which its import is held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from inferon.analysis.accuracy import Accuracy
from inferon.analysis.bound import agreement
from inferon.analysis.cost import cost
from inferon.errors import Mismatch
from inferon.ir.graph import Graph
from inferon.ir.values import Array

if TYPE_CHECKING:
    import onnx

CONFIRMED_MACS = 1 << 24
"""Multiply-adds of one event up to which the example is compared.

The bound took 1.0 s for a CNN of 9 million and 2.5 s for one of 37 million, less than the export.
"""


@dataclass(frozen=True, slots=True)
class Example:
    """What a live model was given, and what it gave.

    Attributes
    ----------
    accuracy : of the framework's float32
    inputs, outputs : arrays (events, ...), in the order of the exported model
    """

    accuracy: Accuracy
    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]


@dataclass(frozen=True, slots=True)
class Exported:
    """A live model in ONNX.

    Attributes
    ----------
    model : in memory
    name : of the model's class, for messages
    example : what the import is held to; None where float32 was not what computed it
    """

    model: onnx.ModelProto
    name: str
    example: Example | None

    def confirm(self, graph: Graph) -> None:
        """Hold a graph to what the live model gave for the example.

        Raises
        ------
        Mismatch
            When the two are farther apart than rounding explains: the exporter lost something.
        """
        if self.example is None or cost(graph).macs > CONFIRMED_MACS:
            return
        shapes = [node.type.shape for node in graph.outputs]
        got = tuple(
            array.reshape(len(array), *(s for s in shape if isinstance(s, int)))
            for array, shape in zip(self.example.outputs, shapes, strict=True)
        )
        try:
            agreement(graph, self.example.inputs, got, accuracy=self.example.accuracy)
        except Mismatch as error:
            raise Mismatch(
                f"the export of {self.name} is not the model: {error}; look for Python code in it "
                "that depends on the values of its inputs",
                node=error.node,
                event=error.event,
                expected=error.expected,
                got=error.got,
            ) from None


def as_float32(array: Array) -> Array:
    """Return numpy's default floats as float32, which is what networks take."""
    return array.astype(np.float32) if array.dtype == np.float64 else array
