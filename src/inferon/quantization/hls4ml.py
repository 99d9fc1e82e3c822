"""``from_hls4ml(model, config)``: a trained network in the types of an hls4ml configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from inferon.ir.graph import Graph
from inferon.load import load
from inferon.quantization.post_training import refuse_wide


def from_hls4ml(model: Any, config: Mapping[str, Any] | str | os.PathLike[str]) -> Graph:
    """Return a network as an exact graph with the bits of hls4ml's own emulation.

    What is meant is hls4ml 1.3 with the Vitis backend, io_parallel and the Latency strategy.

    Parameters
    ----------
    model : a Keras 3 model, or an ONNX file, cleaned by qonnx as hls4ml wants it: its path, or
        what `load` returns for it
    config : what hls4ml takes: a dictionary, or the path of a YAML file.  Every layer has explicit
        precisions, its own (``LayerName``) or the model's (``Model``)

    Raises
    ------
    Unsupported
        With everything that cannot be honoured, each by the line of the file or the path of keys:
        ``auto``, a ReuseFactor above 1, another strategy or IO type, layers and keys that are not
        known; and with every layer of the model that has no form, such as hls4ml's softmax.
    """
    from inferon.frontends.hls4ml import exact_network, read_configuration
    from inferon.frontends.hls4ml.graph_layers import network_of_graph
    from inferon.frontends.hls4ml.keras_layers import network_of_keras

    configuration = read_configuration(config)
    if any(each.__module__.split(".")[0] == "keras" for each in type(model).__mro__):
        network = network_of_keras(model)
    else:
        graph = model if isinstance(model, Graph) else load(model, batch_axis=0)
        network = network_of_graph(graph)
    made = exact_network(network, configuration)
    refuse_wide(made)
    return made
