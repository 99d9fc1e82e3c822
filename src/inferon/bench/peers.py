"""What the suite races against: ONNX Runtime, torch's eager mode, onnx2c; each in this process.

A peer that cannot take part says why (`Absent`), and the table says so.
"""

from __future__ import annotations

import ctypes
import re
import shutil
import tempfile
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
from inferon.targets.cpp.library import pointer
from inferon.targets.toolchain import run

INFERON, COLUMNS = "Inferon", "Inferon, columns"
ORT, TORCH, ONNX2C, SOFIE = "ONNX Runtime", "torch, eager", "onnx2c", "SOFIE"

CLOSE = 1e-3
"""A peer whose outputs of about 1 differ by more computes another model (bench/weights.py)."""

NO_SOFIE = "its parser needs a ROOT with TMVA, which ROOT's package for Python leaves out"

C_OPTIONS = ("-std=gnu11", "-O3", "-w", "-c", "-fPIC")
"""For onnx2c's C, which does not compile without warnings."""

C_FORMS = (("-march=native",), ("-march=native", "-ffast-math"))
"""The faster one counts, also where it gives the order of sums away, as ours never does."""


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
                difference = _difference(found.reshape(y.shape), y)
                if difference is not None:
                    yield Absent(f"{ORT}, {peer.form}", difference)
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


def onnx2c_contestants(
    program: str, folder: Path, stem: str, x: Array, y: Array
) -> Iterator[Contestant | Absent]:
    """Yield the C code that onnx2c writes for one event, compiled in two ways.

    Parameters
    ----------
    program : onnx2c, by its name or path
    folder, stem : where the file with batch 1 is
    x, y : one event and its result, shape (1, ...)
    """
    if shutil.which(program) is None:
        yield Absent(ONNX2C, "not installed: build it as its README says, and give --onnx2c")
        return
    try:
        source = run([program, str((folder / f"{stem}.static1.onnx").resolve())])
        for form in C_FORMS:
            yield _onnx2c_contestant(_compiled_c(source, form), " ".join(form), x, y)
    except ToolError as error:
        yield Absent(ONNX2C, _reason(error))


def _onnx2c_contestant(library: ctypes.CDLL, form: str, x: Array, y: Array) -> Contestant | Absent:
    found = np.zeros_like(y)
    function = library["time_calls"]
    function.restype = None

    def time_ns(repeats: int, bursts: int) -> Array:
        times = np.zeros(bursts)
        counts = (ctypes.c_size_t(repeats), ctypes.c_size_t(bursts))
        function(pointer(x), pointer(found), *counts, pointer(times))
        return times

    time_ns(1, 1)
    difference = _difference(found, y)
    return Contestant(ONNX2C, form, time_ns) if difference is None else Absent(ONNX2C, difference)


def _difference(found: Array, y: Array) -> str | None:
    """Return what is wrong with outputs; None where they are the stored ones."""
    largest = float(np.abs(found - y).max())
    return None if largest < CLOSE else f"its outputs are {largest:g} from those of the file"


def _compiled_c(source: str, form: tuple[str, ...]) -> ctypes.CDLL:
    """Return the library of a peer's C.

    It is linked without its options: gcc 12 links -ffast-math with a start that turns subnormal
    numbers off for the whole process, also for us and for the other peers.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "model.c").write_text(source)
        (folder / "calls.c").write_text(_CALLS)
        run(["gcc", *C_OPTIONS, *form, "model.c", "calls.c"], folder)
        run(["gcc", "-shared", "-o", "model.so", "model.o", "calls.o", "-lm"], folder)
        return ctypes.CDLL(str(folder / "model.so"))


WRONG = re.compile(r"(?:\[Fatal\] \(\w+\)|error:) +(.*)")
"""How both begin to say it."""

LETTERS = 160
"""Of a reason, for the table."""

_CALLS = """#include <stddef.h>
#include <time.h>

void entry(const void* x, void* y);

// Fills ns[bursts] with the time of one call, each a mean of repeats.
void time_calls(const void* x, void* y, size_t repeats, size_t bursts, double* ns) {
  for (size_t burst = 0; burst < bursts; ++burst) {
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (size_t i = 0; i < repeats; ++i) entry(x, y);
    clock_gettime(CLOCK_MONOTONIC, &b);
    double taken = (double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec);
    ns[burst] = taken / (double)repeats;
  }
}
"""


def _reason(error: ToolError) -> str:
    """Return what onnx2c, or the compiler of its C, says is wrong."""
    told = WRONG.search(str(error))
    return (told[1] if told else str(error).splitlines()[0])[:LETTERS]


def split(
    found: Sequence[Contestant | Absent],
) -> tuple[list[Contestant], list[Absent]]:
    """Return who takes part, and who does not."""
    there = [each for each in found if isinstance(each, Contestant)]
    return there, [each for each in found if isinstance(each, Absent)]
