"""Every operator has an oracle outside Inferon: interpreter and targets cannot share a mistake.

They are exact fractions (`tests.unit.exact_float`), plain Python loops, and ONNX's reference.
Fixed point and ints are compared on whole grids in tests/grid.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import reduce
from itertools import product
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from inferon.analysis.compare import first_difference
from inferon.errors import InvalidGraph
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.node import Op
from inferon.ir.shape import Dim
from inferon.ir.types import BOOL, FLOAT32, FLOAT64, INT32, INT64, Element, Fixed, Int
from inferon.ir.values import Array, Values, storage
from inferon.ops import activation, build, convolution, determinant, power
from inferon.ops.arithmetic import (
    Abs,
    Add,
    Div,
    Floor,
    Fma,
    Max,
    Min,
    Mul,
    Neg,
    RoundEven,
    Sqrt,
    Sub,
)
from inferon.ops.bits import BitAnd, Bitcast, BitOr, BitXor, ShiftLeft, ShiftRight
from inferon.ops.convert import Cast, Quantize
from inferon.ops.dot import Dot
from inferon.ops.indexing import Gather, TopK
from inferon.ops.logic import And, Equal, Less, LessEqual, Not, Or, Select
from inferon.ops.loop import Fold, Scan
from inferon.ops.mantissa import Overflow, Rounding
from inferon.ops.movement import Broadcast, Concat, Pad, Reshape, Slice, Transpose, Window
from inferon.ops.reduction import LargestNumber, ReduceMax, ReduceMin, Sum
from inferon.ops.scatter import Combine, Scatter
from inferon.ops.structure import Const, Input
from inferon.ops.table import Table
from inferon.ops.vocabulary import VOCABULARY
from tests.grid.second_definition import apply, quantized
from tests.unit import (
    exact_float,
    test_composites,
    test_elementary,
    test_quantizers,
    test_remainder,
    test_rounding,
)

Check = Callable[[], None]
ORACLES: dict[type[Op], Check] = {}
FLOATS = {np.float32: FLOAT32, np.float64: FLOAT64}


def oracle(*kinds: type[Op]) -> Callable[[Check], Check]:
    """Register a check as the oracle of some operators (decorator)."""

    def register(check: Check) -> Check:
        for kind in kinds:
            assert kind not in ORACLES, kind
            ORACLES[kind] = check
        return check

    return register


def test_every_operator_has_an_oracle() -> None:
    elsewhere: set[type[Op]] = {type(op) for op in test_elementary.OPS}
    elsewhere |= {type(case.op) for case in test_composites.ALL}
    elsewhere |= {type(op) for op in (*test_rounding.OPS, *test_remainder.OPS)}
    elsewhere |= {type(op) for op in test_quantizers.OPS}
    elsewhere |= {
        activation.Silu,
        activation.Clip,
    }  # in test_composites, each in a test of its own
    elsewhere |= {power.Power, power.RealPower}  # in test_power
    elsewhere |= {  # in test_image_composites
        *(convolution.ConvTranspose, convolution.MaxPoolIndex, convolution.LpPool),
        determinant.Determinant,
    }
    lacking = [each.__name__ for each in VOCABULARY if each not in {*ORACLES, *elsewhere}]
    assert not lacking, f"without an oracle: {lacking}"


@pytest.mark.parametrize("kind", ORACLES, ids=lambda kind: kind.spelling())
def test_oracle(kind: type[Op]) -> None:
    ORACLES[kind]()


# ----------------------------------------------------------------------------------------- helpers


def rough(dtype: Any, seed: int = 0) -> Array:
    """Numbers on which arithmetic goes wrong: ties, cancellation, all magnitudes, specials."""
    rng = np.random.default_rng(seed)
    info = np.finfo(dtype)
    special = [0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, 3.0, 1 / 3, np.nan, np.inf, -np.inf]
    ends = [info.max, info.min, info.tiny, info.smallest_subnormal, -info.tiny * 0.75]
    ends += [1 + info.eps, 1 - info.epsneg, 2.0**info.nmant + 1, 2.0**info.nmant + 0.5]
    scale = np.exp2(rng.integers(info.minexp - 10, info.maxexp - 1, 20).astype(float))
    normal = rng.standard_normal(20)
    with np.errstate(under="ignore"):
        return np.array([*special, *ends, *normal, *normal * scale]).astype(dtype)


def same(expected: Iterable[Any], got: Array) -> None:
    """Compare in bits: NaN in the same places, and -0 is not +0."""
    wanted = np.array(list(expected), got.dtype).reshape(got.shape)
    difference = first_difference(wanted, got)
    assert difference is None, str(difference)


def element(array: Array) -> Element:
    return build.element_of(array.dtype)


def run(op: Op, *arrays: Array) -> Array:
    """Apply an operator to arrays of machine types, whose first axis is the events."""
    return apply(op, *((array, element(array)) for array in arrays))[1]


def pairs(x: Array) -> tuple[Array, Array]:
    a, b = np.meshgrid(x, x)
    return a.ravel(), b.ravel()


def each_pair(x: Array) -> list[tuple[float, float]]:
    a, b = pairs(x)
    return [(float(p), float(q)) for p, q in zip(a, b, strict=True)]


def reference(name: str, *inputs: Array, opset: int = 18, **attributes: Any) -> Array:
    """Return the first output of one ONNX operator by ONNX's own reference evaluator."""
    names = [f"x{i}" for i in range(len(inputs))]
    outputs = ["values", "indices"] if name == "TopK" else ["y"]
    node = helper.make_node(name, names, outputs, **attributes)
    infos = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(each.dtype), each.shape)
        for n, each in zip(names, inputs, strict=True)
    ]
    results = [helper.make_tensor_value_info(n, TensorProto.UNDEFINED, None) for n in outputs]
    graph = helper.make_graph([node], "g", infos, results)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    found = ReferenceEvaluator(model).run(None, dict(zip(names, inputs, strict=True)))
    return np.asarray(list(found)[-1])


def sample(*shape: int, seed: int = 0) -> Array:
    """Events of distinct numbers: a wrong place shows."""
    return np.random.default_rng(seed).permutation(math.prod(shape)).reshape(shape).astype("f4")


def each_event(name: str, x: Array, *others: Array, **attributes: Any) -> list[Array]:
    return [reference(name, event, *others, **attributes) for event in x]


# --------------------------------------------------------------------------------------- structure


@oracle(Input)
def check_input() -> None:
    x = build.input_("x", (3,), FLOAT32)
    data = sample(4, 3)
    (y,) = interpret(Graph("g", (x,), (x,), ("y",)), data)
    same(data.ravel(), y)


@oracle(Const)
def check_const() -> None:
    x = build.input_("x", (), FLOAT32)
    values = np.array([1.5, -0.0, np.nan], np.float32)
    graph = Graph("g", (x,), (build.constant(values),), ("y",))
    (y,) = interpret(graph, np.zeros(2, np.float32))
    assert y.shape == (2, 3)
    same([1.5, -0.0, math.nan] * 2, y)


# -------------------------------------------------------------------------------------- arithmetic


def check_pairs(op: Op, meaning: Callable[[float, float, Any], float]) -> None:
    for dtype in FLOATS:
        x = rough(dtype)
        with np.errstate(all="ignore"):
            wanted = [meaning(a, b, dtype) for a, b in each_pair(x)]
        same(wanted, run(op, *pairs(x)))


@oracle(Add)
def check_add() -> None:
    check_pairs(Add(), exact_float.add)


@oracle(Sub)
def check_sub() -> None:
    check_pairs(Sub(), lambda a, b, dtype: exact_float.add(a, -b, dtype))


@oracle(Mul)
def check_mul() -> None:
    check_pairs(Mul(), exact_float.multiply)


@oracle(Div)
def check_div() -> None:
    check_pairs(Div(), exact_float.divide)


@oracle(Max)
def check_max() -> None:
    """NaN wins; of equal numbers the second, which shows on zeros."""
    check_pairs(Max(), lambda a, b, _: math.nan if a != a or b != b else max(b, a))


@oracle(Min)
def check_min() -> None:
    check_pairs(Min(), lambda a, b, _: math.nan if a != a or b != b else min(b, a))


@oracle(Fma)
def check_fma() -> None:
    for dtype in FLOATS:
        x = rough(dtype)[::3]
        a, b, c = (each.ravel() for each in np.meshgrid(x, x, x))
        rows = zip(a.tolist(), b.tolist(), c.tolist(), strict=True)
        wanted = [exact_float.fused(p, q, r, dtype) for p, q, r in rows]
        same(wanted, run(Fma(), a, b, c))


def check_unary(op: Op, meaning: Callable[[float, Any], float]) -> None:
    for dtype in FLOATS:
        x = rough(dtype)
        same([meaning(float(a), dtype) for a in x], run(op, x))


@oracle(Sqrt)
def check_sqrt() -> None:
    check_unary(Sqrt(), exact_float.square_root)


@oracle(Floor)
def check_floor() -> None:
    def meaning(a: float, _: Any) -> float:
        return math.copysign(float(math.floor(Fraction(a))), a) if math.isfinite(a) else a

    check_unary(Floor(), meaning)


@oracle(RoundEven)
def check_round_even() -> None:
    def meaning(a: float, _: Any) -> float:
        return math.copysign(float(round(Fraction(a))), a) if math.isfinite(a) else a

    check_unary(RoundEven(), meaning)


@oracle(Neg)
def check_neg() -> None:
    """The sign bit, and nothing else."""
    for dtype in FLOATS:
        x = rough(dtype)
        bits = np.dtype(f"u{x.dtype.itemsize}")
        flipped = x.view(bits) ^ bits.type(1 << (8 * bits.itemsize - 1))
        assert run(Neg(), x).view(bits).tolist() == flipped.tolist()


@oracle(Abs)
def check_abs() -> None:
    for dtype in FLOATS:
        x = rough(dtype)
        bits = np.dtype(f"u{x.dtype.itemsize}")
        cleared = x.view(bits) & bits.type((1 << (8 * bits.itemsize - 1)) - 1)
        assert run(Abs(), x).view(bits).tolist() == cleared.tolist()


# ------------------------------------------------------------------------------- truth and bits


@oracle(Less, LessEqual, Equal)
def check_comparisons() -> None:
    """As fractions; nothing holds of NaN, and the infinities are at the ends."""

    def key(a: float) -> tuple[int, Fraction]:
        return (0, Fraction(a)) if math.isfinite(a) else (1 if a > 0 else -1, Fraction(0))

    def meaning(a: float, b: float) -> tuple[bool, bool, bool]:
        if math.isnan(a) or math.isnan(b):
            return (False, False, False)
        return (key(a) < key(b), key(a) <= key(b), key(a) == key(b))

    for dtype in FLOATS:
        x = rough(dtype)
        wanted = [meaning(a, b) for a, b in each_pair(x)]
        for i, op in enumerate((Less(), LessEqual(), Equal())):
            same([each[i] for each in wanted], run(op, *pairs(x)))


@oracle(And, Or, Not, Select)
def check_truth() -> None:
    x = np.array([False, True])
    a, b = pairs(x)
    assert run(And(), a, b).tolist() == [False, False, False, True]
    assert run(Or(), a, b).tolist() == [False, True, True, True]
    assert run(Not(), x).tolist() == [True, False]
    left, right = rough(np.float32), rough(np.float32, seed=1)
    choice = np.arange(left.size) % 3 == 0
    wanted = [p if c else q for c, p, q in zip(choice, left, right, strict=True)]
    same(wanted, run(Select(), choice, left, right))


@oracle(BitAnd, BitOr, BitXor, ShiftLeft, ShiftRight)
def check_bits() -> None:
    """Bit by bit, on strings of 0 and 1 (tests/grid/test_int.py has all values)."""

    def text(n: int) -> str:
        return f"{n & 0xFF:08b}"

    def number(digits: Sequence[str]) -> int:
        return int.from_bytes(bytes([int("".join(digits), 2)]), signed=True)

    x = np.array([0, 1, -1, 5, 100, -128, 127, -77], np.int8)
    a, b = pairs(x)
    ints = a.tolist(), b.tolist()
    rules: dict[Any, str] = {BitAnd: "1 1", BitOr: "1 0,0 1,1 1", BitXor: "1 0,0 1"}
    for kind, ones in rules.items():
        columns = [zip(text(p), text(q), strict=True) for p, q in zip(*ints, strict=True)]
        wanted = [number([str(int(f"{i} {j}" in ones)) for i, j in each]) for each in columns]
        assert run(kind(), a, b).tolist() == wanted
    for n in range(8):
        left = [number(text(p)[n:] + "0" * n) for p in x.tolist()]
        right = [number(text(p)[0] * n + text(p)[: 8 - n]) for p in x.tolist()]
        assert run(ShiftLeft(n), x).tolist() == left
        assert run(ShiftRight(n), x).tolist() == right


@oracle(Bitcast)
def check_bitcast() -> None:
    numbers = [1.0, -0.0, math.pi, math.inf, 2.0**-149]
    for code, to in (("i", INT32), ("I", Int(False, 32))):
        wanted = [struct.unpack(f"<{code}", struct.pack("<f", x))[0] for x in numbers]
        got = run(Bitcast(to), np.array(numbers, np.float32))
        assert got.tolist() == wanted
        same(numbers, run(Bitcast(FLOAT32), got))
    wanted = [struct.unpack("<q", struct.pack("<d", x))[0] for x in numbers]
    assert run(Bitcast(INT64), np.array(numbers)).tolist() == wanted


# ------------------------------------------------------------------------------------- conversion


@oracle(Cast)
def check_cast() -> None:
    """Between floats by fractions; ints are in tests/grid/test_int.py, fixed point beside it."""
    wide = rough(np.float64)
    wanted = [
        exact_float.rounded(Fraction(float(x)), np.float32, float(x)) if math.isfinite(x) else x
        for x in wide
    ]
    signed = [math.copysign(w, x) if w == 0 else w for w, x in zip(wanted, wide, strict=True)]
    same(signed, run(Cast(FLOAT32), wide))
    narrow = rough(np.float32)
    same([float(x) for x in narrow], run(Cast(FLOAT64), narrow))
    assert run(Cast(BOOL), narrow).tolist() == [x != 0 for x in narrow.tolist()]
    assert run(Cast(INT32), np.array([2.9, -2.9, 3e9, -3e9, math.nan])).tolist() == [
        *(2, -2, 2**31 - 1, -(2**31), 0),
    ]
    same([0.0, 1.0], run(Cast(FLOAT32), np.array([False, True])))


@oracle(Quantize)
def check_quantize() -> None:
    """A sample; tests/grid/test_quantize.py has the grid."""
    to = Fixed(True, 6, 3)
    x = (np.arange(-48, 48) / 10).astype(np.float32)
    for rounding, overflow in product(Rounding, Overflow):
        if overflow is not Overflow.ERROR:
            wanted = [quantized(Fraction(float(v)), to, rounding, overflow) for v in x]
            _, got = apply(Quantize(to, rounding, overflow), (x, FLOAT32))
            assert got.tolist() == wanted
    with pytest.raises(InvalidGraph, match=r"left s6\.3"):
        apply(Quantize(to, Rounding.FLOOR, Overflow.ERROR), (x, FLOAT32))


@oracle(Table)
def check_table() -> None:
    source = Fixed(True, 3, 1)
    entries = {-4: 2.5, -3: -0.0, -2: math.nan, -1: 7.0, 0: 0.1, 1: 3.0, 2: math.inf, 3: 1e-40}
    op = Table(Values(np.array(list(entries.values()), np.float32)), FLOAT32)
    order = [3, -4, 0, -1, 2, 1, -2, -3]
    _, got = apply(op, (np.array(order), source))
    same([np.float32(entries[m]) for m in order], got)


# --------------------------------------------------------------------------------------- movement


@oracle(Reshape)
def check_reshape() -> None:
    x = sample(2, 3, 4)
    for shape in ((4, 3), (12,), (2, 2, 3), (1, 12, 1)):
        got = run(Reshape(shape), x)
        same(np.ravel(each_event("Reshape", x, np.array(shape))), got)


@oracle(Transpose)
def check_transpose() -> None:
    x = sample(2, 3, 4, 5)
    for order in ((0, 2, 1), (2, 0, 1), (1, 2, 0), (2, 1, 0)):
        same(np.ravel(each_event("Transpose", x, perm=order)), run(Transpose(order), x))


@oracle(Broadcast)
def check_broadcast() -> None:
    x = sample(2, 3, 1)
    for shape in ((3, 4), (2, 3, 5), (3, 1), (6, 3, 1)):
        same(np.ravel(each_event("Expand", x, np.array(shape))), run(Broadcast(shape), x))


@oracle(Slice)
def check_slice() -> None:
    x = sample(2, 7, 3)
    for axis, start, size, step in product((0, 1), (0, 2, 6), (1, 2, 3), (-3, -1, 1, 2)):
        last = start + (size - 1) * step
        if not (0 <= last < (7, 3)[axis] and start < (7, 3)[axis]):
            continue
        stop = last + (1 if step > 0 else -1)
        stop = stop if stop >= 0 else -1000  # ONNX counts negative ends from behind
        ends = (np.array([each]) for each in (start, stop, axis, step))
        same(np.ravel(each_event("Slice", x, *ends)), run(Slice(axis, start, size, step), x))


@oracle(Concat)
def check_concat() -> None:
    parts = [sample(2, 3, size, seed=size) for size in (1, 4, 2)]
    wanted = [reference("Concat", *(p[event] for p in parts), axis=1) for event in range(2)]
    same(np.ravel(wanted), run(Concat(1), *parts))


@oracle(Pad)
def check_pad() -> None:
    x, fill = sample(2, 3, 4), np.array([7.5, -1.0], np.float32)
    for before, after in ((0, 2), (1, 0), (3, 2)):
        pads = np.array([0, before, 0, after])
        wanted = [reference("Pad", x[i], pads, fill[i]) for i in range(2)]
        same(np.ravel(wanted), run(Pad(1, before, after), x, fill))


@oracle(Window)
def check_window() -> None:
    x = sample(2, 9, 2)
    for size, stride, dilation in product((1, 2, 3), (1, 2), (1, 2, 4)):
        positions = range(0, 9 - dilation * (size - 1), stride)
        places = [[p + dilation * j for j in range(size)] for p in positions]
        wanted = [
            [[[event[i][c] for i in place] for c in range(2)] for place in places]
            for event in x.tolist()
        ]
        got = run(Window(0, size, stride, dilation), x)
        assert got.tolist() == wanted


# --------------------------------------------------------------------------------------- indexing


@oracle(Gather)
def check_gather() -> None:
    """In range as ONNX; from the end where negative; clamped where still outside."""
    x = sample(2, 3, 5)
    index = np.array([[4, -1], [0, -5]])
    wanted = [reference("Gather", x[i], index, axis=1) for i in range(2)]
    same(np.ravel(wanted), run(Gather(1), x, np.stack([index, index])))
    outside = np.array([[5, 99, 2**62], [-6, -99, -(2**62)]])
    for event, row in zip(run(Gather(1), x, outside), x, strict=True):
        end = 4 if np.array_equal(event, run(Gather(1), row[None], outside[:1])[0]) else 0
        assert event.tolist() == [[each[end]] * 3 for each in row.tolist()]
    places = np.random.default_rng(0).integers(-7, 8, (2, 3, 4))
    clamped = [
        [[x[e][b][min(max(i + 5 if i < 0 else i, 0), 4)] for i in places[e][b]] for b in range(3)]
        for e in range(2)
    ]
    same(np.ravel(clamped), run(Gather(1, batch=1), x, places))


@oracle(Scatter)
def check_scatter() -> None:
    """As ONNX in every form; in order, each sum as plain floats give it; dropped where outside."""
    x, updates = sample(2, 5, 3), sample(2, 4, 3)
    index = np.array([[[4, 0, 1], [4, -5, 1], [-1, 0, 2], [3, 0, 1]]] * 2)
    names = ("none", "add", "mul", "min", "max")
    for combine, name in zip(Combine, names, strict=True):
        lasts = np.array([[4, 0, 1, 3], [-1, 1, -4, 0]])  # the first event has no index twice
        rows = lasts if combine is not Combine.REPLACE else np.stack([lasts[0], lasts[0]])
        wanted = [
            reference(
                "ScatterElements",
                x[i],
                np.stack([rows[i]] * 3, 1),
                updates[i],
                axis=0,
                reduction=name,
            )
            for i in range(2)
        ]
        same(np.ravel(wanted), run(Scatter(0, combine), x, rows, updates))
        swapped = [np.swapaxes(each, 1, 2) for each in (x, index, updates)]
        each = run(Scatter(1, combine, batch=1), *swapped)
        assert each.tolist() == _one_by_one(combine, *swapped)
    outside = np.array([[5, 99, 2**62, -6], [0, -99, -(2**63), 2**63 - 1]])
    (first, second) = run(Scatter(0), x, outside, updates)
    assert first.tolist() == x[0].tolist()
    assert second.tolist() == [updates[1, 0].tolist(), *x[1, 1:].tolist()]
    huge = np.array([[2**64 - 1, 2**63, 5, 2]] * 2, np.uint64)
    assert run(Scatter(0), x, huge, updates)[0].tolist() == [
        *x[0, :2].tolist(),
        updates[0, 3].tolist(),
        *x[0, 3:].tolist(),
    ]


def test_a_sum_of_fixed_point_updates_has_room_for_all_of_them() -> None:
    step, small = Fixed(True, 6, 3), Fixed(True, 3, 0)
    node = build.scatter_(
        build.input_("x", (2,), step),
        build.constant(np.array([1, -1, 1, 9, 1])),
        build.input_("updates", (5,), small),
        0,
        Combine.ADD,
    )
    assert node.type.element == Fixed(True, 7, 4)  # -32 - 5 * 4 .. 31 + 5 * 3 eighths
    graph = Graph("g", node.inputs[::2], (node,), ("y",))
    x, updates = np.array([[5, -32], [-1, 31]]), np.array([[-4, -4, -4, 3, -4], [3, 3, 3, -4, 3]])
    (found,) = interpret(graph, [x.astype(storage(step)), updates.astype(storage(small))])
    assert found.tolist() == [[5, -48], [-1, 43]]
    with pytest.raises(InvalidGraph, match="steps differ"):
        build.scatter_(
            node, node.inputs[1], build.input_("u", (5,), Fixed(True, 3, 1)), 0, Combine.ADD
        )


def _one_by_one(combine: Combine, x: Array, index: Array, updates: Array) -> list[Any]:
    """Return rows updated by plain loops over numpy's own floats."""
    how: dict[Combine, Callable[[Any, Any], Any]] = {
        Combine.REPLACE: lambda a, b: b,
        Combine.ADD: lambda a, b: a + b,
        Combine.MUL: lambda a, b: a * b,
        Combine.MIN: min,
        Combine.MAX: max,
    }
    result = x.copy()
    for event, row in np.ndindex(x.shape[:2]):
        for i, update in zip(index[event, row], updates[event, row], strict=True):
            result[event, row, i] = how[combine](result[event, row, i], update)
    return list(result.tolist())


@oracle(TopK)
def check_top_k() -> None:
    """As ONNX where all differ; ties by index; NaN above all numbers; -0 equals +0."""
    x = sample(2, 3, 7)
    for k, largest in product((1, 3, 7), (True, False)):
        wanted = each_event("TopK", x, np.array([k]), largest=int(largest))
        assert run(TopK(k, largest), x).tolist() == np.stack(wanted).tolist()
    rng = np.random.default_rng(1)
    rows = rng.choice([0.0, -0.0, 1.0, -1.0, np.nan, np.inf, -np.inf], (300, 6)).astype("f4")
    for largest in (True, False):
        sign = -1 if largest else 1
        keys = [
            [
                (sign * math.isnan(v), 0 if math.isnan(v) else sign * v, i)
                for i, v in enumerate(row)
            ]
            for row in rows.tolist()
        ]
        by_key = [[i for *_, i in sorted(row)] for row in keys]
        assert run(TopK(6, largest), rows).tolist() == by_key
    ends = np.array([[-128, 127, -128, 0]], np.int8)
    assert run(TopK(4), ends).tolist() == [[1, 3, 0, 2]]
    assert run(TopK(4, largest=False), ends).tolist() == [[0, 2, 3, 1]]


# ------------------------------------------------------------------------- reductions and products


def strict(start: float, links: list[Any], strands: int, link: Any, join: Any) -> float:
    """Deal links to strands, run each strand from the start, join by halves."""
    chains = [reduce(link, links[s::strands], start) for s in range(strands)]
    while len(chains) > 1:
        half = len(chains) // 2
        chains = [join(chains[i], chains[i + half]) for i in range(half)]
    return chains[0]


@oracle(Sum)
def check_sum() -> None:
    """The order, on rounded fractions; and the value, within the bound of any order."""
    for dtype, strands, size in product(FLOATS, (1, 2, 4, 16), (1, 3, 16, 21)):
        x = np.random.default_rng(size).standard_normal((3, size)).astype(dtype)
        x[0, 0] = -0.0

        def add(a: float, b: float, dtype: Any = dtype) -> float:
            return exact_float.add(a, b, dtype)

        got = run(Sum((0,), strands), x)
        same([strict(-0.0, row, strands, add, add) for row in x.tolist()], got)
        unit = 2.0 ** -exact_float.PRECISION[np.dtype(dtype).itemsize]
        for row, value in zip(x.tolist(), got.tolist(), strict=True):
            steps = size * float(unit)
            bound = steps / (1 - steps) * math.fsum(map(abs, row))
            assert abs(value - math.fsum(row)) <= bound


def test_sums_over_several_axes_run_in_row_major_order() -> None:
    x = np.random.default_rng(6).standard_normal((2, 3, 4, 5)).astype(np.float32)
    places = list(product(range(3), range(5)))

    def add(a: float, b: float) -> float:
        return exact_float.add(a, b, np.float32)

    rows = [[float(x[e, i, j, k]) for i, k in places] for e in range(2) for j in range(4)]
    same([strict(-0.0, row, 4, add, add) for row in rows], run(Sum((0, 2), 4), x))


@oracle(ReduceMax, LargestNumber, ReduceMin)
def check_extremes() -> None:
    rng = np.random.default_rng(2)
    x = rng.choice([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, 5.0], (200, 5)).astype("f4")
    x[::7, 3] = np.nan

    def larger(a: float, b: float) -> float:
        return a if a > b or a != a else b

    def smaller(a: float, b: float) -> float:
        return a if a < b or a != a else b

    for strands in (1, 2, 8):
        for kind, start, choose, name in (
            (ReduceMax, -math.inf, larger, "ReduceMax"),
            (ReduceMin, math.inf, smaller, "ReduceMin"),
        ):
            got = run(kind((0,), strands), x)
            same([strict(start, row, strands, choose, choose) for row in x.tolist()], got)
            onnx = reference(name, x, np.array([1]), keepdims=0)
            assert np.array_equal(got, onnx, equal_nan=True)
        x[5] = np.nan
        numbers = [[value for value in row if value == value] for row in x.tolist()]
        got = run(LargestNumber((0,), strands), x)
        assert np.array_equal(got, [max([-math.inf, *row]) for row in numbers])


@oracle(Dot)
def check_dot() -> None:
    """Chains of fused multiply-adds, on rounded fractions; and shapes, by numpy's einsum."""
    rng = np.random.default_rng(3)
    for dtype, strands, size in product(FLOATS, (1, 4), (1, 3, 9)):
        a = rng.standard_normal((2, 2, size)).astype(dtype)
        b = rng.standard_normal((2, size, 3)).astype(dtype)
        a[0, 0], b[0, :, 0] = 0.0, -1.0

        def fused(total: float, pair: tuple[float, float], dtype: Any = dtype) -> float:
            return exact_float.fused(*pair, total, dtype)

        def add(p: float, q: float, dtype: Any = dtype) -> float:
            return exact_float.add(p, q, dtype)

        wanted = [
            strict(0.0, list(zip(row, column, strict=True)), strands, fused, add)
            for left, right in zip(a.tolist(), b.tolist(), strict=True)
            for row in left
            for column in zip(*right, strict=True)
        ]
        same(wanted, run(Dot(0, 1, strands), a, b))
    shapes = ((2, 3, 4, 2, 5), (2, 3, 2, 5, 6))
    small = [rng.integers(-3, 4, shape).astype("f4") for shape in shapes]
    product_of_all = np.einsum("ebmkl,ebkln->ebmn", *small)
    assert run(Dot(1, 2, 4), *small).tolist() == product_of_all.tolist(), "exact: small integers"


# ------------------------------------------------------------------------------------------- loops


def loop_body() -> Graph:
    """Return ``state * shared + element``, which depends on the order."""
    state, x, shared = (build.input_(name, (), FLOAT64) for name in ("state", "x", "shared"))
    following = build.add(build.mul(state, shared), x)
    return Graph("body", (state, x, shared), (following,), ("following",))


def python_loop(first: float, xs: list[float], shared: float) -> list[float]:
    states = [first]
    for x in xs:
        states.append(states[-1] * shared + x)
    return states[1:]


@oracle(Fold, Scan)
def check_loops() -> None:
    rng = np.random.default_rng(4)
    first, xs, shared = rng.standard_normal(3), rng.standard_normal((3, 6)), rng.standard_normal(3)
    rows = zip(first.tolist(), xs.tolist(), shared.tolist(), strict=True)
    wanted = [python_loop(*row) for row in rows]
    assert run(Scan(loop_body(), 1), first, xs, shared).tolist() == wanted
    assert run(Fold(loop_body(), 1), first, xs, shared).tolist() == [row[-1] for row in wanted]


# -------------------------------------------------------------------------- run-time sizes, events


def test_run_time_sizes() -> None:
    """One graph over 3 and over 5 particles, with a loop whose state has the run-time size."""
    size = Dim("particles", 5)
    x = build.input_("x", (size, 2), FLOAT32)
    scaled = build.mul(x, build.constant(np.array([1.0, 10.0], np.float32)))
    state, step = build.input_("state", (size,), FLOAT32), build.input_("step", (size,), FLOAT32)
    body = Graph("body", (state, step), (build.add(build.mul(state, 2.0), step),), ("next_state",))
    ones = build.broadcast(build.constant(1.0, FLOAT32), (size,))
    loop = build.fold(body, ones, [build.transpose(x, (1, 0))])
    graph = Graph("g", (x,), (build.sum_(scaled, [0]), loop), ("y", "z"))
    for count in (3, 5):
        data = sample(2, count, 2)
        y, z = interpret(graph, data)
        sums = data.sum(axis=1) * np.array([1, 10])  # exact: small integers
        assert y.tolist() == sums.tolist()
        assert z.tolist() == [[(1 * 2 + a) * 2 + b for a, b in e] for e in data.tolist()]


def test_an_axis_of_run_time_size_is_not_gathered_from() -> None:
    """It may be empty, and then no index is inside."""
    x = build.input_("x", (Dim("particles", 5),), FLOAT32)
    with pytest.raises(InvalidGraph, match="run-time size"):
        build.gather(x, build.constant(np.array([0])), 0)


def test_an_event_alone_is_the_event_in_a_batch() -> None:
    x = build.input_("x", (6,), FLOAT32)
    hidden = build.product(x, build.constant(sample(6, 4)))
    graph = Graph("g", (x,), (build.sum_(build.sqrt(build.absolute(hidden))),), ("y",))
    data = np.random.default_rng(5).standard_normal((9, 6)).astype("f4")
    (batch,) = interpret(graph, data)
    same(batch, np.concatenate([interpret(graph, data[i : i + 1])[0] for i in range(9)]))
