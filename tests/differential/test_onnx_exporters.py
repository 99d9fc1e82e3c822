"""Networks of both torch exporters and pipelines of scikit-learn, against ONNX Runtime (60 s)."""

from __future__ import annotations

import numpy as np
import pytest

from tests.differential.onnx_double import same_meaning
from tests.differential.onnx_oracle import Array, agrees, normal
from tests.differential.torch_networks import Network, exported, networks

NETWORKS = networks()
EVENTS = 4


def events(network: Network) -> dict[str, Array]:
    feed = {
        name: normal(seed, EVENTS, *shape)
        for seed, (name, shape) in enumerate(zip(network.inputs, network.shapes, strict=True))
    }
    if "mask" in feed:
        feed["mask"] = (feed["mask"] > -0.5).astype(np.float32)
    return feed


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
@pytest.mark.parametrize("dynamo", [False, True], ids=["torchscript", "dynamo"])
def test_an_exported_network_agrees(network: Network, dynamo: bool) -> None:
    model = exported(network, dynamo=dynamo)
    graph, result = agrees(model, events(network))
    assert tuple(node.type.shape for node in graph.inputs) == network.shapes
    assert result.undecided == 0
    same_meaning(model, events(network))


@pytest.mark.parametrize("opset", [11, 13, 20])
@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_older_and_newer_operator_sets_agree(network: Network, opset: int) -> None:
    if network.name == "transformer_masked" and opset == 11:
        pytest.skip("torch does not export it to opset 11")
    same_meaning(exported(network, dynamo=False, opset=opset), events(network))
