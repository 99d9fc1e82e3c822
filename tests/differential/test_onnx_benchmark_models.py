"""The 42 files of benchmarks/models: three export forms of 14 networks, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from inferon.analysis.accuracy import ONNX_RUNTIME
from inferon.analysis.bound import agreement
from inferon.errors import Unsupported
from inferon.interpret import interpret
from inferon.load import load
from tests.differential.onnx_double import same_meaning
from tests.differential.onnx_oracle import Array, agrees, run

MODELS = Path(__file__).parents[2] / "benchmarks" / "models"
FILES = sorted(MODELS.glob("*.onnx"))
BATCHED = [path for path in FILES if "static1" not in path.name]
FIXED = [path for path in FILES if "static1" in path.name]

# Nearly tied distances may make other neighbors the nearest.  Here
# test_the_real_numbers_are_those_of_the_file decides.
MAY_BE_UNDECIDED = ("i_pnet", "k_pnetlite")

# k in float64: ONNX's reference gathers among 64 at most, and ONNX Runtime lacks the sinh.
NOT_IN_FLOAT64 = ("k_pnetlite",)

# m asks with one token for all events; with the batch fixed at 1 that is one token for one event.
HOLDS_ITS_BATCH = ("m_part",)


def network(path: Path) -> str:
    return path.name.split(".")[0].removesuffix("_dyn")


def events(path: Path) -> Array:
    with np.load(MODELS / f"{network(path)}.npz") as file:
        return np.asarray(file["x"])


def test_all_files_are_there() -> None:
    assert len(FILES) == 42


@pytest.mark.parametrize("path", BATCHED, ids=lambda path: path.stem)
def test_a_batch_agrees_with_onnx_runtime(path: Path) -> None:
    graph, result = agrees(path, {"x": events(path)}, strict=1)
    assert result.undecided == 0 or network(path) in MAY_BE_UNDECIDED
    assert graph.inputs[0].type.shape == events(path).shape[1:]
    assert graph.name == path.stem


@pytest.mark.parametrize(
    "path",
    [path for path in BATCHED if network(path) not in NOT_IN_FLOAT64],
    ids=lambda path: path.stem,
)
def test_the_real_numbers_are_those_of_the_file(path: Path) -> None:
    same_meaning(onnx.load(path), {"x": events(path)})


@pytest.mark.parametrize("path", FIXED, ids=lambda path: path.stem)
def test_a_fixed_batch_is_one_event_as_it_stands(path: Path) -> None:
    graph = load(path)
    x = events(path)[:, None]
    assert graph.inputs[0].type.shape == x.shape[1:]
    theirs = np.stack([run(path, {"x": event})[0] for event in x])
    result = agreement(graph, x, (theirs,), accuracy=ONNX_RUNTIME)
    assert result.undecided == 0 or network(path) in MAY_BE_UNDECIDED


@pytest.mark.parametrize("path", FIXED, ids=lambda path: path.stem)
def test_a_fixed_batch_becomes_any_batch(path: Path) -> None:
    """From the file in which the batch is 1: what the one with a symbolic batch computes."""
    if network(path) in HOLDS_ITS_BATCH:
        with pytest.raises(Unsupported, match="another batch"):
            load(path, batch_axis=0)
        return
    graph = load(path, batch_axis=0)
    symbolic = load(MODELS / f"{network(path)}.onnx")
    x = events(path)
    assert graph.inputs == symbolic.inputs
    (ours,), (theirs,) = (interpret(each, x, real=True) for each in (graph, symbolic))
    assert (ours == theirs).all()
