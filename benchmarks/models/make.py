"""Makes the files of models h and j to m, as those of a to g and i were made.

Run: ``python3 benchmarks/models/make.py [STEM ...]`` (extras ``torch`` and ``h5``).  Weights and
events come from fixed seeds; the jets are the first that ship with Inferon.
"""

import io
import logging
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from inferon.bench.networks import NETWORKS, PART_SMALL
from inferon.bench.weights import SEEDED, seed_weights
from inferon.models.jets.particlenet import LITE
from inferon.physics.sample import shipped_jets

HERE = Path(__file__).resolve().parent
EVENTS = 4
SHAPES = {"h_autoenc": (57,), "j_lstm": (15, 6), "l_strain": (2, 200)}
PARTICLES = {"k_pnetlite": LITE.constituents, "m_part": PART_SMALL.constituents}
NAMES: dict[str, Any] = {"input_names": ["x"], "output_names": ["y"]}
OPSET_OF_TORCHSCRIPT, OPSET_OF_DYNAMO = 17, 20
UNKNOWN_TO_TORCHSCRIPT = {"aten::sinh": "Sinh", "aten::asinh": "Asinh"}
"""What the jets' frame needs and the old exporter's table lacks; ONNX has both since opset 9."""

EYE = "aten::eye"
"""Written as a constant: of the operator that the exporter takes, ONNX Runtime has no bools."""


def events(stem: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    if stem in SHAPES:
        draw = np.random.default_rng(0)
        return draw.normal(size=(EVENTS, *SHAPES[stem])).astype(np.float32)
    jets = shipped_jets()
    stored = jets.constituents[:EVENTS, : PARTICLES[stem]]
    padded = np.zeros((EVENTS, PARTICLES[stem], stored.shape[2]), np.float32)
    padded[:, : stored.shape[1]] = stored
    return padded


def torchscript(module: torch.nn.Module, x: torch.Tensor, axes: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    torch.onnx.export(
        module,
        (x,),
        buffer,
        dynamo=False,
        opset_version=OPSET_OF_TORCHSCRIPT,
        dynamic_axes=axes,
        **NAMES,
    )
    return buffer.getvalue()


def dynamo(module: torch.nn.Module, x: torch.Tensor) -> bytes:
    program = torch.onnx.export(
        module,
        (x,),
        dynamo=True,
        verbose=False,
        opset_version=OPSET_OF_DYNAMO,
        dynamic_shapes=({0: torch.export.Dim("N")},),
        **NAMES,
    )
    return bytes(program.model_proto.SerializeToString())


def without_traces(content: bytes) -> bytes:
    """Drop stack traces and what else exporters leave for debuggers."""
    model = onnx.load_from_string(content)
    for node in model.graph.node:
        node.ClearField("doc_string")
        node.ClearField("metadata_props")
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        value.ClearField("metadata_props")
    model.ClearField("metadata_props")
    model.graph.ClearField("metadata_props")
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def make(stem: str) -> None:
    module = NETWORKS[stem]().eval()
    seed_weights(module, stem)
    x = torch.from_numpy(events(stem))
    with torch.no_grad():
        y = module(x)
    np.savez_compressed(HERE / f"{stem}.npz", x=x.numpy(), y=y.numpy())
    forms = {
        ".onnx": torchscript(module, x, {"x": {0: "N"}, "y": {0: "N"}}),
        ".static1.onnx": torchscript(module, x[:1], {}),
        "_dyn.onnx": dynamo(module, x),
    }
    for form, content in forms.items():
        (HERE / f"{stem}{form}").write_bytes(without_traces(content))


def _spelled(name: str, graph: Any, value: Any) -> Any:
    return graph.op(name, value)


def _eye(graph: Any, *_: Any) -> Any:  # only k has one
    return graph.op("Constant", value_t=torch.eye(LITE.constituents, dtype=torch.bool))


def main() -> None:
    warnings.simplefilter("ignore")  # the old exporter is deprecated, and says so many times
    for name in ("torch.onnx", "onnxscript", "onnx_ir"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for operator, name in UNKNOWN_TO_TORCHSCRIPT.items():
        torch.onnx.register_custom_op_symbolic(operator, partial(_spelled, name), 9)
    torch.onnx.register_custom_op_symbolic(EYE, _eye, 9)
    for stem in sys.argv[1:] or SEEDED:
        print(stem, file=sys.stderr)
        make(stem)


if __name__ == "__main__":
    main()
