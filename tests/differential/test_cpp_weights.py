"""Weights from bytes: `load_weights` takes those of its model and no others; nothing is copied."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from inferon.interpret import interpret
from inferon.ir.values import Array
from inferon.load import load
from inferon.targets.base import File
from inferon.targets.cpp import Cpp, CppArtifact
from inferon.targets.cpp.call import aligned
from inferon.targets.cpp.library import pointer
from inferon.targets.golden import sample
from inferon.targets.toolchain import Compiler, shared_library
from tests.differential.cpp_pack import require

MODELS = Path(__file__).parents[2] / "benchmarks" / "models"

PROGRAM = """
#include "a_mlp12.hpp"
namespace model = inferon::a_mlp12;
// 1: taken where they lie; 0: refused, and nothing changed.
extern "C" int loaded(const void* bytes, std::size_t size, const float* x, float* y) {
  model::Weights weights{nullptr};
  if (!model::load_weights(bytes, size, weights)) return weights.data == nullptr ? 0 : -1;
  model::evaluate(weights, x, y);
  return weights.data == bytes ? 1 : -1;
}
"""


@cache
def artifact() -> CppArtifact:
    return Cpp().build(load(MODELS / "a_mlp12.onnx"))


@cache
def library() -> ctypes.CDLL:
    compiler = Compiler("g++", "x86-64-v3", "1")
    require(compiler)
    (header,) = (file for file in artifact().files if file.path == "a_mlp12.hpp")
    files = [header, File("weights.cpp", PROGRAM.encode())]
    return ctypes.CDLL(str(shared_library(files, ["weights.cpp"], compiler)))


def shipped() -> Array:
    """Return the bytes of the file, at an address like that of a mapped one."""
    (blob,) = (f.content for f in artifact().files if f.path.endswith("_weights.bin"))
    place = aligned(len(blob) + 64)
    place[: len(blob)] = np.frombuffer(blob, np.uint8)
    return place[: len(blob)]


def loaded(weights: Array, size: int | None = None) -> tuple[int, Array, Array]:
    (x,) = sample(artifact().graph, 1, seed=1)
    y = np.zeros((1, 1), np.float32)
    count = ctypes.c_size_t(len(weights) if size is None else size)
    return library().loaded(pointer(weights), count, pointer(x), pointer(y)), x, y


def test_the_bytes_of_the_file_are_the_weights() -> None:
    status, x, y = loaded(shipped())
    assert status == 1
    assert y.tobytes() == interpret(artifact().graph, [x])[0].tobytes()


@pytest.mark.parametrize("place", [0, 8, 5000, -1])
def test_a_flipped_bit_is_refused(place: int) -> None:
    weights = shipped()
    weights[place] ^= 1
    assert loaded(weights)[0] == 0


def test_another_size_or_a_misaligned_address_is_refused() -> None:
    weights = shipped()
    assert [loaded(weights, size)[0] for size in (0, len(weights) - 64)] == [0, 0]
    room = aligned(len(weights) + 64)
    room[8 : 8 + len(weights)] = weights
    assert loaded(room[8:], len(weights))[0] == 0
