"""Errors by layer and bits by layer, against numbers that are worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32, Fixed
from inferon.load import load
from inferon.ops import build as b
from inferon.report.bit_widths import bit_widths, exact_form
from inferon.report.figures.bit_profile import bit_profile_figure
from inferon.report.figures.layer_error import layer_error_figure, quantizer_error_figure
from inferon.report.layer_errors import layer_errors, quantizer_errors
from tests.absent import needs_package
from tests.differential.quantized_networks import qonnx_mlp
from tests.unit.command_line import CommandLine


def named(node: Node, origin: str) -> Node:
    return Node(node.op, node.inputs, origin)


def test_the_error_of_a_layer_is_its_distance_from_the_real_result() -> None:
    x = b.input_("x", (2,), FLOAT32)
    third = named(b.div(x, b.constant(np.full(2, 3, np.float32))), "third")
    same = named(b.neg(third), "same")
    data = np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 6.0]], np.float32)
    errors = {each.layer: each for each in layer_errors(Graph("g", (x,), (same,), ("y",)), data)}
    # 1/3 and 2/3 round alike, 1 and 2 are exact: the median of three equals the largest.
    rounding = abs(float(np.float32(1 / 3)) - 1 / 3) / (1 / 3)
    assert errors["third"].median == errors["third"].largest == pytest.approx(rounding, rel=1e-12)
    assert errors["same"].largest == errors["third"].largest
    assert not errors["third"].is_product


def test_a_jet_that_is_all_zero_has_no_error() -> None:
    x = b.input_("x", (2,), FLOAT32)
    y = named(b.mul(x, x), "square")
    (error,) = layer_errors(Graph("g", (x,), (y,), ("y",)), np.zeros((3, 2), np.float32))
    assert (error.median, error.largest) == (0.0, 0.0)


def test_infinities_in_both_are_no_error_and_no_warning() -> None:
    """A mask of attention is minus infinity; the distance of two infinities is not a number."""
    x = b.input_("x", (2,), FLOAT32)
    y = named(b.neg(x), "mask")
    data = np.array([[np.inf, 1.0], [-np.inf, 2.0]], np.float32)
    (error,) = layer_errors(Graph("g", (x,), (y,), ("y",)), data)
    assert (error.median, error.largest) == (0.0, 0.0)


@pytest.fixture(scope="module")
def exact() -> Graph:
    found = exact_form(load(qonnx_mlp(1.0)))
    assert found is not None
    return found


def test_a_float_model_has_no_bits() -> None:
    x = b.input_("x", (2,), FLOAT32)
    assert exact_form(Graph("g", (x,), (b.mul(x, x),), ("y",))) is None


def test_an_exact_graph_is_its_own_form(exact: Graph) -> None:
    assert exact_form(exact) is exact


def test_widths_are_those_that_the_model_was_written_with(exact: Graph) -> None:
    """``qonnx_mlp(1)``: 8 bits in steps of 1/16, weights of 6 bits in 1/32, then 7, then 10."""
    x = np.random.default_rng(1).standard_normal((64, 16)).astype(np.float32)
    found = {(each.layer, each.is_weight): each for each in bit_widths(exact, x)}
    assert found["quant_0", False].type == Fixed(True, 8, 4)
    assert found["matmul_3", True].type == Fixed(True, 6, 1)
    assert found["matmul_3", True].values == 16 * 32
    assert found["quant_6", False].type == Fixed(False, 7, 3)
    assert found["quant_9", False].type == Fixed(True, 10, 7)
    for each in found.values():
        step = 2.0**-each.type.fraction
        assert step <= each.smallest <= each.largest <= each.type.highest * step or (
            each.type.signed and each.largest <= -each.type.lowest * step
        )
    (y,) = interpret(exact, x)
    assert found["quant_9", False].largest == np.abs(y).max()


def test_what_a_quantizer_takes_away(exact: Graph) -> None:
    """Steps of 1/16 from -8 to 7.9375: 1/64 is lost, 1/16 is kept, 100 is cut to 7.9375."""
    x = np.zeros((1, 16), np.float32)
    x[0, :3] = 1 / 64, 1 / 16, 100.0
    first = quantizer_errors(exact, x)[0]
    assert first.layer == "quant_0"
    assert first.saturated == 1 / 16
    lost, power = (1 / 64) ** 2 + (100 - 7.9375) ** 2, (1 / 64) ** 2 + (1 / 16) ** 2 + 100.0**2
    assert first.relative == pytest.approx(np.sqrt(lost / power), rel=1e-12)


def test_what_relu_cuts_off_is_no_loss(exact: Graph) -> None:
    x = np.random.default_rng(1).standard_normal((64, 16)).astype(np.float32)
    behind_relu = quantizer_errors(exact, x)[1]
    assert behind_relu.type == Fixed(False, 7, 3)
    assert behind_relu.relative < 2.0**-5


@needs_package("matplotlib")
def test_the_figures_have_a_bar_for_each_layer(exact: Graph) -> None:
    x = np.random.default_rng(1).standard_normal((16, 16)).astype(np.float32)
    widths, errors = bit_widths(exact, x), quantizer_errors(exact, x)
    drawn = bit_profile_figure("bits", "A <model>", widths)
    assert drawn.count("opacity: 0.45") >= len(widths)
    assert "A &lt;model&gt;" in drawn
    assert "<svg" in quantizer_error_figure("lost", "A model", errors)
    assert layer_error_figure("errors", "A model", ()) == ""


@needs_package("matplotlib")
def test_the_page_of_a_quantized_model_shows_its_bits(
    exact: Graph, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    onnx.save(qonnx_mlp(1.0), tmp_path / "model.onnx")
    page = tmp_path / "page.html"
    done = CommandLine(capsys)("show", tmp_path / "model.onnx", "--html", page, "--no-time")
    assert done.code == 0, done.err
    text = page.read_text()
    assert "<h2>Bits</h2>" in text
    assert '<td class="left">quant_9</td><td class="left">results</td><td>10</td>' in text
    assert text.count("<svg") == 2
