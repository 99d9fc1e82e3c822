"""Attention and its relatives with the batch as an axis, against ONNX Runtime (3 s).

The node tests of the standard have one fixed batch; here each event is alone in its graph.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from inferon.analysis.accuracy import ONNX_RUNTIME
from inferon.analysis.bound import agreement
from inferon.interpret import interpret
from inferon.load import load
from tests.differential.onnx_oracle import Array, agrees, normal

EVENTS, QUERIES, KEYS, WIDTH = 5, 4, 6, 8

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layer:
    """One layer whose inputs all carry the batch N in axis 0.

    Attributes
    ----------
    op : its operator
    inputs : the shape of one event of each input; '' for an input left out
    outputs : the ranks of its results
    attributes : of the layer
    masks, lengths, places : the inputs that are of bool, and of int64 up to KEYS
    """

    op: str
    inputs: Mapping[str, Shape]
    outputs: int = 1
    attributes: dict[str, Any] = field(default_factory=dict)
    masks: tuple[str, ...] = ()
    lengths: tuple[str, ...] = ()
    opset: int = 23

    def element(self, name: str) -> int:
        """Return the ONNX type of an input."""
        if name in self.masks:
            return int(TensorProto.BOOL)
        return int(TensorProto.INT64 if name in self.lengths else TensorProto.FLOAT)

    def model(self) -> onnx.ModelProto:
        """Return the layer as a model."""
        names = [name for name in self.inputs if not name.startswith("-")]
        given = ["" if name.startswith("-") else name for name in self.inputs]
        results = [f"y{i}" for i in range(self.outputs)]
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            [helper.make_node(self.op, given, results, **self.attributes)],
            "layer",
            [value(each, self.element(each), ("N", *self.inputs[each])) for each in names],
            [value(each, TensorProto.FLOAT, None) for each in results],
        )
        opsets = [helper.make_opsetid("", self.opset)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)

    def events(self) -> dict[str, Array]:
        """Return random events; every query sees a key."""
        feed: dict[str, Array] = {}
        for seed, (name, shape) in enumerate(self.inputs.items()):
            if name.startswith("-"):
                continue
            array = normal(seed, EVENTS, *shape)
            if name in self.masks:
                array = array > 0.0
                array[..., 0] = True
            if name in self.lengths:
                array = np.arange(EVENTS * int(np.prod(shape))).reshape(EVENTS, *shape) % KEYS + 1
            feed[name] = array
        return feed


def operands(heads: int = 2, own: int = 2, width: int = WIDTH) -> dict[str, Shape]:
    """Return the shapes of queries, keys and values."""
    keys = (own, KEYS, WIDTH)
    return {"q": (heads, QUERIES, WIDTH), "k": keys, "v": (own, KEYS, width)}


PACKED = {"q": (QUERIES, 4 * WIDTH), "k": (KEYS, 2 * WIDTH), "v": (KEYS, 2 * WIDTH)}
PAST = {"past_key": (2, 3, WIDTH), "past_value": (2, 3, WIDTH)}

ATTENTION = {
    "plain": Layer("Attention", operands(width=5), attributes={"scale": 0.3}),
    "grouped": Layer("Attention", operands(6, 2)),
    "one_head_of_keys": Layer("Attention", operands(3, 1)),
    "packed": Layer("Attention", PACKED, attributes={"q_num_heads": 4, "kv_num_heads": 2}),
    "causal": Layer("Attention", operands(), attributes={"is_causal": 1}),
    "capped": Layer("Attention", operands(), attributes={"softcap": 1.5}),
    "bool_mask": Layer("Attention", {**operands(), "mask": (1, QUERIES, KEYS)}, masks=("mask",)),
    "float_mask": Layer("Attention", {**operands(4, 2), "mask": (4, QUERIES, KEYS)}),
    "past": Layer("Attention", {**operands(), "-mask": (), **PAST}, outputs=3),
    "causal_past": Layer(
        "Attention", {**operands(4, 2), "-mask": (), **PAST}, 3, {"is_causal": 1}
    ),
}


@pytest.mark.parametrize("name", ATTENTION)
def test_attention_agrees_for_each_event(name: str) -> None:
    layer = ATTENTION[name]
    _, result = agrees(layer.model(), layer.events())
    assert result.undecided == 0


def test_an_event_without_visible_keys_gives_zeros() -> None:
    layer = ATTENTION["bool_mask"]
    feed = layer.events()
    feed["mask"][2, :, 1] = False
    graph = load(layer.model())
    (y,) = interpret(graph, feed)
    assert (y[2, :, 1] == 0.0).all()
    others = np.ones(y.shape[:3], np.bool_)
    others[2, :, 1] = False
    assert np.isfinite(y).all()
    assert (y[others] != 0.0).all()


def test_filled_keys_are_those_that_a_mask_would_show() -> None:
    """The standard: a key counts where its place is below ``nonpad_kv_seqlen``."""
    inputs = {**operands(), "-mask": (), "-pk": (), "-pv": (), "filled": ()}
    filled = Layer("Attention", inputs, lengths=("filled",), opset=24)
    masked = Layer("Attention", {**operands(), "mask": (1, 1, KEYS)}, masks=("mask",), opset=24)
    feed = filled.events()
    (ours,) = interpret(load(filled.model()), feed)
    counts = np.arange(KEYS) < feed.pop("filled")[:, None, None, None]
    (theirs,) = interpret(load(masked.model()), {**feed, "mask": counts})
    assert (ours == theirs).all()


def test_a_window_is_the_mask_that_it_stands_for() -> None:
    """The standard: keys ``p - left <= j <= p + right`` of a query at place p."""
    place, key = np.arange(QUERIES)[:, None], np.arange(KEYS)
    seen = (place - 1 <= key) & (key <= place + 2)
    sizes = {"left_window_size": 1, "right_window_size": 2}
    window = Layer("Attention", operands(), attributes=sizes, opset=25)
    inputs = {**operands(), "mask": (1, QUERIES, KEYS)}
    masked = Layer("Attention", inputs, masks=("mask",), opset=25)
    feed = window.events()
    (ours,) = interpret(load(window.model()), feed)
    mask = np.broadcast_to(seen, (EVENTS, 1, QUERIES, KEYS))
    (theirs,) = interpret(load(masked.model()), {**feed, "mask": mask})
    assert (ours == theirs).all()


ROTATED = {
    "halves": Layer("RotaryEmbedding", {"x": (2, 3, 8), "cos": (3, 4), "sin": (3, 4)}),
    "pairs": Layer(
        "RotaryEmbedding", {"x": (2, 3, 8), "cos": (3, 4), "sin": (3, 4)}, 1, {"interleaved": 1}
    ),
    "part": Layer(
        *("RotaryEmbedding", {"x": (3, 16), "cos": (3, 2), "sin": (3, 2)}, 1),
        {"num_heads": 2, "rotary_embedding_dim": 4},
    ),
}


@pytest.mark.parametrize("name", ROTATED)
def test_a_rotary_embedding_agrees(name: str) -> None:
    agrees(ROTATED[name].model(), ROTATED[name].events())


HEADS = {"q_num_heads": 4, "kv_num_heads": 2}
STATE = {"past": (2, 3, 5)}
STEPS = {"q": (QUERIES, 12), "k": (QUERIES, 6), "v": (QUERIES, 10)}
GATED = {**STEPS, **STATE, "decay": (QUERIES, 6), "beta": (QUERIES, 2)}
CACHE = {"cache": (2, KEYS, 3), "update": (2, QUERIES, 3), "place": ()}
CARRIED = {
    "gated_delta": Layer("LinearAttention", GATED, 2, HEADS, opset=27),
    "linear": Layer("LinearAttention", STEPS, 2, {**HEADS, "update_rule": "linear"}, opset=27),
    "causal": Layer(
        *("CausalConvWithState", {"x": (3, 6), "-w": (), "-bias": (), "past": (3, 4)}, 2),
        opset=27,
    ),
    "linear_cache": Layer("TensorScatter", CACHE, lengths=("place",), opset=24),
    "circular_cache": Layer(
        "TensorScatter", CACHE, 1, {"mode": "circular"}, lengths=("place",), opset=24
    ),
}


@pytest.mark.parametrize("name", CARRIED)
def test_a_layer_with_a_state_agrees_with_the_reference(name: str) -> None:
    """ONNX Runtime lacks these; the reference of the standard sums in its own order, too."""
    layer = CARRIED[name]
    model, feed = layer.model(), layer.events()
    if layer.op == "CausalConvWithState":  # every event has the same kernel
        model.graph.node[0].input[1] = "w"
        model.graph.initializer.append(numpy_helper.from_array(normal(9, 3, 1, 5), "w"))
    if name == "linear_cache":  # beyond the end the reference has no meaning
        feed["place"] = feed["place"] % (KEYS - QUERIES + 1)
    theirs = ReferenceEvaluator(model).run(None, feed)
    assert isinstance(theirs, list)
    graph = load(model)
    assert agreement(graph, feed, tuple(theirs), accuracy=ONNX_RUNTIME).undecided == 0
    agreement(graph, feed, interpret(graph, feed))


EQUATIONS = {
    "nij,njk->nik": ((3, 4), (4, 5)),
    "n...ij,n...jk->n...ik": ((2, 3, 4), (2, 4, 5)),
    "nij,njk,nkl->nil": ((3, 4), (4, 5), (5, 2)),
    "nij,nik,nil->njkl": ((3, 2), (3, 4), (3, 5)),
    "nii->ni": ((4, 4),),
    "nij,njj->nij": ((3, 4), (4, 4)),
    "nif,njf,nf->nij": ((3, 4), (5, 4), (4,)),
    "ni,ni->n": ((4,), (4,)),
    "n...,n...->n...": ((3, 4), (3, 4)),
}


@pytest.mark.parametrize("equation", EQUATIONS)
def test_an_einsum_agrees(equation: str) -> None:
    inputs = {f"x{i}": shape for i, shape in enumerate(EQUATIONS[equation])}
    layer = Layer("Einsum", inputs, attributes={"equation": equation}, opset=13)
    agrees(layer.model(), layer.events())


def test_an_einsum_without_a_result_takes_the_letters_that_come_once() -> None:
    """numpy is the oracle: letters in the order of ASCII; int32 wraps around."""
    slots = [helper.make_tensor_value_info(n, TensorProto.INT32, (3, 4)) for n in ("x", "w")]
    for equation in ("bA,bc", "bA , bA", "...a,...a", "ab,cb"):
        node = helper.make_node("Einsum", ["x", "w"], ["y"], equation=equation)
        value = helper.make_tensor_value_info("y", TensorProto.INT32, None)
        graph = helper.make_graph([node], "sum", slots, [value])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
        x, w = np.random.default_rng(3).integers(-(2**31), 2**31, (2, 3, 4)).astype(np.int32)
        (y,) = interpret(load(model, batch_axis=None), {"x": x[None], "w": w[None]})
        wanted = np.einsum(equation, x, w)
        assert y.dtype == np.int32
        assert (y[0] == wanted).all()
