"""The vocabulary: every operator of the language, for readers of listings and for tables."""

from __future__ import annotations

from collections.abc import Sequence

from inferon.errors import InvalidGraph
from inferon.ir.graph import Graph
from inferon.ir.node import Op
from inferon.ir.parse import parse
from inferon.ops import (
    activation,
    arithmetic,
    bits,
    convert,
    convolution,
    determinant,
    dot,
    elementary,
    elementary_inverse,
    indexing,
    logic,
    loop,
    movement,
    normalization,
    power,
    quantization,
    recurrent,
    reduction,
    remainder,
    rounding,
    scatter,
    structure,
    table,
)

PRIMITIVES: tuple[type[Op], ...] = (
    *(structure.Input, structure.Const),
    *(arithmetic.Add, arithmetic.Sub, arithmetic.Mul, arithmetic.Div),
    *(arithmetic.Max, arithmetic.Min, arithmetic.Fma, arithmetic.Neg, arithmetic.Abs),
    *(arithmetic.Sqrt, arithmetic.RoundEven, arithmetic.Floor),
    *(logic.Less, logic.LessEqual, logic.Equal, logic.And, logic.Or, logic.Not, logic.Select),
    *(bits.BitAnd, bits.BitOr, bits.BitXor, bits.ShiftLeft, bits.ShiftRight, bits.Bitcast),
    *(convert.Cast, convert.Quantize, table.Table),
    *(movement.Reshape, movement.Transpose, movement.Broadcast, movement.Slice),
    *(movement.Concat, movement.Pad, movement.Window),
    *(indexing.Gather, indexing.TopK, scatter.Scatter),
    *(reduction.Sum, reduction.ReduceMax, reduction.LargestNumber, reduction.ReduceMin, dot.Dot),
    *(loop.Fold, loop.Scan),
)

ELEMENTARY: tuple[type[Op], ...] = (
    *(elementary.Exp, elementary.Log, elementary.Sigmoid, elementary.Tanh, elementary.Erf),
    *(elementary.Decay, elementary.Expm1, elementary.Log1p, elementary.Sinh, elementary.Cosh),
    *(elementary.Sin, elementary.Cos, elementary.Tan),
    *(elementary_inverse.Asin, elementary_inverse.Acos, elementary_inverse.Atan),
    *(elementary_inverse.Asinh, elementary_inverse.Acosh, elementary_inverse.Atanh),
    power.RealPower,
)

COMPOSITES: tuple[type[Op], ...] = (
    *(activation.Relu, activation.LeakyRelu, activation.Clip, activation.Elu, activation.Selu),
    *(activation.Celu, activation.Gelu, activation.Silu, activation.Softplus),
    *(activation.Softsign, activation.HardSigmoid, activation.HardSwish, activation.Mish),
    power.Power,
    *(normalization.Softmax, normalization.LogSoftmax, normalization.LayerNorm),
    *(normalization.RmsNorm, normalization.BatchNorm),
    *(normalization.InstanceNorm, normalization.GroupNorm),
    *(convolution.Conv, convolution.ConvTranspose),
    *(convolution.MaxPool, convolution.MaxPoolIndex, convolution.AveragePool, convolution.LpPool),
    determinant.Determinant,
    *(recurrent.Rnn, recurrent.Gru, recurrent.Lstm),
    *(quantization.Whole, quantization.Dequantize),
    *(quantization.IntQuant, quantization.BipolarQuant),
    *(rounding.RoundTo, rounding.RoundToPower, rounding.WrapTo),
    remainder.Fmod,
)

VOCABULARY: tuple[type[Op], ...] = (*PRIMITIVES, *ELEMENTARY, *COMPOSITES)


def parse_listing(text: str, extra: Sequence[type[Op]] = ()) -> Graph:
    """Read a listing that ``show(graph, constants=True)`` printed.

    Parameters
    ----------
    text : the listing
    extra : operators from outside the package

    Raises
    ------
    ListingError
        At the first line that makes no sense, with its number.
    InvalidGraph
        When two operators share a spelling.
    """
    vocabulary: dict[str, type[Op]] = {}
    for each in (*VOCABULARY, *extra):
        if vocabulary.setdefault(each.spelling(), each) is not each:
            message = f"two operators are spelled {each.spelling()!r}: rename {each.__qualname__}"
            raise InvalidGraph(message, rule="vocabulary")
    return parse(text, vocabulary)
