"""Models of narrow types: every result is in its set, and arithmetic is rounded once (3 s)."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper, parser

from inferon.frontends.onnx.narrow import NARROW
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.types import FLOAT32, Int
from inferon.ir.values import Array
from inferon.load import load
from inferon.ops.rounding import RoundTo, WrapTo

HALVES: dict[str, Any] = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16}
SPECIAL = (0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 6e-8, -6e-5, 65504.0, 1e-40, 3e38)


def text(signature: str, body: str, opset: int = 23) -> ModelProto:
    return parser.parse_model(
        f'<ir_version: 10, opset_import: ["" : {opset}]> agraph {signature} {{{body}}}'
    )


def values(name: str, number: int, seed: int) -> Array:
    """Return values of a type, of all magnitudes, as float32; then what is special."""
    rng = np.random.default_rng(seed)
    info = ml_dtypes.finfo(HALVES[name])  # type: ignore[no-untyped-call]
    low, high = np.log2(float(info.smallest_subnormal)), np.log2(float(info.max))
    drawn = np.exp2(rng.uniform(low, high, number)) * rng.choice([-1.0, 1.0], number)
    near = rng.standard_normal(number)
    with np.errstate(over="ignore"):
        held: Array = np.concatenate([drawn, near, np.array(SPECIAL)]).astype(HALVES[name])
    return held.astype(np.float32)


def pairs(name: str) -> tuple[Array, Array]:
    x, y = values(name, 3000, 1), values(name, 3000, 2)
    left, right = np.meshgrid(x[-len(SPECIAL) :], x[-len(SPECIAL) :])
    return np.concatenate([x, left.ravel()]), np.concatenate([y, right.ravel()])


ARITHMETIC = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}


@pytest.mark.parametrize("op", ARITHMETIC)
@pytest.mark.parametrize("name", HALVES)
def test_arithmetic_is_rounded_once(name: str, op: str) -> None:
    """float64 holds sums and products of narrow floats, or rounds them where it cannot matter."""
    graph = load(text(f"({name} x, {name} y) => ({name} z)", f"z = {op}(x, y)"))
    x, y = pairs(name)
    with np.errstate(all="ignore"):
        wide = ARITHMETIC[op](x.astype(np.float64), y.astype(np.float64))
        expected = once(wide, name)
    np.testing.assert_array_equal(interpret(graph, (x, y))[0], expected)


def once(wide: Array, name: str) -> Array:
    """Return float64 as a narrow float, rounded once: ml_dtypes goes through float32."""
    if name == "float16":
        return wide.astype(np.float16).astype(np.float32)
    single = wide.astype(np.float32)
    bits = single.view(np.uint32)  # the last bit of the float32 becomes one that sticks
    toward = np.where(np.abs(single.astype(np.float64)) > np.abs(wide), bits - 1, bits)
    sticky = np.where(single != wide, toward | 1, bits).astype(np.uint32)
    odd = np.where(np.isfinite(single), sticky, bits).astype(np.uint32).view(np.float32)
    result: Array = odd.astype(ml_dtypes.bfloat16)
    return result.astype(np.float32)


@pytest.mark.parametrize("name", HALVES)
def test_roots_are_rounded_once(name: str) -> None:
    graph = load(text(f"({name} x) => ({name} z)", "z = Sqrt(x)"))
    x = np.abs(values(name, 3000, 3))
    expected = once(np.sqrt(x.astype(np.float64)), name)
    np.testing.assert_array_equal(interpret(graph, x)[0], expected)


def test_inputs_outside_of_the_set_are_brought_into_it() -> None:
    graph = load(
        text("(float16 x, uint4 i) => (float16 y, uint4 j)", "y = Identity(x) j = Identity(i)")
    )
    assert [node.type.element for node in graph.inputs] == [FLOAT32, Int(False, 8)]
    y, j = interpret(graph, (np.array([1.0001, 1e6], np.float32), np.array([17, 15], np.uint8)))
    assert y.tolist() == [1.0, np.inf]
    assert j.tolist() == [1, 15]


def rounds(graph: Graph) -> int:
    return sum(isinstance(node.op, RoundTo | WrapTo) for node in graph.nodes())


def test_movements_and_choices_are_not_rounded_again() -> None:
    graph = load(
        text(
            "(float16[2,3] x) => (float16[3,2] y, float16[3] m, int64[2] i, float16[2,3] s)",
            "y = Transpose(x) n = Neg(x) a = Max(x, n) "
            "m = ReduceMax<keepdims=0>(a, zero) zero = Constant<value_ints=[0]>() "
            "i = ArgMax<axis=1, keepdims=0>(x) s = Add(x, x)",
        )
    )
    assert rounds(graph) == 2  # the input, and the sum


def narrow_tensor(kind: int, numbers: list[float]) -> TensorProto:
    return helper.make_tensor("w", kind, [len(numbers)], numbers)


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.INT4])
def test_weights_and_constants_have_their_types(kind: int) -> None:
    """1/3 times 3 is not 1 in either; 5 + 5 wraps in four bits."""
    name = helper.tensor_dtype_to_string(kind).split(".")[-1].lower()
    weights = narrow_tensor(kind, [5, -8] if kind == TensorProto.INT4 else [1 / 3, 2049])
    nodes = [
        helper.make_node("Constant", [], ["c"], value=weights),
        helper.make_node("Sub", ["c", "w"], ["none"]),
        helper.make_node("Add", ["none", "w"], ["again"]),
        helper.make_node("Add", ["again", "c"], ["twice"]),
        helper.make_node("Add", ["twice", "x"], ["y"]),
    ]
    x, y = (helper.make_tensor_value_info(n, kind, [2]) for n in ("x", "y"))
    graph = load(
        helper.make_model(
            helper.make_graph(nodes, name, [x], [y], [weights]),
            opset_imports=[helper.make_opsetid("", 23)],
        )
    )
    held = NARROW[kind].held
    zeros = np.zeros((1, 2), np.int8 if isinstance(held, Int) else np.float32)
    ours = interpret(graph, zeros)[0][0]
    stored = numpy_helper.to_array(weights)
    wide = stored.astype(np.int32) if isinstance(held, Int) else stored.astype(np.float32)
    expected = (wide + wide).astype(stored.dtype)
    np.testing.assert_array_equal(ours, expected.astype(zeros.dtype))


def test_a_batch_of_halves() -> None:
    """Events of a narrow type stay alone: importing compares them with a batch."""
    weights = np.random.default_rng(5).standard_normal((4, 3)).astype(np.float16)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Softmax", ["a"], ["y"], axis=1),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT16, ["N", 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT16, ["N", 3])
    made = helper.make_graph(nodes, "g", [x], [y], [numpy_helper.from_array(weights, "w")])
    graph = load(helper.make_model(made, opset_imports=[helper.make_opsetid("", 23)]))
    assert [node.type.shape for node in graph.inputs] == [(4,)]
    events = np.random.default_rng(6).standard_normal((50, 4)).astype(np.float16)
    ours = interpret(graph, events.astype(np.float32))[0]
    exact = (events.astype(np.float64) @ weights.astype(np.float64)).astype(np.float16)
    powers = np.exp(exact.astype(np.float64))
    expected = powers / powers.sum(axis=1, keepdims=True)
    assert np.array_equal(ours, ours.astype(np.float16).astype(np.float32))
    # one unit for a product that fell to the other side, half a unit for the result
    assert np.abs(ours / expected - 1).max() <= 2.0**-10 * np.abs(exact).max() + 2.0**-11


def test_sub_graphs_know_the_types_around_them() -> None:
    body = (
        "c = Constant<value = bool {1}>() "
        "y = If (c) <then_branch = yes () => (float16 a) { a = Add(x, x) }, "
        "else_branch = no () => (float16 d) { d = Sub(x, x) }> "
        "z = Add(y, y)"
    )
    graph = load(text("(float16[1] x) => (float16[1] z)", body))
    x = np.array([[20000.0]], np.float32)
    assert interpret(graph, x)[0].tolist() == [[np.inf]]  # 40000 is a half, 80000 is not


def test_an_input_of_a_narrow_type_can_be_bound() -> None:
    model = text(
        "(float16 start, float16 stop, float16 step, float16 x) => (float16[n] y)",
        "r = Range(start, stop, step) y = Add(r, x)",
    )
    graph = load(model, bind={"start": 0.0, "stop": 1.0, "step": np.float32(0.1)})
    ours = interpret(graph, np.zeros(1, np.float32))[0]
    step = np.float32(np.float16(0.1))
    expected = (np.arange(len(ours[0])) * step).astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(ours[0], expected)


def test_a_loop_that_states_no_types_keeps_them() -> None:
    """Outputs of sub-graphs need no type in a file."""
    body = helper.make_graph(
        [
            helper.make_node("Add", ["sum", "x"], ["next"]),
            helper.make_node("Identity", ["go"], ["on"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sum", TensorProto.FLOAT16, [1]),
        ],
        [helper.make_empty_tensor_value_info("on"), helper.make_empty_tensor_value_info("next")],
    )
    nodes = [
        helper.make_node("Constant", [], ["count"], value_int=2),
        helper.make_node("Loop", ["count", "", "x"], ["y"], body=body),
        helper.make_node("Sub", ["y", "x"], ["z"]),
    ]
    x, z = (helper.make_tensor_value_info(n, TensorProto.FLOAT16, [1]) for n in ("x", "z"))
    made = helper.make_graph(nodes, "loop", [x], [z])
    graph = load(helper.make_model(made, opset_imports=[helper.make_opsetid("", 23)]))
    one = np.float16(1.0 + 2.0**-10)
    expected = np.float16(np.float16(np.float16(one + one) + one) - one)
    assert expected != (np.float32(one) * 3).astype(np.float16) - np.float32(one)
    assert interpret(graph, np.array([[one]], np.float32))[0].tolist() == [[expected]]
