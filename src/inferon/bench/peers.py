"""What the suite races against in this process: ONNX Runtime and torch's eager mode.

Peers that write code are in `inferon.bench.generated_peers`.

A peer that cannot take part says why (`Absent`), and the table says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inferon.bench.models import FORMS
from inferon.errors import InferonError, ToolError
from inferon.ir.graph import Graph
from inferon.ir.values import Array
from inferon.load import load
from inferon.measure.onnxruntime_peer import OnnxRuntime, available
from inferon.measure.race import TimeCalls

INFERON, COLUMNS = "Inferon", "Inferon, columns"
ORT, TORCH, ONNX2C, SOFIE = "ONNX Runtime", "torch, eager", "onnx2c", "SOFIE"

CLOSE = 1e-3
"""A peer whose outputs of about 1 differ by more computes another model (bench/weights.py)."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """Something that computes a batch of events again and again.

    Attributes
    ----------
    name : of the peer
    form : which of its ways this is
    calls : times calls with all events of the batch
    """

    name: str
    form: str
    calls: TimeCalls


@dataclass(frozen=True, slots=True)
class Absent:
    """A peer that takes no part, and why."""

    name: str
    why: str


def onnxruntime_forms(folder: Path, stem: str, graph: Graph) -> tuple[OnnxRuntime, ...] | Absent:
    """Return the export forms of a model; ``graph`` is that of the first."""
    if not available():
        return Absent(ORT, "not installed: pip install 'inferon[ort]'")
    files = [folder / f"{stem}{form}" for form in FORMS]
    graphs = [graph, *(load(file) for file in files[1:])]
    names = [form.strip("._").removesuffix(".onnx") for form in FORMS]
    return tuple(OnnxRuntime(*each) for each in zip(files, graphs, names, strict=True))


def onnxruntime_contestants(
    forms: Sequence[OnnxRuntime], x: Array, y: Array
) -> Iterator[Contestant | Absent]:
    """Yield every form that takes so many events, with its batch free and fixed."""
    for form in forms:
        is_one = form.graph.inputs[0].type.rank == x.ndim  # one event as it stands: an axis of 1
        if is_one and len(x) > 1:
            continue
        data = [x[:, None] if is_one else x]
        try:
            for peer in form.forms(len(x)):
                (found,) = peer.predict(data)
                wrong = difference(found.reshape(y.shape), y)
                if wrong is not None:
                    yield Absent(f"{ORT}, {peer.form}", wrong)
                    continue
                yield Contestant(ORT, peer.form, peer.timer(data, len(x)).time_ns)
        except ToolError as error:
            yield Absent(f"{ORT}, {form.form}", str(error))


def torch_module(folder: Path, stem: str) -> Any | Absent:
    """Return the torch module behind a model."""
    try:
        import torch
    except ImportError:
        return Absent(TORCH, "not installed: pip install 'inferon[torch]'")
    from inferon.bench.weights import rebuilt  # imports torch

    torch.set_num_threads(1)
    try:
        return rebuilt(stem, folder)
    except InferonError as error:
        return Absent(TORCH, str(error))


def torch_contestant(module: Any, x: Array) -> Contestant:
    """Return a torch module in eager mode, on one thread."""
    import torch

    tensor = torch.from_numpy(x)

    def time_ns(repeats: int, bursts: int) -> Array:
        times = np.zeros(bursts)
        with torch.no_grad():
            for burst in range(bursts):
                start = time.perf_counter_ns()
                for _ in range(repeats):
                    module(tensor)
                times[burst] = (time.perf_counter_ns() - start) / repeats
        return times

    return Contestant(TORCH, "", time_ns)


def difference(found: Array, y: Array) -> str | None:
    """Return what is wrong with outputs; None where they are the stored ones."""
    largest = float(np.abs(found - y).max())
    return None if largest < CLOSE else f"its outputs are {largest:g} from those of the file"


def split(
    found: Sequence[Contestant | Absent],
) -> tuple[list[Contestant], list[Absent]]:
    """Return who takes part, and who does not."""
    there = [each for each in found if isinstance(each, Contestant)]
    return there, [each for each in found if isinstance(each, Absent)]
