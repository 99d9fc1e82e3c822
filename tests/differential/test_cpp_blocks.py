"""Large intermediates block by block: which regions share blocks, and the interpreter's bits."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32
from inferon.ops import build as b
from inferon.ops.normalization import Softmax
from inferon.passes.presets import CPU
from inferon.targets.cpp.blocking import BLOCK_BYTES
from inferon.targets.cpp.fuse import plan
from inferon.targets.cpp.memory import size_bytes
from inferon.targets.cpp.region import Blocked
from inferon.targets.toolchain import Compiler
from tests.differential.cpp_pack import BUILDS, Pack, check, name_of


def inputs(heads: int, queries: int, keys: int, width: int) -> tuple[Node, Node, Node]:
    sizes = zip("qkv", (queries, keys, keys), strict=True)
    q, k, v = (b.input_(name, (heads, size, width), FLOAT32) for name, size in sizes)
    return q, k, v


def attention(heads: int, queries: int, keys: int, *, biased: bool = False) -> Graph:
    """Return softmax(q . k + bias) . v / sum, the division last, as `load` leaves it."""
    q, k, v = inputs(heads, queries, keys, 4)
    scores = b.product(q, b.transpose(k, (0, 2, 1)), batch=1)
    bias = b.input_("bias", (heads, queries, keys), FLOAT32)
    scores = b.add(scores, bias) if biased else scores
    power, total = Softmax(2).parts(scores)
    y = b.div(b.product(power, v, batch=1), total)
    given = (q, k, v, bias) if biased else (q, k, v)
    return Graph("attention", given, (y,), ("y",))


def watched() -> Graph:
    """Return attention whose weights are an output too."""
    q, k, v = inputs(2, 128, 96, 4)
    weights = b.apply(Softmax(2), b.product(q, b.transpose(k, (0, 2, 1)), batch=1))
    return Graph("watched", (q, k, v), (b.product(weights, v, batch=1), weights), ("y", "w"))


def normalized_keys() -> Graph:
    """Return a softmax over the queries: no axis of the lanes is free."""
    q, k, v = inputs(2, 128, 96, 4)
    power, total = Softmax(1).parts(b.product(q, b.transpose(k, (0, 2, 1)), batch=1))
    y = b.product(b.div(power, total), v, batch=1)
    return Graph("normalized_keys", (q, k, v), (y,), ("y",))


def graphs() -> Iterator[Graph]:
    yield attention(2, 128, 96)
    yield attention(3, 144, 50, biased=True)
    yield attention(1, 160, 128)
    yield attention(2, 130, 96)  # no whole registers
    yield watched()
    yield normalized_keys()


@cache
def pack() -> Pack:
    return Pack(tuple(graphs()), 8)


@pytest.mark.parametrize("build", [BUILDS[0], BUILDS[3]], ids=name_of)
def test_bits(build: Compiler) -> None:
    check(pack(), build)


def blocks(graph: Graph) -> list[Blocked]:
    return [each for each in plan(CPU.run(graph)).regions if isinstance(each, Blocked)]


@pytest.mark.parametrize(
    ("graph", "counts"),
    [
        (attention(2, 128, 96), (2, 4)),
        (attention(3, 144, 50, biased=True), (3, 3)),
        (attention(1, 160, 128), (1, 5)),
    ],
    ids=["heads", "bias", "one_head"],
)
def test_attention_is_one_group(graph: Graph, counts: tuple[int, ...]) -> None:
    (group,) = blocks(graph)
    assert group.counts == tuple(n for n in counts if n > 1)
    scores = group.body[0].region.to
    assert size_bytes(scores.buffer) <= BLOCK_BYTES
    assert len(group.body) == 5
    assert not group.body[0].moves.get(scores.buffer)


def test_an_output_is_written_whole() -> None:
    (group,) = blocks(watched())
    moves = {
        each.region.to.buffer.name: each.moves.get(each.region.to.buffer) for each in group.body
    }
    assert moves["out_w"] == (128 * 96, 32 * 96)


def test_the_axis_of_the_lanes_may_be_that_of_the_keys() -> None:
    (group,) = blocks(normalized_keys())
    assert group.counts == (2, 3)
    assert len(group.body) == 6  # up to the division; the product with the values needs all keys


def test_what_is_no_whole_number_of_registers_is_not_cut() -> None:
    assert not blocks(attention(2, 130, 96))
