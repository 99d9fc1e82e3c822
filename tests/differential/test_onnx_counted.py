"""Results with a run-time number of elements, and scatter, against ONNX Runtime (7 s)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, parser

from inferon.errors import ToolError, Unsupported
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.load import find_gaps, load
from inferon.measure.onnxruntime_peer import OnnxRuntime, compare
from inferon.ops.scatter import Scatter
from tests.absent import needs_tool
from tests.differential.counted_outputs import cut
from tests.differential.cpp_pack import BUILDS, check
from tests.differential.onnx_oracle import Array, run

FLOAT, INT32, INT64, BOOL = (
    TensorProto.FLOAT,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.BOOL,
)
DTYPES = {FLOAT: np.float32, INT32: np.int32, INT64: np.int64, BOOL: np.bool_}

Slot = tuple[str, int, tuple[int | str, ...]]


def layer(op: str, inputs: str, outputs: str, **how: Any) -> onnx.NodeProto:
    return helper.make_node(op, inputs.split(), outputs.split(), f"layer_{op}", **how)


def model(
    layers: Sequence[onnx.NodeProto],
    slots: Sequence[Slot],
    results: dict[str, int],
    **weights: Array,
) -> onnx.ModelProto:
    """Return a model; ``results`` has the type of each output."""
    given = [helper.make_tensor_value_info(*slot) for slot in slots]
    asked = [helper.make_tensor_value_info(name, kind, None) for name, kind in results.items()]
    constants = [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(layers, layers[-1].op_type, given, asked, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def drawn(made: onnx.ModelProto, seed: int) -> dict[str, Array]:
    """Return one event of few whole numbers, in the first of four seeds the same everywhere."""
    rng = np.random.default_rng(seed)
    event: dict[str, Array] = {}
    for slot in made.graph.input:
        shape = [each.dim_value for each in slot.type.tensor_type.shape.dim]
        dtype = DTYPES[slot.type.tensor_type.elem_type]
        numbers = rng.integers(-1, seed % 4, shape)
        event[slot.name] = (numbers >= 0 if dtype == np.bool_ else numbers).astype(dtype)
        if slot.name in ("boxes", "scores"):
            event[slot.name] = rng.random(shape).astype(np.float32)
    return event


def unique(kind: int, shape: tuple[int, ...], **how: int) -> onnx.ModelProto:
    results = {"y": kind, "first": INT64, "inverse": INT64, "number": INT64}
    return model(
        [layer("Unique", "x", "y first inverse number", **how)], [("x", kind, shape)], results
    )


def suppression(shape: tuple[int, int, int], center: int, most: int) -> onnx.ModelProto:
    batches, classes, boxes = shape
    return model(
        [
            layer(
                "NonMaxSuppression", "boxes scores most limit least", "y", center_point_box=center
            )
        ],
        [("boxes", FLOAT, (batches, boxes, 4)), ("scores", FLOAT, (batches, classes, boxes))],
        {"y": INT64},
        most=np.array([most]),
        limit=np.array([0.3], np.float32),
        least=np.array([0.4], np.float32),
    )


X: Slot = ("x", FLOAT, (4, 5))

COUNTED: dict[str, onnx.ModelProto] = {
    "nonzero": model([layer("NonZero", "x", "y")], [("x", FLOAT, (3, 4, 2))], {"y": INT64}),
    "nonzero_truth": model([layer("NonZero", "x", "y")], [("x", BOOL, (9,))], {"y": INT64}),
    "compress": model(
        [layer("Compress", "x c", "y", axis=1)], [X, ("c", BOOL, (5,))], {"y": FLOAT}
    ),
    "compress_short": model(
        [layer("Compress", "x c", "y", axis=0)], [X, ("c", BOOL, (3,))], {"y": FLOAT}
    ),
    "compress_flat": model([layer("Compress", "x c", "y")], [X, ("c", BOOL, (20,))], {"y": FLOAT}),
    "unique": unique(FLOAT, (3, 5)),
    "unique_unsorted": unique(INT64, (13,), sorted=0),
    "unique_rows": unique(FLOAT, (7, 2), axis=0),
    "unique_columns": unique(INT64, (2, 6, 2), axis=1),
    "unique_rows_unsorted": unique(FLOAT, (8, 2), axis=0, sorted=0),
    "unique_one": unique(FLOAT, (1,), sorted=0),
    "boxes": suppression((1, 1, 12), 0, 4),
    "boxes_many": suppression((2, 3, 7), 1, 100),
    "picked": model(
        [
            layer("NonZero", "x", "places"),
            layer("Transpose", "places", "rows", perm=[1, 0]),
            layer("GatherND", "x rows", "y"),
        ],
        [X],
        {"y": FLOAT},
    ),
    "rows_picked": model(
        [
            layer("NonZero", "c", "places"),
            layer("Squeeze", "places zero", "where"),
            layer("Gather", "x where", "rows", axis=0),
            layer("Mul", "rows two", "doubled"),
            layer("Add", "doubled bias", "y"),
        ],
        [X, ("c", BOOL, (4,))],
        {"y": FLOAT},
        zero=np.array([0]),
        two=np.array(2, np.float32),
        bias=np.arange(5, dtype=np.float32),
    ),
    "as_the_newest_exporter_of_torch_spells_it": model(
        [
            layer("NonZero", "c", "places"),
            layer("Transpose", "places", "turned", perm=[1, 0]),
            layer("Squeeze", "turned last", "where"),
            layer("Shape", "where", "size", start=0),
            layer("Expand", "where size", "again"),
            layer("Unsqueeze", "again last", "tuples"),
            layer("GatherND", "x tuples", "y", batch_dims=0),
        ],
        [X, ("c", BOOL, (4,))],
        {"y": FLOAT},
        last=np.array([1]),
    ),
    "rows_through_a_network": model(
        [
            layer("Compress", "x c", "rows", axis=0),
            layer("Gemm", "rows weights bias", "linear"),
            layer("Relu", "linear", "relu"),
            layer("MatMul", "relu more", "y"),
        ],
        [X, ("c", BOOL, (4,))],
        {"y": FLOAT},
        weights=np.arange(15, dtype=np.float32).reshape(5, 3) - 7,
        bias=np.array([1, -2, 3], np.float32),
        more=np.array([[1, 2], [-1, 0], [3, -4]], np.float32),
    ),
}

POOLED: dict[str, tuple[np.ufunc, float]] = {
    "ReduceSum": (np.add, 0.0),
    "ReduceMax": (np.maximum, -np.inf),
    "ReduceMin": (np.minimum, np.inf),
    "ReduceProd": (np.multiply, 1.0),
}


@cache
def loaded(name: str) -> Graph:
    return load(COUNTED[name], batch_axis=None)


@pytest.mark.parametrize("name", COUNTED)
def test_counted_results_are_those_of_onnx_runtime(name: str) -> None:
    graph, lengths = loaded(name), set()
    for seed in range(8):
        event = drawn(COUNTED[name], seed)
        expected = run(COUNTED[name], event)
        outputs = [each[0] for each in interpret(graph, {n: a[None] for n, a in event.items()})]
        found = cut(outputs, graph, expected)
        assert [each.tolist() for each in found] == [each.tolist() for each in expected]
        lengths.add(expected[0].shape)
    assert len(lengths) > 1 or name in ("unique_one", "boxes")


def test_counts_stand_behind_the_outputs_of_the_file() -> None:
    graph = loaded("unique")
    assert graph.output_names == (
        *("y", "first", "inverse", "number"),
        *("y_count", "first_count", "number_count"),
    )
    y, first, inverse, number, count, *others = interpret(
        graph, np.array([[[2, 1, 1, 2, 2], [1, 1, 1, 1, 1], [2, 1, 2, 1, 2]]], np.float32)
    )
    assert (count.tolist(), [each.tolist() for each in others]) == ([2], [[2], [2]])
    assert y.tolist() == [[1, 2, *[0] * 13]]
    assert first.tolist() == [[1, 0, *[0] * 13]]
    assert inverse.tolist() == [[1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1]]
    assert number.tolist() == [[9, 6, *[0] * 13]]


def test_verify_says_that_results_with_a_count_are_not_compared_with_onnx_runtime() -> None:
    made, graph = COUNTED["picked"], loaded("picked")
    peer = OnnxRuntime(made.SerializeToString(), graph)
    event = [drawn(made, 3)["x"][None]]
    with pytest.raises(ToolError, match="run-time number of elements"):
        compare(peer, interpret(graph, event), event)


def test_nan_is_one_unique_value() -> None:
    made = unique(FLOAT, (6,))
    graph = load(made, batch_axis=None)
    x = np.array([[np.nan, 1, np.nan, -np.inf, 1, np.nan]], np.float32)
    y, first, _, number, count, *_ = interpret(graph, x)
    assert count.tolist() == [3]
    assert y[0, :2].tolist() == [-np.inf, 1]
    assert np.isnan(y[0, 2])
    assert first[0, :3].tolist() == [3, 1, 0]
    assert number[0, :3].tolist() == [1, 2, 3]


@needs_tool("g++")
def test_counted_results_in_cpp() -> None:
    check([loaded(name) for name in COUNTED], BUILDS[0])


@pytest.mark.parametrize("op", POOLED)
def test_a_reduction_is_of_the_elements_that_count(op: str) -> None:
    """Also of none of them: then it is the number that changes no other."""
    over_rows = {"axes": np.array([0])} if op == "ReduceSum" else {}
    how = {} if op == "ReduceSum" else {"axes": [0]}
    layers = [
        layer("Compress", "x c", "rows", axis=0),
        layer(op, " ".join(["rows", *over_rows]), "y", keepdims=0, **how),
        layer("ReduceMax", "rows", "each", keepdims=0, axes=[1]),
    ]
    slots = [X, ("c", BOOL, (4,))]
    made = model(layers, slots, {"y": FLOAT, "each": FLOAT}, **over_rows)
    graph = load(made, batch_axis=None)
    assert graph.output_names == ("y", "each", "each_count")
    x = np.arange(20, dtype=np.float32).reshape(4, 5) - 7
    for chosen in ([1, 0, 1, 1], [0, 0, 1, 0], [0, 0, 0, 0]):
        rows = x[np.array(chosen, np.bool_)]
        function, neutral = POOLED[op]
        wanted = function.reduce(rows, axis=0, initial=neutral)
        y, each, count = interpret(graph, [x[None], np.array([chosen], np.bool_)])
        assert y[0].tolist() == wanted.tolist()
        assert each[0, : count[0]].tolist() == [row.max() for row in rows]


# --------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    "behind",
    [
        layer("ReduceMean", "floats", "y"),
        layer("Concat", "places places", "y", axis=1),
        layer("CumSum", "places zero", "y"),
        layer("ConstantOfShape", "size", "y"),
        layer("MatMul", "floats turned", "y"),
        layer("Reshape", "places flat", "y"),
        layer("Add", "places twenty", "y"),
        layer("Softmax", "floats", "y"),
    ],
    ids=lambda each: each.op_type,
)
def test_other_layers_refuse_a_run_time_number_of_elements(behind: onnx.NodeProto) -> None:
    layers = [
        layer("NonZero", "x", "places"),
        layer("Cast", "places", "floats", to=FLOAT),
        layer("Shape", "places", "size"),
        behind,
    ]
    constants = {"flat": np.array([-1]), "twenty": np.arange(20), "zero": np.array(0)}
    constants["turned"] = np.ones((20, 2), np.float32)
    (gap,) = find_gaps(model(layers, [X], {"y": INT64}, **constants), batch_axis=None)
    assert gap.layer == f"layer_{behind.op_type}"
    assert "run-time number of elements" in gap.what


def test_two_counts_do_not_meet() -> None:
    layers = [
        layer("NonZero", "x", "places"),
        layer("NonZero", "other", "others"),
        layer("Add", "places others", "y"),
    ]
    made = model(layers, [X, ("other", FLOAT, (4, 5))], {"y": INT64})
    with pytest.raises(Unsupported, match="two results with run-time numbers"):
        load(made, batch_axis=None)


def test_a_batch_has_no_common_number_of_elements() -> None:
    made = model([layer("NonZero", "x", "y")], [("x", FLOAT, ("batch", 5))], {"y": INT64})
    with pytest.raises(Unsupported, match="run-time number of elements") as caught:
        load(made)
    assert "batch_axis=None" in str(caught.value)
    assert load(made, batch_axis=None, bind={"batch": 1}).output_names == ("y", "y_count")


def test_what_a_constant_selects_has_a_fixed_number() -> None:
    layers = [layer("NonZero", "mask", "places"), layer("Gather", "x where", "y", axis=1)]
    layers.insert(1, layer("Squeeze", "places zero", "where"))
    weights = {"mask": np.array([0, 1, 0, 1, 1]), "zero": np.array([0])}
    graph = load(model(layers, [X], {"y": FLOAT}, **weights), batch_axis=None)
    assert graph.output_names == ("y",)
    assert str(graph.outputs[0].type) == "4x3xf32"


# --------------------------------------------------------------------------------------- scatter


def test_pairs_of_particles_have_a_fixed_number() -> None:
    """The pairs of a Particle Transformer: a triangle that is too large to be written out."""
    model = parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 15]>
        g (float[30] x) => (float[2,435] y) <int64[2] shape = {30, 30}, int64 minus = {-1}>
        { ones = ConstantOfShape<value = float {1.0}>(shape) below = Trilu<upper = 0>(ones, minus)
          pairs = NonZero(below) y = Gather(x, pairs) }"""
    )
    graph = load(model, batch_axis=None)
    x = np.arange(30, dtype=np.float32)
    assert graph.output_names == ("y",)
    assert np.array_equal(interpret(graph, [x[None]])[0][0], x[np.stack(np.tril_indices(30, -1))])


def test_message_passing_is_a_scatter_of_rows() -> None:
    """An index that is repeated along the features picks rows, which move in registers."""
    layers = [
        layer("Unsqueeze", "edges one", "column"),
        layer("Expand", "column shape", "index"),
        layer("ScatterElements", "nodes index messages", "y", axis=0, reduction="add"),
    ]
    made = model(
        layers,
        [("nodes", FLOAT, (6, 16)), ("edges", INT64, (40,)), ("messages", FLOAT, (40, 16))],
        {"y": FLOAT},
        one=np.array([1]),
        shape=np.array([40, 16]),
    )
    made.opset_import[0].version = 18
    graph = load(made, batch_axis=None)
    (node,) = [each for each in graph.nodes() if isinstance(each.op, Scatter)]
    assert node.inputs[1].type.shape == (40,)
    event = drawn(made, 0)
    event["edges"] = np.random.default_rng(1).integers(0, 6, 40)
    (expected,) = run(made, event)
    (found,) = interpret(graph, {name: array[None] for name, array in event.items()})
    assert found[0].tolist() == expected.tolist()


def test_message_passing_keeps_the_batch() -> None:
    """Each event has edges of its own; the batch is taken away from all of them."""
    made = model(
        [layer("ScatterElements", "nodes edges messages", "y", axis=1, reduction="add")],
        [
            ("nodes", FLOAT, ("batch", 6)),
            ("edges", INT64, ("batch", 9)),
            ("messages", FLOAT, ("batch", 9)),
        ],
        {"y": FLOAT},
    )
    made.opset_import[0].version = 18
    graph = load(made)
    assert [str(each.type) for each in graph.inputs] == ["6xf32", "9xi64", "9xf32"]
    rng = np.random.default_rng(0)
    event: dict[str, Array] = {
        "nodes": rng.integers(-9, 9, (5, 6)).astype(np.float32),
        "edges": rng.integers(-6, 6, (5, 9)),
        "messages": rng.integers(-9, 9, (5, 9)).astype(np.float32),
    }
    (expected,) = run(made, event)
    assert interpret(graph, event)[0].tolist() == expected.tolist()
