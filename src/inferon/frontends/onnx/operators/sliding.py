"""How a kernel slides over spatial axes: the attributes that convolutions and pools share.

Values are (N, C, S..).  N may be the batch, which an operator must not know; so images are never
looped over: where they matter they become one more axis (`convolution`), and where only channels
count they are channels (`pooling`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from inferon.errors import InvalidModel
from inferon.frontends.onnx.call import Call, fixed_shape
from inferon.frontends.onnx.room import make_room
from inferon.ir.node import Node
from inferon.ops.base import require

Sizes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sliding:
    """One number for each spatial axis.

    Attributes
    ----------
    kernel : elements of a window
    strides : from one window to the next
    before, after : elements added around the image
    dilations : from one element of a window to the next
    """

    kernel: Sizes
    strides: Sizes
    before: Sizes
    after: Sizes
    dilations: Sizes

    @property
    def spans(self) -> Sizes:
        """Elements from the first to the last of a window, both counted."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True))


def image_sizes(x: Node, what: str) -> Sizes:
    """Return the spatial sizes of images (N, C, S..)."""
    require(x.type.rank >= 3, "takes images, not {}", x.type)
    return fixed_shape(x, what)[2:]


def kernel_attribute(call: Call) -> Sizes:
    """Return the kernel where it is an attribute that has to be given."""
    kernel = call.integers("kernel_shape")
    if not kernel:
        raise InvalidModel(f"layer {call.layer.label}: {call.layer.op} has no kernel_shape")
    return kernel


def kernel_of_weights(call: Call, w: Node) -> Sizes:
    """Return the kernel of weights (., ., K..), with which the attribute has to agree."""
    kernel = fixed_shape(w, call.layer.op)[2:]
    stated = call.integers("kernel_shape")
    require(
        stated is None or stated == kernel,
        "kernel_shape {} differs from the weights {}",
        stated,
        w.type,
    )
    return kernel


def stated_sliding(call: Call, kernel: Sizes, axes: int) -> Sliding:
    """Return the attributes as they stand, with the standard's defaults."""
    strides = call.integers("strides") or (1,) * axes
    dilations = call.integers("dilations") or (1,) * axes
    pads = call.integers("pads") or (0,) * (2 * axes)
    lengths = (len(kernel), len(strides), len(dilations), len(pads))
    fits = lengths == (axes, axes, axes, 2 * axes)
    positive = fits and min((*kernel, *strides, *dilations)) >= 1 and min(pads) >= 0
    require(positive, "its kernel, strides or pads do not fit {} axes", axes)
    return Sliding(kernel, strides, pads[:axes], pads[axes:], dilations)


def padding_mode(call: Call) -> str:
    """Return the attribute ``auto_pad``."""
    mode = call.text("auto_pad", "NOTSET")
    if mode not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise InvalidModel(f"layer {call.layer.label}: auto_pad is {mode!r}")
    return mode


def halves(total: Sizes, mode: str) -> tuple[Sizes, Sizes]:
    """Split paddings in two; the larger half is behind for SAME_UPPER, before for SAME_LOWER."""
    small, large = tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)
    return (small, large) if mode == "SAME_UPPER" else (large, small)


def check_size(sizes: Sequence[int]) -> None:
    """Refuse images beyond all bounds before a number is computed for each place."""
    make_room(tuple(sizes), "an image")


def sliding_over(call: Call, sizes: Sizes, kernel: Sizes) -> Sliding:
    """Return how a kernel slides over images, with ``auto_pad`` worked out."""
    s = _automatic(call, stated_sliding(call, kernel, len(sizes)), sizes)
    check_size([sum(each) for each in zip(sizes, s.before, s.after, strict=True)])
    return s


def _automatic(call: Call, s: Sliding, sizes: Sizes) -> Sliding:
    mode = padding_mode(call)
    if mode == "NOTSET":
        return s
    if mode == "VALID":
        zero = (0,) * len(sizes)
        return replace(s, before=zero, after=zero)
    total = tuple(
        max(0, (-(-size // stride) - 1) * stride + span - size)
        for size, stride, span in zip(sizes, s.strides, s.spans, strict=True)
    )
    before, after = halves(total, mode)
    return replace(s, before=before, after=after)
