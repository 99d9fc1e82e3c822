"""A torch module as an ONNX file whose bytes depend on the module only.

Torch's exporters leave stack traces with the paths of the machine, and doc strings, in the file;
they are taken out here.  The exported file is run against the module before anyone gets it.
"""

from __future__ import annotations

import copy
import io
import logging
import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from inferon.errors import DataError, Mismatch, UsageError
from inferon.whole_file import write_whole

Exporter = Literal["torchscript", "dynamo"]

OPSET: dict[Exporter, int] = {"torchscript": 17, "dynamo": 18}
"""The newest opset that the old exporter is tested with, and the oldest of the new one."""

ROUND_TRIP_TOLERANCE = 1e-4
"""Largest difference in a probability that float32 sums in another order explain (seen: 4e-6);
a wrong axis or a lost mask gives 1e-2 and more.  Of a score above one, the relative difference."""

OWN_ROUNDINGS = 10.0
"""Where the module itself is off by more, from what it says in double precision, as with masses of
pairs that cancel or neighbors that tie: so many times its own error.  Both results round in
places of their own, and the largest error is one of few jets."""

OUTPUT = "scores"
"""Name of the output."""


def export_onnx(
    module: torch.nn.Module,
    example: NDArray[np.float32],
    path: str | os.PathLike[str],
    exporter: Exporter,
    *,
    input_name: str,
) -> float:
    """Write a module of one input and one output, with a free batch axis.

    Parameters
    ----------
    module : a module in evaluation mode, on the CPU
    example : inputs to trace with and to compare on, shape (N, ...), N > 1
    path : file to write or to replace; it appears whole or not at all
    exporter : torch's old exporter (torchscript) or its new one (dynamo)
    input_name : of the file's input

    Returns
    -------
    The largest difference between ONNX Runtime's and torch's outputs on ``example``.

    Raises
    ------
    Mismatch
        The two differ by more than rounding explains (``ROUND_TRIP_TOLERANCE`` and
        ``OWN_ROUNDINGS``), or the module says something else at every call.
    UsageError
        The exporter cannot spell the module.
    OutputError
        The file cannot be written there.
    """
    if len(example) < 2:
        raise DataError("exporting needs two example events: one would fix the batch axis at 1")
    try:
        exported = _export(module, torch.from_numpy(example), exporter, input_name)
    except torch.onnx.OnnxExporterError as error:
        reason = str(error).partition("\n")[0][:200]
        raise UsageError(
            f"torch's exporter {exporter} cannot spell {type(module).__name__} ({reason}): "
            "take the other one"
        ) from error
    model = onnx.load_from_string(exported)
    _strip(model)
    model.graph.name = type(module).__name__
    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString(deterministic=True)
    difference = _difference(content, module, example, input_name)
    write_whole(Path(path), content)
    return difference


def _export(
    module: torch.nn.Module, example: torch.Tensor, exporter: Exporter, input_name: str
) -> bytes:
    buffer = io.BytesIO()
    names = {"input_names": [input_name], "output_names": [OUTPUT]}
    quiet = _quiet("torch.onnx", "onnxscript", "onnx_ir")
    with warnings.catch_warnings(), quiet:
        warnings.simplefilter("ignore")  # the old exporter is deprecated, and says so many times
        if exporter == "torchscript":
            batch = {input_name: {0: "batch"}, OUTPUT: {0: "batch"}}
            torch.onnx.export(
                module,
                (example,),
                buffer,
                dynamo=False,
                opset_version=OPSET[exporter],
                dynamic_axes=batch,
                **names,
            )
        else:
            program = torch.onnx.export(
                module,
                (example,),
                dynamo=True,
                verbose=False,
                opset_version=OPSET[exporter],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                **names,
            )
            buffer.write(program.model_proto.SerializeToString())
    return buffer.getvalue()


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Keep logs from reporting what no user can change, such as that torchvision is absent."""
    logs = [logging.getLogger(name) for name in names]
    levels = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for log, level in zip(logs, levels, strict=True):
            log.setLevel(level)


def _strip(model: onnx.ModelProto) -> None:
    """Remove doc strings and metadata, which hold stack traces, everywhere in the model."""
    _clear(model)
    _strip_graph(model.graph)
    for function in model.functions:
        _clear(function)
        _strip_nodes(function.node)


def _strip_graph(graph: onnx.GraphProto) -> None:
    _clear(graph)
    for values in (graph.input, graph.output, graph.value_info, graph.initializer):
        for value in values:
            _clear(value)
    _strip_nodes(graph.node)


def _strip_nodes(nodes: Iterable[onnx.NodeProto]) -> None:
    for node in nodes:
        _clear(node)
        for attribute in node.attribute:
            attribute.ClearField("doc_string")
            for graph in [attribute.g, *attribute.graphs]:
                if graph.node:
                    _strip_graph(graph)


def _clear(message: Any) -> None:
    message.ClearField("doc_string")
    message.ClearField("metadata_props")


def _difference(
    content: bytes, module: torch.nn.Module, example: NDArray[np.float32], input_name: str
) -> float:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (got,) = session.run([OUTPUT], {input_name: example})
    with torch.no_grad():
        expected = module(torch.from_numpy(example)).numpy()
        again = module(torch.from_numpy(example)).numpy()
        wide = copy.deepcopy(module).double()(torch.from_numpy(example).double()).numpy()
    if not np.array_equal(expected, again):
        raise Mismatch("the torch module says something else at every call: no graph can do that")
    difference = _largest(got, expected)
    tolerance = max(ROUND_TRIP_TOLERANCE, OWN_ROUNDINGS * _largest(wide, expected))
    if not difference <= tolerance:
        raise Mismatch(
            f"the exported ONNX model differs from the torch module by {difference:.2g}; rounding "
            f"explains {tolerance:.2g}"
        )
    return difference


def _largest(got: NDArray[Any], expected: NDArray[Any]) -> float:
    return float((np.abs(got - expected) / np.maximum(1.0, np.abs(expected))).max())
