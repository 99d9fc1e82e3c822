"""Networks quantized after training: one meaning in floats, integers and C++.

For each network the exact graph, interpreted, equals the float graph with quantizers, and the C++
emulator equals the interpreter, in every bit.  What is lost is bounded by the signal to noise of
8 bits: each has its own least, 3 dB or more below what was measured when the test was written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

import inferon
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.types import Fixed
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.ops.mantissa import Rounding
from inferon.ops.table import Table
from inferon.passes.quantizers import Role
from inferon.physics.sample import shipped_jets
from inferon.quantization import Quantized
from inferon.quantization.loss import signal_to_noise_db
from inferon.report.model_inputs import model_inputs
from inferon.stage import EXACT, verify
from tests.absent import needs_package
from tests.unit.command_line import SHIPPED

COMPARED = 64
"""Events that are interpreted in floats: strict order is slow."""


class Block(nn.Module):
    """A transformer block: layer norm, two heads of attention, GELU, residuals, a mean."""

    def __init__(self, size: int = 8, heads: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.embed, self.last = nn.Linear(4, size), nn.Linear(size, 3)
        self.first_norm, self.second_norm = nn.LayerNorm(size), nn.LayerNorm(size)
        self.query, self.key, self.value, self.out = (nn.Linear(size, size) for _ in range(4))
        self.dense = nn.Sequential(nn.Linear(size, 16), nn.GELU(), nn.Linear(16, size))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x)
        y = self.first_norm(x)
        _, n, d = y.shape
        q, k, v = (self._heads(f(y)) for f in (self.query, self.key, self.value))
        scores = torch.softmax(q @ k.transpose(-1, -2) / (d // self.heads) ** 0.5, -1)
        x = x + self.out((scores @ v).transpose(1, 2).reshape(-1, n, d))
        x = x + self.dense(self.second_norm(x))
        result: torch.Tensor = self.last(x.mean(1))
        return result

    def _heads(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(-1, x.shape[1], self.heads, x.shape[2] // self.heads).transpose(1, 2)


class Recurrent(nn.Module):
    """A GRU or LSTM, whose steps are unrolled."""

    def __init__(self, kind: type[nn.GRU] | type[nn.LSTM]) -> None:
        super().__init__()
        self.cells, self.last = kind(4, 8, batch_first=True), nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.last(self.cells(x)[0][:, -1])
        return result


def _mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4), nn.Softmax(-1))


def _functions() -> nn.Module:
    first = nn.Linear(8, 12), nn.SiLU(), nn.Linear(12, 8), nn.Sigmoid()
    return nn.Sequential(*first, nn.Linear(8, 8), nn.LeakyReLU(0.1), nn.Linear(8, 4), nn.Tanh())


def _cnn() -> nn.Module:
    first = nn.Conv2d(2, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2)
    second = nn.Conv2d(6, 8, 3, groups=2), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten()
    made = nn.Sequential(*first, *second, nn.Linear(8, 4))
    norm = first[1]
    assert isinstance(norm, nn.BatchNorm2d)
    with torch.no_grad():
        for each, low, high in ((norm.running_var, 0.5, 2.0), (norm.weight, 0.5, 2.0)):
            each.uniform_(low, high)
        norm.running_mean.normal_()
    return made


@dataclass(frozen=True, slots=True)
class Case:
    """A network, the shape of an event, and the least signal to noise of its output."""

    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    least_db: float


CASES = {
    "mlp": Case(_mlp, (8,), 28.0),
    "functions": Case(_functions, (8,), 13.0),
    "cnn": Case(_cnn, (2, 8, 8), 28.0),
    "block": Case(Block, (5, 4), 22.0),
    "gru": Case(lambda: Recurrent(nn.GRU), (4, 4), 24.0),
    "lstm": Case(lambda: Recurrent(nn.LSTM), (4, 4), 24.0),
}


def events(name: str, count: int, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, *CASES[name].shape)).astype(np.float32)


@cache
def loaded(name: str) -> Graph:
    torch.manual_seed(7)
    return inferon.load(CASES[name].make().eval(), torch.tensor(events(name, 2, 0)))


@cache
def quantized(name: str) -> Quantized:
    return inferon.quantize(loaded(name), calibration=events(name, 500, 1))


@pytest.mark.parametrize("name", CASES)
def test_floats_with_quantizers_integers_and_cpp_agree(name: str) -> None:
    made, x = quantized(name), events(name, 256, 2)
    verify(made.graph, EXACT)
    (got,) = interpret(made.graph, x)
    (floats,) = interpret(made.grids, x[:COMPARED])
    assert np.array_equal(got[:COMPARED], floats)
    inferon.compile(made.graph, inferon.Cpp()).verify(x)
    (wanted,) = interpret(loaded(name), x, real=True)
    noise_free = wanted - wanted.mean(axis=0)
    assert signal_to_noise_db(noise_free, noise_free + got - wanted) > CASES[name].least_db


@pytest.mark.parametrize("grain", inferon.Grain)
@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_every_grain(grain: inferon.Grain, name: str) -> None:
    x = events(name, 128, 2)
    made = inferon.quantize(loaded(name), calibration=events(name, 300, 1), weights=4, grain=grain)
    assert np.array_equal(
        interpret(made.graph, x)[0][:COMPARED], interpret(made.grids, x[:COMPARED])[0]
    )
    inferon.compile(made.graph, inferon.Cpp()).verify(x)


def test_weights_lose_less_on_a_finer_grain_and_half_even_is_as_good() -> None:
    """Their own noise falls; that of one network's output may rise once by chance."""
    name, losses = "cnn", []
    for grain in inferon.Grain:
        made = inferon.quantize(
            loaded(name), calibration=events(name, 300, 1), weights=4, grain=grain
        )
        found = [each.own_db for each in made.loss.layers if each.role is Role.WEIGHTS]
        losses.append(np.mean(found))
    assert losses[0] + 0.5 < losses[1] < losses[2] - 0.5
    x = events(name, 256, 2)
    even = inferon.quantize(
        loaded(name), calibration=events(name, 300, 1), rounding=Rounding.HALF_EVEN
    )
    (got,), (wanted,) = interpret(even.graph, x), interpret(loaded(name), x, real=True)
    assert signal_to_noise_db(wanted, got) > CASES[name].least_db


def test_widths_are_what_was_asked_for() -> None:
    made = inferon.quantize(
        loaded("mlp"),
        calibration=events("mlp", 300, 1),
        weights=5,
        activations=7,
        inputs={"x": Fixed(True, 9, 3)},
        outputs=6,
        arguments=8,
    )
    elements = [node.type.element for node in made.graph.nodes()]
    assert Fixed(True, 9, 3) in elements
    found = {(each.role.name, each.width) for each in made.loss.layers}
    assert {role for role, _ in found} == {"INPUT", "WEIGHTS", "ACTIVATION", "ARGUMENT", "OUTPUT"}
    assert found == {
        ("INPUT", 9),
        ("WEIGHTS", 5),
        ("ACTIVATION", 7),
        ("ARGUMENT", 8),
        ("OUTPUT", 6),
    }
    tables = [node for node in made.graph.nodes() if isinstance(node.op, Table)]
    assert len(tables) == 2  # the powers of softmax, and the reciprocal of their sum


def test_a_mask_of_minus_a_billion_does_not_coarsen_the_grid() -> None:
    """Scores of attention are replaced by -1e9 where a particle is missing."""
    from inferon.ops.normalization import Softmax

    x = b.input_("x", (6,), loaded("mlp").inputs[0].type.element)
    masked = b.select(b.less(x, 0.0), -1e9, x)
    graph = Graph("g", (x,), (b.apply(Softmax(0), masked),), ("y",))
    data = np.random.default_rng(0).standard_normal((600, 6)).astype(np.float32)
    made = inferon.quantize(graph, calibration=data[:300], activations=10, inputs=12)
    (got,), (wanted,) = interpret(made.graph, data), interpret(graph, data)
    seen = (data >= 0).any(axis=1)
    assert signal_to_noise_db(wanted[seen], got[seen]) > 35.0
    assert (
        max(
            node.type.element.width
            for node in made.graph.nodes()
            if isinstance(node.type.element, Fixed)
        )
        < 40
    )


@needs_package("h5py")
@pytest.mark.parametrize(("name", "options", "most"), [
    ("jets_mlp", {"weights": 8, "activations": 10}, 0.003),
    ("jets_deepsets", {"weights": 8, "activations": 10, "inputs": 16, "arguments": 12}, 0.006),
])  # fmt: skip
def test_shipped_taggers_keep_their_auc(name: str, options: dict[str, int], most: float) -> None:
    graph, jets = inferon.load(SHIPPED / "models" / f"{name}.onnx"), shipped_jets()
    x = model_inputs(graph, jets)
    metric = inferon.auc(x[4000:6000], jets.label[4000:6000])
    made = inferon.quantize(graph, calibration=x[:800], metric=metric, **options)  # type: ignore[arg-type]
    found = made.loss.metric
    assert found is not None
    assert found.before.value > 0.9
    assert abs(found.difference.value) < most
    assert 0 < found.difference.error < found.before.error / 3
    inferon.compile(made.graph, inferon.Cpp()).verify(x[:100])
