"""What is too large is refused by its shape, before anything of its size is made."""

from __future__ import annotations

from math import prod

from inferon.frontends.onnx.call import Refused
from inferon.frontends.onnx.limits import MAX_TENSOR_ELEMENTS, MAX_UNROLLED_LAYERS
from inferon.ir.shape import Shape, largest_shape


def extent(shape: Shape) -> int:
    """Return the number of elements, where an axis without any counts as one.

    What has no elements costs nothing, but what is made along one of its other axes does.
    """
    return prod(max(1, size) for size in largest_shape(shape))


def make_room(shape: Shape, what: str, most: int = MAX_TENSOR_ELEMENTS) -> None:
    """Refuse a shape of more elements than a value may have.

    Parameters
    ----------
    shape : of what is about to be made
    what : its name in the sentence "... of 10**9 elements"
    most : elements that it may have
    """
    number = extent(shape)
    if number > most:
        raise Refused(f"{what} of {number} elements", f"at most {most}")


def check_layers(number: int) -> None:
    """Refuse loops of so many layers, turn by turn."""
    if number > MAX_UNROLLED_LAYERS:
        raise Refused(
            f"loops of more than {MAX_UNROLLED_LAYERS} layers in all, turn by turn",
            "fewer turns, or a model without that loop",
        )
