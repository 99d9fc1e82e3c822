"""Sorts, choices, integers, truth values and loops in one module, in Verilator.

Takes 15 s.
"""

from __future__ import annotations

import numpy as np

import inferon
from inferon.analysis.samples import Samples
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import BOOL, Element, Fixed, Int
from inferon.ops import build as b
from inferon.ops.convert import Quantize
from inferon.ops.mantissa import Overflow, Rounding
from inferon.ops.scatter import Combine
from inferon.targets.rtl import Verilog

NARROW, BYTE, COARSE = Fixed(True, 6, 3), Fixed(False, 8, 2), Fixed(False, 4, 6)
I8, U64 = Int(True, 8), Int(False, 64)


def everything() -> Graph:
    """Return a graph of each operator that needs more than arithmetic."""
    inputs: list[Node] = []

    def given(element: Element, *shape: int) -> Node:
        inputs.append(b.input_(f"x{len(inputs)}", shape, element))
        return inputs[-1]

    x, w, small, mask = given(NARROW, 3, 6), given(BYTE, 3, 6), given(I8, 4), given(BOOL, 6)
    best, first = b.top_k(x, 4), b.top_k(w, 1, largest=False)
    place = b.sub(b.bit_and(given(I8, 5), 7), 3)
    state, step = b.input_("state", (3,), NARROW), b.input_("step", (3,), BYTE)
    moved = b.concat([b.slice_(state, 0, 2, 1), b.slice_(state, 0, 0, 2)], 0)
    wrapped = Quantize(NARROW, Rounding.HALF_EVEN, Overflow.WRAP)
    body = Graph("body", (state, step), (b.apply(wrapped, b.add(moved, step)),), ("following",))
    coarse = b.broadcast(b.constant(np.array(1), COARSE), (6,))
    weight, zero = (b.constant(np.array(n), Fixed(False, 1, i)) for n, i in ((1, 3), (0, -2)))
    outputs = (
        b.select(mask, weight, zero),
        *(best, b.gather(x, best, 1, batch=1), b.gather(w, best, 1, batch=1), first),
        b.gather(x, given(I8, 2), 1),
        b.scatter_(small, place, given(I8, 5), 0, Combine.ADD),
        b.scatter_(small, place, given(I8, 5), 0, Combine.REPLACE),
        b.scan(body, given(NARROW, 3), [given(BYTE, 4, 3)]),
        b.select(mask, coarse, b.constant_like(given(NARROW, 6), 0)),
        b.mul(b.select(mask, coarse, b.constant_like(coarse, 0)), given(NARROW, 6)),
        *(b.not_(mask), b.cast(mask, I8), b.equal(mask, given(BOOL, 6))),
        *(b.bit_xor(small, 5), b.mul(small, small), b.absolute(small), b.shift_right(small, 2)),
        *(b.add(given(U64, 2), 3), b.less(small, 3), b.sub(b.sub(small, 100), small)),
    )
    names = tuple(f"y{i}" for i in range(len(outputs)))
    return Graph("everything", tuple(inputs), outputs, names)


def test_verilator_has_the_bits_of_the_interpreter() -> None:
    graph = everything()
    chip = inferon.compile(graph, Verilog(clock_ns=5.0))
    events = Samples(1000).draw(graph)
    assert str(chip.verify(events)).endswith("every bit agrees")
