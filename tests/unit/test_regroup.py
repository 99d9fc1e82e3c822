"""Algebra on import: results stay within the derived bound, and work is saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inferon.analysis.samples import Samples
from inferon.errors import BrokenPass
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32
from inferon.load import load
from inferon.ops import build as b
from inferon.ops.arithmetic import Div
from inferon.ops.dot import Dot
from inferon.ops.elementary import Erf
from inferon.ops.normalization import Softmax
from inferon.passes.presets import CPU
from inferon.passes.regroup import REGROUP
from inferon.pipeline import Pass
from inferon.rewrite import rule
from inferon.stage import SOURCE

MODELS = Path(__file__).parents[2] / "benchmarks" / "models"
FINITE = Samples(35, special=False)


def attention() -> Graph:
    scores, v = b.input_("scores", (2, 6, 7), FLOAT32), b.input_("v", (2, 7, 3), FLOAT32)
    y = b.product(b.apply(Softmax(2), scores), v, batch=1)
    return Graph("attention", (scores, v), (y,), ("y",))


def edge_conv(*, kept: bool = True) -> Graph:
    """Return (x_i, x_j - x_i) . W for 5 particles and 3 neighbors each."""
    x, other = b.input_("x", (5, 4), FLOAT32), b.input_("other", (5, 3), FLOAT32)
    near = b.top_k(b.product(x, b.transpose(x, (1, 0))), 3)
    own = b.broadcast(b.reshape(x, (5, 1, 4)), (5, 3, 4))
    less = own if kept else b.broadcast(b.reshape(b.mul(x, 2.0), (5, 1, 4)), (5, 3, 4))
    edges = b.concat([own, b.sub(b.gather(x, near, 0), less)], 2)
    weights = np.random.default_rng(0).normal(size=(8, 6)).astype(np.float32)
    y = b.add(b.product(edges, b.constant(weights)), b.slice_(b.expand(other, 2), 2, 0, 1))
    return Graph("edge_conv", (x, other), (y,), ("y",))


def gelu() -> Graph:
    x = b.input_("x", (9,), FLOAT32)
    odd = b.apply(Erf(), b.div(x, 1.4142135))
    return Graph("gelu", (x,), (b.mul(b.mul(x, b.add(odd, 1.0)), 0.5),), ("y",))


def kinds(graph: Graph) -> list[type]:
    return [type(node.op) for node in graph.nodes()]


@pytest.mark.parametrize("graph", [attention(), edge_conv(), gelu()], ids=lambda g: g.name)
def test_results_stay_within_the_bound(graph: Graph) -> None:
    after = REGROUP.run(graph, check=FINITE)
    assert after != graph
    assert REGROUP.run(after) == after


def test_a_wrong_difference_of_weights_breaks_the_bound() -> None:
    @rule(Dot)
    def wrong(node: Node) -> Node | None:
        new = REGROUP.change[1].change(node) if isinstance(REGROUP.change, tuple) else None
        return None if new is None else b.add(new, b.constant_like(new, 1e-3))

    broken = Pass("wrong", SOURCE, SOURCE, REGROUP.keeps, (wrong,))
    with pytest.raises(BrokenPass, match="pass wrong promised to keep a bound"):
        broken.run(edge_conv(), check=FINITE)


def test_attention_divides_what_it_mixed() -> None:
    (division,) = (n for n in REGROUP.run(attention()).nodes() if isinstance(n.op, Div))
    assert division.type.shape == (2, 6, 3)


def test_wide_values_are_not_divided_afterwards() -> None:
    scores, v = b.input_("scores", (6, 7), FLOAT32), b.input_("v", (7, 8), FLOAT32)
    y = b.product(b.apply(Softmax(1), scores), v)
    graph = Graph("wide", (scores, v), (y,), ("y",))
    assert REGROUP.run(graph) == graph


def test_an_edge_convolution_takes_its_products_for_each_particle_once() -> None:
    graph = CPU.run(REGROUP.run(edge_conv()), check=Samples(14))
    products = [n for n in graph.nodes() if isinstance(n.op, Dot)]
    assert {n.type.shape for n in products} == {(5, 1, 6), (5, 5), (5, 6)}


def test_a_difference_from_something_else_stays() -> None:
    graph = edge_conv(kept=False)
    assert REGROUP.run(graph) == graph


def test_models_are_loaded_regrouped() -> None:
    transformer, edges = load(MODELS / "f_transf.onnx"), load(MODELS / "i_pnet.onnx")
    assert Softmax not in kinds(transformer)
    shapes = [n.type.shape for n in CPU.run(edges).nodes() if isinstance(n.op, Dot)]
    assert (64, 8, 64) in shapes  # the layers behind the first one
    assert shapes.count((64, 64)) >= 2  # the first: once a particle
