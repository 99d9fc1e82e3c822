"""Branches, loops, sequences, bound inputs and old opsets: what is refused, and how it is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, parser

from inferon.errors import InvalidModel, Unsupported, UsageError
from inferon.interpret import interpret
from inferon.load import find_gaps, load
from inferon.ops.movement import Broadcast
from inferon.ops.structure import Const, Input

TRUE = "one = Constant<value_int=1>() t = Cast<to=9>(one)"
TWICE = f"{TRUE} n = Constant<value_int=2>()"


def text(signature: str, layers: str, opset: int = 17) -> onnx.ModelProto:
    head = f'<ir_version: 8, opset_import: ["" : {opset}]>'
    return parser.parse_model(f"{head} m {signature} {{ {layers} }}")


def branches(then: str, other: str, signature: str = "(float[N,3] x, bool c)") -> onnx.ModelProto:
    layers = f"[if] y = If (c) <then_branch = a {then}, else_branch = e {other}>"
    return text(f"{signature} => (float[N,3] y)", layers)


def loop(operands: str, body: str, before: str = TWICE, inputs: str = "") -> onnx.ModelProto:
    layers = f"{before} [loop] y = Loop ({operands}) <body = b {body}>"
    return text(f"(float[N,3] x{inputs}) => (float[N,3] y)", layers)


NEG = "() => (float[N,3] f) { f = Neg(x) }"
TURN = """(int64 i, bool c, float[N,3] h) => (bool d, float[N,3] g)
    { d = Identity(c) g = Tanh(h) }"""
ENDS = """(int64 i, bool c, float[N,3] h) => (bool d, float[N,3] g)
    { k = Cast<to=1>(i) d = Less(k, most) g = Tanh(h) }"""
GROWS = """(int64 i, bool c, float[N,K] h) => (bool d, float[N,L] g)
    { k = Cast<to=1>(i) d = Less(k, most) g = Concat<axis=1>(h, x) }"""

REFUSED: dict[str, tuple[onnx.ModelProto, str]] = {
    "branches of other types": (
        branches("() => (int64 s) { s = Size(x) }", NEG),
        "if: an If whose branches give i64 and .*xf32",
    ),
    "a trip count at run time": (
        loop("m, t, x", TURN, TRUE, ", int64 m"),
        r"loop: trip count is computed at run time .*bind=\{'m': ...\}",
    ),
    "no end": (loop('"", t, x', TURN), "loop: loops of more than 10000 layers"),
    "no end, no layer": (
        loop('"", t, x', "(int64 i, bool c, float[N,3] h) => (bool c, float[N,3] h) { }"),
        "loop: loops of more than 10000 layers",
    ),
    "nine billion turns": (
        loop("n, t, x", TURN, f"{TRUE} n = Constant<value_int=9000000000>()"),
        "loop: loops of more than 10000 layers",
    ),
    "an end at run time without a bound": (
        loop('"", t, x', ENDS, TRUE, ", float most"),
        "loop: a Loop that ends on a condition at run time, without a constant bound",
    ),
    "an end at run time, and growth": (
        loop("n, t, x", GROWS, TWICE, ", float most"),
        "loop: a Loop that ends on a condition at run time, with states that change their shape",
    ),
    "a position at run time": (
        text(
            "(float[N,3] x, int64 p) => (float[N,3] y)",
            "s = SequenceConstruct(x, x) [at] y = SequenceAt(s, p)",
        ),
        r"at: position is computed at run time .*bind=\{'p': ...\}",
    ),
    "a sequence in the place of a tensor": (
        text("(float[N,3] x) => (float[N,3] y)", "s = SequenceConstruct(x) [relu] y = Relu(s)"),
        "relu: Relu of a sequence",
    ),
    "a sequence as input": (
        text(
            "(seq(float[3]) x) => (float[3] y)", "p = Constant<value_int=0>() y = SequenceAt(x, p)"
        ),
        "x: an input that is",
    ),
    "a condition of all events": (
        branches("() => (float[N,3] r) { r = Relu(x) }", NEG, "(float[N,3] x)"),
        "s: ReduceSum mixes the events of the batch N",
    ),
}
REFUSED["a condition of all events"][0].graph.node.insert(
    0, helper.make_node("Cast", ["s"], ["c"], to=TensorProto.BOOL)
)
REFUSED["a condition of all events"][0].graph.node.insert(
    0, helper.make_node("ReduceSum", ["x"], ["s"], keepdims=0)
)

INVALID: dict[str, tuple[onnx.ModelProto, str]] = {
    "a branch less": (
        text(
            "(float[N,3] x, bool c) => (float[N,3] y)", f"[if] y = If (c) <then_branch = a {NEG}>"
        ),
        "layer if: If lacks its graph else_branch",
    ),
    "a result less": (
        branches("() => (float[N,3] f, float[N,3] g) { f = Neg(x) g = Abs(x) }", NEG),
        "layer if: its branches give 2 and 1 results",
    ),
    "a condition of floats": (
        branches("() => (float[N,3] r) { r = Relu(x) }", NEG, "(float[N,3] x, float c)"),
        "layer if: .* not one truth",
    ),
    "conditions": (
        branches("() => (float[N,3] r) { r = Relu(x) }", NEG, "(float[N,3] x, bool[3] c)"),
        "layer if: .* not one truth",
    ),
    "a name from nowhere": (
        branches("() => (float[N,3] r) { r = Relu(nowhere) }", NEG),
        "layer if takes nowhere, which nothing produces",
    ),
    "a result without a name": (
        branches("() => (float[N,3] r) { r = Relu(x) }", NEG),
        "output .* is produced by nothing",
    ),
    "its own result": (
        branches("() => (float[N,3] r) { r = Relu(y) }", NEG),
        "layer if waits for its own result",
    ),
    "a body with an input less": (
        loop("n, t, x", "(int64 i, bool c) => (bool d, float[N,3] g) { d = Not(c) g = Neg(x) }"),
        "layer loop: a graph of 2 inputs gets 3 values",
    ),
    "a body with a result less": (
        loop("n, t, x", "(int64 i, bool c, float[N,3] h) => (bool d) { d = Not(c) }"),
        "layer loop: its body lacks results",
    ),
    "a body without condition": (
        loop(
            "n, t, x",
            "(int64 i, bool c, float[N,3] h) => (float[N,3] g, float[N,3] k) "
            "{ g = Neg(h) k = Abs(h) }",
        ),
        "layer loop: the body's first result is no condition",
    ),
    "a position outside": (
        text(
            "(float[N,3] x) => (float[N,3] y)",
            "p = Constant<value_int=4>() s = SequenceConstruct(x, x) [at] y = SequenceAt(s, p)",
        ),
        "layer at: position 4 of 2",
    ),
    "no sequence": (
        text(
            "(float[N,3] x) => (float[N,3] y)",
            "p = Constant<value_int=0>() [at] y = SequenceAt(x, p)",
        ),
        "layer at: input 0 is no sequence",
    ),
    "a scan of nothing": (
        text(
            "(float[N,3] x) => (float[N,3] y)",
            "[scan] y = Scan<num_scan_inputs=-5, body = b (float[N,3] h) => (float[N,3] g) "
            "{ g = Neg(h) }>(x)",
        ),
        "layer scan: .*scans -5 of its inputs",
    ),
    "a scan of an axis that is not there": (
        text(
            "(float[N,3] x) => (float[N,3] y)",
            "[scan] y = Scan<num_scan_inputs=1, scan_input_axes=[7], body = b (float[N] h) => "
            "(float[N] g) { g = Neg(h) }>(x)",
        ),
        "layer scan: axis 7 of a tensor with 2 axes",
    ),
}


INVALID["a result without a name"][0].graph.node[0].attribute[0].g.output[0].name = ""


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_lacking_is_one_gap_with_the_layers_name(name: str) -> None:
    model, message = REFUSED[name]
    with pytest.raises(Unsupported, match=message) as caught:
        load(model)
    assert len(caught.value.gaps) == 1
    assert find_gaps(model) == caught.value.gaps


@pytest.mark.parametrize("name", INVALID)
def test_what_is_wrong_is_one_error_with_the_layers_name(name: str) -> None:
    model, message = INVALID[name]
    with pytest.raises(InvalidModel, match=message):
        load(model)


def test_gaps_of_both_branches_come_at_once() -> None:
    model = branches("() => (float[N,3] r) { [a] r = Magic(x) }", NEG.replace("Neg", "Wizard"))
    assert [gap.what for gap in find_gaps(model)] == ["operator Magic", "operator Wizard"]


def test_a_gap_in_a_body_is_said_once() -> None:
    body = TURN.replace("Tanh", "Magic")
    for number in (2, 50):
        model = loop("n, t, x", body, f"{TRUE} n = Constant<value_int={number}>()")
        assert [gap.what for gap in find_gaps(model)] == ["operator Magic"]


def test_a_branch_may_give_what_lies_around_it() -> None:
    """A branch without layers names a value of the graph around it as its result."""
    model = branches("() => (float[N,3] x) { }", NEG)
    graph = load(model)
    x = np.array([[1.0, -2.0, 3.0]], np.float32)
    (same,) = interpret(graph, [x, np.array([True])])
    (opposite,) = interpret(graph, [x, np.array([False])])
    assert (same == x).all()
    assert (opposite == -x).all()


def test_names_of_a_body_are_its_own() -> None:
    """A body whose values are called like values outside does not change those."""
    body = "(int64 i, bool c, float[N,3] x) => (bool d, float[N,3] g) { d = Or(c, c) g = Exp(x) }"
    layers = f"{TWICE} y = Loop (n, t, x) <body = b {body}> g = Abs(x) z = Add(x, g)"
    graph = load(text("(float[N,3] x) => (float[N,3] y, float[N,3] z)", layers))
    x = np.array([[1.0, -2.0, 0.5]], np.float32)
    y, z = interpret(graph, [x])
    assert np.allclose(y, np.exp(np.exp(x)))
    assert (z == x + np.abs(x)).all()


# -------------------------------------------------------------------------------------------- bind


SUM = text(
    "(float[N,3,4] x, int64[1] axes, bool c, float s) => (float[N,K] y)",
    """z = ReduceSum<keepdims=0>(x, axes) q = Mul(z, s)
       y = If (c) <then_branch = a () => (float[N,K] r) { r = Relu(q) },
                   else_branch = e () => (float[N,K] u) { u = Neg(q) }>""",
    18,
)


@pytest.mark.parametrize("axes", [[1], (2,), np.array([-1], np.int32)])
def test_bound_inputs_are_constants(axes: Any) -> None:
    graph = load(SUM, bind={"axes": axes, "c": False, "s": 2})
    assert graph.input_names == ("x",)
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    (y,) = interpret(graph, x)
    assert (y == -2 * x.sum(axis=int(axes[0]))).all()


def test_the_gap_says_what_to_bind() -> None:
    (gap,) = find_gaps(SUM)
    assert gap.layer == "z"
    assert "bind={'axes': ...}" in gap.hint
    assert find_gaps(SUM, bind={"axes": [1]}) == ()


@pytest.mark.parametrize(
    ("bind", "message"),
    [
        ({"axis": [1]}, "is called axis; there are: x, axes, c, s"),
        ({"axes": 1}, r"the value for axes has shape \(\), expected 1"),
        ({"axes": [1, 2]}, r"the value for axes has shape \(2,\), expected 1"),
        ({"axes": [1.0]}, "the value for axes holds float64, expected int64"),
        ({"axes": ["1"]}, "the value for axes holds <U1, expected int64"),
        ({"axes": [[1], [1, 2]]}, "the value for axes is no array"),
        ({"axes": [1 << 70]}, "the value for axes holds object, expected int64"),
        ({"axes": np.array([1 << 63], np.uint64)}, "the value for axes holds numbers that int64"),
        ({"axes": None}, "the value for axes"),
        ({"c": 1}, "the value for c holds int64, expected bool"),
        ({"s": 1e300}, "the value for s holds numbers that float32 does not"),
        ({"s": (1 << 24) + 1}, "the value for s holds numbers that float32 does not"),
    ],
)
def test_what_cannot_be_bound_is_said(bind: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load(SUM, bind=bind)


def test_an_optional_input_is_given_unless_it_is_bound_to_none() -> None:
    model = text(
        "(float[N,3] x, optional(float[3]) o) => (float[N,3] y)",
        """h = OptionalHasElement(o) y = If (h)
           <then_branch = a () => (float[N,3] r) { v = OptionalGetElement(o) r = Add(x, v) },
            else_branch = e () => (float[N,3] u) { u = Neg(x) }>""",
        18,
    )
    assert load(model).input_names == ("x", "o")
    assert load(model, bind={"o": None}).input_names == ("x",)


JETS = text(
    "(seq(float[K]) jets, float[N,3] x) => (float[N,3] y, float[L] z, int64 n)",
    """y = Relu(x) p = Constant<value_int=-1>() z = SequenceAt(jets, p)
       n = SequenceLength(jets)""",
    18,
)


def test_a_bound_sequence_is_several_inputs() -> None:
    graph = load(JETS, bind={"jets": [[4], (2,)]})
    assert graph.input_names == ("jets_0", "jets_1", "x")
    assert dict(graph.renamed)["jets_0"] == "jets[0]"
    x = [np.full((2, size), size, np.float32) for size in (4, 2, 3)]
    y, z, n = interpret(graph, x)
    assert (y == 3).all()
    assert (z == x[1]).all()
    assert n.tolist() == [2, 2]


@pytest.mark.parametrize("shapes", [3, [3], [[-1]], [["a"]], [[1 << 40]], None, [[1.5]]])
def test_a_sequence_is_bound_to_shapes(shapes: Any) -> None:
    with pytest.raises(UsageError, match=r"jets is a sequence: give .* such as \[\[3\], \[5\]\]"):
        load(JETS, bind={"jets": shapes})


def test_sequences_of_narrow_types_are_refused() -> None:
    model = text("(float16[N,3] x) => (seq(float16[N,3]) y)", "[list] y = SequenceConstruct(x, x)")
    with pytest.raises(Unsupported, match="list: SequenceConstruct of float16"):
        load(model)


# -------------------------------------------------------------------------------------- old opsets


def test_operators_that_have_not_changed_since_load_from_any_opset() -> None:
    x = np.array([[1.0, -2.0, 3.0]], np.float32)
    graph = load(text("(float[N,3] x) => (float[N,3] y)", "y = Tanh(x)", 6))
    assert np.allclose(interpret(graph, x)[0], np.tanh(x))


@pytest.mark.parametrize(
    ("layer", "opset"), [("Clip<min=0.0>(x)", 6), ("Tanh(x)", 5), ("Relu(x)", 0)]
)
def test_operators_that_have_changed_are_refused_by_version(layer: str, opset: int) -> None:
    model = text("(float[N,3] x) => (float[N,3] y)", f"y = {layer}", 17)
    model.opset_import[0].version = opset
    name = layer.partition("(")[0].partition("<")[0]
    with pytest.raises(Unsupported, match=f"operator {name} of opset {opset}"):
        load(model)


# --------------------------------------------------------------------------- values of no elements


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ("y = ReduceSum<keepdims=0>(x, a)", [0.0, 0.0]),
        ("y = ReduceMax<keepdims=0>(x, a)", [-np.inf, -np.inf]),
        ("y = ReduceMin<keepdims=0>(x, a)", [np.inf, np.inf]),
        ("y = ReduceProd<keepdims=0>(x, a)", [1.0, 1.0]),
        ("y = ReduceLogSumExp<keepdims=0>(x, a)", [-np.inf, -np.inf]),
        ("z = Expand(x, s) y = ReduceSum<keepdims=0>(z, b)", [0.0, 0.0]),
        ("z = Tanh(x) y = ReduceL2<keepdims=0>(z, a)", [0.0, 0.0]),
    ],
)
def test_reductions_over_nothing_are_their_identities(layers: str, expected: list[float]) -> None:
    constants = """a = Constant<value_ints=[1]>() b = Constant<value_ints=[0,2]>()
        s = Constant<value_ints=[3,2,0]>()"""
    graph = load(text("(float[2,0] x) => (float[2] y)", f"{constants} {layers}", 18))
    assert all(isinstance(node.op, Input | Const | Broadcast) for node in graph.nodes())
    (y,) = interpret(graph, np.zeros((1, 2, 0), np.float32))
    assert y[0].tolist() == expected
