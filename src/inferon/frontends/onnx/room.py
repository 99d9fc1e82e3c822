"""What is too large is refused by its shape, before anything of its size is made."""

from __future__ import annotations

from inferon.frontends.onnx.call import Refused
from inferon.frontends.onnx.limits import MAX_TENSOR_ELEMENTS
from inferon.ir.shape import Shape, count


def make_room(shape: Shape, what: str) -> None:
    """Refuse a shape of more elements than a value may have.

    Parameters
    ----------
    shape : of what is about to be made
    what : its name in the sentence "... of 10**9 elements"
    """
    number = count(shape)
    if number > MAX_TENSOR_ELEMENTS:
        raise Refused(f"{what} of {number} elements", f"at most {MAX_TENSOR_ELEMENTS}")
