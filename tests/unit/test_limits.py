"""What the machine can, and the limits that follow: plausible, never how fast (15 s, g++)."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from inferon.analysis.work import Function, LayerWork, work
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32, FLOAT64
from inferon.load import load
from inferon.measure.layers import layer_table, neighbors_with_steps
from inferon.measure.limit import Bound, Limit, ModelLimits, layer_limit, model_limits
from inferon.measure.machine_speed import MachineSpeed, cache_sizes, machine_speed
from inferon.ops import build as b
from inferon.ops.base import Elementary
from inferon.ops.dot import Dot
from inferon.ops.elementary import Erf, Exp, Log
from inferon.ops.movement import Broadcast
from inferon.ops.power import RealPower
from inferon.ops.vocabulary import ELEMENTARY
from inferon.targets.cpp import Cpp
from inferon.targets.cpp.machine_speed import MANY
from inferon.targets.toolchain import Compiler
from tests.absent import needs_tool, require_cpu
from tests.unit.command_line import MLP, MODELS

EXP, ERF = Function(Exp(), FLOAT32), Function(Erf(), FLOAT32)
EXP_F64 = Function(Exp(), FLOAT64)


@cache
def speed(compiler: str = "g++", march: str = "x86-64-v3") -> MachineSpeed:
    return machine_speed((EXP, ERF, EXP_F64), Compiler(compiler, march))


@pytest.mark.parametrize(
    "compiler",
    [pytest.param(each, marks=needs_tool(each)) for each in ("g++", "clang++")],
)
def test_the_figures_of_a_machine_are_plausible(compiler: str) -> None:
    """Each comparison holds by a factor of three and more on every machine there is."""
    found = speed(compiler)
    assert 0 < 3 * found.mac.ns < found.fma_ns  # lanes, and several at once
    # Two units, five cycles: no x86 has more under way. As many as there are chains would mean
    # that the compiler has found them equal and computes one.
    assert found.fma_ns / (8 * found.mac.ns) < 11 < MANY
    for each in found.functions:
        assert found.mac.ns < each.element.ns < each.latency.ns
        assert each.latency.ns > 3 * found.add_ns  # a dozen operations, one after the other
    assert found.speed_of(EXP).element.ns < found.speed_of(EXP_F64).element.ns
    assert len(found.caches) == len(cache_sizes())
    assert all(0.001 < each.byte.ns < 1.0 for each in found.caches)  # 1 to 1000 bytes a ns
    sizes = [each.size_bytes for each in found.caches]
    assert sizes == sorted(sizes)


@pytest.mark.full
@pytest.mark.parametrize(
    "compiler",
    [pytest.param(each, marks=needs_tool(each)) for each in ("g++", "clang++")],
)
@pytest.mark.parametrize("march", ["x86-64-v3", "x86-64-v4"])
def test_every_elementary_function_can_be_measured(compiler: str, march: str) -> None:
    if march == "x86-64-v4":
        require_cpu("avx512dq")
    every = [
        Function(op(), element)
        for op in ELEMENTARY
        for element in (FLOAT32, FLOAT64)
        if issubclass(op, Elementary) and (op is not RealPower or element == FLOAT64)
    ]
    found = machine_speed(every, Compiler(compiler, march))
    for each in found.functions:
        assert each.element.ns > 0
        assert each.latency.ns > 3 * found.add_ns, each.function.name


@needs_tool("g++")
def test_bytes_are_read_from_the_nearest_cache_that_holds_them() -> None:
    found = speed()
    nearest, *_, last = found.caches
    assert found.cache_for(1) == found.cache_for(nearest.size_bytes) == nearest
    assert found.cache_for(nearest.size_bytes + 1).level == 2
    assert found.cache_for(1 << 50) == last


@needs_tool("g++")
def test_a_limit_is_the_larger_of_units_and_bytes() -> None:
    x = b.input_("x", (3, 8), FLOAT32)
    w = b.constant(np.ones((8, 5), np.float32))
    y = Node(Exp(), (Node(Dot(0, 1, 1), (x, w)),))
    graph = Graph("g", (x,), (y,), ("y",))
    found = ModelLimits(work(graph), speed(), (), None)  # type: ignore[arg-type]
    units = 120 * speed().mac.ns + 15 * speed().speed_of(EXP).element.ns
    near = speed().caches[0].byte.ns
    assert found.at(1).throughput_ns == max(units, 160 * near)
    assert found.at(2).throughput_ns == max(units, 4 * (24 + 15) * near)


def test_what_bounds_a_limit_is_its_largest_part() -> None:
    limit = Limit(arithmetic_ns=5, functions_ns=4, weights_ns=3, moved_ns=2)
    assert (limit.ns, limit.bound) == (9, Bound.ARITHMETIC)
    assert replace(limit, functions_ns=6).bound is Bound.FUNCTIONS
    assert replace(limit, weights_ns=10).bound is Bound.BANDWIDTH
    assert replace(limit, moved_ns=10).bound is Bound.MOVEMENT
    waiting = replace(limit, chain_ns=10)
    assert (waiting.bound, waiting.ns, waiting.throughput_ns) == (Bound.LATENCY, 10, 9)
    assert Limit().bound is Bound.MOVEMENT


@needs_tool("g++")
def test_a_layer_takes_and_gives_at_the_same_time() -> None:
    layer = LayerWork("l", macs=0, weight_bytes=0, taken_bytes=100, given_bytes=300)
    limit = layer_limit(layer, speed())
    assert limit.ns == 300 * speed().caches[0].byte.ns
    assert limit.bound is Bound.MOVEMENT


@needs_tool("g++")
def test_a_model_without_loops_has_no_latency_limit_but_a_longest_chain() -> None:
    artifact = Cpp().build(load(MLP))
    found = model_limits(artifact.made.plan.graph, Compiler(march="x86-64-v3"))
    assert found.at(1).chain_ns == 0.0
    assert found.longest.fmas == 3 + 8 + 4 + 2  # 12, 32, 16 and 8 terms in four strands
    assert [each.name for each in found.longest.functions] == ["sigmoid"]


@needs_tool("g++")
def test_the_steps_of_a_recurrence_bound_one_event_but_not_a_batch() -> None:
    found = model_limits(
        Cpp().build(load(MODELS / "g_gru.onnx")).made.plan.graph, Compiler(march="x86-64-v3")
    )
    (chain,) = found.chains
    assert chain.steps == 20
    assert found.at(1).chain_ns == chain.ns > 0.0
    assert found.at(64).chain_ns == 0.0


@needs_tool("g++")
def test_every_layer_with_its_work_and_what_is_computed_with_it() -> None:
    artifact = Cpp().build(load(MLP))
    x = np.load(MODELS / "a_mlp12.npz")["x"]
    graph = artifact.made.plan.graph
    limits = model_limits(graph, artifact.compiler)
    rows = layer_table(graph, artifact.library, x, limits.speed)
    assert [row.layer for row in rows] == [f"m/m.{i}/Gemm" for i in (0, 2, 4, 6)]
    assert [row.work.macs for row in rows] == [12 * 32, 32 * 16, 16 * 8, 8]
    assert rows[0].joined == ("m/m.1/Relu",)
    assert "Sigmoid" in rows[3].joined
    assert [each.function.name for each in rows[3].work.functions] == ["sigmoid"]
    assert abs(sum(row.share for row in rows) - 1.0) < 1e-9
    assert all(row.ns > 0 for row in rows)


def test_a_layer_before_the_one_that_needs_it_is_computed_there() -> None:
    """log is computed with the product's own input, not behind a product that is not there."""
    x = b.input_("x", (3, 4), FLOAT32)
    log = Node(Log(), (x,), "log")
    spread = Node(Broadcast((2, 3, 4)), (log,), "spread")
    y = Node(Dot(0, 1, 1), (spread, b.constant(np.ones((4, 2), np.float32))), "dense")
    shifted = Node(Exp(), (y,), "exp")
    graph = Graph("g", (x,), (shifted,), ("y",))
    assert neighbors_with_steps(graph, ("dense",)) == {
        "exp": "dense",
        "spread": "dense",
        "log": "dense",
    }
    assert neighbors_with_steps(graph, ("log", "dense", "exp")) == {"spread": "dense"}
