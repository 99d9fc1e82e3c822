"""Graph networks whose edges are inputs, from both exporters of torch, with a batch (12 s).

Each event brings its own edges.  One network flattens the batch and counts nodes through, as
PyTorch Geometric does; the other keeps the batch as an axis.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from inferon.ir.types import INT64
from inferon.ops.scatter import Combine, Scatter
from tests.differential.onnx_oracle import Array, agrees, normal

EVENTS, NODES, EDGES, FEATURES = 8, 5, 9, 4


class Flattened(torch.nn.Module):
    """Messages of all events in one list; the nodes of event ``b`` begin at ``b * nodes``."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.message = torch.nn.Linear(2 * FEATURES, 6)
        self.out = torch.nn.Linear(6, 2)

    def forward(self, x: Any, source: Any, target: Any) -> Any:
        events, nodes, features = x.shape
        first = (torch.arange(events) * nodes)[:, None]
        rows = x.reshape(-1, features)
        begin, end = (source + first).reshape(-1), (target + first).reshape(-1)
        message = torch.relu(self.message(torch.cat([rows[begin], rows[end]], -1)))
        where = end[:, None].expand_as(message)
        found = torch.zeros(events * nodes, 6).scatter_add(0, where, message)
        return self.out(found.reshape(events, nodes, 6).sum(1))


class Batched(Flattened):
    """Messages with the events in an axis of their own."""

    def forward(self, x: Any, source: Any, target: Any) -> Any:
        events, nodes, features = x.shape
        ends = [
            torch.gather(x, 1, each[..., None].expand(-1, -1, features))
            for each in (source, target)
        ]
        message = torch.relu(self.message(torch.cat(ends, -1)))
        where = target[..., None].expand_as(message)
        found = torch.zeros(events, nodes, 6).scatter_add(1, where, message)
        return self.out(found.sum(1))


def exported(network: torch.nn.Module, dynamo: bool) -> onnx.ModelProto:
    edges = torch.zeros(3, EDGES, dtype=torch.int64)
    example = (torch.zeros(3, NODES, FEATURES), edges, edges)
    if dynamo:
        batch = torch.export.Dim("batch")
        shapes = ({0: batch},) * 3
        program = torch.onnx.export(
            network, example, dynamo=True, dynamic_shapes=shapes, verbose=False
        )
        assert program is not None
        made: onnx.ModelProto = program.model_proto
        return made
    buffer, names = io.BytesIO(), ["x", "source", "target"]
    axes = {name: {0: "batch"} for name in (*names, "y")}
    torch.onnx.export(
        network,
        example,
        buffer,
        dynamo=False,
        opset_version=18,
        dynamic_axes=axes,
        input_names=names,
        output_names=["y"],
    )
    return onnx.load_from_string(buffer.getvalue())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dynamo", [False, True], ids=["torchscript", "dynamo"])
@pytest.mark.parametrize("kind", [Flattened, Batched])
def test_edges_of_each_event_stay_in_it(kind: type[torch.nn.Module], dynamo: bool) -> None:
    model = exported(kind().eval(), dynamo)
    rng = np.random.default_rng(0)
    edges = [rng.integers(0, NODES, (EVENTS, EDGES)) for _ in range(2)]
    arrays: list[Array] = [normal(1, EVENTS, NODES, FEATURES), *edges]
    names = [each.name for each in model.graph.input]
    graph, result = agrees(model, dict(zip(names, arrays, strict=True)))
    assert result.undecided == 0
    (node,) = [each for each in graph.nodes() if isinstance(each.op, Scatter)]
    assert node.op == Scatter(0, Combine.ADD)
    index = node.inputs[1].type
    assert (index.shape, index.element) == ((EDGES,), INT64)  # rows, not single elements
