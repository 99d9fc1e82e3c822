"""The batch: found, taken away wherever it sits, refused where events see each other (2 s)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import parser

from inferon.errors import Unsupported, UsageError
from inferon.interpret import interpret
from inferon.load import load
from tests.differential.onnx_oracle import Array, agrees, normal, run

HEAD = '<ir_version: 8, opset_import: ["" : 17]>'


def model(signature: str, body: str) -> onnx.ModelProto:
    """Return a model from onnx's text form."""
    return parser.parse_model(f"{HEAD}\ng {signature} {{ {body} }}")


def as_one_batch(source: onnx.ModelProto, feed: Mapping[str, Array], **how: Any) -> None:
    """Hold events alone to what ONNX Runtime gives for all of them in one batch."""
    graph = load(source, **how)
    events = len(next(iter(feed.values())))
    theirs = run(source, feed)
    for ours, wanted in zip(interpret(graph, feed), theirs, strict=True):
        assert np.array_equal(ours.reshape(wanted.shape), wanted)
        assert len(ours) == events


def gaps(source: onnx.ModelProto, **how: Any) -> str:
    with pytest.raises(Unsupported) as caught:
        load(source, **how)
    return str(caught.value)


def test_squeeze_without_axes_keeps_the_event() -> None:
    source = model("(float[N,1,4] x) => (float[N,4] y)", "[sq] y = Squeeze(x)")
    graph = load(source)
    assert graph.outputs[0].type.shape == (4,)
    as_one_batch(source, {"x": normal(0, 5, 1, 4)})


def test_the_batch_times_particles_as_one_axis() -> None:
    source = model(
        "(float[N,3,4] x) => (float[M,4] y)",
        "s = Constant<value_ints=[-1,4]>() r = Reshape(x, s) y = Relu(r)",
    )
    graph = load(source)
    assert graph.outputs[0].type.shape == (3, 4)
    x = normal(1, 5, 3, 4)
    (ours,) = interpret(graph, x)
    assert np.array_equal(ours.reshape(15, 4), run(source, {"x": x})[0])


def test_particles_times_the_batch_as_one_axis() -> None:
    """Sequence first: the batch is the inner part of the merged axis."""
    source = model(
        "(float[N,3,4] x) => (float[N,3,4] y)",
        """t = Transpose<perm=[1,0,2]>(x)
           s = Constant<value_ints=[-1,4]>() r = Reshape(t, s) a = Relu(r)
           n = Shape<start=0,end=1>(x) f = Constant<value_ints=[4]>() three =
           Constant<value_ints=[3]>()
           back = Concat<axis=0>(three, n, f) u = Reshape(a, back) y =
           Transpose<perm=[1,0,2]>(u)""",
    )
    as_one_batch(source, {"x": normal(2, 5, 3, 4)})


def test_the_batch_times_heads_as_one_axis() -> None:
    source = model(
        "(float[N,6,8] x) => (float[N,6,8] y)",
        """n = Shape<start=0,end=1>(x) two = Constant<value_ints=[2]>() four =
        Constant<value_ints=[4]>()
           six = Constant<value_ints=[6]>() eight = Constant<value_ints=[8]>() m = Mul(n, two)
           split = Concat<axis=0>(n, six, two, four) a = Reshape(x, split)
           b = Transpose<perm=[0,2,1,3]>(a) flat = Concat<axis=0>(m, six, four) q = Reshape(b,
           flat)
           k = Transpose<perm=[0,2,1]>(q) w = MatMul(q, k) p = Softmax<axis=-1>(w) v = MatMul(p, q)
           whole = Concat<axis=0>(n, two, six, four) c = Reshape(v, whole)
           d = Transpose<perm=[0,2,1,3]>(c) out = Concat<axis=0>(n, six, eight) y = Reshape(d,
           out)""",
    )
    agrees(source, {"x": normal(3, 5, 6, 8)})


def test_a_shape_made_by_expand_and_constant_of_shape_folds_away() -> None:
    source = model(
        "(float[N,4] x) => (float[N,4] y)",
        """s = Shape(x) zeros = ConstantOfShape(s) one = Constant<value_float=1.0>() ones =
        Expand(one, s)
           a = Add(x, zeros) y = Mul(a, ones)""",
    )
    as_one_batch(source, {"x": normal(4, 5, 4)})
    names = [node.op.spelling() for node in load(source).nodes()]
    assert "shape" not in names
    assert all(str(node.type.element) == "f32" for node in load(source).nodes())


def test_indices_that_count_events_are_no_interaction() -> None:
    """The DGCNN trick: gather from a (B*N) axis with an offset for each event."""
    source = model(
        "(float[N,4,3] x, int64[N,2] i) => (float[N,2,3] y)",
        """n = Shape<start=0,end=1>(x) zero = Constant<value_int=0>() one = Constant<value_int=1>()
           count = Squeeze(n) steps = Range(zero, count, one) four = Constant<value_int=4>()
           start = Mul(steps, four) axes = Constant<value_ints=[1]>() column = Unsqueeze(start,
           axes)
           where = Add(i, column) s = Constant<value_ints=[-1,3]>() flat = Reshape(x, s)
           y = Gather<axis=0>(flat, where)""",
    )
    index = np.random.default_rng(5).integers(0, 4, (5, 2))
    as_one_batch(source, {"x": normal(5, 5, 4, 3), "i": index})


def test_an_input_without_the_batch_belongs_to_every_event() -> None:
    source = model("(float[N,4] x, float[4] w) => (float[N,4] y)", "y = Mul(x, w)")
    graph = load(source)
    x, w = normal(6, 5, 4), normal(7, 4)
    (ours,) = interpret(graph, [x, np.stack([w] * 5)])
    assert np.array_equal(ours, run(source, {"x": x, "w": w})[0])


@pytest.mark.parametrize(
    ("layer", "body"),
    [
        (
            "mean",
            "axes_ = Identity(x) [mean] m = ReduceMean<axes=[0], keepdims=1>(x) y = Sub(x, m)",
        ),
        ("soft", "[soft] y = Softmax<axis=0>(x)"),
        ("top", "[top] m = ReduceMax<axes=[0], keepdims=1>(x) y = Sub(x, m)"),
        ("gram", "t = Transpose<perm=[1,0]>(x) [gram] g = MatMul(x, t) y = MatMul(g, x)"),
        (
            "flip",
            """a = Constant<value_ints=[0]>() f = Constant<value_ints=[-1]>()
                    e = Constant<value_ints=[-9223372036854775807]>() [flip] y = Slice(x, f, e,
                    a, f)""",
        ),
        (
            "first",
            """a = Constant<value_ints=[0]>() o = Constant<value_ints=[1]>()
                    [first] f = Slice(x, a, o, a) y = Sub(x, f)""",
        ),
    ],
)
def test_events_that_see_each_other_are_refused_by_name(layer: str, body: str) -> None:
    message = gaps(model("(float[N,4] x) => (float[N,4] y)", body))
    assert message.splitlines()[1].startswith(f"  {layer}: ")
    assert "mixes the events of the batch N" in message


def test_an_event_that_knows_its_place_in_the_batch_is_refused_by_name() -> None:
    """The identity is constant, and yet not the same for an event alone."""
    source = model("(float[3,4] x) => (float[3,4] y)", "[id] y = EyeLike(x)")
    assert "id: EyeLike mixes the events" in gaps(source, batch_axis=0)
    assert load(source, batch_axis=None).outputs[0].type.shape == (3, 4)


def test_an_interaction_that_random_events_rarely_show_is_refused() -> None:
    """max over the batch, less 100, is below zero for all random events: only its shape tells."""
    body = """[top] m = ReduceMax<axes=[0], keepdims=1>(x) c = Constant<value_float=100.0>()
              d = Sub(m, c) r = Relu(d) y = Add(x, r)"""
    assert "top: ReduceMax mixes the events" in gaps(
        model("(float[N,4] x) => (float[N,4] y)", body)
    )


def test_a_set_is_not_taken_for_a_batch() -> None:
    body = "y = ReduceSum<keepdims=0>(x, a) a = Constant<value_ints=[0]>()"
    source = model("(float[particles,4] x) => (float[4] y)", body)
    assert "load(..., dims={'particles': 128})" in gaps(source)
    graph = load(source, dims={"particles": 8})
    assert str(graph.inputs[0].type) == "particles<=8x4xf32"
    for particles in (1, 5, 8):
        x = normal(8, 3, particles, 4)
        (ours,) = interpret(graph, x)
        # at most 8 terms: the order of a sum costs 7 roundings of 2**-24 on each side
        assert np.abs(ours - x.sum(1)).max() <= 14 * 2.0**-24 * np.abs(x).sum(1).max()


def test_a_fixed_batch_is_one_event_unless_told() -> None:
    source = model("(float[4,3] x) => (float[4,3] y)", "y = Softmax<axis=-1>(x)")
    assert load(source).inputs[0].type.shape == (4, 3)
    graph = load(source, batch_axis=0)
    assert graph.inputs[0].type.shape == (3,)
    agrees(source, {"x": normal(9, 4, 3)}, batch_axis=0)


def test_a_batch_baked_into_a_reshape_is_replaced() -> None:
    body = """s = Constant<value_ints=[4,2,3]>() a = Reshape(x, s) t = Transpose<perm=[0,2,1]>(a)
              f = Constant<value_ints=[4,6]>() y = Reshape(t, f)"""
    source = model("(float[4,6] x) => (float[4,6] y)", body)
    as_one_batch(source, {"x": normal(10, 4, 6)}, batch_axis=0)


def test_a_fixed_batch_whose_events_interact_is_refused_by_name() -> None:
    source = model("(float[4,3] x) => (float[4,3] y)", "[soft] y = Softmax<axis=0>(x)")
    assert "soft: Softmax mixes the events" in gaps(source, batch_axis=0)


def test_a_fixed_batch_that_cannot_change_is_refused_by_name() -> None:
    body = "c = Constant<value = float[2,2] {1.0, 2.0, 3.0, 4.0}>() [scale] y = Mul(x, c)"
    source = model("(float[2,2] x) => (float[2,2] y)", body)
    assert "scale: it does not allow another batch" in gaps(source, batch_axis=0)


def test_a_batch_in_another_axis() -> None:
    source = model("(float[3,N,4] x) => (float[3,N,4] y)", "y = Relu(x)")
    graph = load(source, batch_axis=1)
    assert graph.inputs[0].type.shape == (3, 4)
    x = normal(11, 5, 3, 4)
    assert np.array_equal(
        interpret(graph, x)[0], run(source, {"x": np.moveaxis(x, 0, 1)})[0].swapaxes(0, 1)
    )


def test_everything_is_one_event_when_asked() -> None:
    source = model("(float[4,3] x) => (float[4,3] y)", "y = Softmax<axis=0>(x)")
    assert load(source, batch_axis=None).inputs[0].type.shape == (4, 3)


@pytest.mark.parametrize("batch_axis", ["last", 5, -1])
def test_a_batch_axis_that_makes_no_sense(batch_axis: Any) -> None:
    with pytest.raises(UsageError):
        load(model("(float[4,3] x) => (float[4,3] y)", "y = Relu(x)"), batch_axis=batch_axis)


@pytest.mark.parametrize("dims", [{"nobody": 3}, {"particles": 0}, {"particles": 2.5}])
def test_bounds_that_make_no_sense(dims: Any) -> None:
    with pytest.raises(UsageError):
        load(model("(float[N,particles] x) => (float[N,particles] y)", "y = Relu(x)"), dims=dims)


def test_particles_of_variable_number_through_a_deep_set() -> None:
    source = model(
        "(float[N,particles,3] x) => (float[N,2] y)",
        """w = Constant<value = float[3,4] {1,2,3,4,5,6,7,8,9,1,2,3}>() h = MatMul(x, w) r =
        Relu(h)
           m = ReduceMean<axes=[1], keepdims=0>(r) t = ReduceMax<axes=[1], keepdims=0>(r)
           j = Concat<axis=1>(m, t) v = Constant<value = float[8,2]
           {1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7}>() y = MatMul(j, v)""",
    )
    graph = load(source, dims={"particles": 16})
    for particles in (1, 7, 16):
        agrees(source, {"x": normal(particles, 3, particles, 3)}, dims={"particles": 16})
    assert "particles<=16x3xf32" in str(graph)


def test_attention_over_particles_of_variable_number() -> None:
    source = model(
        "(float[N,particles,4] x) => (float[N,4] y)",
        """t = Transpose<perm=[0,2,1]>(x) s = MatMul(x, t) p = Softmax<axis=-1>(s) a = MatMul(p, x)
           sh = Shape(x) e = Expand(one, sh) one = Constant<value_float=1.0>() b = Mul(a, e)
           n = Constant<value_ints=[0,-1,2,2]>() h = Reshape(b, n) k =
           Constant<value_ints=[0,-1,4]>()
           back = Reshape(h, k) y = ReduceMean<axes=[1], keepdims=0>(back)""",
    )
    agrees(source, {"x": normal(12, 3, 6, 4)}, dims={"particles": 8})


def test_a_run_time_size_that_no_operator_takes_is_a_gap() -> None:
    body = """s = Constant<value_ints=[0]>() e = Constant<value_ints=[2]>()
              one = Constant<value_ints=[1]>() [cut] y = Slice(x, s, e, one)"""
    source = model("(float[N,particles] x) => (float[N,2] y)", body)
    assert "cut: a Slice of the run-time size particles" in gaps(source, dims={"particles": 8})
