"""Every gap of a model at once: behind a gap, a guess of the result's type stands in for it.

The type is the one that the file states, else that of the layer's first input, which is right for
most operators that are lacking.  ONNX's own inference is not asked: it computes whatever a hostile
file tells it to.
"""

from __future__ import annotations

from inferon.errors import Gap
from inferon.frontends.onnx.limits import MAX_BATCH_ELEMENTS
from inferon.frontends.onnx.read import Layer, Model, Slot
from inferon.frontends.onnx.room import extent
from inferon.frontends.onnx.tensors import held_in
from inferon.frontends.onnx.translate import Translation, translate
from inferon.ir.node import Node
from inferon.ir.shape import Size
from inferon.ir.types import FLOAT32
from inferon.ops import build as b

ASSUMED_SIZE = 2
"""What an unknown size is taken for while the rest is looked at: 1 would hide gaps."""


def survey(model: Model) -> list[Gap]:
    """Return the gaps of all layers, as far as types are known or can be guessed.

    A best effort that never fails: it is asked only when some gap is known already.
    """
    stated = {slot.name: slot for slot in (*model.types, *model.outputs, *model.inputs)}
    inputs = {slot.name: node for slot in model.inputs if (node := _stand_in(slot)) is not None}

    def guess(layer: Layer, name: str, done: Translation) -> Node | None:
        node = _stand_in(stated[name]) if name in stated else None
        return node or _like_first_input(layer, done)

    return translate(model, inputs, guess=guess).gaps


def _stand_in(slot: Slot) -> Node | None:
    """Return an input of a type, float32 where graphs lack it; None without a possible shape."""
    if slot.shape is None:
        return None
    shape = tuple(size if isinstance(size, int) else ASSUMED_SIZE for size in slot.shape)
    return _input(shape, slot) if extent(shape) <= MAX_BATCH_ELEMENTS else None


def _input(shape: tuple[Size, ...], slot: Slot) -> Node:
    return b.input_("stand_in", shape, held_in(slot.data_type) or FLOAT32)


def _like_first_input(layer: Layer, done: Translation) -> Node | None:
    value = done.values.get(layer.inputs[0]) if layer.inputs else None
    if not isinstance(value, Node):
        return None
    return b.input_("stand_in", value.type.shape, value.type.element)
