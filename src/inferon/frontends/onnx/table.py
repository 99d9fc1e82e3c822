"""All operators that this front-end knows: (domain, name) and the function."""

from __future__ import annotations

from inferon.frontends.onnx import (
    activations,
    arithmetic,
    attention,
    blocks,
    cache,
    casts,
    constants,
    control_flow,
    convolution,
    deformable,
    einsum,
    indexing,
    linear,
    linear_attention,
    logic,
    ml,
    normalization,
    optimizers,
    padding,
    pooling,
    qonnx,
    quantization,
    recurrent,
    reductions,
    regions,
    resize,
    rotary,
    sampling,
    scatter,
    shapes,
)
from inferon.frontends.onnx.call import Operator

_FAMILIES = (
    activations,
    arithmetic,
    attention,
    blocks,
    cache,
    casts,
    constants,
    control_flow,
    convolution,
    deformable,
    einsum,
    indexing,
    linear,
    linear_attention,
    logic,
    normalization,
    padding,
    pooling,
    quantization,
    recurrent,
    reductions,
    regions,
    resize,
    rotary,
    sampling,
    scatter,
    shapes,
)

OPERATORS: dict[tuple[str, str], Operator] = {
    **{("", name): function for family in _FAMILIES for name, function in family.TABLE.items()},
    **{("ai.onnx.ml", name): function for name, function in ml.TABLE.items()},
    **{
        ("ai.onnx.preview.training", name): function for name, function in optimizers.TABLE.items()
    },
    **{("ai.onnx.preview", name): function for name, function in attention.PREVIEW.items()},
    **qonnx.OPERATORS,
}
