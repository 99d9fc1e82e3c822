"""Loops written out: the body once for each step.

::

    h = scan(body, h0, x)   ->   h1 = body(h0, x[0]);  h2 = body(h1, x[1]);  ...;  [h1, h2, ...]
"""

from __future__ import annotations

from collections.abc import Mapping

from inferon.errors import Gap, Unsupported
from inferon.ir.node import ORIGIN, Node, ordered
from inferon.ops import build as b
from inferon.ops.loop import Loop, Scan
from inferon.pipeline import BITS, Pass
from inferon.rewrite import rule
from inferon.stage import EXACT

MOST_COPIES = 100_000
"""Operators on tensors that a loop may become: so many take a minute to rewrite and unroll."""

MOST_LETTERS = 64
"""Of an origin, which is a label."""


def written_out(node: Node) -> Node:
    """Return the value of a loop from copies of its body.

    Raises
    ------
    Unsupported
        When the number of steps is known at run time only, or too large.
    """
    op = node.op
    assert isinstance(op, Loop)
    state, *rest = node.inputs
    sequences, shared = rest[: op.sequences], rest[op.sequences :]
    steps = sequences[0].type.shape[0]
    if not isinstance(steps, int):
        gap = Gap(node.origin or op.spelling(), f"a loop of {steps} steps", "a fixed number")
        raise Unsupported([gap])
    copies = steps * len(op.body.nodes())
    if copies > MOST_COPIES:
        what = f"a loop of {steps:,} steps is {copies:,} operators; at most {MOST_COPIES:,}"
        raise Unsupported([Gap(node.origin or op.spelling(), what, "fewer steps")])
    states = []
    for step in range(steps):
        elements = [b.squeeze(b.slice_(each, 0, step, 1), 0) for each in sequences]
        given = dict(zip(op.body.inputs, (state, *elements, *shared), strict=True))
        state = _substituted(op.body.outputs[0], given, _label(node.origin, step))
        states.append(state)
    if not isinstance(op, Scan):
        return state
    return b.concat([b.expand(each, 0) for each in states], 0)


def _label(origin: str, step: int) -> str:
    """Return what the layers of a step are called."""
    end = f"/{step}"
    label = f"{origin[: MOST_LETTERS - len(end)]}{end}" if origin else ""
    return label if ORIGIN.fullmatch(label) else ""


def _substituted(root: Node, given: Mapping[Node, Node], origin: str) -> Node:
    """Return a node with other inputs."""
    made = dict(given)
    for node in ordered([root]):
        if node not in made:
            inputs = tuple(made[each] for each in node.inputs)
            made[node] = Node(node.op, inputs, node.origin or origin)
    return made[root]


@rule(Loop)
def write_out(node: Node) -> Node | None:
    """loop(body, state, sequence) -> body(... body(body(state, s0), s1) ...)."""
    return written_out(node)


TURNS = Pass("turns", before=EXACT, after=EXACT, keeps=BITS, change=(write_out,))
