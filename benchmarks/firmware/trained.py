"""The weights of the 6-bit tagger that Inferon ships, as numbers for every peer's environment.

Run: ``python3 benchmarks/firmware/trained.py``; writes ``jet_trained.json`` beside this file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import inferon
from benchmarks.firmware.networks import TRAINED
from inferon.ir.node import Node
from inferon.ir.types import Fixed
from inferon.ops.arithmetic import Add
from inferon.ops.convert import Quantize
from inferon.ops.dot import Dot
from inferon.ops.evaluation import constant_value

MODEL = Path(inferon.__file__).parent / "data" / "models" / "jets_mlp_6bit.onnx"


def numbers() -> list[dict[str, object]]:
    """Return the layers in order: mantissas and types of weights, biases and activations."""
    graph = inferon.exact(inferon.load(MODEL)).graph
    found: list[dict[str, object]] = []
    for node in graph.nodes():
        match node.op:
            case Dot():
                found.append(_constant("weights", node.inputs[1]))
            case Add():
                found[-1] |= _constant("bias", node.inputs[1])
            case Quantize():
                found.append({"activation": _grid(node)})
    return found


def _constant(name: str, node: Node) -> dict[str, object]:
    return {name: constant_value(node).tolist(), f"{name}_grid": _grid(node)}


def _grid(node: Node) -> list[int]:
    """Return sign, width and bits before the point."""
    fixed = node.type.element
    assert isinstance(fixed, Fixed)
    return [int(fixed.signed), fixed.width, fixed.integer]


if __name__ == "__main__":
    TRAINED.write_text(json.dumps(numbers()) + "\n")
